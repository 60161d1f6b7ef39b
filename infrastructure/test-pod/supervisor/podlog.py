"""The pod's log: every line says which submission printed it, and no program can flood or forge it."""

import asyncio
import os
from collections import deque

# Printed of one run, in bytes. What is beyond is counted, and the end line says how much it was.
RUN_LIMIT = 256 * 1024
# A longer line is cut into several, in bytes.
LINE_LIMIT = 4096
# Held while whoever reads the log is slow, in bytes. Beyond it lines are dropped: a run never waits for the log.
PENDING_LIMIT = 1024 * 1024

# A program must not move the cursor or fake a line of another: control characters are shown, not obeyed.
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(0x09), *range(0x0A, 0x20), *range(0x7F, 0xA0))}


class PodLog:
    """Writes whole lines to a descriptor without ever blocking the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int):
        self._loop = loop
        self._descriptor = descriptor
        self._pending: deque[bytes] = deque()
        self._size = 0
        self._waiting = False
        self._dropped = 0
        os.set_blocking(descriptor, False)

    def line(self, text: str) -> None:
        encoded = (text.translate(_VISIBLE) + "\n").encode("utf-8", "backslashreplace")
        if self._size + len(encoded) > PENDING_LIMIT:
            self._dropped += 1
            return
        self._pending.append(encoded)
        self._size += len(encoded)
        if not self._waiting:
            self._flush()

    def _flush(self) -> None:
        while self._pending:
            try:
                written = os.write(self._descriptor, self._pending[0])
            except BlockingIOError:
                if not self._waiting:
                    self._waiting = True
                    self._loop.add_writer(self._descriptor, self._flush)
                return
            self._size -= written
            if written == len(self._pending[0]):
                self._pending.popleft()
            else:
                self._pending[0] = self._pending[0][written:]
        if self._waiting:
            self._waiting = False
            self._loop.remove_writer(self._descriptor)
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self.line(f"[supervisor] {dropped} lines were left out: the log was read too slowly")


class RunLog:
    """The part of the log that belongs to one run: `[3f2a91bc out] Hello`."""

    def __init__(self, log: PodLog, submission_id: str):
        self._log = log
        self._name = submission_id[:8]
        self._partial = {"out": b"", "err": b""}
        self._room = RUN_LIMIT
        self._left_out = 0

    def say(self, text: str) -> None:
        """A line of the supervisor itself: it has no `out` or `err` in its brackets."""
        self._log.line(f"[{self._name}] {text}")

    def output(self, stream: str, data: bytes) -> None:
        taken = data[: self._room]
        self._room -= len(taken)
        self._left_out += len(data) - len(taken)
        if not taken:
            return
        *lines, rest = (self._partial[stream] + taken).split(b"\n")
        for text in lines:
            self._print(stream, text)
        while len(rest) >= LINE_LIMIT:
            self._print(stream, rest[:LINE_LIMIT])
            rest = rest[LINE_LIMIT:]
        self._partial[stream] = rest

    def finish(self, text: str) -> None:
        """Prints lines that had no end yet, then the end of the run."""
        for stream, rest in self._partial.items():
            if rest:
                self._print(stream, rest)
        if self._left_out:
            self.say(f"{self._left_out} bytes of output are not in this log")
        self.say(text)

    def _print(self, stream: str, text: bytes) -> None:
        for start in range(0, len(text) or 1, LINE_LIMIT):
            piece = text[start:start + LINE_LIMIT].rstrip(b"\r").decode("utf-8", "backslashreplace")
            self._log.line(f"[{self._name} {stream}] {piece}")
