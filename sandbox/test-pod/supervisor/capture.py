"""What is kept of one output stream: its first and its last bytes, and how many there were."""

import hashlib


class Forgotten(Exception):
    """These bytes were printed and are not here any more."""


class Capture:
    """
    Memory never grows beyond about twice `keep` bytes and `whole`, however much is printed. Head and tail are what
    the run's report has; what lies between can be read for a while after it (`read`).
    """

    def __init__(self, keep: int, whole: int = 0):
        """@param whole how many bytes to have at most beside the head and the tail"""
        self._head_limit = keep // 2
        self._tail_limit = keep - self._head_limit
        self._head = bytearray()
        self._tail = bytearray()
        self._rest_limit = whole
        # All that did not go to the head, as far as it is kept.
        self._rest = bytearray()
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
        self._rest += rest[:self._rest_limit - len(self._rest)]
        return shown

    def read(self, start: int, end: int) -> bytes:
        """
        Bytes from `start` on, to `end` at most: fewer when the rest was not kept.
        @raises Forgotten when there is not even the first
        """
        head = len(self._head)
        data = bytes(self._head[start:end]) + bytes(self._rest[max(start - head, 0):max(end - head, 0)])
        if not data and start < end:
            raise Forgotten(f"byte {start} is not kept")
        return data

    @property
    def rest_size(self) -> int:
        """Bytes held beside the head and the tail."""
        return len(self._rest)

    def forget_rest(self) -> None:
        self._rest = bytearray()
        self._rest_limit = 0

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
