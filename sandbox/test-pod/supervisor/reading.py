"""Reads one output stream of a program until its end."""

import asyncio
import os
import socket
from collections.abc import Callable

from . import isolation

# All that a pipe can hold (streams.py).
_READ_BYTES = 1024 * 1024
# The interval between two reads of small pieces, in seconds. Otherwise reading them would cost more than printing them.
_INTERVAL = 0.002
# How often a pipe is polled that is still open after the program's last process, in seconds.
_POLL_INTERVAL = 0.02


class Reading:
    """Passes on data from the read end of a pipe as it arrives, and closes the pipe at its end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, on_data: Callable[[bytes], None]):
        """@param descriptor must not block"""
        self._loop = loop
        self._descriptor = descriptor
        self._on_data = on_data
        self._ended: asyncio.Future[None] = loop.create_future()
        self._pause: asyncio.TimerHandle | None = None
        # When the last piece was read, by the loop's clock.
        self._last = 0.0
        loop.add_reader(descriptor, self._on_readable)

    async def finish(self, deadline: float) -> None:
        """
        Reads the rest of a pipe after its last writer has ended, for at most `deadline` seconds.
        @raises TimeoutError when something still holds the pipe open
        """
        while not self._ended.done() and self._read():
            pass
        if isolation.IS_GVISOR:
            # Nothing is left that could write. gVisor never collects descriptors in flight, which hold the pipe open.
            self.close()
            return
        self._resume()
        end_time = self._loop.time() + deadline
        while not self._ended.done():
            if self._loop.time() > end_time:
                raise TimeoutError(f"a pipe of the program was still held {deadline} s after its last process")
            _collect_sockets()
            await asyncio.wait([self._ended], timeout=_POLL_INTERVAL)

    def close(self) -> None:
        """Closes the pipe and discards unread data."""
        if not self._ended.done():
            if self._pause is not None:
                self._pause.cancel()
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._ended.set_result(None)

    def _on_readable(self) -> None:
        now = self._loop.time()
        # After a large piece, the program may be waiting for room.
        if 0 < self._read() < _READ_BYTES // 2 and now - self._last < _INTERVAL:
            self._loop.remove_reader(self._descriptor)
            self._pause = self._loop.call_later(_INTERVAL, self._resume)
        self._last = now

    def _resume(self) -> None:
        if self._pause is not None and not self._ended.done():
            self._pause.cancel()
            self._pause = None
            self._loop.add_reader(self._descriptor, self._on_readable)

    def _read(self) -> int:
        """Reads one piece. @returns its size; 0 when there is none"""
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self.close()
            return 0
        self._on_data(data)
        return len(data)


def _collect_sockets() -> None:
    """
    Makes the kernel collect descriptors that are in flight between sockets without an owner. The kernel does
    this when a socket is closed, but not while it is already collecting. So it may miss sockets that a
    program closes all at once when it ends.
    """
    for end in socket.socketpair():
        end.close()
