"""PID 1 of the test pod: keeps it alive, reaps its children, and runs submissions."""

import asyncio
import os
import shutil
import signal
import sys

from . import isolation, landlock, languages
from .execution import Execution, PodPaths
from .layers import Layers
from .memory import MEMINFO, Memory
from .podlog import PodLog, RunLog
from .processes import Processes, hide_from_others
from .runs import Runs
from .server import serve
from .warm import WarmInterpreter

PATH = "/usr/local/bin:/usr/bin:/bin"
# Most submissions use this name. The first run with another name waits until an interpreter has started.
_DEFAULT_ENTRYPOINT = "main.py"
_LAYERS = "/layers"
# How often the supervisor checks for a request to stop, in seconds.
_STOP_INTERVAL = 0.25


def main() -> None:
    if os.getpid() != 1:
        sys.exit("The supervisor must be PID 1 of its container: only then can no program stop it.")
    hide_from_others()
    # The kernel ignores every signal to PID 1 that has no handler, so Python's own SIGINT handler is removed
    # too.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    isolation.find_out()
    if not isolation.is_used() and os.access(sys.executable, os.R_OK):
        sys.exit(
            f"The interpreter {sys.executable} can be read, and this kernel gives programs no namespaces of their own: "
            "they could inspect the supervisor."
        )
    asyncio.run(_supervise())


async def _supervise() -> None:
    loop = asyncio.get_running_loop()
    paths = _paths()
    supported = languages.load()
    log = PodLog(loop, 1)
    processes = Processes(loop)
    memory = Memory(kernel=MEMINFO, volumes=(paths.work, "/tmp", _LAYERS)) if isolation.IS_GVISOR else Memory()
    layers = Layers(_LAYERS)

    warm = WarmInterpreter(processes, sys.executable, paths.python, paths.path)
    # The folders may still contain files from before a container restart.
    await paths.renew()
    await layers.remove_changed()
    warm.prepare(paths.folder, _DEFAULT_ENTRYPOINT)

    def make_execution(request, *callbacks) -> Execution:
        run_log = RunLog(loop, log, request.submission_id)
        return Execution(request, processes, warm, memory, paths, layers, run_log, *callbacks)

    runs = Runs(make_execution, layers)
    log.delay = runs.batch_delay

    def write_log_line(submission_id: str, text: str) -> None:
        RunLog(loop, log, submission_id).print_line(text)

    server = await serve(runs, supported, write_log_line, os.environ.get("POD_UID", ""))
    log.line(
        f"[supervisor] ready, pid {os.getpid()}, Python {sys.version.split()[0]}, runs {', '.join(supported)}, "
        f"{'own' if isolation.is_used() else 'shared'} namespaces, Landlock {landlock.VERSION or 'missing'}"
    )
    async with server:
        await _until_one_ends(runs.work(), _stop_requested())


async def _until_one_ends(*parts) -> None:
    tasks = [asyncio.ensure_future(part) for part in parts]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    # When PID 1 exits, the container and every process in it end.
    os._exit(0)


async def _stop_requested() -> None:
    """
    Returns when the kubelet asks PID 1 to stop. A program can send SIGTERM too, but then the kernel reports
    the program's pid as the sender. A sender outside the pod has no pid in this namespace and shows as 0.
    """
    while True:
        info = signal.sigtimedwait([signal.SIGTERM], 0)
        if info is not None and info.si_pid == 0 and info.si_code == 0:
            return
        await asyncio.sleep(_STOP_INTERVAL)


def _paths() -> PodPaths:
    python = shutil.which("python3", path=PATH)
    if python is None:
        sys.exit(f"There is no python3 in {PATH}: the image must have one.")
    return PodPaths(
        work="/work",
        scratch=("/tmp", "/dev/shm"),
        unused=("/dev/mqueue",),
        empty_files=("/dev/termination-log",),
        python=python,
        path=PATH,
    )
