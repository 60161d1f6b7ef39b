"""What a program is given as its descriptors: its input, and pipes for what it prints."""

import contextlib
import fcntl
import os
from collections.abc import Iterable

from .stdin import Stdin

# As much as is read at once (reading.py). All pipes of a uid on a node share an allowance, of 64 MiB by default
# (fs.pipe-user-pages-soft), which a program can use up for its user.
_PIPE_BYTES = 256 * 1024


class Streams:
    """Opened before a program is started. What is not handed on must be closed."""

    def __init__(self, stdin: Stdin, outputs: Iterable[str]):
        """@param outputs names of the streams that it prints to"""
        self._stdin = stdin
        self._pipes = {name: _pipe() for name in outputs}
        self._given = [stdin.open(), *(write for _, write in self._pipes.values())]

    @property
    def given(self) -> list[int]:
        """What the program finds as 0, 1, 2 and so on."""
        return self._given

    @property
    def read_ends(self) -> dict[str, int]:
        """Whoever reads them closes them."""
        return {name: read for name, (read, _) in self._pipes.items()}

    def close_given(self) -> None:
        """To be called when the program has them: its end would not be seen otherwise."""
        for descriptor in self._given:
            os.close(descriptor)
        self._given = []

    def discard(self) -> None:
        """Closes all of a program that is never started."""
        self.close_given()
        for descriptor in self.read_ends.values():
            os.close(descriptor)
        self._stdin.close()


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    # Refused when the allowance is used up. A small pipe is slower, no more.
    with contextlib.suppress(PermissionError):
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return read, write
