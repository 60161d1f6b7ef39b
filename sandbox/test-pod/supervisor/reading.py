"""One output stream of a program, read until its end."""

import asyncio
import os
import socket
from collections.abc import Callable

_READ_BYTES = 256 * 1024
# Between two looks at a pipe that is still open when nobody should hold it, in seconds.
_LOOK_INTERVAL = 0.02


class Reading:
    """Hands on what comes from the read end of a pipe while it comes; closes it at its end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, take: Callable[[bytes], None]):
        """@param descriptor must not block"""
        self._loop = loop
        self._descriptor = descriptor
        self._take = take
        self._ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(descriptor, self._read)

    async def finish(self, deadline: float) -> None:
        """
        Reads the rest of a pipe that nobody writes to any more, for at most so many seconds.
        @raises TimeoutError when somebody holds it open
        """
        while not self._ended.done() and self._read():
            pass
        latest = self._loop.time() + deadline
        while not self._ended.done():
            if self._loop.time() > latest:
                raise TimeoutError(f"a pipe of the program was still held {deadline} s after its last process")
            _collect_sockets()
            await asyncio.wait([self._ended], timeout=_LOOK_INTERVAL)

    def close(self) -> None:
        """Lets go of a pipe, whatever is still to come."""
        if not self._ended.done():
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._ended.set_result(None)

    def _read(self) -> bool:
        """Takes one piece. @returns false when there is none"""
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self.close()
            return False
        self._take(data)
        return True


def _collect_sockets() -> None:
    """
    Has the kernel look for descriptors that are in flight between sockets which nobody holds. It looks when a socket is
    closed, but not while it is looking: what a program closes at its end, all at once, it may miss.
    """
    for end in socket.socketpair():
        end.close()
