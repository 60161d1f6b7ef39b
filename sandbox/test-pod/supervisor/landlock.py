"""
Uses Landlock to limit where a program may write (Linux 5.19 and newer) and which processes its signals reach
(6.12 and newer). gVisor has no Landlock.

File modes do not help here: a program runs under the supervisor's uid and owns the supervisor's files. The
metadata that layers.py records detects changes that Landlock does not forbid (chmod, timestamps), and all
changes on older kernels.
"""

import ctypes
import os
import struct
from collections.abc import Iterable

# Numbers from the kernel's include/uapi/linux/landlock.h; the system calls have the same on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
# remove_dir, remove_file, then make_char to make_sym, then refer.
_CHANGE_ENTRIES = sum(1 << bit for bit in (4, 5, 6, 7, 8, 9, 10, 11, 12, 13))
# Before this version, Landlock forbade all moves from one folder to another.
_FIRST_VERSION = 2
_FIRST_WITH_TRUNCATE = 3
_FIRST_WITH_SCOPES = 6
# Limits abstract sockets and signals to the caller's own Landlock domain. Each run has its own domain.
_SCOPED = 1 << 0 | 1 << 1

_LIBC = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The kernel's Landlock version; 0 if it has none, or if the container's seccomp filter forbids it."""
    return max(0, _LIBC.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION))


VERSION = version()
# A struct landlock_ruleset_attr (handled_access_fs, handled_access_net, scoped) that only scopes a run; empty
# where the kernel does not support scopes.
SCOPES = struct.pack("=QQQ", 0, 0, _SCOPED) if VERSION >= _FIRST_WITH_SCOPES else b""


def restrict(folders: Iterable[str], devices: Iterable[str]) -> None:
    """
    Restricts the calling process and its descendants. They may change everything in `folders`, write to
    existing files in `devices`, and write nowhere else. Their signals reach only each other. This applies as
    far as the kernel's Landlock supports it; without Landlock it does nothing. Needs no_new_privs.
    """
    if VERSION < _FIRST_VERSION:
        return
    write = _WRITE_FILE | (_TRUNCATE if VERSION >= _FIRST_WITH_TRUNCATE else 0)
    attributes = struct.pack("=Q", write | _CHANGE_ENTRIES) + SCOPES[8:]
    ruleset = _call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        for folder in folders:
            _allow(ruleset, folder, write | _CHANGE_ENTRIES)
        for folder in devices:
            _allow(ruleset, folder, write)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, folder: str, access: int) -> None:
    descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", access, descriptor), 0)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    result = _LIBC.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"the Landlock call {number} failed")
    return result
