"""Processes of the pod, as PID 1 sees them: start, reap, find, and leave none behind."""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

PR_SET_DUMPABLE = 4

# A sweep that finds new processes this often, or this many of them, is up against a fork bomb: then everything is
# killed in one call.
_POLITE_ROUNDS = 3
_POLITE_PROCESSES = 64
# Programs stand back behind PID 1 and the relays in the share of the processor that the pod has.
_NICENESS = 10
# More than 52 numbers and a name of 16 bytes can be.
_STAT_BYTES = 2048
# Where num_threads stands in /proc/<pid>/stat, counted from the state, which follows the name; proc(5).
_THREADS = 17
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# A sweep that has not ended after this, in seconds, cannot: the pod must be restarted.
_SWEEP_DEADLINE = 10


class SweepFailed(Exception):
    """A process of a finished run would not die."""


def hide_from_others() -> None:
    """
    Makes this process closed to processes of the same uid: no ptrace, no /proc/<pid>/{mem,fd,environ}.
    The interpreter's file cannot be read by our uid, so the kernel did this at exec already, before any of
    our code ran; a file system or sandbox that does not honour that is why it is done here again.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE) failed")


@dataclass(frozen=True)
class Exit:
    """How a child ended. Usage is of the child and of the descendants that it waited for."""

    status: int
    cpu_seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Launch:
    """A program to start. It gets these descriptors and no others."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    # What the program finds as 0, 1, 2 and so on.
    descriptors: list[int]
    limits: dict[int, int]
    # Called last before exec, to give up what the program must not have.
    confine: Callable[[], None]
    # The file to execute, when it is not the one that argv names.
    executable: str | None = None


class _Row(NamedTuple):
    """A process as /proc/<pid>/stat shows it."""

    pid: int
    # 0 when it is outside the pod.
    parent: int
    # One letter.
    state: str
    threads: int

    @property
    def is_alive(self) -> bool:
        """A process whose first thread is over looks dead, whatever its other threads do."""
        return self.state not in "ZX" or self.threads > 1


class Count(NamedTuple):
    """Processes of programs at one moment."""

    alive: int
    # In those alive.
    threads: int
    # Over, and not waited for by their parents.
    dead: int


class Processes:
    """Starts and reaps children. PID 1 inherits every orphan of the pod, so it reaps those as well."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._exits: dict[int, asyncio.Future[Exit]] = {}
        self._loop = loop
        self._reaped = asyncio.Event()
        # Processes that are no program's, which sweeps leave alone and nobody counts: the warm interpreter and its
        # next fork.
        self.spared: set[int] = set()
        self.orphans_cpu_seconds = 0.0
        self.orphans_peak_memory_bytes = 0
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        # A program can send SIGCHLD faster than the loop reads. One that is not noted is no loss: each makes us
        # reap all there are.
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)

    def start(self, launch: Launch) -> tuple[int, "asyncio.Future[Exit]"]:
        """
        Starts a program in a session of its own; the future tells its end.
        @raises OSError when it cannot be started.
        """
        report_read, report_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become(launch, report_write)
        os.close(report_write)
        exited = self._exits[pid] = self._loop.create_future()
        try:
            # Closed by a successful exec, about a millisecond from now.
            failure = os.read(report_read, 512)
        finally:
            os.close(report_read)
        if failure:
            raise OSError(f"{launch.argv[0]} could not be started: {failure.decode()}")
        _offer_to_the_kernel(pid)
        return pid, exited

    def adopt(self, pid: int) -> "asyncio.Future[Exit]":
        """Tells the end of a process that PID 1 did not start but inherits, and has not reaped yet."""
        exited = self._exits[pid] = self._loop.create_future()
        return exited

    def count(self) -> "Count":
        """How many processes programs have."""
        rows = [row for row in self._others() if row.parent != 0]
        alive = [row.threads for row in rows if row.is_alive]
        return Count(len(alive), sum(alive), len(rows) - len(alive))

    def resident_bytes(self) -> int:
        """What programs hold in memory, pages that they share counted for each."""
        return sum(_resident_bytes(row.pid) for row in self._others() if row.parent != 0)

    def own_resident_bytes(self) -> int:
        """What PID 1 and those from outside hold in memory."""
        return _resident_bytes(os.getpid()) + sum(_resident_bytes(row.pid) for row in self._others() if row.parent == 0)

    def starved_seconds(self) -> float:
        """The longest that any process of programs has stood ready while no processor was free for it."""
        return max((_starved_seconds(row.pid) for row in self._others() if row.parent != 0), default=0.0)

    def forget_orphans(self) -> None:
        """Starts a new account of what reaped orphans used."""
        self.orphans_cpu_seconds = 0.0
        self.orphans_peak_memory_bytes = 0

    async def sweep(self) -> None:
        """
        Kills every process of the pod but PID 1, the spared ones and those that came in from outside, and waits
        until none is left: also daemons that left their session. Those left alive that were stopped are continued.
        @raises SweepFailed
        """
        deadline = self._loop.time() + _SWEEP_DEADLINE
        rounds = 0
        signalled: set[int] = set()
        while strangers := _strangers(rows := self._others()):
            if self._loop.time() > deadline:
                raise SweepFailed(f"processes {strangers} did not die within {_SWEEP_DEADLINE} s")
            # Only new ones speak for a fork bomb: what was killed may take a while to give back its memory, or to
            # get a processor to die on.
            grows = not signalled.issuperset(strangers)
            rounds += grows
            if grows and (rounds > _POLITE_ROUNDS or len(strangers) > _POLITE_PROCESSES):
                # One call kills all there are at one instant, so nothing can fork away from it. It takes the
                # relays too: the worker opens another and joins the run again.
                _signal(-1, signal.SIGKILL)
            else:
                for pid in strangers:
                    _signal(pid, signal.SIGKILL)
            signalled.update(strangers)
            await self._next_exit(0.01)
        visitors = [row.pid for row in rows if row.parent == 0]
        for pid in (*visitors, *self.spared):
            _signal(pid, signal.SIGCONT)

    def _others(self) -> list[_Row]:
        """Every process but PID 1 and the spared ones."""
        self._reap()
        known = {"1", *map(str, self.spared)}
        rows = (_stat(name) for name in os.listdir("/proc") if name not in known and name.isdigit())
        return [row for row in rows if row is not None]

    async def _next_exit(self, timeout: float) -> None:
        self._reaped.clear()
        try:
            await asyncio.wait_for(self._reaped.wait(), timeout)
        except TimeoutError:
            return

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._reaped.set()
            cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
            self.spared.discard(pid)
            exited = self._exits.pop(pid, None)
            if exited is None:
                self.orphans_cpu_seconds += cpu
                self.orphans_peak_memory_bytes = max(self.orphans_peak_memory_bytes, peak)
            elif not exited.done():
                exited.set_result(Exit(status, cpu, peak))


def _strangers(rows: list[_Row]) -> list[int]:
    return [row.pid for row in rows if row.parent != 0 and row.is_alive]


def is_visitor(pid: int) -> bool:
    """
    Whether a process came in from outside the pod (`kubectl exec`, probes). The parent of such a one is not in the
    pod's PID namespace, and the kernel shows it as 0. A process born in the pod can never look so: its parent is in
    the pod, and when that dies, PID 1 takes its place.
    """
    row = _stat(str(pid))
    return row is not None and row.pid != 1 and row.parent == 0


def _stat(pid: str) -> _Row | None:
    # Not by `open`, which does three times the work: after each run, all processes are looked at.
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError):
        return None
    try:
        text = os.read(descriptor, _STAT_BYTES)
    except ProcessLookupError:
        return None
    finally:
        os.close(descriptor)
    # The name stands in brackets and may hold anything, brackets and spaces too.
    fields = text[text.rindex(b")") + 2:].split(b" ", _THREADS + 1)
    return _Row(int(pid), int(fields[1]), fields[0].decode(), int(fields[_THREADS]))


def _resident_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0


def _starved_seconds(pid: int) -> float:
    """Of its first thread; 0 where the kernel does not count it (some sandboxes)."""
    try:
        with open(f"/proc/{pid}/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (FileNotFoundError, ProcessLookupError, PermissionError, IndexError):
        return 0.0


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        # Gone already, or the container runtime itself on its way into the pod, which is none of our uid.
        return


def _offer_to_the_kernel(pid: int) -> None:
    """When memory runs out, the kernel shall kill programs, and not those that judge them. Forks of it are like it."""
    # Refused for the warm interpreter, which is closed to us: its forks do this for themselves.
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w") as file:
        file.write("1000")


def _become(launch: Launch, report: int) -> None:
    """In the child: everything between fork and exec. Never returns."""
    try:
        os.setsid()
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        # First out of the way, so that none is overwritten before it was placed.
        report, *sources = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for fd in (report, *launch.descriptors)]
        for target, source in enumerate(sources):
            os.dup2(source, target)
        os.closerange(len(sources), report)
        os.closerange(report + 1, 65536)
        os.chdir(launch.cwd)
        os.nice(_NICENESS)
        for kind, value in launch.limits.items():
            resource.setrlimit(kind, (value, value))
        launch.confine()
        os.execvpe(launch.executable or launch.argv[0], launch.argv, launch.env)
    except BaseException as error:  # noqa: BLE001: whatever it is, the parent must learn it.
        os.write(report, repr(error).encode()[:512])
    finally:
        os._exit(127)
