"""
The warm interpreter of a test pod: `python3 -u ENTRYPOINT`, held where it is about to run the entrypoint.

Python imports this module at the end of its own start. Here the process waits; for each run it forks, and only the
fork returns from this import. So it is Python itself that reads and runs the program, as in any other start: its
tracebacks, exit codes and modules have nothing of ours in them (docs/decisions/warm-interpreter.md).

Descriptor 0 is the way to PID 1, and no run ever gets it. What a run is given is read by the fork alone, so the
memory from which later runs are forked holds nothing of it.

Few modules are imported here, and `ctypes` is not among them: every program takes down what it was forked with, and
that is most of the time that a tiny one runs.
"""

import _ctypes
import _signal
import _socket
import gc
import marshal
import os
import resource
import struct
import sys

_PR_SET_DUMPABLE = 4
_DESCRIPTORS = struct.Struct("4i")

# Of the kernel's system call tables.
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE_PARENT = 0x8000


class _Long(_ctypes._SimpleCData):
    _type_ = "l"


class _Function(_ctypes.CFuncPtr):
    """A function of the C library or of Python, called without letting go of the interpreter."""

    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_PYTHONAPI
    _restype_ = _Long

    def __new__(cls, name: str) -> "_Function":
        return super().__new__(cls, _ctypes.dlsym(_PROCESS, name))


_PROCESS = _ctypes.dlopen(None, 0)


def _wait_for_runs() -> None:
    """Returns in a process that is to become a program, once for each run."""
    _set_dumpable(0)
    sys.path.remove(os.path.dirname(__file__))
    control = _socket.socket(fileno=0)
    # What there is now outlives every fork: a collector that looked at it would copy its pages for nothing.
    gc.collect()
    gc.freeze()
    control.send(b"ready")
    while True:
        message, ancillary, _, _ = control.recvmsg(1, _socket.CMSG_SPACE(_DESCRIPTORS.size))
        if not message:
            os._exit(0)
        descriptors = _DESCRIPTORS.unpack(ancillary[0][2])
        if _fork_for_pid_1():
            _become_program(control, *descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _fork_for_pid_1() -> bool:
    """Forks a process whose parent is PID 1, which measures and reaps it. True in that process."""
    _Function("PyOS_BeforeFork")()
    number = _SYS_CLONE.get(os.uname().machine, -1)
    pid = _Function("syscall")(_Long(number), _Long(_CLONE_PARENT | _signal.SIGCHLD), *[_Long(0)] * 4)
    _Function("PyOS_AfterFork_Child" if pid == 0 else "PyOS_AfterFork_Parent")()
    return pid == 0 if pid >= 0 else _fork_twice()


def _fork_twice() -> bool:
    """The same where the kernel gives no process the parent of its parent: one in between ends at once."""
    middle = os.fork()
    if middle != 0:
        os.waitpid(middle, 0)
        return False
    if os.fork() != 0:
        os._exit(0)
    return True


def _become_program(control: _socket.socket, stdin: int, stdout: int, stderr: int, job: int) -> None:
    try:
        asked = marshal.loads(os.read(job, os.fstat(job).st_size))
        os.setsid()
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["env"])
        if path := asked["env"].get("PYTHONPATH"):
            # As Python does at its start; it will put the program's own folder before these.
            sys.path[:0] = [os.path.abspath(folder) for folder in path.split(os.pathsep)]
        sys.argv += asked["args"]
        sys.orig_argv += asked["args"]
        for kind, value in asked["limits"].items():
            resource.setrlimit(kind, (value, value))
        _set_dumpable(1)
    except BaseException as error:  # noqa: BLE001: whatever it is, PID 1 must learn it.
        control.send(f"error {error!r}".encode()[:512])
        os._exit(127)
    control.send(b"%d" % os.getpid())
    control.detach()
    for target, source in enumerate((stdin, stdout, stderr)):
        os.dup2(source, target)
    os.closerange(3, 65536)


def _set_dumpable(value: int) -> None:
    """A process that is not dumpable is closed to others of its uid. A program is as open as any other."""
    if _Function("prctl")(_Long(_PR_SET_DUMPABLE), _Long(value), *[_Long(0)] * 3) != 0:
        raise OSError("prctl(PR_SET_DUMPABLE) failed")


try:
    _wait_for_runs()
except BaseException:  # noqa: BLE001: going on would run a program outside its limits.
    import traceback

    traceback.print_exc()
    os._exit(70)
