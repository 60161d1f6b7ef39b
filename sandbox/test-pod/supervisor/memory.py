"""
Measures the memory of this container, with cgroup v2 or v1. In gVisor, whose containers have no counters of memory,
with those of its own kernel, which runs nothing but this pod.

A run's memory consists of its processes' pages, files in memory, socket buffers, and secret and shared
memory, even if no process has it mapped. Address space does not count, nor does memory that the kernel can
reclaim.
"""

import os

_V2 = "/sys/fs/cgroup"
_V1 = "/sys/fs/cgroup/memory"
# Larger than any of the counter files.
_MAX_COUNTER_BYTES = 16384
# The supervisor stops a run when memory that cannot be reclaimed exceeds this share of the container's limit.
# At the limit itself the OOM killer acts, which on cgroup v2 may kill the whole container.
_STOP_SHARE = 0.9
# The same where the counters leave out the memory of the kernel itself (gVisor), which the limit counts.
_STOP_SHARE_WITH_KERNEL = 0.75
MEMINFO = "/proc/meminfo"


class Memory:
    """Reads the counters of the container's cgroup. Some sandboxes have none; then `is_known` is False."""

    def __init__(self, v2: str = _V2, v1: str = _V1, kernel: "str | None" = None, volumes: tuple[str, ...] = ()):
        """
        @param kernel the meminfo file of a kernel that only runs this container; its counters take precedence
        @param volumes folders in memory that this kernel's counters leave out
        """
        # Kept open, because they are read repeatedly while a program runs.
        self._kernel = None
        self._volumes = volumes
        self._usage = self._stat = self._events = self._sockets = None
        self._reclaimable: tuple[bytes, ...] = ()
        limit = None
        if kernel is not None:
            self._kernel = _open(kernel)
            limit = b"%d" % _kilobytes_in(_read(self._kernel), b"MemTotal:")
        elif os.path.exists(f"{v2}/memory.current"):
            self._usage, self._stat = _open(f"{v2}/memory.current"), _open(f"{v2}/memory.stat")
            self._events = _open(f"{v2}/memory.events")
            self._reclaimable = (b"active_file", b"inactive_file", b"slab_reclaimable")
            limit = _read(_open(f"{v2}/memory.max"))
        elif os.path.exists(f"{v1}/memory.usage_in_bytes"):
            self._usage, self._stat = _open(f"{v1}/memory.usage_in_bytes"), _open(f"{v1}/memory.stat")
            self._events = _open(f"{v1}/memory.oom_control")
            self._reclaimable = (b"total_active_file", b"total_inactive_file")
            # On cgroup v1, usage_in_bytes does not include socket buffers.
            self._sockets = _open(f"{v1}/memory.kmem.tcp.usage_in_bytes")
            limit = _read(_open(f"{v1}/memory.limit_in_bytes"))
        share = _STOP_SHARE if self._kernel is None else _STOP_SHARE_WITH_KERNEL
        self._killed = self._kills()
        self._stop_bytes = int(int(limit) * share) if limit is not None and limit.isdigit() else None
        # Memory in use when the run began, and so not the run's.
        self._baseline = 0

    @property
    def is_known(self) -> bool:
        return self._usage is not None or self._kernel is not None

    @property
    def is_of_kernel(self) -> bool:
        """Whether these are the counters of a kernel that only runs this container."""
        return self._kernel is not None

    def begin(self) -> None:
        """Memory used from here on belongs to the run."""
        self._baseline = self._unreclaimable()

    def run_bytes(self, exact_above: int) -> int:
        """
        The memory of the run: the growth since `begin`, in bytes. Up to `exact_above` it is an estimate that
        includes memory that the kernel can reclaim, because exact counters are slow to read.
        """
        estimate = self._charged() - self._baseline
        if estimate <= exact_above:
            return max(estimate, 0)
        used = self._unreclaimable()
        # If less is in use than when the run began, memory was freed that was not the run's.
        self._baseline = min(self._baseline, used)
        return used - self._baseline

    def is_scarce(self) -> bool:
        """True when the memory that cannot be reclaimed approaches the container's limit."""
        if self._stop_bytes is None or self._charged() <= self._stop_bytes:
            return False
        return self._unreclaimable() > self._stop_bytes

    def new_kills(self) -> int:
        """How many processes of the container the OOM killer has killed since the last call."""
        previous, self._killed = self._killed, self._kills()
        return self._killed - previous

    def _unreclaimable(self) -> int:
        """The memory of the container that the kernel cannot reclaim, in bytes. Exact, and slow to read."""
        if self._kernel is not None:
            return self._charged()
        counters = _read(self._stat)
        return self._charged() - sum(_field_in(counters, name) for name in self._reclaimable)

    def _charged(self) -> int:
        """The memory that the kernel charges to the container, in bytes, including what it can reclaim."""
        if self._kernel is not None:
            # Pages of processes and files in memory; not the cache of other files, which can be reclaimed.
            return _kilobytes_in(_read(self._kernel), b"AnonPages:") + sum(map(_used_bytes, self._volumes))
        return _number(self._usage) + _number(self._sockets)

    def _kills(self) -> int:
        return _field_in(_read(self._events), b"oom_kill")


def _open(path: str) -> "int | None":
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _read(descriptor: "int | None") -> bytes:
    return b"" if descriptor is None else os.pread(descriptor, _MAX_COUNTER_BYTES, 0).strip()


def _number(descriptor: "int | None") -> int:
    return int(_read(descriptor) or 0)


def _used_bytes(volume: str) -> int:
    found = os.statvfs(volume)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def _kilobytes_in(text: bytes, name: bytes) -> int:
    """The counter of this name in a meminfo file, in bytes."""
    _, _, rest = text.partition(name)
    return int(rest.split(None, 1)[0]) * 1024


def _field_in(text: bytes, name: bytes) -> int:
    """The counter of this name, one on each line; 0 if there is none."""
    _, _, rest = (b"\n" + text).partition(b"\n" + name + b" ")
    return int(rest.partition(b"\n")[0] or 0)
