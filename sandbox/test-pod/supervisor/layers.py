"""
Layers: folders with installed requirements. Each is installed once and shared by all runs with the same
requirements.

A program runs under the supervisor's uid and could change a layer for later runs. So after the installation,
a layer is made read-only and the metadata of its whole tree is recorded. Any change needs a chmod, a rename
or a new entry. Each of these updates a ctime, which no program can set. A layer that differs from its record
is deleted before the next run.
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

# In seconds. A change within the same tick of the kernel's clock, 1 to 10 ms, would not change a ctime.
_CLOCK_GRAIN = 0.02
# The share of the volume that must be free before an installation, so that one submission's archives and
# packages fit.
_FREE_SHARE = 0.75
# Entries handled before the event loop gets control again.
_BATCH = 512

class LayerMissing(Exception):
    """The requirements of a run are not installed, or no longer. Install them, then request the run again."""


@dataclass(frozen=True)
class Layer:
    folder: str
    # By path: mode, device, inode, size, mtime and ctime of each entry.
    recorded: dict[str, tuple[int, ...]]
    # The installer's report.
    report: bytes


def key_of(language: str, requirements: list[str]) -> str:
    """A key that is equal for the same requirements in any order."""
    identity = json.dumps([language, sorted(set(requirements))])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


class Layers:
    """The layers of one pod, and so of one user. The least recently used layer is deleted first."""

    def __init__(self, root: str):
        self._root = root
        self._kept: OrderedDict[str, Layer] = OrderedDict()

    def find(self, key: str) -> "Layer | None":
        layer = self._kept.get(key)
        if layer is not None:
            self._kept.move_to_end(key)
        return layer

    async def remove_changed(self) -> None:
        """
        Deletes changed layers, and everything that belongs to no layer: leftovers of a program or of an
        earlier container. No program may be running.
        """
        for key, layer in list(self._kept.items()):
            if not await _is_unchanged(layer):
                del self._kept[key]
        await self._remove_others()

    async def begin(self, key: str) -> str:
        """
        Creates the empty folder of a new layer, after freeing space. Must be followed by `keep` or `remove_changed`.
        """
        while self._kept and not self._has_room():
            self._kept.popitem(last=False)
            await self._remove_others()
        folder = os.path.join(self._root, key)
        os.mkdir(folder, 0o700)
        return folder

    async def keep(self, key: str, report: bytes) -> None:
        """Records a complete layer. The installer that filled it must have exited."""
        folder = os.path.join(self._root, key)
        for path, found in [entry async for entry in _walk(folder)]:
            if not stat.S_ISLNK(found.st_mode):
                os.chmod(path, found.st_mode & 0o555)
        recorded = {path: _metadata(found) async for path, found in _walk(folder)}
        await asyncio.sleep(_CLOCK_GRAIN)
        self._kept[key] = Layer(folder, recorded, report)

    def _has_room(self) -> bool:
        volume = os.statvfs(self._root)
        return volume.f_bavail >= volume.f_blocks * _FREE_SHARE

    async def _remove_others(self) -> None:
        folders.clear_attributes(self._root)
        if set(os.listdir(self._root)) - self._kept.keys():
            await folders.empty(self._root, spared=frozenset(self._kept))


async def _walk(root: str) -> AsyncIterator[tuple[str, os.stat_result]]:
    """Every entry of a tree with its metadata, folders before their contents. Follows no links."""
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


async def _is_unchanged(layer: Layer) -> bool:
    """Stops at the first difference, so the size of the tree does not matter."""
    seen = 0
    try:
        async for path, found in _walk(layer.folder):
            if layer.recorded.get(path) != _metadata(found):
                return False
            seen += 1
    except OSError:
        return False
    return seen == len(layer.recorded)


def _metadata(found: os.stat_result) -> tuple[int, ...]:
    return found.st_mode, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
