"""
Finds the listening and connected TCP sockets of this network namespace. Both the test pod's image and the
production image contain this module.

The kernel is queried through sock_diag(7), which can filter by state: 0.04 ms. Reading the tables in /proc
takes milliseconds, because the kernel walks the connections of the whole machine. They are the fallback where
sock_diag is missing, as in gVisor.
"""

import socket
import struct

# linux/netlink.h, linux/sock_diag.h, net/tcp_states.h
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_LISTEN = 1, 8, 10

# struct nlmsghdr; struct inet_diag_req_v2 up to its address, which a dump ignores; struct inet_diag_msg up to
# its source address.
HEADER = struct.Struct("=IHHII")
REQUEST = struct.Struct("=BBBxI48x")
SOCKET = struct.Struct("!4xH2x16s")

KERNEL_SECONDS = 1.0

LISTENING = {TCP_LISTEN}
# Includes connections whose peer has finished sending and waits for a response.
CONNECTED = {TCP_ESTABLISHED, TCP_CLOSE_WAIT}


def listening_addresses(port):
    """The local addresses (4 or 16 bytes) of the sockets that listen on the port."""
    return [address for address, its_port in sockets_of(LISTENING) if its_port == port]


def all_listening_addresses(except_port=None):
    """All addresses that sockets listen on, such as 127.0.0.1:5000 or [::1]:5000."""
    return sorted({address_text(address, port) for address, port in sockets_of(LISTENING) if port != except_port})


def has_connections(port):
    """True when the port has an open connection."""
    return any(its_port == port for _, its_port in sockets_of(CONNECTED))


def sockets_of(states):
    """Local address (4 or 16 bytes) and port of each socket in one of the states."""
    try:
        return sockets_by_diag(states)
    except OSError:
        return sockets_in_tables(states)


def address_text(address, port):
    if len(address) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, address)}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, address)}]:{port}"


def sockets_by_diag(states):
    """Does the same through sock_diag. Raises OSError where the kernel does not support it."""
    sockets = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(KERNEL_SECONDS)
        for family, size in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
            request = REQUEST.pack(family, socket.IPPROTO_TCP, 0, sum(1 << state for state in states))
            flags = NLM_F_REQUEST | NLM_F_DUMP
            kernel.send(HEADER.pack(HEADER.size + len(request), SOCK_DIAG_BY_FAMILY, flags, 0, 0) + request)
            for message in replies(kernel):
                port, address = SOCKET.unpack_from(message)
                sockets.append((address[:size], port))
    return sockets


def replies(kernel):
    """The payloads of the messages of a dump, until its end."""
    while True:
        received = memoryview(kernel.recv(65536))
        while received:
            length, kind, *_ = HEADER.unpack_from(received)
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                (negated,) = struct.unpack_from("=i", received, HEADER.size)
                raise OSError(-negated, "the kernel does not list its sockets")
            yield received[HEADER.size : length]
            received = received[(length + 3) & ~3 :]


TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def sockets_in_tables(states, tables=TABLES):
    """Does the same from the tables in /proc."""
    sockets = []
    for table in tables:
        try:
            with open(table, encoding="ascii") as lines:
                next(lines)
                for line in lines:
                    fields = line.split()
                    address, _, hexadecimal_port = fields[1].partition(":")
                    if int(fields[3], 16) in states:
                        sockets.append((packed(address), int(hexadecimal_port, 16)))
        except FileNotFoundError:
            # A kernel without IPv6 has no such table.
            continue
    return sockets


def packed(address):
    """
    The address in network byte order. The tables hold 4-byte words in host byte order: 0100007F is 127.0.0.1.
    """
    words = struct.iter_unpack("!I", bytes.fromhex(address))
    return b"".join(struct.pack("=I", word) for (word,) in words)


def is_loopback(address):
    """True for 127.0.0.0/8, the same range mapped into IPv6, and ::1."""
    if len(address) == 16:
        return address == bytes(15) + b"\1" or (
            address.startswith(bytes(10) + b"\xff\xff") and address[12] == 127
        )
    return address[0] == 127


def serves(port):
    """True when a socket listens on the port at an address other than loopback."""
    return any(not is_loopback(address) for address in listening_addresses(port))
