"""What is kept of one output stream: its first and its last bytes, and how many there were."""

import hashlib


class Capture:
    """Memory never grows beyond about twice `keep` bytes, however much is printed."""

    def __init__(self, keep: int):
        self._head_limit = keep // 2
        self._tail_limit = keep - self._head_limit
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> bytes:
        """Takes the next bytes; returns those that went to the head, which can be shown at once."""
        self.total += len(data)
        room = self._head_limit - len(self._head)
        shown = data[:room]
        self._head += shown
        rest = data[len(shown):]
        self._tail += rest[-self._tail_limit:]
        if len(self._tail) > 2 * self._tail_limit:
            del self._tail[:-self._tail_limit]
        return shown

    @property
    def head(self) -> bytes:
        return bytes(self._head)

    @property
    def tail(self) -> bytes:
        """The last bytes that are not in the head."""
        return bytes(self._tail[-self._tail_limit:])

    def summary(self) -> dict:
        """What the end record says of this stream; the hash is over head, then tail."""
        head, tail = self.head, self.tail
        return {
            "bytes": self.total,
            "head_bytes": len(head),
            "tail_bytes": len(tail),
            "sha256": hashlib.sha256(head + tail).hexdigest(),
        }
