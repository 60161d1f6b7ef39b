"""
The warm interpreter of a test pod: `python3 -u ENTRYPOINT`, held where it is about to run the entrypoint.

Python imports this module at the end of its own start. Here the process waits; for each run it forks, and only the
fork returns from this import. So it is Python itself that reads and runs the program, as in any other start: its
tracebacks, exit codes and modules have nothing of ours in them (docs/decisions/warm-interpreter.md).

Each fork is made ahead and waits for its run. Descriptor 0 is the way from PID 1 to this process, and no run ever gets
it; each fork has a way of its own, and alone reads what its run is given, so the memory from which later runs are
forked holds nothing of it.

Few modules are imported here, and `ctypes` is not among them: every program takes down what it was forked with, and
that is most of the time that a tiny one runs. Python forgets them before a program begins: its own `resource.py` is
found as under plain Python, and so is the `sitecustomize` of the image, if it has one.
"""

import sys

_LOADED_BY_PYTHON = sys.modules.keys() - {__name__}

import _ctypes
import _signal
import _socket
import gc
import marshal
import os
import resource
import struct

_PR_SET_DUMPABLE = 4
_DESCRIPTORS = struct.Struct("4i")
_DESCRIPTOR = struct.Struct("i")

# Of the kernel's system call tables.
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE_PARENT = 0x8000
# Of include/uapi/linux/landlock.h: these have one number on all architectures.
_SYS_LANDLOCK_CREATE_RULESET, _SYS_LANDLOCK_RESTRICT_SELF = 444, 446
# Of include/uapi/asm-generic/mman-common.h; kernels before 5.14 do not have it, and pages are copied one by one there.
_MADV_POPULATE_WRITE = 23
# Of Documentation/admin-guide/mm/pagemap.rst: an entry is 64 bits, and says whether this process alone has the page.
_PAGEMAP_ENTRY, _PAGE_OF_ITS_OWN = struct.Struct("Q"), 1 << 56
_PAGE = resource.getpagesize()
# A program that does nothing has ended by then, in seconds.
_PROBE_DEADLINE = 1


class _Long(_ctypes._SimpleCData):
    _type_ = "l"


class _Bytes(_ctypes._SimpleCData):
    _type_ = "z"


class _Function(_ctypes.CFuncPtr):
    """A function of the C library or of Python, called without letting go of the interpreter."""

    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_PYTHONAPI
    _restype_ = _Long


def _function(name: str) -> _Function:
    return _Function(_ctypes.dlsym(_PROCESS, name))


_PROCESS = _ctypes.dlopen(None, 0)
_PRCTL = _function("prctl")
_SYSCALL = _function("syscall")
_BEFORE_FORK = _function("PyOS_BeforeFork")
_AFTER_FORK = {True: _function("PyOS_AfterFork_Child"), False: _function("PyOS_AfterFork_Parent")}
_MADVISE = _function("madvise")
_AT_EXIT = _function("__cxa_atexit")
_CLONE = _SYS_CLONE.get(os.uname().machine, -1)
# struct landlock_ruleset_attr with what PID 1 found that this kernel can scope (supervisor/landlock.py), or nothing.
_SCOPES = bytes.fromhex(os.environ.pop("LANDLOCK_SCOPES"))


def _wait_for_runs() -> None:
    """Returns in a process that is to become a program, once for each run."""
    _set_dumpable(0)
    del os.environ["PYTHONPATH"]
    control = _socket.socket(fileno=0)
    # What there is now outlives every fork: a collector that looked at it would copy its pages for nothing.
    gc.collect()
    gc.freeze()
    probe = _start_probe()
    if probe is None:
        control.detach()
        return
    forks = 0
    written: list[tuple[int, int]] = []
    while True:
        message, ancillary, _, _ = control.recvmsg(1, _socket.CMSG_SPACE(_DESCRIPTOR.size))
        if not message:
            os._exit(0)
        (way,) = _DESCRIPTOR.unpack(ancillary[0][2])
        if forks == 1:
            # Not for the first one, which somebody waits for.
            written = probe.what_it_wrote()
        forks += 1
        if _fork_for_pid_1():
            for start, length in written:
                _MADVISE(_Long(start), _Long(length), _Long(_MADV_POPULATE_WRITE))
            _become_program(_socket.socket(fileno=way))
            control.detach()
            return
        os.close(way)


def _leave_as_python_is() -> bool:
    """
    Has Python forget this module and what it imported, and takes the image's own in its place.
    @returns whether there is one
    """
    folder = os.path.dirname(__file__)
    sys.path.remove(folder)
    sys.path_importer_cache.pop(folder, None)
    for name in sys.modules.keys() - _LOADED_BY_PYTHON:
        del sys.modules[name]
    try:
        import sitecustomize  # noqa: F401: another one than this.
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        return False
    return True


def _fork_for_pid_1() -> bool:
    """Forks a process whose parent is PID 1, which measures and reaps it. True in that process."""
    _BEFORE_FORK()
    pid = _SYSCALL(_Long(_CLONE), _Long(_CLONE_PARENT | _signal.SIGCHLD), *[_Long(0)] * 4)
    _AFTER_FORK[pid == 0]()
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


class _Probe:
    """
    A fork that does nothing but take itself down, as every program does at its end. Where it writes to the memory that it
    was forked with, every program will: copied ahead at one go, these pages keep no program waiting.
    """

    def __init__(self, pid: int, end: int, pagemap: "int | None"):
        self._pid = pid
        self._end = end
        self._pagemap = pagemap

    def what_it_wrote(self) -> list[tuple[int, int]]:
        """Ends it. @returns addresses and lengths in bytes; none when it did not come to its end, or nobody can tell"""
        end = _socket.socket(fileno=self._end)
        try:
            if self._pagemap is None:
                return []
            end.settimeout(_PROBE_DEADLINE)
            end.recv(1)
            return _ranges_of(_pages_of_its_own(self._pagemap))
        except OSError:
            return []
        finally:
            end.close()
            if self._pagemap is not None:
                os.close(self._pagemap)
            os.kill(self._pid, _signal.SIGKILL)
            os.waitpid(self._pid, 0)


def _start_probe() -> "_Probe | None":
    """None in the probe itself. No program may be running: the probe is open to others until its memory can be read."""
    ours, theirs = _socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _become_probe(theirs.detach())
        ours.detach()
        return None
    theirs.close()
    pagemap = None
    try:
        ours.recv(1)
        pagemap = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY)
        ours.send(b"g")
    except OSError:
        # Not every kernel or sandbox has that. The probe ends with its socket, or when it is collected.
        pass
    return _Probe(pid, ours.detach(), pagemap)


def _become_probe(end: int) -> None:
    """
    Turns into a program that can read no file, its own neither. Where it would be over, it closes its end of the socket and
    stays until it is killed.
    """
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for target in range(3):
            os.dup2(nowhere, target)
        os.dup2(end, 3)
        os.closerange(4, 65536)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        _set_dumpable(1)
        os.write(3, b"r")
        if not os.read(3, 1):
            os._exit(0)
        _set_dumpable(0)
        # Called from the last to the first.
        for name, argument in (("pause", 0), ("close", 3)):
            _AT_EXIT(_Long(_ctypes.dlsym(_PROCESS, name)), _Long(argument), _Long(0))
    except BaseException:  # noqa: BLE001: it must not become a program.
        os._exit(127)


def _pages_of_its_own(pagemap: int):
    """Addresses, ascending, of pages that this process can write to, and of which another has a copy by now."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            addresses, rights = line.split(" ", 2)[:2]
            if rights[1] != "w" or rights[3] != "p":
                continue
            start, end = (int(address, 16) for address in addresses.split("-"))
            size = _PAGEMAP_ENTRY.size
            entries = os.pread(pagemap, (end - start) // _PAGE * size, start // _PAGE * size)
            for place, (entry,) in enumerate(_PAGEMAP_ENTRY.iter_unpack(entries)):
                if entry & _PAGE_OF_ITS_OWN:
                    yield start + place * _PAGE


def _ranges_of(pages) -> list[tuple[int, int]]:
    """Together when no more than one page lies between them: a copy costs less than a call."""
    ranges: list[tuple[int, int]] = []
    for page in pages:
        start, length = ranges[-1] if ranges else (0, 0)
        if ranges and page - (start + length) <= _PAGE:
            ranges[-1] = (start, page + _PAGE - start)
        else:
            ranges.append((page, _PAGE))
    return ranges


def _become_program(way: _socket.socket) -> None:
    """
    Waits for a run in a session of its own, and turns into what that needs: all but the last steps may come long before
    its turn, while another program runs.
    """
    try:
        os.setsid()
        if _SCOPES:
            _close_in()
        way.send(b"%d" % os.getpid())
        message, ancillary, _, _ = way.recvmsg(1, _socket.CMSG_SPACE(_DESCRIPTORS.size))
        if not message:
            os._exit(0)
        *streams, job = _DESCRIPTORS.unpack(ancillary[0][2])
        asked = marshal.loads(os.read(job, os.fstat(job).st_size))
        _set_environment(asked["env"])
        sys.argv += asked["args"]
        sys.orig_argv += asked["args"]
        for kind, value in asked["limits"].items():
            resource.setrlimit(kind, (value, value))
        if not way.recv(1):
            os._exit(0)
        os.chdir(asked["folder"])
        _set_dumpable(1)
        _offer_to_the_kernel()
    except BaseException as error:  # noqa: BLE001: whatever it is, PID 1 must learn it.
        way.send(f"error {error!r}".encode()[:512])
        os._exit(127)
    way.send(b"started")
    way.detach()
    for target, source in enumerate(streams):
        os.dup2(source, target)
    os.closerange(3, 65536)


def _offer_to_the_kernel() -> None:
    """As supervisor/processes.py does with other programs. Only what is open can do it for itself."""
    try:
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:
        return
    os.write(score, b"1000")
    os.close(score)


def _set_environment(env: dict[str, str]) -> None:
    for name in [name for name in os.environ if name not in env]:
        del os.environ[name]
    for name, value in env.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if path := env.get("PYTHONPATH"):
        # As Python does at its start; it will put the program's own folder before these.
        sys.path[:0] = [os.path.abspath(folder) for folder in path.split(os.pathsep)]


def _close_in() -> None:
    """From here on no signal of this process or its descendants reaches any other."""
    ruleset = _SYSCALL(_Long(_SYS_LANDLOCK_CREATE_RULESET), _Bytes(_SCOPES), _Long(len(_SCOPES)), _Long(0))
    if ruleset < 0 or _SYSCALL(_Long(_SYS_LANDLOCK_RESTRICT_SELF), _Long(ruleset), _Long(0)) != 0:
        raise OSError("Landlock could not scope the run")
    os.close(ruleset)


def _set_dumpable(value: int) -> None:
    """A process that is not dumpable is closed to others of its uid. A program is as open as any other."""
    if _PRCTL(_Long(_PR_SET_DUMPABLE), _Long(value), *[_Long(0)] * 3) != 0:
        raise OSError("prctl(PR_SET_DUMPABLE) failed")


try:
    _has_own = _leave_as_python_is()
    _wait_for_runs()
except BaseException:  # noqa: BLE001: going on would run a program outside its limits.
    import traceback

    traceback.print_exc()
    os._exit(70)

if not _has_own:
    # What Python expects where there is none; it goes on without a word.
    raise ImportError(name="sitecustomize")
