"""The warm interpreter as PID 1 sees it: started ahead, asked for a fork ahead of each run, replaced when it is gone."""

import asyncio
import marshal
import os
import resource
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from . import landlock
from .confine import confine
from .processes import Exit, Launch, Processes

_HOLD = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "warm")
# Until an interpreter has started and forked, and until its fork has become a program, in seconds. Both are
# milliseconds on an idle node.
_START_DEADLINE = 20
_RUN_DEADLINE = 5
# How long a sweep is put off for a fork that is not there yet, in seconds. Where signals are not scoped, a program may
# have stopped its maker.
_FORK_PATIENCE = 1 if landlock.SCOPES else 0.02
_ATTEMPTS = 3
# Names, or beginnings of names, of variables that Python or the C library reads at its start, and not later.
_READ_AT_THE_START = ("PYTHON", "LC_", "LD_", "MALLOC_", "GLIBC_TUNABLES", "LOCPATH", "TZ")
# Where Python looks for packages of a user, below HOME, at its start.
_PACKAGES_OF_USER = ".local/"


@dataclass(frozen=True, eq=False)
class Job:
    """What one fork becomes. It gets these descriptors and no others."""

    folder: str
    args: list[str]
    env: dict[str, str]
    limits: dict[int, int]
    # Its stdin, stdout and stderr.
    descriptors: list[int]


def can_be_forked(env: Iterable[str], files: Iterable[str]) -> bool:
    """Whether a fork behaves as a fresh interpreter does, given these variables of a submission, and these files."""
    return not any(name.startswith(_READ_AT_THE_START) for name in env) and not any(
        name.startswith(_PACKAGES_OF_USER) for name in files
    )


class _Fork:
    """A fork that waits for its run, or is about to. Nobody but PID 1 and the fork itself holds its socket."""

    def __init__(self, way: socket.socket):
        self.way = way
        # What it was told to become, ahead of its turn.
        self.job: Job | None = None
        self.pid: int | None = None
        self.exited: asyncio.Future[Exit] | None = None


class WarmInterpreter:
    """
    An interpreter that its uid cannot read (docs/decisions/closed-interpreter.md), so that no program can look
    into it or its next fork, or speak to them. Where Landlock cannot scope signals, a program can kill them, and
    that costs the next run a few milliseconds.
    """

    def __init__(self, processes: Processes, closed_python: str, python: str, path: str):
        self._processes = processes
        self._closed_python = closed_python
        self._python = python
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._entrypoint: str | None = None
        self._control: socket.socket | None = None
        self._pid: int | None = None
        self._exited: asyncio.Future[Exit] | None = None
        self._next: _Fork | None = None

    def prepare(self, folder: str, entrypoint: str) -> None:
        """
        Has a fork made for the next program of this name, unless one waits already. Does not wait for it.
        @param folder where programs will be run; it must exist until `start` has returned
        """
        if self._entrypoint != entrypoint or self._exited is None or self._exited.done():
            self._drop()
            self._launch(folder, entrypoint)
        if self._next is not None and self._next.exited is not None and self._next.exited.done():
            self._forget_next()
        if self._next is None:
            self._ask_for_fork()

    def give(self, entrypoint: str, job: Job) -> None:
        """
        Hands a job to the next fork ahead of its turn, if there is one: it does all that nobody can see, and waits.
        What goes wrong here is found by `start`.
        """
        fork = self._next
        if fork is not None and fork.job is None and self._entrypoint == entrypoint:
            try:
                _tell(fork, job)
            except OSError:
                self._forget_next()

    async def start(self, entrypoint: str, job: Job) -> "asyncio.Future[Exit]":
        """
        Makes a program of a fork; the future tells its end. No program may be running when this is called.
        @raises OSError when no interpreter could be started.
        """
        for attempt in range(_ATTEMPTS):
            try:
                if self._next is not None and self._next.job not in (None, job):
                    # It was to become a run that was cancelled.
                    self._forget_next()
                self.prepare(job.folder, entrypoint)
                await self._learn(_START_DEADLINE)
                exited = self._hand_over(job)
                # Made while the program runs, so that the next one need not wait for it.
                self._ask_for_fork()
                return exited
            except OSError:
                self._drop()
                if attempt + 1 == _ATTEMPTS:
                    raise
        raise AssertionError

    async def settle(self) -> None:
        """To be called before a sweep: it kills every process that it does not know, as a fork half made."""
        try:
            await self._learn(_FORK_PATIENCE)
        except OSError:
            self._forget_next()

    def _launch(self, folder: str, entrypoint: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        launch = Launch(
            executable=self._closed_python,
            # Its name for itself, which programs see as sys.executable: one that they can start.
            argv=[self._python, "-u", entrypoint],
            env={
                # Without HOME, Python would ask who its uid is.
                **{"HOME": folder, "PATH": self._path, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "PYTHONPATH": _HOLD},
                "LANDLOCK_SCOPES": landlock.SCOPES.hex(),
            },
            cwd=folder,
            descriptors=[theirs.fileno(), 2, 2],
            limits={resource.RLIMIT_CORE: 0},
            confine=confine,
        )
        with theirs:
            self._pid, self._exited = self._processes.start(launch)
        self._processes.spared.add(self._pid)
        ours.setblocking(False)
        self._control, self._entrypoint = ours, entrypoint

    def _ask_for_fork(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._next = _Fork(ours)
        try:
            with theirs:
                socket.send_fds(self._control, [b"f"], [theirs.fileno()])
        except OSError:
            # It was killed a moment ago: the next `prepare` starts another.
            self._drop()

    async def _learn(self, patience: float) -> None:
        """
        Waits until the next fork is there and told its pid.
        @raises OSError when it is not there in time, or not any more
        """
        fork = self._next
        if fork is None:
            raise OSError("the warm interpreter has ended")
        if fork.pid is not None:
            return
        try:
            said = fork.way.recv(16)
        except BlockingIOError:
            said = await asyncio.wait_for(self._loop.sock_recv(fork.way, 16), patience)
        if not said.isdigit():
            raise OSError(f"the warm interpreter ended before it forked: {said!r}")
        # Raises for one that has been reaped already, as an orphan: nobody would tell its end.
        os.kill(int(said), 0)
        fork.pid, fork.exited = int(said), self._processes.adopt(int(said))
        self._processes.spared.add(fork.pid)

    def _hand_over(self, job: Job) -> "asyncio.Future[Exit]":
        fork, self._next = self._next, None
        self._processes.spared.discard(fork.pid)
        with fork.way:
            if fork.job is None:
                _tell(fork, job)
            # Waited for here, a fraction of a millisecond, so that whatever goes wrong comes before the program.
            fork.way.settimeout(_RUN_DEADLINE)
            fork.way.send(b"g")
            answer = fork.way.recv(512)
        if answer != b"started":
            raise OSError(f"the program could not be started: {answer.decode() or 'its process ended'}")
        return fork.exited

    def _forget_next(self) -> None:
        """Lets go of the next fork; the end of its socket ends it, or the next sweep does."""
        if self._next is not None:
            self._processes.spared.discard(self._next.pid)
            self._next.way.close()
        self._next = None

    def _drop(self) -> None:
        """Lets go of the interpreter and its next fork; the ends of their sockets end them, or the next sweep does."""
        self._forget_next()
        self._processes.spared.discard(self._pid)
        if self._control is not None:
            self._control.close()
        self._control = self._exited = self._entrypoint = self._pid = None


def _tell(fork: _Fork, job: Job) -> None:
    asked = {"folder": job.folder, "args": job.args, "env": job.env, "limits": job.limits}
    descriptor = os.memfd_create("job")
    try:
        os.write(descriptor, marshal.dumps(asked))
        os.lseek(descriptor, 0, os.SEEK_SET)
        socket.send_fds(fork.way, [b"r"], [*job.descriptors, descriptor])
    finally:
        os.close(descriptor)
    fork.job = job
