"""Combines small writes into larger ones."""

import asyncio
from collections.abc import Callable


class Batch:
    """
    Calls `write` with everything added since the last call: at once, or after the delay that `patience`
    returns.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: Callable[[], float], write: Callable[[bytes], None]):
        """@param patience returns how long a piece may wait for more, in seconds"""
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
