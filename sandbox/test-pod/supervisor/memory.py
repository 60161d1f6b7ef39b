"""
What the kernel says about the memory of this container, with cgroup v2 or v1.

Memory is what a run holds of the container: pages of its processes, files in memory, buffers of its sockets, secret and
shared memory, also when no process has them mapped. It is not address space, and not what the kernel can take back.
"""

import os

_V2 = "/sys/fs/cgroup"
_V1 = "/sys/fs/cgroup/memory"
# More than a file of counters takes.
_MOST_BYTES = 16384
# Below this share of the limit the kernel has no reason to kill. On cgroup v2 it may kill the whole container,
# so the supervisor stops the run before that.
_DANGER = 0.9


class Memory:
    """Reads counters of the container's cgroup. Where there are none (some sandboxes), it knows nothing."""

    def __init__(self, v2: str = _V2, v1: str = _V1):
        # Held open, as they are asked while each program runs.
        self._usage = self._stat = self._events = self._sockets = None
        self._reclaimable: tuple[bytes, ...] = ()
        limit = None
        if os.path.exists(f"{v2}/memory.current"):
            self._usage, self._stat = _open(f"{v2}/memory.current"), _open(f"{v2}/memory.stat")
            self._events = _open(f"{v2}/memory.events")
            self._reclaimable = (b"active_file", b"inactive_file", b"slab_reclaimable")
            limit = _read(_open(f"{v2}/memory.max"))
        elif os.path.exists(f"{v1}/memory.usage_in_bytes"):
            self._usage, self._stat = _open(f"{v1}/memory.usage_in_bytes"), _open(f"{v1}/memory.stat")
            self._events = _open(f"{v1}/memory.oom_control")
            self._reclaimable = (b"total_active_file", b"total_inactive_file")
            # Not part of the usage there.
            self._sockets = _open(f"{v1}/memory.kmem.tcp.usage_in_bytes")
            limit = _read(_open(f"{v1}/memory.limit_in_bytes"))
        self._killed = self._kills()
        self._danger = int(int(limit) * _DANGER) if limit is not None and limit.isdigit() else None
        # Before the run: what is not its own.
        self._before = 0

    @property
    def is_known(self) -> bool:
        return self._usage is not None

    def begin(self) -> None:
        """What is held from here on is the run's."""
        self._before = self._held()

    def of_run(self, enough: int) -> int:
        """What came since `begin`, in bytes. More exactly so only above `enough`: the kernel takes its time to tell."""
        roughly = self._charged() - self._before
        if roughly <= enough:
            return max(roughly, 0)
        held = self._held()
        # What was given back since then was not the run's.
        self._before = min(self._before, held)
        return held - self._before

    def is_scarce(self) -> bool:
        """True when what cannot be reclaimed nears the limit of the container."""
        if self._danger is None or self._charged() <= self._danger:
            return False
        return self._held() > self._danger

    def new_kills(self) -> int:
        """How many processes the kernel has killed here for want of memory since this was last asked."""
        before, self._killed = self._killed, self._kills()
        return self._killed - before

    def _held(self) -> int:
        counters = _read(self._stat)
        return self._charged() - sum(_field_in(counters, name) for name in self._reclaimable)

    def _charged(self) -> int:
        return _number(self._usage) + _number(self._sockets)

    def _kills(self) -> int:
        return _field_in(_read(self._events), b"oom_kill")


def _open(path: str) -> "int | None":
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _read(descriptor: "int | None") -> bytes:
    return b"" if descriptor is None else os.pread(descriptor, _MOST_BYTES, 0).strip()


def _number(descriptor: "int | None") -> int:
    return int(_read(descriptor) or 0)


def _field_in(text: bytes, name: bytes) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(b" ")
        if key == name:
            return int(value)
    return 0
