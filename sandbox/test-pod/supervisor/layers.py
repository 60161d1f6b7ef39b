"""
Layers: folders with the requirements of programs, installed once and shared by all runs that require the same.

A program has the uid of the supervisor and could change a layer for the runs after it. So a layer is made read-only
and its whole tree is noted right after the installation. A change needs a chmod, a rename or a new entry, and each
of these moves a ctime, which no program can set. What is not as noted is thrown away before the next run.
"""

import asyncio
import hashlib
import json
import os
import stat
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass

from . import folders

# A change within the same tick of the kernel's clock would leave a ctime as it is; ticks are 1 to 10 ms.
_CLOCK_GRAIN = 0.02
# Of the volume, free before an installation: archives and packages of one submission must fit into that.
_FREE_SHARE = 0.75
# Between two pauses for the event loop.
_BATCH = 512

class LayerMissing(Exception):
    """The requirements of a run are not installed (any more): they must be, and the run asked for again."""


@dataclass(frozen=True)
class Layer:
    folder: str
    # Of each entry by its path: mode, device, inode, size, mtime and ctime.
    noted: dict[str, tuple[int, ...]]
    # What the installer reported of it.
    report: bytes


def key_of(language: str, requirements: list[str]) -> str:
    """The same for the same requirements in any order."""
    asked = json.dumps([language, sorted(set(requirements))])
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


class Layers:
    """The layers of one pod, which is one user's. The least recently used goes first."""

    def __init__(self, root: str):
        self._root = root
        self._kept: OrderedDict[str, Layer] = OrderedDict()

    def find(self, key: str) -> "Layer | None":
        layer = self._kept.get(key)
        if layer is not None:
            self._kept.move_to_end(key)
        return layer

    async def settle(self) -> None:
        """
        Removes all that is not as it was noted, and all that was never noted: what a program or an earlier
        container left here. No program may be running.
        """
        for key, layer in list(self._kept.items()):
            if not await _is_as_noted(layer):
                del self._kept[key]
        await self._remove_unknown()

    async def begin(self, key: str) -> str:
        """Makes the empty folder of a new layer, after making room for it. To be ended by `keep` or `settle`."""
        while self._kept and not self._has_room():
            self._kept.popitem(last=False)
            await self._remove_unknown()
        folder = os.path.join(self._root, key)
        os.mkdir(folder, 0o700)
        return folder

    async def keep(self, key: str, report: bytes) -> None:
        """Closes a layer that is complete. The program that filled it must be gone."""
        folder = os.path.join(self._root, key)
        for path, found in [entry async for entry in _walk(folder)]:
            if not stat.S_ISLNK(found.st_mode):
                os.chmod(path, found.st_mode & 0o555)
        noted = {path: _marks(found) async for path, found in _walk(folder)}
        await asyncio.sleep(_CLOCK_GRAIN)
        self._kept[key] = Layer(folder, noted, report)

    def _has_room(self) -> bool:
        volume = os.statvfs(self._root)
        return volume.f_bavail >= volume.f_blocks * _FREE_SHARE

    async def _remove_unknown(self) -> None:
        folders.clear_attributes(self._root)
        if set(os.listdir(self._root)) - self._kept.keys():
            await folders.empty(self._root, spared=frozenset(self._kept))


async def _walk(root: str) -> AsyncIterator[tuple[str, os.stat_result]]:
    """Every entry of a tree with what the kernel notes of it, folders before what is in them. Follows no link."""
    yield root, os.lstat(root)
    waiting = [root]
    done = 0
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    waiting.append(entry.path)
                yield entry.path, found
                done += 1
                if done % _BATCH == 0:
                    await asyncio.sleep(0)


async def _is_as_noted(layer: Layer) -> bool:
    """Ends at the first difference, however much a program has put there."""
    seen = 0
    try:
        async for path, found in _walk(layer.folder):
            if layer.noted.get(path) != _marks(found):
                return False
            seen += 1
    except OSError:
        return False
    return seen == len(layer.noted)


def _marks(found: os.stat_result) -> tuple[int, ...]:
    return found.st_mode, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
