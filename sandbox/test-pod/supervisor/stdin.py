"""The standard input of a program: complete from the start, or fed while the program runs."""

import asyncio
import os


class Stdin:
    """A file in memory without a name. It needs no feeding, and only the program can open it."""

    def __init__(self, data: bytes):
        self._data = data

    def open(self) -> int:
        """@returns the descriptor that the program reads from; the caller closes it"""
        descriptor = os.memfd_create("stdin")
        if self._data:
            os.write(descriptor, self._data)
            os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def close(self) -> None:
        """Ends the input."""


class FedStdin(Stdin):
    """
    A pipe. Fed bytes are counted, so each byte is written once even if it is sent several times. A program
    that does not read blocks nothing: bytes that do not fit into the pipe are buffered here.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, data: bytes):
        self._loop = loop
        self._waiting = bytearray(data)
        self._write_end: int | None = None
        # The program has stopped reading, or has ended.
        self._closed = False
        # How many bytes were fed, not counting the initial input, and whether the input has ended.
        self.received = 0
        self.ended = False

    def open(self) -> int:
        read, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self._write()
        return read

    def feed(self, offset: int, data: bytes, eof: bool) -> None:
        """
        Accepts the new bytes in `data`. Bytes after a gap are ignored: `received` is the offset to continue
        at.
        """
        if offset > self.received or self.ended:
            return
        new = data[self.received - offset:]
        self.received += len(new)
        self.ended = eof and offset + len(data) == self.received
        if not self._closed:
            self._waiting += new
        if self._write_end is not None:
            self._write()

    def close(self) -> None:
        self._closed = True
        self._waiting.clear()
        if self._write_end is not None:
            self._loop.remove_writer(self._write_end)
            os.close(self._write_end)
        self._write_end = None

    def _write(self) -> None:
        try:
            while self._waiting:
                del self._waiting[:os.write(self._write_end, self._waiting)]
        except BlockingIOError:
            # When called as the writer, this registers the same callback again.
            self._loop.add_writer(self._write_end, self._write)
            return
        except BrokenPipeError:
            # The program has closed its input. Later bytes are discarded.
            self.close()
            return
        self._loop.remove_writer(self._write_end)
        if self.ended:
            self.close()
