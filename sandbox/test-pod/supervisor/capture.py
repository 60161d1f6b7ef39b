"""Captures one output stream: its first and last bytes, and how many bytes were printed."""

import hashlib


class Forgotten(Exception):
    """These bytes were printed but are no longer kept."""


class Capture:
    """
    Memory use is limited to about twice `keep` plus `whole` bytes, however much is printed. The run's report
    contains the head and the tail. The output between them can be read for a while after the run (`read`).
    """

    def __init__(self, keep: int, whole: int = 0):
        """@param whole how many bytes to keep at most in addition to the head and the tail"""
        self._head_limit = keep // 2
        self._tail_limit = keep - self._head_limit
        self._head = bytearray()
        self._tail = bytearray()
        self._rest_limit = whole
        # The bytes after the head, as far as they are kept.
        self._rest = bytearray()
        self.total = 0

    def add(self, data: bytes) -> bytes:
        """Adds the next bytes. Returns those that went to the head, which can be sent immediately."""
        self.total += len(data)
        shown = data[:self._head_limit - len(self._head)]
        self._head += shown
        # A view, so that each byte is copied only to where it is kept.
        rest = memoryview(data)[len(shown):]
        if self._tail_limit:
            self._tail += rest[-self._tail_limit:]
        if len(self._tail) > 2 * self._tail_limit:
            del self._tail[:-self._tail_limit]
        self._rest += rest[:self._rest_limit - len(self._rest)]
        return shown

    def read(self, start: int, end: int) -> bytes:
        """
        Returns the bytes from `start` to `end`, or fewer when not all were kept.
        @raises Forgotten when the first byte is not kept either
        """
        head = len(self._head)
        in_rest = slice(max(start - head, 0), max(end - head, 0))
        data = b"".join((memoryview(self._head)[start:end], memoryview(self._rest)[in_rest]))
        if not data and start < end:
            raise Forgotten(f"byte {start} is not kept")
        return data

    @property
    def rest_size(self) -> int:
        """How many bytes are kept in addition to the head and the tail."""
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
        """This stream's part of the end record. The hash covers the head followed by the tail."""
        head, tail = self.head, self.tail
        return {
            "bytes": self.total,
            "head_bytes": len(head),
            "tail_bytes": len(tail),
            "sha256": hashlib.sha256(head + tail).hexdigest(),
        }
