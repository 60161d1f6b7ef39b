"""
One execution of one submission, from an empty folder to an empty folder.

The verdict comes from waitpid and from what is measured here. Nothing that the program prints is read for it.
"""

import asyncio
import fcntl
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass

from . import folders, syntax
from .capture import Capture
from .memory import Memory
from .podlog import RunLog
from .processes import Exit, Processes
from .request import RunRequest
from .warm import Job, WarmInterpreter

# Between two looks at the program's processes and memory, in seconds.
_WATCH_INTERVAL = 0.025
# A run with more processes and more is stopped: a fork bomb must not starve its node.
MAX_PROCESSES = 64
# Per process.
_MAX_OPEN_FILES = 256
_MAX_FILE_BYTES = 64 * 1024 * 1024
# Pipes of a program end when its last process does; this bounds the wait for what is not a process, in seconds.
_DRAIN_DEADLINE = 5
_PIPE_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024

STREAMS = {"stdout": "out", "stderr": "err"}


@dataclass(frozen=True)
class Places:
    """Folders of the pod, and the interpreter that runs programs."""

    work: str
    scratch: tuple[str, ...]
    python: str
    path: str

    @property
    def folder(self) -> str:
        """Where programs run: always the same name, which the warm interpreter knows before there is a program."""
        return os.path.join(self.work, "1")

    async def renew(self) -> None:
        """Makes all folders as they were at the start. No program may be running."""
        for folder in (self.work, *self.scratch):
            await folders.empty(folder)
        os.mkdir(self.folder, 0o700)


class Execution:
    """Runs a request once. `cancel` may be called at any time."""

    def __init__(
        self,
        request: RunRequest,
        processes: Processes,
        warm: WarmInterpreter,
        memory: Memory,
        places: Places,
        log: RunLog,
        on_output: Callable[[str, int, bytes], None],
    ):
        self._request = request
        self._processes = processes
        self._warm = warm
        self._memory = memory
        self._places = places
        self._log = log
        self._on_output = on_output
        self._loop = asyncio.get_running_loop()
        self._stopped: str | None = None
        self._stop = asyncio.Event()
        self.captures = {name: Capture(request.limits.keep_output_bytes) for name in STREAMS}

    def cancel(self) -> None:
        self._end_early("cancelled")

    async def run(self) -> dict:
        """Returns the end record's `result`. @raises SweepFailed, OSError: the platform's failures."""
        self._log.say(f"start {self._request.entrypoint}")
        try:
            folders.write_files(self._places.folder, self._request.files)
            result = await self._execute()
        finally:
            await self._processes.sweep()
            await self._places.renew()
            self._warm.prepare(self._places.folder, self._request.entrypoint)
        self._log.finish(_ending(result))
        return result

    async def _execute(self) -> dict:
        kills_before = self._memory.kills()
        self._processes.forget_orphans()
        ends = {name: _pipe() for name in STREAMS}
        reads = [self._read(name, ends[name][0]) for name in STREAMS]
        stdin = _stdin_of(self._request.stdin)
        try:
            job = Job(
                folder=self._places.folder,
                args=self._request.args,
                env=self._environment(),
                limits=self._resource_limits(),
                stdin=stdin,
                stdout=ends["stdout"][1],
                stderr=ends["stderr"][1],
            )
            exited = await self._warm.start(self._request.entrypoint, job)
            began = self._loop.time()
        finally:
            os.close(stdin)
            for _, write in ends.values():
                os.close(write)
        ended = await self._until_it_ends(exited)
        wall = self._loop.time() - began
        await self._processes.sweep()
        await asyncio.wait_for(asyncio.gather(*reads), _DRAIN_DEADLINE)
        return await self._result(ended, wall, killed_for_memory=self._memory.kills() > kills_before)

    async def _until_it_ends(self, exited: "asyncio.Future[Exit]") -> Exit:
        """Waits for the program's end or brings it about: the first reason to stop it is the one that counts."""
        watch = self._loop.create_task(self._watch())
        timer = self._loop.call_later(self._request.limits.wall_ms / 1000, self._end_early, "timed_out")
        stop = self._loop.create_task(self._stop.wait())
        try:
            await asyncio.wait({exited, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not exited.done():
                await self._processes.sweep()
            return await exited
        finally:
            timer.cancel()
            watch.cancel()
            stop.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_INTERVAL)
            if self._processes.count() > MAX_PROCESSES:
                self._end_early("too_many_processes")
            if self._memory.is_scarce():
                self._end_early("out_of_memory")

    def _end_early(self, reason: str) -> None:
        if self._stopped is None:
            self._stopped = reason
            self._stop.set()

    def _read(self, name: str, descriptor: int) -> "asyncio.Future[None]":
        """Takes in a stream until its end, without ever holding more of it than is kept."""
        finished: asyncio.Future[None] = self._loop.create_future()
        capture = self.captures[name]

        def readable() -> None:
            try:
                data = os.read(descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._loop.remove_reader(descriptor)
                os.close(descriptor)
                finished.set_result(None)
                return
            offset = capture.total
            shown = capture.add(data)
            if shown:
                self._on_output(name, offset, shown)
            self._log.output(STREAMS[name], data)
            if sum(each.total for each in self.captures.values()) > self._request.limits.max_output_bytes:
                self._end_early("too_much_output")

        self._loop.add_reader(descriptor, readable)
        return finished

    async def _result(self, ended: Exit, wall: float, killed_for_memory: bool) -> dict:
        exit_code = os.waitstatus_to_exitcode(ended.status)
        error = None
        outcome = self._stopped or _outcome(exit_code, killed_for_memory)
        if outcome == "failed":
            error = await syntax.check(
                self._processes, self._places, self._request.files[self._request.entrypoint], self._request.entrypoint
            )
            outcome = "failed" if error is None else "syntax_error"
        if outcome == "too_many_processes":
            error = {"message": f"stopped: more than {MAX_PROCESSES} processes", "file": None, "line": None}
            outcome = "killed_by_signal"
        return {
            "outcome": outcome,
            "exit_code": exit_code if exit_code >= 0 else None,
            "signal": signal.Signals(-exit_code).name if exit_code < 0 else None,
            "wall_ms": round(wall * 1000, 1),
            "cpu_ms": round((ended.cpu_seconds + self._processes.orphans_cpu_seconds) * 1000, 1),
            "peak_memory_bytes": max(ended.peak_memory_bytes, self._processes.orphans_peak_memory_bytes),
            "error": error,
            **{name: capture.summary() for name, capture in self.captures.items()},
        }

    def _environment(self) -> dict[str, str]:
        return {
            **self._request.env,
            "PATH": self._places.path,
            "HOME": self._places.folder,
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "SUBMISSION_ID": self._request.submission_id,
        }

    def _resource_limits(self) -> dict[int, int]:
        return {
            resource.RLIMIT_AS: self._request.limits.memory_bytes,
            resource.RLIMIT_NOFILE: _MAX_OPEN_FILES,
            resource.RLIMIT_FSIZE: _MAX_FILE_BYTES,
            resource.RLIMIT_CORE: 0,
        }


def _outcome(exit_code: int, killed_for_memory: bool) -> str:
    if exit_code == 0:
        return "passed"
    if exit_code == -signal.SIGKILL and killed_for_memory:
        return "out_of_memory"
    return "killed_by_signal" if exit_code < 0 else "failed"


def _stdin_of(data: bytes) -> int:
    """A file in memory, without a name: nobody has to feed it, and no path leads to it but the program's own."""
    descriptor = os.memfd_create("stdin")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return read, write


def _ending(result: dict) -> str:
    how = result["signal"] or f"exit {result['exit_code']}"
    return f"end {result['outcome']} ({how}) after {result['wall_ms']:.0f} ms"
