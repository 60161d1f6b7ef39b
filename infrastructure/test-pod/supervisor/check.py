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
from .languages import Language
from .processes import Launch, Processes
from .request import RunRequest

_MEMORY_BYTES = 512 * 1024 * 1024
_DEADLINE = 10
# The answer is a message and a place; what a checker prints beyond that is cut.
_MAX_ANSWER = 16 * 1024


async def check(processes: Processes, places, language: Language, request: RunRequest) -> "str | None":
    """
    Checks the entrypoint in a child, because that can exhaust memory. Returns what the checker says is wrong with
    it, or None. It reads the files as they came: the program could have changed its own. No program may be running.
    """
    if "check" not in language.commands:
        return None
    await places.renew()
    folders.write_files(places.folder, request.files)
    answer = os.memfd_create("answer")
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: _MAX_ANSWER}
        if language.address_space_limit:
            limits[resource.RLIMIT_AS] = _MEMORY_BYTES
        launch = Launch(
            argv=language.argv("check", entrypoint=request.entrypoint),
            env={"PATH": places.path, "LANG": "C.UTF-8"},
            cwd=places.folder,
            descriptors=[nothing, nothing, answer],
            limits=limits,
            confine=confine,
        )
        _, exited = processes.start(launch)
        try:
            ended = await asyncio.wait_for(asyncio.shield(exited), _DEADLINE)
        except TimeoutError:
            await processes.sweep()
            return None
        # Only a clear answer counts. A checker that crashed says nothing: then the run has simply failed.
        if os.waitstatus_to_exitcode(ended.status) <= 0:
            return None
        return os.pread(answer, _MAX_ANSWER, 0).decode("utf-8", "replace")
    finally:
        os.close(answer)
        os.close(nothing)
