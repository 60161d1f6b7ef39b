"""The pod's log. Every line names its submission, and no program can flood or forge it."""

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from itertools import islice

from .batch import Batch

# The most output of one run in the log, in bytes. The rest is counted and reported at the end of the run.
RUN_LIMIT = 256 * 1024
# A longer line is split into several, in bytes.
LINE_LIMIT = 4096
# The most that is buffered for a slow reader, in bytes. Beyond it, lines are dropped: a run never waits for
# the log.
PENDING_LIMIT = 1024 * 1024

# A partial line is printed after this time, in seconds, because a reader may be waiting for it.
FLUSH_AFTER = 0.02

# Lines are converted in groups of this size: faster than one by one, and in little memory.
_PIECES_AT_ONCE = 512

# Control characters except the tab, separators that some readers treat as line ends, and invalid UTF-8.
_UNREADABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PLAIN = bytes([0x09, *range(0x20, 0x7f)])
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PodLog:
    """Writes whole lines to a descriptor without ever blocking the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int):
        # How long a line may wait for more, in seconds. Each write wakes the processes that transport the
        # log.
        self.delay: Callable[[], float] = lambda: 0
        self._loop = loop
        self._descriptor = descriptor
        self._lines = Batch(loop, lambda: self.delay(), self._write)
        # Bytes of lines that are not written yet.
        self._size = 0
        # Bytes that the descriptor did not accept yet.
        self._rest = bytearray()
        self._dropped = 0
        os.set_blocking(descriptor, False)

    def line(self, text: str) -> None:
        self.lines((_UNREADABLE.sub(_escape, text) + "\n").encode(), 1)

    def lines(self, encoded: bytes, count: int) -> None:
        """Writes whole, readable lines."""
        if self._size + len(encoded) > PENDING_LIMIT:
            self._dropped += count
            return
        self._size += len(encoded)
        self._lines.add(encoded)

    def _write(self, lines: bytes) -> None:
        waiting = bool(self._rest)
        self._rest += lines
        if not waiting:
            self._write_rest()

    def _write_rest(self) -> None:
        while self._rest:
            try:
                written = os.write(self._descriptor, self._rest)
            except BlockingIOError:
                # When called as the writer, this registers the same callback again.
                self._loop.add_writer(self._descriptor, self._write_rest)
                return
            self._size -= written
            del self._rest[:written]
        self._loop.remove_writer(self._descriptor)
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self.line(f"[supervisor] {dropped} lines were omitted: the log was read too slowly")


class RunLog:
    """
    The part of the log that belongs to one run: `[3f2a91bc out 0] Hello`. The number is the byte offset in
    the stream, so a reader can reconstruct exactly what was printed. After the number, `-` means that no
    newline follows in the stream, and a backslash means that the text is escaped (PROTOCOL.md).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, log: PodLog, submission_id: str):
        self._loop = loop
        self._log = log
        self._name = submission_id[:8] if _UUID.fullmatch(submission_id) else submission_id
        # Bytes of an unfinished line, and the offset where they begin.
        self._partial = {"out": b"", "err": b""}
        self._offset = {"out": 0, "err": 0}
        self._flushing: asyncio.TimerHandle | None = None
        self._remaining = RUN_LIMIT
        self._omitted = 0

    def print_line(self, text: str) -> None:
        """Prints a line of the supervisor itself. It has no `out` or `err` in its brackets."""
        self._log.line(f"[{self._name}] {text}")

    def output(self, stream: str, data: bytes) -> None:
        accepted = data[: self._remaining]
        self._remaining -= len(accepted)
        self._omitted += len(data) - len(accepted)
        if not accepted:
            return
        whole, newline, rest = (self._partial[stream] + accepted).rpartition(b"\n")
        cut = max(len(rest) - 1, 0) // LINE_LIMIT * LINE_LIMIT
        self._partial[stream] = rest[cut:]
        self._print(stream, _pieces_of(whole.split(b"\n") if newline else [], rest[:cut]))
        if self._partial[stream] and self._flushing is None:
            self._flushing = self._loop.call_later(FLUSH_AFTER, self._flush)

    def finish(self, text: str) -> None:
        """Prints unfinished lines, then the end of the run."""
        self._flush()
        if self._omitted:
            self.print_line(f"{self._omitted} bytes of output are not in this log")
        self.print_line(text)

    def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        for stream, rest in self._partial.items():
            if rest:
                self._print(stream, iter([(rest, False)]))
                self._partial[stream] = b""

    def _print(self, stream: str, pieces: Iterator[tuple[bytes, bool]]) -> None:
        """Prints pieces of the output, each with whether a newline follows it."""
        while some := list(islice(pieces, _PIECES_AT_ONCE)):
            self._log.lines(self._encode(stream, some), len(some))

    def _encode(self, stream: str, pieces: list[tuple[bytes, bool]]) -> bytes:
        """Converts each piece to a line of the log."""
        prefix = f"[{self._name} {stream} "
        offset = self._offset[stream]
        lines = []
        if _is_readable(pieces):
            start = prefix.encode()
            for data, newline in pieces:
                lines.append(b"%b%d%b %b\n" % (start, offset, b"]" if newline else b"-]", data))
                offset += len(data) + newline
        else:
            for data, newline in pieces:
                text, escaped = _readable(data)
                flags = ("" if newline else "-") + ("\\" if escaped else "")
                lines.append(f"{prefix}{offset}{flags}] {text}\n".encode())
                offset += len(data) + newline
        self._offset[stream] = offset
        return b"".join(lines)


def _pieces_of(lines: list[bytes], rest: bytes) -> Iterator[tuple[bytes, bool]]:
    """Splits what is longer than a line of the log may be. After `rest` there is no newline."""
    for line in lines:
        start = 0
        while len(line) - start > LINE_LIMIT:
            yield line[start:start + LINE_LIMIT], False
            start += LINE_LIMIT
        yield line[start:], True
    for start in range(0, len(rest), LINE_LIMIT):
        yield rest[start:start + LINE_LIMIT], False


def _is_readable(pieces: list[tuple[bytes, bool]]) -> bool:
    """
    Whether no piece needs an escape: all of it is printable ASCII and tabs. Most output is, and this takes a
    fraction of the time of looking at each line.
    """
    return not b"".join([data for data, _ in pieces]).translate(None, _PLAIN)


def _readable(data: bytes) -> tuple[str, bool]:
    """
    Decodes bytes. Returns the text and whether it is escaped: a program must not move the reader's cursor.
    """
    text = data.decode("utf-8", "surrogateescape")
    if not _UNREADABLE.search(text):
        return text, False
    return _UNREADABLE.sub(_escape, text.replace("\\", "\\\\")), True


def _escape(found: "re.Match[str]") -> str:
    return "".join(f"\\x{byte:02x}" for byte in found.group().encode("utf-8", "surrogateescape"))
