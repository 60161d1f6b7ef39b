"""Which sockets listen on a port of this network namespace. In the images of the test pod and of production."""

LISTENING = "0A"
LOOPBACK_V4 = "7F"
LOOPBACK_V6 = {"00000000000000000000000001000000"}


def listening_addresses(port, tables=("/proc/net/tcp", "/proc/net/tcp6")):
    """The local addresses, in the kernel's hexadecimal form, of sockets that listen on the port."""
    addresses = []
    for table in tables:
        try:
            with open(table, encoding="ascii") as lines:
                next(lines)
                for line in lines:
                    fields = line.split()
                    address, _, hexadecimal_port = fields[1].partition(":")
                    if fields[3] == LISTENING and int(hexadecimal_port, 16) == port:
                        addresses.append(address)
        except FileNotFoundError:
            # A kernel without IPv6 has no such table.
            continue
    return addresses


def uses_tcp(summaries=("/proc/net/sockstat", "/proc/net/sockstat6")):
    """
    Whether there is any TCP socket here but closed ones. The summaries cost microseconds; the tables cost
    milliseconds, as the kernel goes through those of the whole machine for them.
    """
    for summary in summaries:
        try:
            with open(summary, encoding="ascii") as lines:
                for line in lines:
                    name, _, counts = line.partition(":")
                    if name in ("TCP", "TCP6") and counts.split()[:2] != ["inuse", "0"]:
                        return True
        except FileNotFoundError:
            # No IPv6, or a sandbox that has no summaries: then only the tables can tell.
            if summary == summaries[0]:
                return True
    return False


def is_loopback(address):
    """IPv4 and IPv4-mapped addresses stand with their last byte first: 0100007F is 127.0.0.1."""
    if address in LOOPBACK_V6:
        return True
    is_v4 = len(address) == 8 or address.startswith("0000000000000000FFFF0000")
    return is_v4 and address.endswith(LOOPBACK_V4)


def serves(port):
    """True when something listens where others can reach it."""
    return uses_tcp() and any(not is_loopback(address) for address in listening_addresses(port))
