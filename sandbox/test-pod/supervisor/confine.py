"""
Protects the rest of the pod from a program: a seccomp filter here, and limits on where it may write in
landlock.py.

A program runs under the same uid as PID 1. A few system calls act on any process of that uid, even on one
that is not dumpable: prlimit could starve PID 1, and the scheduler calls could deny it CPU time. System V
objects and keys in the uid's keyring, which all pods of a node share, outlive every process. The filter makes
all of these calls fail with EPERM. It is added to the container runtime's own filter.
"""

import os
import stat
import struct

from warm import namespaces

from . import landlock

_ALLOW = 0x7FFF0000
_FAIL_WITH_EPERM = 0x00050000 | 1
_FAIL_WITH_ENOSYS = 0x00050000 | 38

# struct seccomp_data: int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6].
_NR, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_LOAD_WORD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_AT_LEAST = 0x35
_JUMP_IF_ANY_BIT = 0x45
_RETURN = 0x06

# For each architecture: its AUDIT_ARCH constant, the calls that always fail, and the calls that fail unless
# the given number of leading arguments is 0. A pid of 0 means the caller itself; for setpriority, the 0
# before it is PRIO_PROCESS. The numbers are from the kernel's syscall tables.
_ARCHITECTURES = {
    "x86_64": (
        0xC000003E,
        {
            "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_getfd": 438,
            "shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240, "ioprio_set": 251,
            "add_key": 248, "request_key": 249, "keyctl": 250,
        },
        {
            "prlimit64": (302, 1), "sched_setparam": (142, 1), "sched_setscheduler": (144, 1),
            "sched_setaffinity": (203, 1), "sched_setattr": (314, 1), "setpriority": (141, 2),
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "pidfd_getfd": 438,
            "shmget": 194, "semget": 190, "msgget": 186, "mq_open": 180, "ioprio_set": 30,
            "add_key": 217, "request_key": 218, "keyctl": 219,
        },
        {
            "prlimit64": (261, 1), "sched_setparam": (118, 1), "sched_setscheduler": (119, 1),
            "sched_setaffinity": (122, 1), "sched_setattr": (274, 1), "setpriority": (140, 2),
        },
    ),
}
# The calls that create or enter namespaces: unshare, setns, clone, clone3.
_NAMESPACE_CALLS = {"x86_64": (272, 308, 56, 435), "aarch64": (97, 268, 220, 435)}
# From include/uapi/linux/sched.h: the CLONE_NEW flags.
_CLONE_NEW = 0x7E020000
# On x86_64, numbers from here on belong to the x32 table, which has other numbers for the same calls.
_X32 = 0x40000000


def build_filter(machine: str) -> bytes:
    """
    Returns the filter as BPF instructions. It refuses every call of another architecture (32-bit calls).
    @raises RuntimeError for a machine whose numbers are not listed
    """
    if machine not in _ARCHITECTURES:
        raise RuntimeError(f"no seccomp filter for {machine}: add its system call numbers to {__file__}")
    arch, forbidden, own_only = _ARCHITECTURES[machine]
    program = [_step(_LOAD_WORD, _ARCH), _step(_JUMP_EQUAL, arch, 1, 0), _step(_RETURN, _FAIL_WITH_EPERM)]
    program += [_step(_LOAD_WORD, _NR), _step(_JUMP_AT_LEAST, _X32, 0, 1), _step(_RETURN, _FAIL_WITH_EPERM)]
    for number in forbidden.values():
        program += [_step(_JUMP_EQUAL, number, 0, 1), _step(_RETURN, _FAIL_WITH_EPERM)]
    for number, zeros in own_only.values():
        # The kernel reads these arguments as 32-bit ints, so only the low word matters.
        checks = []
        for argument in range(zeros):
            checks += [
                _step(_LOAD_WORD, _FIRST_ARGUMENT + 8 * argument),
                _step(_JUMP_EQUAL, 0, 1, 0),
                _step(_RETURN, _FAIL_WITH_EPERM),
            ]
        program += [_step(_JUMP_EQUAL, number, 0, len(checks) + 1), *checks, _step(_RETURN, _ALLOW)]
    program.append(_step(_RETURN, _ALLOW))
    return b"".join(program)


def build_namespace_filter(machine: str) -> bytes:
    """
    Returns a filter that refuses new namespaces, for programs that already have their own. The flags of clone3 are in
    memory, where a filter cannot read them: it does not exist for these programs, and the C library uses clone.
    """
    unshare, setns, clone, clone3 = _NAMESPACE_CALLS[machine]
    program = [_step(_LOAD_WORD, _NR)]
    program += [_step(_JUMP_EQUAL, setns, 0, 1), _step(_RETURN, _FAIL_WITH_EPERM)]
    program += [_step(_JUMP_EQUAL, clone3, 0, 1), _step(_RETURN, _FAIL_WITH_ENOSYS)]
    program += [_step(_JUMP_EQUAL, unshare, 1, 0), _step(_JUMP_EQUAL, clone, 0, 3)]
    program += [_step(_LOAD_WORD, _FIRST_ARGUMENT), _step(_JUMP_IF_ANY_BIT, _CLONE_NEW, 0, 1)]
    program += [_step(_RETURN, _FAIL_WITH_EPERM), _step(_RETURN, _ALLOW)]
    return b"".join(program)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


# Built once, before any fork.
_FILTER = build_filter(os.uname().machine)
NAMESPACE_FILTER = build_namespace_filter(os.uname().machine)

# The folders that runs may change; they are emptied after each run. The kernel restricts devices and /proc
# further.
_WRITABLE = ("/work", "/tmp", "/dev/shm")
_DEVICES = "/dev"
_FOLDERS_OF_DEVICES = ("/dev/pts", "/proc")


def confine(writable: tuple[str, ...] = ()) -> None:
    """
    Applies the filter to the calling process and all its descendants. It cannot be removed again.
    @param writable folders that the process may write to, in addition to those of every run
    """
    namespaces.forbid_new_privileges()
    landlock.restrict((*_WRITABLE, *writable), _devices())
    namespaces.filter_calls(_FILTER)


def _devices() -> list[str]:
    """
    The devices only, not all of /dev: it may contain files that outlive a run, such as /dev/termination-log.
    """
    paths = [entry.path for entry in os.scandir(_DEVICES) if stat.S_ISCHR(entry.stat(follow_symlinks=False).st_mode)]
    return [*paths, *filter(os.path.isdir, _FOLDERS_OF_DEVICES)]
