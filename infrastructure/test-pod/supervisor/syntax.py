"""
Whether a program that failed could be compiled at all.

Asked after the run, not before: a file that does not compile never runs one statement, so the answer is the same,
and programs that pass do not wait for a second interpreter (docs/decisions/syntax-after-run.md).
"""

import asyncio
import json
import os
import resource

from .confine import confine
from .processes import Launch, Processes

_CHECK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compile_stdin.py")
_MEMORY_BYTES = 512 * 1024 * 1024
_DEADLINE = 10
# The answer is a message and two numbers.
_MAX_ANSWER = 4096


async def check(processes: Processes, places, source: bytes, name: str) -> dict | None:
    """
    Compiles a source in a child, because compiling can exhaust memory. Returns what is wrong with it as
    {message, file, line}, or None. The source is the supervisor's copy: the program could have changed the file.
    """
    source_descriptor = os.memfd_create("source")
    answer_read, answer_write = os.pipe()
    try:
        with open(source_descriptor, "wb", closefd=False) as file:
            file.write(source)
        os.lseek(source_descriptor, 0, os.SEEK_SET)
        launch = Launch(
            argv=[places.python, "-I", "-S", _CHECK, name],
            env={"PATH": places.path, "LANG": "C.UTF-8"},
            cwd="/",
            stdin=source_descriptor,
            stdout=answer_write,
            stderr=answer_write,
            limits={resource.RLIMIT_AS: _MEMORY_BYTES, resource.RLIMIT_CORE: 0},
            confine=confine,
        )
        _, exited = processes.start(launch)
        try:
            ended = await asyncio.wait_for(asyncio.shield(exited), _DEADLINE)
        except TimeoutError:
            await processes.sweep()
            return None
        os.set_blocking(answer_read, False)
        return _answer(os.waitstatus_to_exitcode(ended.status), answer_read)
    finally:
        for descriptor in (source_descriptor, answer_read, answer_write):
            os.close(descriptor)


def _answer(exit_code: int, descriptor: int) -> dict | None:
    """Only a clear answer counts. A check that crashed says nothing: then the run has simply failed."""
    if exit_code != 0:
        return None
    try:
        return json.loads(os.read(descriptor, _MAX_ANSWER))
    except (BlockingIOError, ValueError):
        return None
