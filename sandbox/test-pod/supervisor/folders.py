"""Folders that a run may write to: created before it and emptied after it."""

import asyncio
import contextlib
import os

# Entries handled before the event loop gets control again.
_BATCH = 256


def write_files(folder: str, files: dict[str, bytes]) -> None:
    """Writes files into an empty folder. Their names were validated with the request."""
    for name, data in files.items():
        path = os.path.join(folder, name)
        if "/" in name:
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        # Fails for duplicate names. Validation rejects 'a/../b', but 'A' and 'a' may be one file on some
        # disks.
        with open(path, "xb", buffering=0) as file:
            file.write(data)


def entries(folder: str) -> int:
    """
    How many files and folders the folder's volume contains, itself included; 0 if it does not count them.
    """
    volume = os.statvfs(folder)
    return volume.f_files - volume.f_ffree


async def empty(folder: str, spared: frozenset[str] = frozenset()) -> None:
    """
    Deletes everything in a folder except the spared entries. It follows no links and needs neither recursion
    nor long paths: it moves each inner folder to the top level, so a folder can be nested a million levels
    deep.
    """
    done = 0
    moved = 0
    while names := set(os.listdir(folder)) - spared:
        for name in names:
            path = os.path.join(folder, name)
            # Most are files; unlink refuses folders.
            if not _unlinked(path):
                os.chmod(path, 0o700)
                for inner in os.listdir(path):
                    inner_path = os.path.join(path, inner)
                    if not _unlinked(inner_path):
                        os.chmod(inner_path, 0o700)
                        moved = _move_up(inner_path, folder, moved)
                    done += 1
                    if done % _BATCH == 0:
                        await asyncio.sleep(0)
                os.rmdir(path)
            done += 1
            if done % _BATCH == 0:
                await asyncio.sleep(0)


def clear_attributes(path: str) -> None:
    """Removes the extended attributes of a file or folder, if its file system supports them."""
    with contextlib.suppress(OSError):
        for name in os.listxattr(path, follow_symlinks=False):
            os.removexattr(path, name, follow_symlinks=False)


def clear_file(path: str) -> None:
    """Empties a file of the container runtime, if it exists and programs could write to it."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        os.close(os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC))
    clear_attributes(path)


def _move_up(path: str, folder: str, moved: int) -> int:
    while True:
        moved += 1
        target = os.path.join(folder, f".{moved}")
        if not os.path.lexists(target):
            os.rename(path, target)
            return moved


def _unlinked(path: str) -> bool:
    """Deletes a file or a link. Returns False for a folder."""
    try:
        os.unlink(path)
    except (IsADirectoryError, PermissionError):
        # Linux reports the first, other systems the second. If it is no folder, the caller fails to list it.
        return False
    return True
