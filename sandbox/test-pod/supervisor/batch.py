"""What is to be written is put together while more may come."""

import asyncio
from collections.abc import Callable


class Batch:
    """Calls `write` with everything that was added since the last time: soon, or after the patience of the moment."""

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: Callable[[], float], write: Callable[[bytes], None]):
        """@param patience how long a piece may wait for more, in seconds"""
        self._loop = loop
        self._patience = patience
        self._write = write
        self._pieces: list[bytes] = []
        self._timer: asyncio.Handle | None = None
        self._soon = False

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        patience = self._patience()
        if self._timer is None or (patience == 0 and not self._soon):
            self._cancel()
            self._soon = patience == 0
            self._timer = self._loop.call_soon(self.flush) if self._soon else self._loop.call_later(patience, self.flush)

    def flush(self) -> None:
        self._cancel()
        together = b"".join(self._pieces)
        self._pieces.clear()
        if together:
            self._write(together)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
