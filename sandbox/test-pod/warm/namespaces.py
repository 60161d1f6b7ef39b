"""
Gives a program namespaces of its own (user, PID, mount, IPC, UTS), where the kernel lets an unprivileged process create
them: gVisor does. The program then sees, signals and traces only its own run's processes.

A namespace of processes needs a first process. It is called the keeper here: it mounts /proc, waits for orphans, and
when it ends, the kernel ends every process of the run. It is the only process of ours that a program can reach; a
program that ends it ends itself.

The supervisor and the warm interpreter share this module. It imports few modules, for the reasons in sitecustomize.py.
"""

import _ctypes
import _signal
import os
import struct
from collections.abc import Callable

# From include/uapi/linux/sched.h.
_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
_CLONE_NEWUSER, _CLONE_NEWPID = 0x10000000, 0x20000000
_NAMESPACES = _CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWNS | _CLONE_NEWIPC | _CLONE_NEWUTS
_CLONE_PARENT = 0x8000
# From the kernel's system call tables.
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}
_SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
# From include/uapi/linux/mount.h: read-only, no set-user-id, no devices, no programs.
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
# From include/uapi/linux/prctl.h and capability.h.
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_FILTER_STEP_BYTES = 8
_CAPABILITY_VERSION_3 = 0x20080522
# From include/uapi/asm-generic; Python's flag for functions that set errno.
_USE_ERRNO = 8
_MOST_DESCRIPTORS = 65536
# Each run has its own: gVisor replaces the pod's volume here by a folder without a limit. As large as that volume
# (infrastructure/kubernetes/environment/testPodManifest.ts).
_SHARED_MEMORY, _SHARED_MEMORY_BYTES = "/dev/shm", 64 * 1024 * 1024


class Long(_ctypes._SimpleCData):
    _type_ = "l"


class Bytes(_ctypes._SimpleCData):
    _type_ = "z"


class _Function(_ctypes.CFuncPtr):
    """A function of the C library or of Python, called without releasing the GIL."""

    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_PYTHONAPI | _USE_ERRNO
    _restype_ = Long


_PROCESS = _ctypes.dlopen(None, 0)


def function(name: str) -> _Function:
    return _Function(_ctypes.dlsym(_PROCESS, name))


_PRCTL, _SYSCALL, _UNSHARE, _MOUNT = map(function, ("prctl", "syscall", "unshare", "mount"))
_BEFORE_FORK = function("PyOS_BeforeFork")
_AFTER_FORK = {True: function("PyOS_AfterFork_Child"), False: function("PyOS_AfterFork_Parent")}
_MACHINE = os.uname().machine


def fork_sibling() -> int:
    """Forks a process whose parent is the caller's parent. Returns 0 in it, and -1 if the kernel refuses."""
    _BEFORE_FORK()
    number, flags = _SYS_CLONE.get(_MACHINE, -1), _CLONE_PARENT | _signal.SIGCHLD
    pid = _SYSCALL(Long(number), Long(flags), *[Long(0)] * 4)
    _AFTER_FORK[pid == 0]()
    return pid


def enter(hidden: list[str], report: Callable[[bytes], object]) -> None:
    """
    Returns in a new process, which has namespaces of its own and no capabilities. Its parent is the caller's. The
    calling process calls `report` with three numbers, `PROGRAM KEEPER CALLER`: pids in the caller's namespace; then
    it exits.
    @param hidden folders that are empty for the program
    @raises OSError in the calling process
    """
    uid, gid = os.getuid(), os.getgid()
    _check("unshare", _UNSHARE(Long(_NAMESPACES)))
    # The files of a process that is not dumpable belong to root. No program sees this process.
    _check("prctl", _PRCTL(Long(_PR_SET_DUMPABLE), Long(1), *[Long(0)] * 3))
    _write_maps(uid, gid)
    ready, end = os.pipe()
    keeper = fork_sibling()
    if keeper == 0:
        os.close(ready)
        _keep(end, hidden)
    _check("clone", keeper)
    os.close(end)
    answer = os.read(ready, 512)
    os.close(ready)
    if answer != b"ready":
        raise OSError(f"the first process of the run could not be prepared: {answer.decode()}")
    program = fork_sibling()
    if program == 0:
        _drop_capabilities()
        return
    _check("clone", program)
    report(b"%d %d %d" % (program, keeper, os.getpid()))
    os._exit(0)


def are_available(hidden: list[str]) -> bool:
    """Whether this kernel and this container let a process do all this."""
    end, report = os.pipe()
    pid = os.fork()
    if pid == 0:
        _try(hidden, report)
    os.close(report)
    try:
        pids = os.read(end, 64).split()
    finally:
        os.close(end)
    os.waitpid(pid, 0)
    for other in map(int, pids[:2]):
        os.kill(other, _signal.SIGKILL)
        os.waitpid(other, 0)
    return len(pids) > 0


def _try(hidden: list[str], report: int) -> None:
    try:
        enter(hidden, lambda pids: os.write(report, pids))
        # The program: it waits to be killed, so that its pid stays its own.
        os.close(report)
        while True:
            _signal.pause()
    finally:
        os._exit(1)


def _write_maps(uid: int, gid: int) -> None:
    """The ids stay what they are; no others exist in the namespace."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        try:
            descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        except FileNotFoundError:
            # gVisor has no setgroups file.
            continue
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def _keep(end: int, hidden: list[str]) -> None:
    """The keeper. Never returns."""
    try:
        # No signal that a program can block or handle ends it, and none of its memory can be read.
        _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        _check("prctl", _PRCTL(Long(_PR_SET_DUMPABLE), *[Long(0)] * 4))
        flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
        _mount("proc", "/proc", flags)
        for folder in hidden:
            _mount("tmpfs", folder, flags | _MS_RDONLY)
        _mount("tmpfs", _SHARED_MEMORY, flags, f"mode=1777,size={_SHARED_MEMORY_BYTES}")
        _drop_capabilities()
        os.chdir("/")
        os.setsid()
        os.write(end, b"ready")
        os.closerange(0, _MOST_DESCRIPTORS)
        while True:
            _wait_for_orphans()
            _signal.sigwait([_signal.SIGCHLD])
    except BaseException as error:  # noqa: BLE001: whatever it is, the caller must learn it.
        os.write(end, repr(error).encode()[:512])
    finally:
        os._exit(1)


def _wait_for_orphans() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


def _drop_capabilities() -> None:
    """For good: no program that is executed gets any back."""
    forbid_new_privileges()
    header = Bytes(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
    _check("capset", _SYSCALL(Long(_SYS_CAPSET.get(_MACHINE, -1)), header, Bytes(bytes(24))))


def forbid_new_privileges() -> None:
    """No program that this process or a descendant executes gets more rights than it. Cannot be undone."""
    _check("prctl", _PRCTL(Long(_PR_SET_NO_NEW_PRIVS), Long(1), *[Long(0)] * 3))


def filter_calls(program: bytes) -> None:
    """Adds a seccomp filter, given as its BPF program, to this process and its descendants. Needs no_new_privs."""
    steps = Bytes(program)
    address = Long.from_address(_ctypes.addressof(steps)).value
    # A struct sock_fprog.
    filter_ = Bytes(struct.pack("@HP", len(program) // _FILTER_STEP_BYTES, address))
    _check("seccomp", _PRCTL(Long(_PR_SET_SECCOMP), Long(_SECCOMP_MODE_FILTER), filter_, *[Long(0)] * 2))


def _mount(kind: str, folder: str, flags: int, options: str = "") -> None:
    name = Bytes(kind.encode())
    result = _MOUNT(name, Bytes(folder.encode()), name, Long(flags), Bytes(options.encode()))
    _check(f"mount of {folder}", result)


def _check(what: str, result: int) -> None:
    if result < 0:
        number = _ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
