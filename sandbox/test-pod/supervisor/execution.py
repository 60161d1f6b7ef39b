"""
One execution of one run. It starts and ends with empty folders.

The outcome depends on waitpid and on measurements made here, never on what the program prints.
"""

import asyncio
import functools
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass

from . import folders, isolation
from .capture import Capture
from .check import find_syntax_error
from .confine import confine
from .file_names import is_ambiguous
from .layers import LayerMissing, Layers, key_of
from .listening import all_listening_addresses, serves
from .memory import Memory
from .podlog import RunLog
from .processes import Exit, Launch, Processes
from .reading import Reading
from .request import RunRequest
from .signals import signal_name
from .stdin import Stdin
from .streams import Streams
from .warm import Job, WarmInterpreter, can_be_forked

# How often the program's processes and memory are checked, in seconds.
_WATCH_INTERVAL = 0.025
# A run with more processes, or more threads in total, is stopped: a fork bomb must not starve its node.
MAX_PROCESSES = 64
MAX_THREADS = 512
# Zombies: processes that have ended but that their parents have not waited for. Each only uses up a pid, and
# the number of pids in a pod is limited (podPidsLimit).
MAX_DEAD_PROCESSES = 256
# Processes and threads together, and those of the supervisor: where the kernel counts them for this pod alone. Reached
# only by a program that is then stopped, before the memory that its processes take ends the whole sandbox.
_MAX_TASKS = 160
# Per process.
_MAX_OPEN_FILES = 256
_MAX_FILE_BYTES = 64 * 1024 * 1024
# Per run. Each file takes about a kilobyte of the pod's memory that the volume limits do not count.
MAX_FILES = 65_536
# For an installation, which unpacks archives. The size of the layers' volume limits the total.
_INSTALL_FILE_BYTES = 1024 * 1024 * 1024
_INSTALL_MEMORY_BYTES = 512 * 1024 * 1024
# A program's pipes close with its last process. This bounds the wait if something else holds one open, in
# seconds.
_DRAIN_DEADLINE = 5

# How many bytes of a test framework's report are kept, and how long one may be. It does not count as output.
KEEP_REPORT_BYTES = 256 * 1024
_MAX_REPORT_BYTES = 128 * 1024 * 1024
# Kept of each stream in addition to the captured output, so that the full output can be stored.
_WHOLE_BYTES = 16 * 1024 * 1024
# Where a serving program must listen, as in production:
# infrastructure/kubernetes/production/names.ts.
_PORT = 8080
# The time in which a program waits for a busy CPU is added to its wall limit. This is the most that is added,
# in seconds, because a program with many threads can make itself wait.
_MAX_STARVED = 60.0
# After serving for this time, in seconds, a program did not crash right after it began to listen.
_SERVING_SETTLED = 0.5
# How many listening addresses are reported for a program that timed out.
_MAX_ADDRESSES = 5

# The name of each stream in the pod's log.
STREAMS = {"stdout": "out", "stderr": "err", "report": None}


@dataclass(frozen=True)
class PodPaths:
    """Paths of the folders that runs use, and of the interpreter that runs programs."""

    work: str
    scratch: tuple[str, ...]
    # Folders and files of the container runtime that must stay empty.
    unused: tuple[str, ...]
    empty_files: tuple[str, ...]
    python: str
    path: str

    @property
    def folder(self) -> str:
        """
        Where programs run. The name never changes, so the warm interpreter knows it before a program exists.
        """
        return os.path.join(self.work, "1")

    def as_argument(self, name: str) -> str:
        """
        The argument that names a file: its full path if the interpreter could read it as an option or a
        command.
        """
        return os.path.join(self.folder, name) if is_ambiguous(name) else name

    def entries(self) -> int:
        """How many files and folders exist in all of them."""
        return sum(folders.entries(folder) for folder in (self.work, *self.scratch))

    async def renew(self) -> None:
        """Resets all folders to their initial state. No program may be running."""
        for folder in (self.work, *self.scratch, *filter(os.path.isdir, self.unused)):
            await folders.empty(folder)
            folders.clear_attributes(folder)
        for path in self.empty_files:
            folders.clear_file(path)
        os.mkdir(self.folder, 0o700)


class NotClean(Exception):
    """A run left something behind that the next run would find. The container must be restarted."""


class Execution:
    """Runs a request once. `cancel` may be called at any time."""

    def __init__(
        self,
        request: RunRequest,
        processes: Processes,
        warm: WarmInterpreter,
        memory: Memory,
        paths: PodPaths,
        layers: Layers,
        log: RunLog,
        stdin: Stdin,
        on_output: Callable[[str, int, bytes], None],
        on_start: Callable[[], None],
    ):
        self._request = request
        self._entrypoint = paths.as_argument(request.entrypoint)
        self._can_be_forked = can_be_forked(request.env, request.files)
        self._processes = processes
        self._warm = warm
        self._memory = memory
        self._paths = paths
        self._layers = layers
        # The folder of the requirements, if there are any.
        self._layer: str | None = None
        self._log = log
        self._stdin = stdin
        self._on_output = on_output
        self._on_start = on_start
        # Prepared for the program ahead of its turn.
        self._streams: Streams | None = None
        self._job: Job | None = None
        self._loop = asyncio.get_running_loop()
        self._stopped: str | None = None
        # A failure of the supervisor, not of the program.
        self._failure: Exception | None = None
        # Done when the program has ended, or must be stopped.
        self._over: asyncio.Future[None] = self._loop.create_future()
        # When the program began, by the loop's clock, and the timers that watch its time and its size.
        self._began = 0.0
        # The memory of the supervisor and of processes from outside the pod at that time, in bytes.
        self._own_before = 0
        self._timer: asyncio.TimerHandle | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._serving_since: float | None = None
        self._listens: list[str] = []
        self.id = os.urandom(6).hex()
        keep = request.limits.keep_output_bytes
        self.captures = {
            "stdout": Capture(keep, _WHOLE_BYTES),
            "stderr": Capture(keep, _WHOLE_BYTES),
            "report": Capture(KEEP_REPORT_BYTES),
        }

    def prepare(self) -> None:
        """
        Prepares this run while another one is running. It does nothing that a program could observe.
        """
        if not self._is_warm() or self._request.requirements:
            return
        self._streams = self._open_streams()
        self._job = self._make_job(self._streams.program_ends)
        self._warm.send_early(self._entrypoint, self._job)

    def discard(self) -> None:
        """Discards what was prepared, because the run will not take place."""
        if self._streams is not None:
            self._streams.discard()

    def cancel(self) -> None:
        self._end_early("cancelled")

    async def run(self) -> dict:
        """
        Returns the `result` of the end record.
        @raises LayerMissing before anything was executed
        @raises NotClean when the next run would find something of this one
        @raises Exception for any other platform failure; the next run can still be executed
        """
        self._processes.forget_orphans()
        await self._layers.remove_changed()
        if not self._installs():
            self._layer = self._required_layer()
        self._log.print_line(f"start {self._request.entrypoint} execution={self.id} key={self._request.key}")
        try:
            result = await (self._install() if self._installs() else self._run_program())
        except BaseException:
            await self._clean_up(swept=False)
            self._log.finish("end error: the supervisor failed")
            raise
        await self._clean_up()
        self._log.finish(_end_line(result))
        return result

    async def _clean_up(self, swept: bool = True) -> None:
        """@raises NotClean"""
        try:
            if not swept:
                await self._sweep()
            await self._paths.renew()
            if self._is_warm():
                self._warm.prepare(self._paths.folder, self._entrypoint)
        except Exception as error:
            raise NotClean(f"what {self._request.key} left could not be removed: {error!r}") from error

    def _required_layer(self) -> "str | None":
        requirements = self._request.requirements
        if not requirements:
            return None
        layer = self._layers.find(key_of(self._request.language.name, requirements))
        if layer is None:
            raise LayerMissing(f"the requirements are not installed here: {', '.join(requirements)}")
        return layer.folder

    async def _run_program(self) -> dict:
        folders.write_files(self._paths.folder, self._request.files)
        return await self._execute()

    async def _install(self) -> dict:
        """
        Installs the requirements into a layer, unless it exists. The submission's files are not present
        meanwhile: an installer could mistake one for a package and execute it, and that code could read the
        index password.
        """
        key = key_of(self._request.language.name, self._request.requirements)
        existing = self._layers.find(key)
        if existing is not None:
            self.captures["report"].add(existing.report)
            self._on_output("report", 0, existing.report)
            return self._record("passed", Exit(0, 0, 0), wall=0)
        self._layer = await self._layers.begin(key)
        result = await self._execute()
        if result["outcome"] == "passed":
            await self._layers.keep(key, self.captures["report"].head)
        return result

    async def _execute(self) -> dict:
        streams = self._streams or self._open_streams()
        reads = [
            Reading(self._loop, end, self._guarded(functools.partial(self._on_data, name)))
            for name, end in streams.read_ends.items()
        ]
        try:
            self._memory.begin()
            # The processes were read when the previous run ended. If one has entered since then, the run may use as
            # much more.
            self._own_before = self._processes.own_resident_bytes(known=True)
            try:
                exited = await self._start(streams.program_ends)
                began = self._loop.time()
            finally:
                streams.close_program_ends()
            self._on_start()
            ended = await self._until_it_ends(exited)
            wall = self._loop.time() - began
            await self._sweep()
            for read in reads:
                await read.finish(_DRAIN_DEADLINE)
        finally:
            self._stdin.close()
            for read in reads:
                read.close()
        if self._failure is not None:
            raise self._failure
        return await self._result(ended, wall, killed_for_memory=self._memory.new_kills() > 0)

    def _open_streams(self) -> Streams:
        return Streams(self._stdin, [name for name in STREAMS if name != "report" or self._reports()])

    async def _sweep(self) -> None:
        await self._warm.await_fork()
        await self._processes.sweep()

    async def _start(self, descriptors: list[int]) -> "asyncio.Future[Exit]":
        request = self._request
        if self._is_warm():
            return await self._warm.start(self._entrypoint, self._job or self._make_job(descriptors))
        memory_mb = request.limits.memory_bytes // (1024 * 1024)
        argv = request.language.argv(
            request.command, entrypoint=self._entrypoint, memory_mb=memory_mb, layer=self._layer
        )
        if self._installs():
            confined, args = functools.partial(confine, (self._layer,)), request.requirements
        else:
            confined, args = confine, self._arguments()
        env, limits = self._environment(), self._resource_limits()
        launch = Launch([*argv, *args], env, self._paths.folder, descriptors, limits, confined)
        _, exited = self._processes.start(launch)
        return exited

    def _arguments(self) -> list[str]:
        """A program's own arguments, or a framework's test files, which it must not read as options."""
        request = self._request
        if request.command == "run":
            return request.args
        return [self._paths.as_argument(name) if name in request.files else name for name in request.args]

    def _make_job(self, descriptors: list[int]) -> Job:
        return Job(
            folder=self._paths.folder,
            args=self._request.args,
            env=self._environment(),
            limits=self._resource_limits(),
            descriptors=descriptors,
        )

    def _is_warm(self) -> bool:
        request = self._request
        return request.command == "run" and request.language.warm == "python" and self._can_be_forked

    def _installs(self) -> bool:
        return self._request.command == "install"

    def _reports(self) -> bool:
        return self._request.language.reports(self._request.command)

    async def _until_it_ends(self, exited: "asyncio.Future[Exit]") -> Exit:
        """Waits until the program ends or must be stopped. Only the first reason to stop it counts."""
        exited.add_done_callback(lambda _: self._settle())
        self._began = self._loop.time()
        self._check_time()
        self._schedule_watch()
        try:
            await self._over
            if not exited.done():
                await self._sweep()
            return await exited
        finally:
            for timer in (self._timer, self._watching):
                if timer is not None:
                    timer.cancel()

    def _check_time(self) -> None:
        """Stops the run when its time is up. The time in which it waited for a CPU does not count."""
        granted = self._request.limits.wall_ms / 1000
        if self._loop.time() - self._began >= granted:
            granted += min(self._processes.starved_seconds(), _MAX_STARVED)
        remaining = self._began + granted - self._loop.time()
        if remaining <= 0:
            if self._request.command == "run":
                self._listens = all_listening_addresses()[:_MAX_ADDRESSES]
            self._end_early("timed_out")
        else:
            self._timer = self._loop.call_later(remaining, self._guarded(self._check_time))

    def _schedule_watch(self) -> None:
        self._watching = self._loop.call_later(_WATCH_INTERVAL, self._guarded(self._watch))

    def _watch(self) -> None:
        count = self._processes.count()
        if count.alive > MAX_PROCESSES or count.threads > MAX_THREADS or count.dead > MAX_DEAD_PROCESSES:
            self._end_early("too_many_processes")
        if self._exceeds_memory() or self._memory.is_scarce() or self._paths.entries() > MAX_FILES:
            self._end_early("out_of_memory")
        if self._request.command == "run" and self._has_served():
            self._end_early("serving")
        self._schedule_watch()

    def _exceeds_memory(self) -> bool:
        """
        Whether the run exceeds its memory limit. An installation also fills a layer, which is in memory and
        not part of that limit, so only its processes are measured.
        """
        limit = self._memory_limit
        if self._installs() or not self._memory.is_known:
            return self._processes.resident_bytes() > limit
        used = self._memory.run_bytes(exact_above=limit)
        if used <= limit:
            return False
        # Some of the growth is not the run's: its captured output, and processes from outside that request
        # it.
        own = self._processes.own_resident_bytes() - self._own_before
        return used - max(own, 0) > limit

    @property
    def _memory_limit(self) -> int:
        return _INSTALL_MEMORY_BYTES if self._installs() else self._request.limits.memory_bytes

    def _has_served(self) -> bool:
        """
        True once the program has served for a while. It has then passed, because a server does not end by
        itself.
        """
        if not serves(_PORT):
            self._serving_since = None
        elif self._serving_since is None:
            self._serving_since = self._loop.time()
        return self._serving_since is not None and self._loop.time() - self._serving_since >= _SERVING_SETTLED

    def _guarded(self, call: Callable) -> Callable:
        """
        Wraps a callback of the event loop. An error in it ends the run, which would otherwise continue
        unwatched.
        """

        def guarded(*arguments) -> None:
            try:
                call(*arguments)
            except Exception as error:
                self._failure = self._failure or error
                self._end_early("failed")

        return guarded

    def _end_early(self, reason: str) -> None:
        if self._stopped is None:
            self._stopped = reason
            self._settle()

    def _settle(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _on_data(self, name: str, data: bytes) -> None:
        """Handles a piece of a stream. Never holds more of it than is kept."""
        capture = self.captures[name]
        offset = capture.total
        shown = capture.add(data)
        if shown:
            self._on_output(name, offset, shown)
        if STREAMS[name] is not None:
            self._log.output(STREAMS[name], data)
        printed = self.captures["stdout"].total + self.captures["stderr"].total
        if printed > self._request.limits.max_output_bytes or self.captures["report"].total > _MAX_REPORT_BYTES:
            self._end_early("too_much_output")

    async def _result(self, ended: Exit, wall: float, killed_for_memory: bool) -> dict:
        exit_code = os.waitstatus_to_exitcode(ended.status)
        served = self._stopped == "serving"
        # This also covers a peak between two checks, and a process that the kernel killed, however the
        # program reacted to that.
        if self._stopped in (None, "serving") and (killed_for_memory or self._peaked(ended)):
            return self._record("out_of_memory", ended, wall)
        if served and exit_code == -signal.SIGKILL:
            return self._record("passed", ended, wall, serving=True)
        # A program that served but crashed before it was stopped counts as crashed.
        outcome = _outcome(exit_code) if self._stopped is None or served else self._stopped
        syntax_error = None
        # A file with a syntax error never ran, so it printed nothing. Its interpreter printed the error.
        stdout, stderr = self.captures["stdout"], self.captures["stderr"]
        if outcome == "failed" and self._request.command == "run" and stdout.total == 0 and stderr.total > 0:
            syntax_error = await find_syntax_error(
                self._processes, self._memory, self._paths, self._request, exit_code
            )
            outcome = "failed" if syntax_error is None else "syntax_error"
        return self._record(outcome, ended, wall, syntax_error)

    def _peaked(self, ended: Exit) -> bool:
        """
        Whether a process exceeded the memory limit at any time. Before exec, a process is as large as the
        supervisor, and the kernel counts that too.
        """
        if self._memory.is_of_kernel:
            # gVisor counts what a process could touch without asking for more, which is far more than what it uses.
            return False
        peak = max(ended.peak_memory_bytes, self._processes.orphans_peak_memory_bytes)
        return peak > max(self._memory_limit, self._own_before)

    def _record(
        self, outcome: str, ended: Exit, wall: float, syntax_error: "str | None" = None, serving: bool = False
    ) -> dict:
        """@param serving the program was stopped because it serves, so its exit status has no meaning"""
        exit_code = os.waitstatus_to_exitcode(ended.status)
        return {
            "execution": self.id,
            "outcome": outcome,
            "exit_code": exit_code if exit_code >= 0 and not serving else None,
            "signal": signal_name(-exit_code) if exit_code < 0 and not serving else None,
            "serving": serving,
            "wall_ms": round(wall * 1000, 1),
            "cpu_ms": round((ended.cpu_seconds + self._processes.orphans_cpu_seconds) * 1000, 1),
            "peak_memory_bytes": max(ended.peak_memory_bytes, self._processes.orphans_peak_memory_bytes),
            "check": syntax_error,
            "listens": self._listens,
            "sandbox": isolation.level(),
            **{name: capture.summary() for name, capture in self.captures.items()},
        }

    def _environment(self) -> dict[str, str]:
        index = self._request.index_url if self._installs() else None
        return {
            **self._request.env,
            **_merged(self._request.language.variables(self._layer), self._request.env),
            **({} if index is None else {"PACKAGE_INDEX_URL": index}),
            "PATH": self._paths.path,
            "HOME": self._paths.folder,
            "LANG": "C.UTF-8",
            "PORT": str(_PORT),
            "SUBMISSION_ID": self._request.submission_id,
        }

    def _resource_limits(self) -> dict[int, int]:
        installs = self._installs()
        return {
            resource.RLIMIT_NOFILE: _MAX_OPEN_FILES,
            resource.RLIMIT_FSIZE: _INSTALL_FILE_BYTES if installs else _MAX_FILE_BYTES,
            resource.RLIMIT_CORE: 0,
            **({resource.RLIMIT_NPROC: _MAX_TASKS} if isolation.IS_GVISOR else {}),
        }


def _merged(ours: dict[str, str], theirs: dict[str, str]) -> dict[str, str]:
    """
    Merges two environments. Where both set a folder list, such as PYTHONPATH, the platform's folders come
    first.
    """
    both = {name for name in ours if name.endswith("PATH") and name in theirs}
    return {name: f"{value}{os.pathsep}{theirs[name]}" if name in both else value for name, value in ours.items()}


def _outcome(exit_code: int) -> str:
    if exit_code == 0:
        return "passed"
    return "killed_by_signal" if exit_code < 0 else "failed"


def _end_line(result: dict) -> str:
    how = "serving" if result["serving"] else result["signal"] or f"exit {result['exit_code']}"
    return f"end {result['outcome']} ({how}) after {result['wall_ms']:.0f} ms"
