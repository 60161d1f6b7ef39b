"""
Whether a program that failed was valid at all, by its language's own `check` command.

Asked after the run, not before: a file that is not valid never runs one statement, so the answer is the same, and
programs that pass do not wait for a second interpreter (docs/decisions/syntax-after-run.md).
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
# Between two looks at the checker, in seconds.
_INTERVAL = 0.025
# The answer is a message and a place; what a checker prints beyond that is cut.
_MAX_ANSWER = 16 * 1024


async def find_syntax_error(
    processes: Processes, memory: Memory, places, request: RunRequest, exit_code: int
) -> "str | None":
    """
    Checks the entrypoint in a child, because that can exhaust memory. Returns what the checker says is wrong with
    it, or None. It reads the files as they came: the program could have changed its own. No program may be running.
    @param exit_code of the program: one that could not begin exits as its checker does
    """
    language = request.language
    if "check" not in language.commands:
        return None
    await places.renew()
    folders.write_files(places.folder, request.files)
    answer = os.memfd_create("answer")
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        launch = Launch(
            argv=language.argv("check", entrypoint=places.as_argument(request.entrypoint)),
            env={"PATH": places.path, "LANG": "C.UTF-8"},
            cwd=places.folder,
            descriptors=[nothing, nothing, answer],
            limits={resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: _MAX_ANSWER},
            confine=confine,
        )
        _, exited = processes.start(launch)
        if not await _ends_within_its_limits(exited, processes, memory):
            await processes.sweep()
            return None
        ended = await exited
        # Only a clear answer counts. A checker that crashed says nothing: then the run has simply failed.
        found = os.waitstatus_to_exitcode(ended.status)
        if found <= 0 or found != exit_code:
            return None
        return os.pread(answer, _MAX_ANSWER, 0).decode("utf-8", "replace")
    finally:
        os.close(answer)
        os.close(nothing)


async def _ends_within_its_limits(exited: "asyncio.Future[Exit]", processes: Processes, memory: Memory) -> bool:
    loop = asyncio.get_running_loop()
    latest = loop.time() + _DEADLINE
    while not exited.done():
        if loop.time() > latest or processes.resident_bytes() > _MEMORY_BYTES or memory.is_scarce():
            return False
        await asyncio.wait([exited], timeout=_INTERVAL)
    return True
