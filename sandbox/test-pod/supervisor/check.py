"""
Finds out whether a failed program has a syntax error, with its language's own `check` command.

The check follows the run: an invalid file never executes a statement, so the result is the same, and programs
that pass do not wait for a second interpreter (docs/decisions/syntax-after-run.md).
"""

import asyncio
import os
import resource

from . import folders
from .confine import confine
from .memory import Memory
from .processes import Exit, Launch, Processes
from .request import RunRequest

_MEMORY_BYTES = 512 * 1024 * 1024
_DEADLINE = 10
# How often the checker is polled, in seconds.
_INTERVAL = 0.025
# The checker prints a message and its location. Longer output is truncated.
_MAX_OUTPUT = 16 * 1024


async def find_syntax_error(
    processes: Processes, memory: Memory, paths, request: RunRequest, exit_code: int
) -> "str | None":
    """
    Returns the checker's message about the entrypoint, or None. The checker runs in a child process, because
    it can exhaust memory. It reads the files as submitted, since the program could have changed its own copy.
    No program may be running.
    @param exit_code the program's: a program with a syntax error exits with the same code as the checker
    """
    language = request.language
    if "check" not in language.commands:
        return None
    await paths.renew()
    folders.write_files(paths.folder, request.files)
    answer = os.memfd_create("answer")
    devnull = os.open(os.devnull, os.O_RDWR)
    try:
        launch = Launch(
            argv=language.argv("check", entrypoint=paths.as_argument(request.entrypoint)),
            env={"PATH": paths.path, "LANG": "C.UTF-8"},
            cwd=paths.folder,
            descriptors=[devnull, devnull, answer],
            limits={resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: _MAX_OUTPUT},
            confine=confine,
        )
        _, exited = processes.start(launch)
        if not await _ends_within_its_limits(exited, processes, memory):
            await processes.sweep()
            return None
        ended = await exited
        # If the checker crashed or disagrees, the run counts as failed, without a syntax error.
        checker_code = os.waitstatus_to_exitcode(ended.status)
        if checker_code <= 0 or checker_code != exit_code:
            return None
        return os.pread(answer, _MAX_OUTPUT, 0).decode("utf-8", "replace")
    finally:
        os.close(answer)
        os.close(devnull)


async def _ends_within_its_limits(exited: "asyncio.Future[Exit]", processes: Processes, memory: Memory) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _DEADLINE
    while not exited.done():
        if loop.time() > deadline or processes.resident_bytes() > _MEMORY_BYTES or memory.is_scarce():
            return False
        await asyncio.wait([exited], timeout=_INTERVAL)
    return True
