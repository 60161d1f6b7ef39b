"""Combines small writes into larger ones."""

import asyncio
from collections.abc import Callable


class Batch:
    """
    Calls `write` with everything added since the last call: at once, or after the time that `delay` returns.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, delay: Callable[[], float], write: Callable[[bytes], None]):
        """@param delay returns how long a piece may wait to be combined with others, in seconds"""
        self._loop = loop
        self._delay = delay
        self._write = write
        self._pieces: list[bytes] = []
        self._timer: asyncio.Handle | None = None
        self._soon = False

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        delay = self._delay()
        if self._timer is None or (delay == 0 and not self._soon):
            self._cancel()
            self._soon = delay == 0
            self._timer = self._loop.call_soon(self.flush) if self._soon else self._loop.call_later(delay, self.flush)

    def flush(self) -> None:
        self._cancel()
        combined = b"".join(self._pieces)
        self._pieces.clear()
        if combined:
            self._write(combined)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
