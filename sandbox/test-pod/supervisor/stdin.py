"""The input of a program: all there is from the beginning, or more of it while the program runs."""

import asyncio
import os


class Stdin:
    """A file in memory, without a name: nobody has to feed it, and no path leads to it but the program's own."""

    def __init__(self, data: bytes):
        self._data = data

    def open(self) -> int:
        """@returns what the program reads from; the caller closes it"""
        descriptor = os.memfd_create("stdin")
        if self._data:
            os.write(descriptor, self._data)
            os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def close(self) -> None:
        """Nothing comes any more."""


class FedStdin(Stdin):
    """
    A pipe. What was fed is counted, so that each byte is written once however often it comes. A program that does not
    read holds nobody up: what the pipe does not take waits here.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, data: bytes):
        self._loop = loop
        self._waiting = bytearray(data)
        self._write_end: int | None = None
        # The program does not read any more, or is over.
        self._closed = False
        # Bytes that were fed, beside those of the beginning, and whether the last was among them.
        self.received = 0
        self.ended = False

    def open(self) -> int:
        read, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self._write()
        return read

    def feed(self, offset: int, data: bytes, eof: bool) -> None:
        """Takes what is new of it. Bytes that come after a gap are left out: `received` says where to go on."""
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
            # Replaces itself, when it is called from there.
            self._loop.add_writer(self._write_end, self._write)
            return
        except BrokenPipeError:
            # The program has closed its input: what comes is for nobody.
            self.close()
            return
        self._loop.remove_writer(self._write_end)
        if self.ended:
            self.close()
