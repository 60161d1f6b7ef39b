"""PID 1 of a program's container: starts the program, supervises it, and handles its exit.

A program that exits with 0 is complete: the container stays up and ready, so its output stays in the log and
nothing restarts it. If a program fails, the container exits with the same code, and Kubernetes restarts it
with growing delays. SIGTERM and SIGINT are forwarded to the program. Everything that the program prints goes
directly to the container's log. Lines printed by this file begin with "orchestration:".

The program runs in a private, writable copy of its files, in the same folder as in the test pod. Each start
of the container copies the program's own files again. The copy is deleted with the pod.

Usage: entry.py run|once FILE [ARGUMENT...], or entry.py --install REQUIREMENT...

FILE is relative to the directory of the program's files. With `once`, the container exits when the program
does, whatever its exit code is, and answers no probes. With --install, it installs a program's requirements
into LAYER_DIRECTORY and exits. FILE and --once FILE mean `run` and `once`; pods of earlier releases use them.

Environment:
LANGUAGE           how FILE is run (sandbox/languages)
MEMORY_MB          how much memory the program may use, for languages that need to know
PORT               where a serving program is expected to listen
READY_PORT         where GET /ready is answered
PGHOST, PGPORT     the database, which must accept connections before the program starts, for at most ten
                   seconds
DATABASE_STARTS    1 for a new database, which starts at the same time: the program waits for it for four minutes
LAYER_DIRECTORY    where the requirements are, if there are any
PACKAGE_INDEX_URL  where the requirements are installed from
INPUT_DIRECTORY    with `run`: contains `stdin`, the program's standard input, and `args`, a JSON list of
                   further arguments
SERVES             1 for a program that served in its tests: it is not ready before it listens
"""

import os
import sys

import probe_socket


def port_from(variable, default):
    text = os.environ.get(variable, default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        sys.exit(f"orchestration: {variable}={text} is not a port number (1 to 65535)")
    return int(text)


def listen_for_probes():
    return probe_socket.listen(port_from("READY_PORT", "18080"))


# Before the other imports, which take longer than the first probe takes to arrive.
PROBES = listen_for_probes() if __name__ == "__main__" and sys.argv[1:2] == ["run"] else None

import json  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402

from await_database import await_database  # noqa: E402
from drain import Drain  # noqa: E402
from file_names import is_ambiguous  # noqa: E402
from readiness import Readiness, answer_probes  # noqa: E402
from signals import signal_name  # noqa: E402

PROGRAM_DIRECTORY = os.environ.get("PROGRAM_DIRECTORY", "/app")
WORK_DIRECTORY = os.environ.get("WORK_DIRECTORY", "/work/1")
LAYER_DIRECTORY = os.environ.get("LAYER_DIRECTORY")
INPUT_DIRECTORY = os.environ.get("INPUT_DIRECTORY")
LANGUAGES_DIRECTORY = os.environ.get("LANGUAGES_DIRECTORY", "/opt/languages")

# How long a program may take to exit after SIGTERM. Then it is killed.
STOP_SECONDS = 15.0

# How often the end of a drain is checked.
CHECK_INTERVAL_SECONDS = 0.1

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
HANDLED_SIGNALS = STOP_SIGNALS | {signal.SIGCHLD}


def main(arguments):
    if arguments[:1] == ["--install"]:
        return install(arguments[1:])
    parsed = parse(arguments)
    if parsed is None:
        log("usage: entry.py run|once FILE [ARGUMENT...] | --install REQUIREMENT...")
        return 64
    once, file, rest = parsed
    if not os.path.isfile(os.path.join(PROGRAM_DIRECTORY, file)):
        log(f"there is no file {os.path.join(PROGRAM_DIRECTORY, file)} to run")
        return 66
    name = os.environ.get("LANGUAGE", "python")
    try:
        command, environment = command_of(name, "run", as_argument(file))
    except FileNotFoundError:
        log(f"this image does not support the language {name}")
        return 69

    # Blocked before any thread exists, so that only the loop in supervise() receives them.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED_SIGNALS)
    waited = await_database(STOP_SIGNALS)
    if waited is not None:
        log(f"the database could not be reached for {waited:.1f} s; starting the program")
    port = port_from("PORT", "8080")
    ready_port = port_from("READY_PORT", "18080")
    readiness = Readiness(port, ready_port, serves=os.environ.get("SERVES") == "1")
    if not once:
        answer_probes(readiness, listen_for_probes() if PROBES is None else PROBES)
    try:
        prepare_work_directory()
    except (OSError, RecursionError) as error:
        log(f"the program's files could not be copied to {WORK_DIRECTORY}: {error}")
        return 74
    try:
        extra = [] if once else input_arguments()
        process = start([*command, *rest, *extra], environment, None if once else input_file())
    except OSError as error:
        log(f"{command[0]} cannot be started: {error.strerror}")
        return 69
    return supervise(process, readiness, port, once)


def parse(arguments):
    """
    Returns (once, file, arguments of the program), or None. FILE may have any name, even that of an option.
    """
    if len(arguments) >= 2 and arguments[0] in ("run", "once"):
        return arguments[0] == "once", arguments[1], arguments[2:]
    if len(arguments) == 2 and arguments[0] == "--once":
        return True, arguments[1], []
    return (False, arguments[0], []) if len(arguments) == 1 else None


def as_argument(file):
    """
    The argument that names a file: its full path if the interpreter could read it as an option or a command.
    """
    return os.path.join(WORK_DIRECTORY, file) if is_ambiguous(file) else file


def install(requirements):
    """
    Installs the layer once in the pod's lifetime: after a restart of its node, the index may be unavailable.
    """
    complete = os.path.join(LAYER_DIRECTORY, "complete")
    if os.path.exists(complete):
        return 0
    # Removes what an earlier attempt left. LAYER_DIRECTORY itself is a volume.
    shutil.rmtree(layer(), ignore_errors=True)
    os.mkdir(layer())
    command, environment = command_of(os.environ.get("LANGUAGE", "python"), "install")
    code = subprocess.run([*command, *requirements], env={**os.environ, **environment}).returncode
    if code == 0:
        open(complete, "w").close()
    return shell_code(code)


def layer():
    return os.path.join(LAYER_DIRECTORY, "installed")


def command_of(name, command, program=""):
    """
    Returns a language command's arguments and environment. Without a layer, variables that refer to one are
    left out.
    """
    folder = os.path.join(LANGUAGES_DIRECTORY, name)
    with open(os.path.join(folder, "language.json"), encoding="utf-8") as file:
        language = json.load(file)
    memory = os.environ.get("MEMORY_MB", "192")
    placeholders = {"{entrypoint}": program, "{language}": folder, "{memory_mb}": memory}
    environment = language.get("environment", {})
    if LAYER_DIRECTORY:
        placeholders["{layer}"] = layer()
    else:
        environment = {name: value for name, value in environment.items() if "{layer}" not in value}
    arguments = [filled(argument, placeholders) for argument in language["commands"][command]]
    return arguments, {name: filled(value, placeholders) for name, value in environment.items()}


def filled(text, placeholders):
    """Replaces each placeholder once, because a value may itself look like a placeholder."""
    return re.sub("|".join(map(re.escape, placeholders)), lambda found: placeholders[found[0]], text)


def input_arguments():
    if not INPUT_DIRECTORY:
        return []
    with open(os.path.join(INPUT_DIRECTORY, "args"), encoding="utf-8") as file:
        return json.load(file)


def input_file():
    return os.path.join(INPUT_DIRECTORY, "stdin") if INPUT_DIRECTORY else None


def start(command, environment, stdin=None):
    """Starts the program with default signal handling, in its own folder."""
    os.chdir(WORK_DIRECTORY)
    variables = {"LANG": "C.UTF-8", **os.environ, "HOME": WORK_DIRECTORY, **environment}
    actions = [] if stdin is None else [(os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0)]
    return os.posix_spawnp(
        command[0], command, variables, file_actions=actions, setsigmask=[], setsigdef=HANDLED_SIGNALS
    )


def prepare_work_directory():
    """
    Copies the program's files to a folder where it may change them. Other files from an earlier start remain.
    """
    os.makedirs(WORK_DIRECTORY, 0o700, exist_ok=True)
    for folder, folders, files in os.walk(PROGRAM_DIRECTORY, followlinks=True):
        # Kubernetes stores the actual files in folders whose names begin with two dots.
        folders[:] = [name for name in folders if not name.startswith("..")]
        target = os.path.normpath(os.path.join(WORK_DIRECTORY, os.path.relpath(folder, PROGRAM_DIRECTORY)))
        if not os.path.isdir(target):
            remove(target)
            os.mkdir(target)
        for name in files:
            copy = os.path.join(target, name)
            remove(copy)
            shutil.copyfile(os.path.join(folder, name), copy)


def remove(path):
    """Removes whatever the program may have put in place of one of its files."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def supervise(program, readiness, port, once=False):
    """Handles signals until the container must exit. Returns its exit code."""
    started = time.monotonic()
    drain = None
    kill_at = None
    stopping = False
    completed = False
    while True:
        received = wait_for_signal(pause_until(drain, kill_at))

        if received in STOP_SIGNALS and completed:
            return 0
        if received in STOP_SIGNALS and not stopping and readiness.serving:
            stopping = True
            readiness.stop()
            drain = Drain(port)
        elif received in STOP_SIGNALS or (received is None and drain is not None and drain.is_over()):
            # There is nothing to drain, the drain is over, or a second request to stop cut it short.
            stopping = True
            readiness.stop()
            drain = None
            kill_at = time.monotonic() + STOP_SECONDS
            os.kill(program, signal.SIGTERM)
        elif received is None and kill_at is not None and time.monotonic() >= kill_at:
            log(f"the program did not end within {STOP_SECONDS:.0f} s of SIGTERM: it is killed")
            kill_at = None
            os.kill(program, signal.SIGKILL)
        elif received == signal.SIGCHLD:
            status = reap(program)
            if status is None:
                continue
            code = os.waitstatus_to_exitcode(status)
            seconds = time.monotonic() - started
            if stopping:
                log(f"program stopped as requested after {seconds:.1f} s: {describe(code)}")
                return shell_code(code)
            if code != 0:
                log(f"program failed after {seconds:.1f} s: {describe(code)}")
                return shell_code(code)
            if once:
                log(f"program completed after {seconds:.1f} s with exit code 0")
                return 0
            log(f"program completed after {seconds:.1f} s with exit code 0; its pod stays up")
            completed = True
            readiness.complete()


def pause_until(drain, kill_at):
    """How long to wait for a signal, in seconds; None for no limit."""
    if drain is not None:
        return CHECK_INTERVAL_SECONDS
    return None if kill_at is None else max(0.0, kill_at - time.monotonic())


def wait_for_signal(seconds):
    """Returns the next handled signal, or None after `seconds`. Waits without limit if `seconds` is None."""
    if seconds is None:
        return signal.sigwait(HANDLED_SIGNALS)
    received = signal.sigtimedwait(HANDLED_SIGNALS, seconds)
    return None if received is None else received.si_signo


def reap(program):
    """Reaps every process that has ended, including orphans. Returns the program's status if it has ended."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == program:
            found = status


def describe(code):
    if code >= 0:
        return f"exit code {code}"
    name = signal_name(-code)
    return f"{name}, as when it used more memory than its limit" if name == "SIGKILL" else name


def shell_code(code):
    """
    The container's exit code. It cannot end by a signal, so a signal becomes 128 + its number, as in a shell.
    """
    return code if code >= 0 else 128 - code


def log(line):
    print(f"orchestration: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
