"""
PID 1's side of the warm interpreter: starts it, requests a fork ahead of each run, and replaces it if it
ends.
"""

import asyncio
import marshal
import os
import resource
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from . import isolation, landlock
from .confine import confine
from .processes import Exit, Launch, Processes

_WARM_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "warm")
# In seconds: the time for an interpreter to start and fork, and for its fork to become a program. Both take
# milliseconds on an idle node.
_START_TIMEOUT = 20
_RUN_TIMEOUT = 5
# How long a sweep waits for a fork that is not ready yet, in seconds. Where signals are not scoped, a program
# may have stopped the warm interpreter.
_FORK_TIMEOUT = 1 if landlock.SCOPES else 0.02
_ATTEMPTS = 3
# Names, or prefixes of names, of variables that Python or the C library reads only when it starts.
_STARTUP_VARIABLES = ("PYTHON", "LC_", "LD_", "MALLOC_", "GLIBC_TUNABLES", "LOCPATH", "TZ")
# Where Python searches for a user's packages when it starts, relative to HOME.
_USER_PACKAGES = ".local/"


@dataclass(frozen=True, eq=False)
class Job:
    """The program that a fork becomes. It gets these descriptors and no others."""

    folder: str
    args: list[str]
    env: dict[str, str]
    limits: dict[int, int]
    # Its stdin, stdout and stderr.
    descriptors: list[int]


def can_be_forked(env: Iterable[str], files: Iterable[str]) -> bool:
    """Whether a fork behaves like a new interpreter with these variables and files of a submission."""
    return not any(name.startswith(_STARTUP_VARIABLES) for name in env) and not any(
        name.startswith(_USER_PACKAGES) for name in files
    )


class _Fork:
    """A fork that waits for its run, or soon will. Only PID 1 and the fork itself hold its socket."""

    def __init__(self, connection: socket.socket):
        self.connection = connection
        # The job that it received ahead of its turn.
        self.job: Job | None = None
        self.pid: int | None = None
        # The first process of the program's namespaces, if it has its own (warm/namespaces.py).
        self.keeper: int | None = None
        self.exited: asyncio.Future[Exit] | None = None


class WarmInterpreter:
    """
    Runs from an executable that its own uid cannot read (docs/decisions/closed-interpreter.md), so no program
    can inspect the interpreter or its next fork, or communicate with them. Where Landlock cannot scope
    signals, a program can kill them, which costs the next run a few milliseconds.
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
        Requests a fork for the next program with this entrypoint, unless one is already waiting. Does not
        wait for it.
        @param folder where programs run; it must exist until `start` has returned
        """
        if self._entrypoint != entrypoint or self._exited is None or self._exited.done():
            self._drop()
            self._launch(folder, entrypoint)
        if self._next is not None and self._next.exited is not None and self._next.exited.done():
            self._discard_next()
        if self._next is None:
            self._request_fork()

    def send_early(self, entrypoint: str, job: Job) -> None:
        """
        Sends a job to the next fork, if there is one, ahead of its turn. The fork prepares everything that no
        other process can observe, and waits. `start` handles a failure of this.
        """
        fork = self._next
        if fork is not None and fork.job is None and self._entrypoint == entrypoint:
            try:
                _send_job(fork, job)
            except OSError:
                self._discard_next()

    async def start(self, entrypoint: str, job: Job) -> "asyncio.Future[Exit]":
        """
        Turns a fork into a program. The future resolves when the program ends. No other program may be
        running.
        @raises OSError when no interpreter could be started
        """
        for attempt in range(_ATTEMPTS):
            try:
                if self._next is not None and self._next.job not in (None, job):
                    # Its job belongs to a run that was cancelled.
                    self._discard_next()
                self.prepare(job.folder, entrypoint)
                await self._receive_pid(_START_TIMEOUT)
                exited = self._start_job(job)
                # Forked while the program runs, so the next program does not wait for it.
                self._request_fork()
                return exited
            except OSError:
                self._drop()
                if attempt + 1 == _ATTEMPTS:
                    raise
        raise AssertionError

    async def await_fork(self) -> None:
        """
        Call this before a sweep, which kills every unknown process, including a fork that is not ready yet.
        """
        try:
            await self._receive_pid(1 if isolation.is_used() else _FORK_TIMEOUT)
        except OSError:
            self._discard_next()

    def _launch(self, folder: str, entrypoint: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        launch = Launch(
            executable=self._closed_python,
            # Programs see this name as sys.executable, so it must be one that they can start.
            argv=[self._python, "-u", entrypoint],
            env={
                # Without HOME, Python would look up its uid.
                **{"HOME": folder, "PATH": self._path, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "PYTHONPATH": _WARM_FOLDER},
                "LANDLOCK_SCOPES": landlock.SCOPES.hex(),
                **isolation.variables(),
            },
            cwd=folder,
            descriptors=[theirs.fileno(), 2, 2],
            limits={resource.RLIMIT_CORE: 0},
            confine=confine,
            isolated=False,
        )
        with theirs:
            self._pid, self._exited = self._processes.start(launch)
        self._processes.spared.add(self._pid)
        ours.setblocking(False)
        self._control, self._entrypoint = ours, entrypoint

    def _request_fork(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._next = _Fork(ours)
        try:
            with theirs:
                socket.send_fds(self._control, [b"f"], [theirs.fileno()])
        except OSError:
            # The interpreter was killed in the meantime. The next `prepare` starts another.
            self._drop()

    async def _receive_pid(self, timeout: float) -> None:
        """
        Waits until the next fork has sent its pid.
        @raises OSError when it is not ready in time, or has ended
        """
        fork = self._next
        if fork is None:
            raise OSError("the warm interpreter has ended")
        if fork.pid is not None:
            return
        try:
            message = fork.connection.recv(64)
        except BlockingIOError:
            message = await asyncio.wait_for(self._loop.sock_recv(fork.connection, 64), timeout)
        if not message[:1].isdigit():
            raise OSError(f"the warm interpreter ended before it forked: {message!r}")
        pid, *others = map(int, message.split())
        # Raises if the fork was already reaped as an orphan: then its end would never be reported.
        os.kill(pid, 0)
        fork.pid, fork.exited = pid, self._processes.adopt(pid)
        self._processes.spared.add(pid)
        if others:
            fork.keeper, helper = others
            self._processes.spared.add(fork.keeper)
            self._processes.ignore(helper)

    def _start_job(self, job: Job) -> "asyncio.Future[Exit]":
        fork, self._next = self._next, None
        self._processes.spared -= {fork.pid, fork.keeper}
        self._processes.keeper = fork.keeper
        with fork.connection:
            if fork.job is None:
                _send_job(fork, job)
            # Waits a fraction of a millisecond, so that any failure is found before the program starts.
            fork.connection.settimeout(_RUN_TIMEOUT)
            fork.connection.send(b"g")
            answer = fork.connection.recv(512)
        if answer != b"started":
            raise OSError(f"the program could not be started: {answer.decode() or 'its process ended'}")
        return fork.exited

    def _discard_next(self) -> None:
        """Discards the next fork. It exits when its socket closes; otherwise the next sweep kills it."""
        if self._next is not None:
            # Its keeper is of no use alone: the next sweep ends it.
            self._processes.spared -= {self._next.pid, self._next.keeper}
            self._next.connection.close()
        self._next = None

    def _drop(self) -> None:
        """
        Discards the interpreter and its next fork. They exit when their sockets close, or the next sweep
        kills them.
        """
        self._discard_next()
        self._processes.spared.discard(self._pid)
        if self._control is not None:
            self._control.close()
        self._control = self._exited = self._entrypoint = self._pid = None


def _send_job(fork: _Fork, job: Job) -> None:
    fields = {"folder": job.folder, "args": job.args, "env": job.env, "limits": job.limits}
    descriptor = os.memfd_create("job")
    try:
        os.write(descriptor, marshal.dumps(fields))
        os.lseek(descriptor, 0, os.SEEK_SET)
        socket.send_fds(fork.connection, [b"r"], [*job.descriptors, descriptor])
    finally:
        os.close(descriptor)
    fork.job = job
