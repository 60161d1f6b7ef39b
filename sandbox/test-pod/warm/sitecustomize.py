"""
The warm interpreter of a test pod: `python3 -u ENTRYPOINT`, paused just before it runs the entrypoint.

Python imports this module at the end of its own startup. The process waits here and forks for each run, and
only the fork returns from this import. So Python itself reads and runs the program, as in a normal start: its
tracebacks, exit codes and modules contain no trace of this module (docs/decisions/warm-interpreter.md).

Each fork is created ahead of its run and waits for it. Descriptor 0 connects PID 1 with this process, and no
run ever gets it. Each fork has its own connection, and only the fork reads its run's data. So the memory that
later runs are forked from never contains it.

This module imports few modules, and not `ctypes`: at its end, every program frees what it was forked with,
and that takes most of the time of a tiny program. Python forgets these modules before a program begins. So a
program's own `resource.py` is found as in plain Python, and so is the image's `sitecustomize`, if it has one.
"""

import sys

_LOADED_BY_PYTHON = sys.modules.keys() - {__name__}

import _ctypes
import _signal
import _socket
import gc
import marshal
import namespaces
import os
import resource
import struct
from namespaces import Bytes as _Bytes, Long as _Long, function as _function

_PR_SET_DUMPABLE = 4
_DESCRIPTORS = struct.Struct("4i")
_DESCRIPTOR = struct.Struct("i")

# From include/uapi/linux/landlock.h. The numbers are the same on all architectures.
_SYS_LANDLOCK_CREATE_RULESET, _SYS_LANDLOCK_RESTRICT_SELF = 444, 446
# From include/uapi/asm-generic/mman-common.h. Kernels before 5.14 do not have it; they copy pages one by one.
_MADV_POPULATE_WRITE = 23
# From Documentation/admin-guide/mm/pagemap.rst: an entry has 64 bits; one of them is set if only this process
# maps the page.
_PAGEMAP_ENTRY, _PAGE_OF_ITS_OWN = struct.Struct("Q"), 1 << 56
_PAGE = resource.getpagesize()
# How long the probe may take, in seconds. A program that does nothing ends sooner.
_PROBE_DEADLINE = 1


_PROCESS = _ctypes.dlopen(None, 0)
_PRCTL = _function("prctl")
_SYSCALL = _function("syscall")
_MADVISE = _function("madvise")
_AT_EXIT = _function("__cxa_atexit")
# A struct landlock_ruleset_attr with the scopes that PID 1 found in this kernel (supervisor/landlock.py), or
# empty.
_SCOPES = bytes.fromhex(os.environ.pop("LANDLOCK_SCOPES"))
# The folders that are hidden from programs, separated by colons, if programs get namespaces of their own; else None.
_HIDDEN = os.environ.pop("NAMESPACES_HIDE", None)
# A seccomp filter for programs in namespaces of their own.
_FILTER = bytes.fromhex(os.environ.pop("NAMESPACES_FILTER", ""))


def _wait_for_runs() -> None:
    """Returns only in forks: once for each run, in the process that becomes the program."""
    _set_dumpable(0)
    del os.environ["PYTHONPATH"]
    control = _socket.socket(fileno=0)
    # Objects that exist now outlive every fork. If a fork's garbage collector visited them, it would copy
    # their pages for nothing.
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
        (connection,) = _DESCRIPTOR.unpack(ancillary[0][2])
        if forks == 1:
            # Not for the first fork, because a run may already be waiting for it.
            written = probe.written_ranges()
        forks += 1
        if _fork_for_pid_1():
            _become_program(_socket.socket(fileno=connection), written)
            control.detach()
            return
        os.close(connection)


def _restore_import_state() -> bool:
    """
    Makes Python forget this module and its imports, then imports the image's own `sitecustomize` instead.
    @returns whether the image has one
    """
    folder = os.path.dirname(__file__)
    sys.path.remove(folder)
    sys.path_importer_cache.pop(folder, None)
    for name in sys.modules.keys() - _LOADED_BY_PYTHON:
        del sys.modules[name]
    try:
        import sitecustomize  # noqa: F401: not this module, but the image's.
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        return False
    return True


def _fork_for_pid_1() -> bool:
    """Forks a process whose parent is PID 1, which measures and reaps it. Returns True in that process."""
    pid = namespaces.fork_sibling()
    return pid == 0 if pid >= 0 else _fork_twice()


def _fork_twice() -> bool:
    """
    Fallback where the kernel refuses CLONE_PARENT: an intermediate process exits, so PID 1 adopts the fork.
    """
    intermediate = os.fork()
    if intermediate != 0:
        os.waitpid(intermediate, 0)
        return False
    if os.fork() != 0:
        os._exit(0)
    return True


class _Probe:
    """
    A fork that runs nothing and only shuts down, as every program does at its end. Every program will write
    to the same inherited pages as the probe. Copying them in advance, in one call, saves each program that
    time.
    """

    def __init__(self, pid: int, end: int, pagemap: "int | None"):
        self._pid = pid
        self._end = end
        self._pagemap = pagemap

    def written_ranges(self) -> list[tuple[int, int]]:
        """
        Ends the probe.
        @returns addresses and lengths in bytes; none if the probe did not finish, or its pages cannot be read
        """
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
    """
    Starts the probe. Returns None in the probe itself. No program may be running, because the probe is
    dumpable until its pagemap has been opened.
    """
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
        # Not every kernel or sandbox supports this. The probe exits when its socket closes, or
        # `written_ranges` kills it.
        pass
    return _Probe(pid, ours.detach(), pagemap)


def _become_probe(end: int) -> None:
    """
    Turns this process into a program that cannot open any file, not even its own. At the point where it would
    exit, it closes its end of the socket and waits to be killed.
    """
    try:
        devnull = os.open(os.devnull, os.O_RDWR)
        for target in range(3):
            os.dup2(devnull, target)
        os.dup2(end, 3)
        os.closerange(4, 65536)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        _set_dumpable(1)
        os.write(3, b"r")
        if not os.read(3, 1):
            os._exit(0)
        _set_dumpable(0)
        # Exit handlers are called in reverse order.
        for name, argument in (("pause", 0), ("close", 3)):
            _AT_EXIT(_Long(_ctypes.dlsym(_PROCESS, name)), _Long(argument), _Long(0))
    except BaseException:  # noqa: BLE001: it must not become a program.
        os._exit(127)


def _pages_of_its_own(pagemap: int):
    """The addresses, ascending, of this process's writable pages that the process of `pagemap` has copied."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            addresses, rights = line.split(" ", 2)[:2]
            if rights[1] != "w" or rights[3] != "p":
                continue
            start, end = (int(address, 16) for address in addresses.split("-"))
            size = _PAGEMAP_ENTRY.size
            entries = os.pread(pagemap, (end - start) // _PAGE * size, start // _PAGE * size)
            for index, (entry,) in enumerate(_PAGEMAP_ENTRY.iter_unpack(entries)):
                if entry & _PAGE_OF_ITS_OWN:
                    yield start + index * _PAGE


def _ranges_of(pages) -> list[tuple[int, int]]:
    """
    Merges pages into ranges, across gaps of up to one page: copying a page costs less than another call.
    """
    ranges: list[tuple[int, int]] = []
    for page in pages:
        start, length = ranges[-1] if ranges else (0, 0)
        if ranges and page - (start + length) <= _PAGE:
            ranges[-1] = (start, page + _PAGE - start)
        else:
            ranges.append((page, _PAGE))
    return ranges


def _become_program(connection: _socket.socket, written: list[tuple[int, int]]) -> None:
    """
    Waits for a run in a new session and sets this process up for it. All steps except the last ones may
    happen long before the run's turn, while another program is running.
    @param written memory that every program writes to, as addresses and lengths
    """
    try:
        # The pids are sent as early as possible: the end of the running program waits for them.
        if _HIDDEN is None:
            if _SCOPES:
                _close_in()
            connection.send(b"%d" % os.getpid())
        else:
            namespaces.enter(list(filter(None, _HIDDEN.split(":"))), connection.send)
            namespaces.filter_calls(_FILTER)
        os.setsid()
        for start, length in written:
            _MADVISE(_Long(start), _Long(length), _Long(_MADV_POPULATE_WRITE))
        message, ancillary, _, _ = connection.recvmsg(1, _socket.CMSG_SPACE(_DESCRIPTORS.size))
        if not message:
            os._exit(0)
        *streams, job = _DESCRIPTORS.unpack(ancillary[0][2])
        fields = marshal.loads(os.read(job, os.fstat(job).st_size))
        _set_environment(fields["env"])
        sys.argv += fields["args"]
        sys.orig_argv += fields["args"]
        for kind, value in fields["limits"].items():
            resource.setrlimit(kind, (value, value))
        if not connection.recv(1):
            os._exit(0)
        os.chdir(fields["folder"])
        _set_dumpable(1)
        _offer_to_the_kernel()
    except BaseException as error:  # noqa: BLE001: whatever it is, PID 1 must learn it.
        connection.send(f"error {error!r}".encode()[:512])
        os._exit(127)
    connection.send(b"started")
    connection.detach()
    for target, source in enumerate(streams):
        os.dup2(source, target)
    os.closerange(3, 65536)


def _offer_to_the_kernel() -> None:
    """
    Does what supervisor/processes.py does for other programs. A process must be dumpable to do this for
    itself.
    """
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
        # As Python does when it starts. Python later inserts the program's own folder before these.
        sys.path[:0] = [os.path.abspath(folder) for folder in path.split(os.pathsep)]


def _close_in() -> None:
    """From here on, signals of this process and its descendants reach no other process."""
    ruleset = _SYSCALL(_Long(_SYS_LANDLOCK_CREATE_RULESET), _Bytes(_SCOPES), _Long(len(_SCOPES)), _Long(0))
    if ruleset < 0 or _SYSCALL(_Long(_SYS_LANDLOCK_RESTRICT_SELF), _Long(ruleset), _Long(0)) != 0:
        raise OSError("Landlock could not scope the run")
    os.close(ruleset)


def _set_dumpable(value: int) -> None:
    """
    Sets whether other processes of the uid may access this one. Programs are dumpable, like any other
    process.
    """
    if _PRCTL(_Long(_PR_SET_DUMPABLE), _Long(value), *[_Long(0)] * 3) != 0:
        raise OSError("prctl(PR_SET_DUMPABLE) failed")


try:
    _image_has_sitecustomize = _restore_import_state()
    _wait_for_runs()
except BaseException:  # noqa: BLE001: going on would run a program outside its limits.
    import traceback

    traceback.print_exc()
    os._exit(70)

if not _image_has_sitecustomize:
    # Python expects this error if there is no sitecustomize, and continues silently.
    raise ImportError(name="sitecustomize")
