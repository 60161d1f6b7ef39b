"""What the kernel says about the memory of this container, with cgroup v2 or v1."""

import os

_V2 = "/sys/fs/cgroup"
_V1 = "/sys/fs/cgroup/memory"
# More than the counters of events take.
_EVENTS_BYTES = 4096
# Below this share of the limit the kernel has no reason to kill. On cgroup v2 it may kill the whole container,
# so the supervisor stops the run before that.
_DANGER = 0.9


class Memory:
    """Reads counters of the container's cgroup. Where there are none (some sandboxes), it knows nothing."""

    def __init__(self, v2: str = _V2, v1: str = _V1):
        self._events = self._stat = None
        self._fields: tuple[bytes, bytes] = (b"anon", b"shmem")
        limit = None
        if os.path.exists(f"{v2}/memory.events"):
            self._events, self._stat = f"{v2}/memory.events", f"{v2}/memory.stat"
            limit = _read(f"{v2}/memory.max")
        elif os.path.exists(f"{v1}/memory.oom_control"):
            self._events, self._stat = f"{v1}/memory.oom_control", f"{v1}/memory.stat"
            self._fields = (b"total_rss", b"total_shmem")
            limit = _read(f"{v1}/memory.limit_in_bytes")
        # Held open, as it is asked after each run.
        self._events_file = os.open(self._events, os.O_RDONLY | os.O_CLOEXEC) if self._events else None
        self._killed = self._kills()
        self._danger = int(int(limit) * _DANGER) if limit is not None and limit.isdigit() else None

    def new_kills(self) -> int:
        """How many processes the kernel has killed here for want of memory since this was last asked."""
        before, self._killed = self._killed, self._kills()
        return self._killed - before

    def _kills(self) -> int:
        if self._events_file is None:
            return 0
        return _field_in(os.pread(self._events_file, _EVENTS_BYTES, 0), b"oom_kill")

    def is_scarce(self) -> bool:
        """True when what cannot be reclaimed (processes and memory-backed files) nears the limit."""
        if self._stat is None or self._danger is None:
            return False
        return sum(_field(self._stat, name) for name in self._fields) > self._danger


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


def _field(path: str, name: bytes) -> int:
    return _field_in(_read(path) or b"", name)


def _field_in(text: bytes, name: bytes) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(b" ")
        if key == name:
            return int(value)
    return 0
