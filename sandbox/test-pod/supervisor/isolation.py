"""
Namespaces of its own for each program (warm/namespaces.py), where the kernel lets an unprivileged process create them:
gVisor does, runc's seccomp filter does not. Elsewhere landlock.py and confine.py stand between a program and the rest of
the pod.
"""

import os
from collections.abc import Callable

from warm import namespaces

from . import confine, landlock

# The folder of the supervisor's socket, if the pod has one.
SOCKET_FOLDER = "/supervisor"

# Whether this kernel is gVisor's, which then runs nothing but this pod.
IS_GVISOR = os.path.isdir("/proc/gvisor")

_used = False


def find_out() -> None:
    """Finds out whether programs can have namespaces of their own. Call this once, before any program starts."""
    global _used
    # Landlock, under which the warm interpreter is, forbids mounts.
    _used = landlock.VERSION == 0 and namespaces.are_available(_hidden())


def is_used() -> bool:
    return _used


def level() -> str:
    """What stands between a program and the node, the strongest first: `gvisor`, `landlock` or `seccomp`."""
    if IS_GVISOR and _used:
        return "gvisor"
    return "landlock" if landlock.VERSION > 0 else "seccomp"


def enter(report: Callable[[bytes], object]) -> None:
    """Like `namespaces.enter`, where namespaces are used; otherwise does nothing."""
    if not _used:
        return
    namespaces.enter(_hidden(), report)
    os.setsid()
    namespaces.filter_calls(confine.NAMESPACE_FILTER)


def variables() -> dict[str, str]:
    """For the warm interpreter, whose forks enter namespaces as well."""
    if not _used:
        return {}
    return {"NAMESPACES_HIDE": ":".join(_hidden()), "NAMESPACES_FILTER": confine.NAMESPACE_FILTER.hex()}


def _hidden() -> list[str]:
    return [SOCKET_FOLDER] if os.path.isdir(SOCKET_FOLDER) else []
