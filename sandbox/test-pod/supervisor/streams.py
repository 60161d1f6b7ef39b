"""The file descriptors of a program: its standard input, and pipes for its output."""

import contextlib
import fcntl
import os
from collections.abc import Iterable

from .stdin import Stdin

# The size of one read (reading.py), and the most that a process without rights may ask for. A program that prints less
# never waits for its reader. All pipes of a uid on a node share a limit, 64 MiB by default
# (fs.pipe-user-pages-soft). A program can use it up for its own user.
_PIPE_BYTES = 1024 * 1024


class Streams:
    """
    Opened before a program starts. The caller closes the descriptors that it does not pass to the program.
    """

    def __init__(self, stdin: Stdin, outputs: Iterable[str]):
        """@param outputs names of the streams that the program writes to"""
        self._stdin = stdin
        self._pipes = {name: _pipe() for name in outputs}
        self._program_ends = [stdin.open(), *(write for _, write in self._pipes.values())]

    @property
    def program_ends(self) -> list[int]:
        """The program's descriptors 0, 1, 2 and so on."""
        return self._program_ends

    @property
    def read_ends(self) -> dict[str, int]:
        """The read end of each output pipe. The reader closes them."""
        return {name: read for name, (read, _) in self._pipes.items()}

    def close_program_ends(self) -> None:
        """
        Call this once the program has its descriptors. Otherwise the pipes would not report end of file.
        """
        for descriptor in self._program_ends:
            os.close(descriptor)
        self._program_ends = []

    def discard(self) -> None:
        """Closes all descriptors of a program that never starts."""
        self.close_program_ends()
        for descriptor in self.read_ends.values():
            os.close(descriptor)
        self._stdin.close()


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    # Refused when the limit is used up. A small pipe works too, but is slower.
    with contextlib.suppress(PermissionError):
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return read, write
