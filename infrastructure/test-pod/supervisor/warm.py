"""The warm interpreter as PID 1 sees it: started ahead, asked for one fork a run, replaced when it is gone."""

import asyncio
import marshal
import os
import resource
import socket
from dataclasses import dataclass

from .confine import confine
from .processes import Exit, Launch, Processes

_HOLD = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "warm")
# Until an interpreter has started, and until it has forked, in seconds. Both are milliseconds on an idle node.
_START_DEADLINE = 20
_FORK_DEADLINE = 5
_ATTEMPTS = 3


@dataclass(frozen=True)
class Job:
    """What one fork becomes. It gets these descriptors and no others."""

    folder: str
    args: list[str]
    env: dict[str, str]
    limits: dict[int, int]
    # Its stdin, stdout and stderr.
    descriptors: list[int]


class WarmInterpreter:
    """
    An interpreter that its uid cannot read (docs/decisions/closed-interpreter.md), so that no program can look
    into it or speak to it; all that a program can do is kill it, and that costs the next run a few milliseconds.
    """

    def __init__(self, processes: Processes, closed_python: str, python: str, path: str):
        self._processes = processes
        self._closed_python = closed_python
        self._python = python
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._entrypoint: str | None = None
        self._control: socket.socket | None = None
        self._exited: asyncio.Future[Exit] | None = None
        self._ready = False

    def prepare(self, folder: str, entrypoint: str) -> None:
        """
        Starts an interpreter for programs of this name, unless one waits already. Does not wait for it.
        @param folder where they will be run; it must exist until `start` has returned
        """
        if self._entrypoint == entrypoint and self._exited is not None and not self._exited.done():
            return
        self._drop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        launch = Launch(
            executable=self._closed_python,
            # Its name for itself, which programs see as sys.executable: one that they can start.
            argv=[self._python, "-u", entrypoint],
            env={"PATH": self._path, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "PYTHONPATH": _HOLD},
            cwd=folder,
            descriptors=[theirs.fileno(), 2, 2],
            limits={resource.RLIMIT_CORE: 0},
            confine=confine,
        )
        with theirs:
            pid, self._exited = self._processes.start(launch)
        self._processes.spared = pid
        self._control, self._entrypoint, self._ready = ours, entrypoint, False

    async def start(self, entrypoint: str, job: Job) -> "asyncio.Future[Exit]":
        """
        Makes a program of a fork; the future tells its end. No program may be running when this is called.
        @raises OSError when no interpreter could be started.
        """
        for attempt in range(_ATTEMPTS):
            self.prepare(job.folder, entrypoint)
            try:
                await self._until_ready()
                return self._fork(job)
            except OSError:
                self._drop()
                if attempt + 1 == _ATTEMPTS:
                    raise
        raise AssertionError

    async def _until_ready(self) -> None:
        if self._ready:
            return
        self._control.setblocking(False)
        said = await asyncio.wait_for(self._loop.sock_recv(self._control, 16), _START_DEADLINE)
        if said != b"ready":
            raise OSError(f"the warm interpreter ended before it was ready: {said!r}")
        self._ready = True

    def _fork(self, job: Job) -> "asyncio.Future[Exit]":
        asked = {"folder": job.folder, "args": job.args, "env": job.env, "limits": job.limits}
        descriptor = os.memfd_create("job")
        try:
            os.write(descriptor, marshal.dumps(asked))
            os.lseek(descriptor, 0, os.SEEK_SET)
            # Waited for here, about a millisecond, so that the program cannot be reaped before its pid is known.
            self._control.settimeout(_FORK_DEADLINE)
            socket.send_fds(self._control, [b"r"], [*job.descriptors, descriptor])
            answer = self._control.recv(512)
        finally:
            os.close(descriptor)
        if not answer.isdigit():
            raise OSError(f"the program could not be started: {answer.decode() or 'the interpreter ended'}")
        return self._processes.adopt(int(answer))

    def _drop(self) -> None:
        """Lets go of the interpreter; the end of its control socket ends it, or the next sweep does."""
        self._processes.spared = None
        if self._control is not None:
            self._control.close()
        self._control = self._exited = self._entrypoint = None
