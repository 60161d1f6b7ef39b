"""Process 1 of a program's container: starts the program, keeps it company, and tells its end apart.

A program that ends with 0 is complete: the container stays up and ready, so its output stays in the log and
nothing restarts it. One that fails ends the container with the same code, and Kubernetes starts it again
with growing pauses. SIGTERM and SIGINT are passed on to the program. Everything it prints goes straight to
the container's log; lines of this file begin with "orchestration:".

Usage: entry.py [--once] FILE, or entry.py --install REQUIREMENT..., with FILE relative to the directory of the program's files. With --once the
container ends with the program whatever its code is, and answers no probes. With --install it fills
LAYER_DIRECTORY with the requirements of a program, and ends.
Environment: LANGUAGE, how FILE is run (infrastructure/languages); MEMORY_MB, what it may use of the
container's memory, for languages that want to know; PORT, where a program that serves is
expected to listen; READY_PORT, where GET /ready answers; LAYER_DIRECTORY, where requirements are, if there
are any; PACKAGE_INDEX_URL, where they come from.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

from readiness import Readiness, answer_probes

PROGRAM_DIRECTORY = os.environ.get("PROGRAM_DIRECTORY", "/app")
WORK_DIRECTORY = os.environ.get("WORK_DIRECTORY", "/tmp/work")
LAYER_DIRECTORY = os.environ.get("LAYER_DIRECTORY")
LANGUAGES_DIRECTORY = os.environ.get("LANGUAGES_DIRECTORY", "/opt/languages")

# How long a serving program goes on serving after it was asked to stop: routes to it vanish within this time.
DRAIN_SECONDS = 2.0

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
HANDLED_SIGNALS = STOP_SIGNALS | {signal.SIGCHLD}


def main(arguments):
    if arguments[:1] == ["--install"]:
        return install(arguments[1:])
    once = arguments[:1] == ["--once"]
    if len(arguments) != 1 + once:
        say("usage: entry.py [--once] FILE | --install REQUIREMENT...")
        return 64
    program = os.path.join(PROGRAM_DIRECTORY, arguments[-1])
    if not os.path.isfile(program):
        say(f"there is no file {program} to run")
        return 66
    name = os.environ.get("LANGUAGE", "python")
    try:
        command, environment = command_of(name, "run", program)
    except FileNotFoundError:
        say(f"this image knows no language {name}")
        return 69

    # Blocked before any thread exists, so that only the loop in supervise() ever takes them.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED_SIGNALS)
    readiness = Readiness(port=port_from("PORT", "8080"))
    if not once:
        answer_probes(readiness, port_from("READY_PORT", "18080"))
    prepare_work_directory()
    try:
        process = start(command, environment)
    except OSError as error:
        say(f"{command[0]} cannot be started: {error.strerror}")
        return 69
    return supervise(process, readiness, once)


def install(requirements):
    """Fills the layer, once for the life of the pod: after a restart of its node the index may be away."""
    complete = os.path.join(LAYER_DIRECTORY, "complete")
    if os.path.exists(complete):
        return 0
    # What an attempt before this one left; the folder itself is a volume.
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
    """How a language carries out a command: arguments and environment. Without a layer, nothing that names one."""
    folder = os.path.join(LANGUAGES_DIRECTORY, name)
    with open(os.path.join(folder, "language.json"), encoding="utf-8") as file:
        language = json.load(file)
    memory = os.environ.get("MEMORY_MB", "192")
    places = {"{entrypoint}": program, "{language}": folder, "{memory_mb}": memory}
    environment = language.get("environment", {})
    if LAYER_DIRECTORY:
        places["{layer}"] = layer()
    else:
        environment = {name: value for name, value in environment.items() if "{layer}" not in value}
    arguments = [filled(argument, places) for argument in language["commands"][command]]
    return arguments, {name: filled(value, places) for name, value in environment.items()}


def filled(text, places):
    for place, value in places.items():
        text = text.replace(place, value)
    return text


def start(command, environment):
    """Starts the program with default signal handling, in the working directory."""
    os.chdir(WORK_DIRECTORY)
    return os.posix_spawnp(
        command[0], command, {**os.environ, **environment}, setsigmask=[], setsigdef=HANDLED_SIGNALS
    )


def prepare_work_directory():
    """A writable directory where the program finds its files: the ones Kubernetes mounts are read-only."""
    for folder, folders, files in os.walk(PROGRAM_DIRECTORY, followlinks=True):
        # Kubernetes keeps the files themselves in folders whose names begin with two dots.
        folders[:] = [name for name in folders if not name.startswith("..")]
        there = os.path.join(WORK_DIRECTORY, os.path.relpath(folder, PROGRAM_DIRECTORY))
        os.makedirs(there, exist_ok=True)
        for name in files:
            link = os.path.join(there, name)
            if not os.path.lexists(link):
                os.symlink(os.path.join(folder, name), link)


def supervise(program, readiness, once=False):
    """Waits for what happens, until there is an exit code to give."""
    started = time.monotonic()
    forward_at = None
    completed = False
    while True:
        pause = None if forward_at is None else max(0.0, forward_at - time.monotonic())
        received = wait_for_signal(pause)

        if received is None or (received in STOP_SIGNALS and forward_at is not None):
            # The drain is over, or cut short by a second request to stop.
            forward_at = float("inf")
            os.kill(program, signal.SIGTERM)
        elif received in STOP_SIGNALS:
            if completed:
                return 0
            drain = DRAIN_SECONDS if readiness.serving else 0.0
            readiness.stop()
            forward_at = time.monotonic() + drain
        elif received == signal.SIGCHLD:
            status = reap(program)
            if status is None:
                continue
            code = os.waitstatus_to_exitcode(status)
            seconds = time.monotonic() - started
            if forward_at is not None:
                say(f"program stopped as requested after {seconds:.1f} s: {describe(code)}")
                return shell_code(code)
            if code != 0:
                say(f"program failed after {seconds:.1f} s: {describe(code)}")
                return shell_code(code)
            if once:
                say(f"program completed after {seconds:.1f} s with exit code 0")
                return 0
            say(f"program completed after {seconds:.1f} s with exit code 0; its pod stays up")
            completed = True
            readiness.complete()


def wait_for_signal(seconds):
    """The next handled signal, or None when the time is up. No time means as long as it takes."""
    if seconds is None or seconds == float("inf"):
        return signal.sigwait(HANDLED_SIGNALS)
    received = signal.sigtimedwait(HANDLED_SIGNALS, seconds)
    return None if received is None else received.si_signo


def reap(program):
    """Collects every process that has ended, orphans included; gives the program's status if it is among them."""
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
    name = signal.Signals(-code).name
    return f"{name}, as when it used more memory than its limit" if name == "SIGKILL" else name


def shell_code(code):
    """A container has no way to end by a signal of choice: 128 + signal says it, as in a shell."""
    return code if code >= 0 else 128 - code


def port_from(variable, default):
    text = os.environ.get(variable, default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        sys.exit(f"orchestration: {variable}={text} is not a port number (1 to 65535)")
    return int(text)


def say(line):
    print(f"orchestration: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
