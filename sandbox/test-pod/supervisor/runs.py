"""Runs by key: one at a time, each executed once. Results are kept for repeated requests."""

import asyncio
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace

from .capture import Capture
from .execution import Execution, NotClean
from .layers import LayerMissing, Layers, key_of
from .request import RunRequest
from .stdin import FedStdin, Stdin

MAX_QUEUED = 64
# With this many runs in the queue, a run with a queue timeout is refused: each waiting run occupies
# an activity slot of its worker.
MAX_BRIEF = 16
# Results kept for repeated requests; the oldest is deleted first.
MAX_RESULTS = 256
MAX_RESULT_BYTES = 16 * 1024 * 1024
# Truncated output kept for readers that want the full output; the oldest is deleted first.
MAX_REST_BYTES = 32 * 1024 * 1024
# How often waiting runs are notified of their position, in seconds.
_POSITION_INTERVAL = 0.25
# While runs wait, messages about runs are combined for this time for each of them, up to a limit, in seconds. Each
# message, and each write to the log, wakes half a dozen processes on its way, and these use CPU time that the next
# run is waiting for.
_BUSY_DELAY = 0.002
_MAX_BUSY_DELAY = 0.024
# After this many platform failures in a row, the runs are not the cause: a new container may help.
_MAX_FAILED = 3

Listener = Callable[[dict], None]


class Busy(Exception):
    """Too many runs are waiting."""


class NotYet(Exception):
    """Other runs come first: wait for a turn outside this pod."""


class KeyTaken(Exception):
    """The key belongs to a run with a different request."""


class Run:
    """One run, and its listeners."""

    def __init__(self, request: RunRequest):
        self.request = request
        self.state = "queued"
        self.result: dict | None = None
        self.execution: Execution | None = None
        # The id of the execution; None while the run waits for its turn.
        self.execution_id: str | None = None
        self.captures: dict[str, Capture] = {}
        self.stdin = FedStdin(asyncio.get_running_loop(), request.stdin) if request.interactive else Stdin(request.stdin)
        self.listeners: list[Listener] = []
        self.cancelled = False
        # How many bytes of its output are kept, once it has finished.
        self.size = 0

    @property
    def fed(self) -> int:
        """How many bytes of input were fed, not counting the request's own."""
        return self.stdin.received if isinstance(self.stdin, FedStdin) else 0

    @property
    def rest_size(self) -> int:
        return sum(capture.rest_size for capture in self.captures.values())

    def notify(self, event: dict) -> None:
        for listener in list(self.listeners):
            listener(event)

    def finish(self, result: dict) -> None:
        """Keeps what a repeated request needs, and drops the files."""
        self.state = "finished"
        self.result = result
        self.execution = None
        self.request = replace(self.request, files={}, stdin=b"")
        self.size = sum(result[name]["head_bytes"] + result[name]["tail_bytes"] for name in self.captures)


class Runs:
    """The queue and the results of one pod."""

    def __init__(self, make_execution: Callable[[RunRequest, Callable], Execution], layers: Layers):
        self._make_execution = make_execution
        self._layers = layers
        self._by_key: OrderedDict[str, Run] = OrderedDict()
        # Finished runs, the oldest first, and how much of their output is kept. The totals are needed after
        # each run, so they are updated instead of summed up each time.
        self._finished: OrderedDict[str, Run] = OrderedDict()
        self._size = 0
        self._with_rest: OrderedDict[str, Run] = OrderedDict()
        self._rest = 0
        self._queue: deque[Run] = deque()
        self._current: Run | None = None
        # Whether its program has started. Until then, the next fork belongs to it.
        self._current_started = False
        # Keys of runs that failed because of the platform, since the last run that did not.
        self._failed: set[str] = set()
        self._wake = asyncio.Event()
        self._position_timer: asyncio.TimerHandle | None = None

    def submit(self, request: RunRequest) -> Run:
        """
        Returns the run with this key, which may have ended long ago, or queues a new one.
        @raises Busy, NotYet, KeyTaken
        """
        existing = self._by_key.get(request.key)
        if existing is not None and self._is_void(existing):
            self._forget(request.key)
            existing = None
        if existing is not None:
            if existing.request.digest != request.digest:
                raise KeyTaken(f"key {request.key!r} belongs to a run of other files, input or limits")
            return existing
        self._check_capacity(request)
        run = self._by_key[request.key] = Run(request)
        self._queue.insert(self._index_for(request), run)
        if request.queue_timeout is not None:
            asyncio.get_running_loop().call_later(request.queue_timeout, self._end_wait, run)
        self._wake.set()
        self._prepare_next()
        return run

    def _check_capacity(self, request: RunRequest) -> None:
        """@raises Busy, NotYet"""
        brief = request.queue_timeout is not None
        if brief and any(run.request.in_turn for run in (self._current, *self._queue) if run is not None):
            raise NotYet("runs that were accepted earlier wait for their turn")
        limit = MAX_BRIEF if brief else MAX_QUEUED
        if len(self._queue) >= limit:
            raise Busy(f"{limit} runs are already waiting")

    def _index_for(self, request: RunRequest) -> int:
        """A run that was granted its turn goes before those that may still be sent away to wait elsewhere."""
        for index, run in enumerate(self._queue if request.in_turn else ()):
            if run.request.queue_timeout is not None and run.execution is None:
                return index
        return len(self._queue)

    def _end_wait(self, run: Run) -> None:
        """Handles the end of a run's queue timeout: a run that still waits is removed."""
        if run.state == "queued" and self._by_key.get(run.request.key) is run:
            self._withdraw(run, "not_yet", f"its turn did not come within {run.request.queue_timeout:g} s")

    def _withdraw(self, run: Run, code: str, message: str) -> None:
        """Removes a run from the queue and forgets it. The same key then starts a new run."""
        del self._by_key[run.request.key]
        self._queue.remove(run)
        if run.execution is not None:
            run.execution.discard()
        run.notify(_error(code, message))
        self._send_positions_soon()

    def find(self, key: str) -> "Run | None":
        """Finds a run that is waiting, running or recently finished."""
        return self._by_key.get(key)

    def _is_void(self, run: Run) -> bool:
        """Whether the run is an installation whose layer was deleted, so that its result no longer holds."""
        request = run.request
        if request.command != "install" or run.state != "finished" or run.result["outcome"] != "passed":
            return False
        return self._layers.find(key_of(request.language.name, request.requirements)) is None

    def position(self, run: Run) -> int:
        """How many runs are ahead of this one; 0 if it is running or finished."""
        if run.state != "queued":
            return 0
        return self._queue.index(run) + (0 if self._current is None else 1)

    def batch_delay(self) -> float:
        """
        How long a message may wait to be combined with others, in seconds: the longer the queue, the longer before
        the pod could have nothing to do.
        """
        if self._current is None:
            return 0
        return min(len(self._queue) * _BUSY_DELAY, _MAX_BUSY_DELAY)

    def cancel(self, key: str) -> None:
        """Cancels an unfinished run and forgets it. The same key then starts a new run."""
        run = self._by_key.get(key)
        if run is None or run.state == "finished":
            return
        run.cancelled = True
        if run.state == "queued":
            self._withdraw(run, "cancelled", "the run was cancelled before it began")
            return
        del self._by_key[key]
        if run.execution is not None:
            run.execution.cancel()

    async def work(self) -> None:
        """Executes queued runs forever. Raises only after a failure that needs a new container."""
        while True:
            while self._queue:
                self._current = self._queue.popleft()
                self._current_started = False
                if self._queue:
                    self._send_positions_soon()
                await self._execute(self._current)
                self._current = None
            self._wake.clear()
            await self._wake.wait()

    def _prepare_next(self) -> None:
        """Prepares the next run while the current one is running."""
        if self._current is not None and self._current_started and self._queue and self._queue[0].execution is None:
            run = self._queue[0]
            run.execution = self._execution_of(run)
            run.execution.prepare()

    def _execution_of(self, run: Run) -> Execution:
        def on_output(stream: str, offset: int, data: bytes) -> None:
            run.notify({"type": "output", "stream": stream, "offset": offset, "data": data})

        def on_start() -> None:
            self._current_started = True
            self._prepare_next()

        return self._make_execution(run.request, run.stdin, on_output, on_start)

    async def _execute(self, run: Run) -> None:
        run.state = "running"
        if run.execution is None:
            run.execution = self._execution_of(run)
        run.captures = run.execution.captures
        run.execution_id = run.execution.id
        run.notify({"type": "started", "execution": run.execution_id, "input": run.fed})
        try:
            result = await run.execution.run()
        except LayerMissing as error:
            self._give_up(run, _error("layer_missing", str(error)))
            return
        except Exception as error:
            self._give_up(run, _error("internal", "the run could not be carried out; the pod's log says why"))
            self._failed.add(run.request.key)
            if isinstance(error, NotClean) or len(self._failed) >= _MAX_FAILED:
                raise
            traceback.print_exception(error)
            return
        self._failed.clear()
        # Reported while the next run starts, so that the pod does not stay idle meanwhile.
        asyncio.get_running_loop().call_soon(self._finish, run, result)

    def _give_up(self, run: Run, error: dict) -> None:
        """Ends a run without a result. The same key then starts a new run."""
        if self._by_key.get(run.request.key) is run:
            del self._by_key[run.request.key]
        run.state = "finished"
        run.notify(error)

    def _finish(self, run: Run, result: dict) -> None:
        run.finish(result)
        if run.cancelled:
            run.notify(_error("cancelled", "the run was cancelled"))
        else:
            run.notify({"type": "finished"})
            self._keep(run)

    def _send_positions_soon(self) -> None:
        """
        Limits how often positions are sent: with many waiting runs, sending all of them takes longer than a
        run.
        """
        if self._position_timer is None or self._position_timer.when() < asyncio.get_running_loop().time():
            self._position_timer = asyncio.get_running_loop().call_later(_POSITION_INTERVAL, self._send_positions)

    def _send_positions(self) -> None:
        for position, run in enumerate(self._queue, start=0 if self._current is None else 1):
            run.notify({"type": "queued", "position": position})

    def _keep(self, run: Run) -> None:
        """Keeps the result of a run, and deletes older ones to make room."""
        key = run.request.key
        self._finished[key] = run
        self._size += run.size
        if run.rest_size > 0:
            self._with_rest[key] = run
            self._rest += run.rest_size
        while len(self._finished) > MAX_RESULTS or (self._size > MAX_RESULT_BYTES and len(self._finished) > 1):
            self._forget(next(iter(self._finished)))
        while self._rest > MAX_REST_BYTES and len(self._with_rest) > 1:
            self._forget_rest(next(iter(self._with_rest)))

    def _forget(self, key: str) -> None:
        self._forget_rest(key)
        self._size -= self._finished.pop(key).size
        del self._by_key[key]

    def _forget_rest(self, key: str) -> None:
        run = self._with_rest.pop(key, None)
        if run is not None:
            self._rest -= run.rest_size
            for capture in run.captures.values():
                capture.forget_rest()


def _error(code: str, message: str) -> dict:
    return {"type": "error", "code": code, "message": message}
