"""PID 1's view of the pod's processes: starts, reaps, counts and kills them."""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from . import isolation

PR_SET_DUMPABLE = 4

# A sweep that finds new processes in more rounds than this, or more processes than this, faces a fork bomb.
# Then everything is killed in one call.
_POLITE_ROUNDS = 3
_POLITE_PROCESSES = 64
# PID 1 and the relays get the pod's CPU time before programs do.
_NICENESS = 10
# Before the pids of a program in namespaces of its own, in the report of its start.
_PIDS = b"pids "
# Longer than 52 numbers and a name of 16 bytes can be.
_STAT_BYTES = 2048
# How many signals are read at once, one byte each. More stay readable.
_SIGNALS_BYTES = 4096
# The position of num_threads in /proc/<pid>/stat, counted from the state, which follows the name; proc(5).
_THREADS = 17
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# A sweep that takes longer, in seconds, will not finish: the container must be restarted.
_SWEEP_DEADLINE = 10


class SweepFailed(Exception):
    """A process of a finished run could not be killed."""


def hide_from_others() -> None:
    """
    Closes this process to others of the same uid: no ptrace, no access to /proc/<pid>/{mem,fd,environ}. Our
    uid cannot read the interpreter's file, so the kernel already did this at exec, before any of our code
    ran. It is repeated here for file systems and sandboxes that do not do that.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE) failed")


@dataclass(frozen=True)
class Exit:
    """How a child ended. The usage includes the descendants that it waited for."""

    status: int
    cpu_seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Launch:
    """A program to start. It gets these descriptors and no others."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    # The program's descriptors 0, 1, 2 and so on.
    descriptors: list[int]
    limits: dict[int, int]
    # Called last before exec, to drop the rights that the program must not have.
    confine: Callable[[], None]
    # The file to execute, if it is not argv[0].
    executable: str | None = None
    # Whether it gets namespaces of its own, where they are available (isolation.py).
    isolated: bool = True


class _Row(NamedTuple):
    """A process as /proc/<pid>/stat shows it."""

    pid: int
    # 0 if the parent is outside the pod.
    parent: int
    # One letter.
    state: str
    threads: int

    @property
    def is_alive(self) -> bool:
        """A process whose first thread has ended is shown as dead, even if other threads still run."""
        return self.state not in "ZX" or self.threads > 1


class Count(NamedTuple):
    """The processes of programs at one point in time."""

    alive: int
    # The threads of the processes that are alive.
    threads: int
    # Zombies: ended, but not waited for by their parents.
    dead: int


class Processes:
    """Starts and reaps children. PID 1 inherits every orphan of the pod, so it reaps those as well."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._exits: dict[int, asyncio.Future[Exit]] = {}
        self._loop = loop
        self._reaped = asyncio.Event()
        # The warm interpreter and its next fork. They belong to no program: sweeps spare them and they are
        # not counted.
        self.spared: set[int] = set()
        # The first process of the running program's namespaces, if it has its own. It belongs to the program's run, and
        # is not counted.
        self.keeper: int | None = None
        # Processes of ours that only prepared a program. Their usage belongs to no program.
        self._ignored: set[int] = set()
        # Processes that entered the pod from outside, when all processes were last read.
        self._visitors: list[int] = []
        self.orphans_cpu_seconds = 0.0
        self.orphans_peak_memory_bytes = 0
        self._watch_children()

    def _watch_children(self) -> None:
        """
        Makes SIGCHLD call `_reap`. The loop's own signal handlers do the same, but take two more of its turns for
        each signal.
        """
        self._signals, written = socket.socketpair()
        self._written = written
        for end in (self._signals, written):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # A program can send SIGCHLD faster than the loop reads it. A lost signal does no harm, because each
        # one makes us reap all ended children.
        signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
        self._loop.add_reader(self._signals, self._on_signals)

    def _on_signals(self) -> None:
        self._signals.recv(_SIGNALS_BYTES)
        self._reap()

    def start(self, launch: Launch) -> tuple[int, "asyncio.Future[Exit]"]:
        """
        Starts a program in a new session. The future resolves when the program ends.
        @raises OSError when it cannot be started
        """
        report_read, report_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become(launch, report_write)
        os.close(report_write)
        try:
            # Closed by a successful exec, about a millisecond from now.
            report = _read_all(report_read)
        finally:
            os.close(report_read)
        if report.startswith(_PIDS):
            pids, _, report = report.removeprefix(_PIDS).partition(b"\n")
            pid, self.keeper, helper = map(int, pids.split())
            self.ignore(helper)
        exited = self._exits[pid] = self._loop.create_future()
        if report:
            raise OSError(f"{launch.argv[0]} could not be started: {report.decode()}")
        _offer_to_the_kernel(pid)
        return pid, exited

    def ignore(self, pid: int) -> None:
        """Takes a process, unless it was already reaped, for one of ours: its usage is not a program's."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            self._ignored.add(pid)

    def adopt(self, pid: int) -> "asyncio.Future[Exit]":
        """
        Returns a future for the end of a process that PID 1 did not start but inherits, and has not reaped
        yet.
        """
        exited = self._exits[pid] = self._loop.create_future()
        return exited

    def count(self) -> "Count":
        """Counts the processes of programs."""
        rows = self._of_programs()
        alive = [row.threads for row in rows if row.is_alive]
        return Count(len(alive), sum(alive), len(rows) - len(alive))

    def resident_bytes(self) -> int:
        """The resident memory of programs. Shared pages count once for each process."""
        return sum(_resident_bytes(row.pid) for row in self._of_programs())

    def own_resident_bytes(self, known: bool = False) -> int:
        """
        The resident memory of PID 1 and of processes that entered from outside the pod.
        @param known counts only those that were there when all processes were last read, which is faster
        """
        if not known:
            self._others()
        return sum(map(_resident_bytes, (os.getpid(), *self._visitors)))

    def starved_seconds(self) -> float:
        """The longest time that any process of a program was runnable but had no CPU."""
        return max((_starved_seconds(row.pid) for row in self._of_programs()), default=0.0)

    def forget_orphans(self) -> None:
        """Resets the resource usage of reaped orphans."""
        self.orphans_cpu_seconds = 0.0
        self.orphans_peak_memory_bytes = 0

    async def sweep(self) -> None:
        """
        Kills every process of the pod except PID 1, the spared ones and those that entered from outside, and
        waits until they are gone. This includes daemons that left their session. Surviving processes that
        were stopped are continued.
        @raises SweepFailed
        """
        deadline = self._loop.time() + _SWEEP_DEADLINE
        rounds = 0
        signalled: set[int] = set()
        isolated = self.keeper is not None
        if isolated:
            # With it, the kernel ends all processes of the program's namespaces at once.
            _signal(self.keeper, signal.SIGKILL)
        while strangers := _strangers(self._others()):
            if self._loop.time() > deadline:
                raise SweepFailed(f"processes {strangers} did not die within {_SWEEP_DEADLINE} s")
            # Only new processes suggest a fork bomb: a killed process may need time to free its memory, or to
            # get CPU time to exit.
            grows = not signalled.issuperset(strangers)
            rounds += grows
            if not isolated and grows and (rounds > _POLITE_ROUNDS or len(strangers) > _POLITE_PROCESSES):
                # One call kills all processes at once, so none can escape by forking. It kills the relays
                # too: the worker opens another one and joins the run again.
                _signal(-1, signal.SIGKILL)
            else:
                for pid in strangers:
                    _signal(pid, signal.SIGKILL)
            signalled.update(strangers)
            await self._next_exit(0.01)
        for pid in (*self._visitors, *self.spared):
            _signal(pid, signal.SIGCONT)

    def _of_programs(self) -> list[_Row]:
        return [row for row in self._others() if row.parent != 0 and row.pid != self.keeper]

    def _others(self) -> list[_Row]:
        """Every process except PID 1 and the spared ones."""
        self._reap()
        known = {"1", *map(str, self.spared)}
        found = (_stat(name) for name in os.listdir("/proc") if name not in known and name.isdigit())
        rows = [row for row in found if row is not None]
        self._visitors = [row.pid for row in rows if row.parent == 0]
        return rows

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
            if pid == self.keeper:
                self.keeper = None
            exited = self._exits.pop(pid, None)
            if pid in self._ignored:
                self._ignored.discard(pid)
            elif exited is None:
                self.orphans_cpu_seconds += cpu
                self.orphans_peak_memory_bytes = max(self.orphans_peak_memory_bytes, peak)
            elif not exited.done():
                exited.set_result(Exit(status, cpu, peak))


def _strangers(rows: list[_Row]) -> list[int]:
    return [row.pid for row in rows if row.parent != 0 and row.is_alive]


def is_visitor(pid: int) -> bool:
    """
    Whether a process entered the pod from outside (`kubectl exec`, probes). Its parent is not in the pod's
    PID namespace, so the kernel shows the parent as 0. This is never so for a process created in the pod: its
    parent is in the pod, and when the parent dies, PID 1 replaces it.
    """
    row = _stat(str(pid))
    return row is not None and row.pid != 1 and row.parent == 0


def _stat(pid: str) -> _Row | None:
    text = _read_file(f"/proc/{pid}/stat")
    if text is None:
        return None
    # The name is in parentheses and may itself contain parentheses and spaces.
    fields = text[text.rindex(b")") + 2:].split(b" ", _THREADS + 1)
    return _Row(int(pid), int(fields[1]), fields[0].decode(), int(fields[_THREADS]))


def _read_file(path: str) -> "bytes | None":
    """
    Reads a small file of /proc; None if its process is gone. With os.open and os.read, because `open` takes three
    times as long, and all processes are read after each run.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    try:
        return os.read(descriptor, _STAT_BYTES)
    except ProcessLookupError:
        return None
    finally:
        os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    pieces = []
    while piece := os.read(descriptor, 512):
        pieces.append(piece)
    return b"".join(pieces)


def _resident_bytes(pid: int) -> int:
    text = _read_file(f"/proc/{pid}/statm")
    return 0 if text is None else int(text.split(b" ", 2)[1]) * _PAGE_BYTES


def _starved_seconds(pid: int) -> float:
    """
    How long its first thread was runnable but had no CPU; 0 where the kernel does not count it (some
    sandboxes).
    """
    fields = (_read_file(f"/proc/{pid}/schedstat") or b"").split()
    return int(fields[1]) / 1e9 if len(fields) > 1 else 0.0


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        # Already gone, or a process of the container runtime that is just entering the pod under another uid.
        return


def _offer_to_the_kernel(pid: int) -> None:
    """
    Makes the kernel kill programs, not the supervisor, when memory runs out. A program's forks inherit this.
    """
    # Refused for the warm interpreter, which is closed to us. Its forks do this for themselves.
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w") as file:
        file.write("1000")


def _become(launch: Launch, report: int) -> None:
    """Runs in the child, between fork and exec. Never returns."""
    try:
        os.setsid()
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        # First moves the descriptors to high numbers, so that none is overwritten before it is duplicated.
        report, *sources = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for fd in (report, *launch.descriptors)]
        for target, source in enumerate(sources):
            os.dup2(source, target)
        os.closerange(len(sources), report)
        os.closerange(report + 1, 65536)
        os.chdir(launch.cwd)
        os.nice(_NICENESS)
        for kind, value in launch.limits.items():
            resource.setrlimit(kind, (value, value))
        if launch.isolated:
            isolation.enter(lambda pids: os.write(report, _PIDS + pids + b"\n"))
        launch.confine()
        os.execvpe(launch.executable or launch.argv[0], launch.argv, launch.env)
    except BaseException as error:  # noqa: BLE001: whatever it is, the parent must learn it.
        os.write(report, repr(error).encode()[:512])
    finally:
        os._exit(127)
