"""System calls that `os` does not offer, by ctypes (imported on first use: it costs 5 ms)."""

from __future__ import annotations

import errno
import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1

# statfs(2).  These have a syncfs that waits for data and metadata (performance.md).
_SYNCFS = {0xEF53, 0x58465342, 0x9123683E, 0xF2F52010}  # ext2-4, xfs, btrfs, f2fs
# Their times come from this machine's clock.
_LOCAL = _SYNCFS | {0x01021994, 0x794C7630, 0x2FC12FC1}  # tmpfs, overlayfs, zfs


@cache
def _libc() -> ctypes.CDLL:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _failed(*paths: str) -> OSError:
    import ctypes

    number = ctypes.get_errno()
    if len(paths) == 2:
        return OSError(number, os.strerror(number), paths[0], None, paths[1])
    return OSError(number, os.strerror(number), *paths)


def rename_noreplace(source: str, target: str) -> bool:
    """False: not offered here, nothing was done.  Raises OSError."""
    call = getattr(_libc(), "renameat2", None)
    if call is None:
        return False
    a, b = os.fsencode(source), os.fsencode(target)
    if call(_AT_FDCWD, a, _AT_FDCWD, b, _RENAME_NOREPLACE) == 0:
        return True
    error = _failed(source, target)
    if error.errno in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise error


def syncfs(fd: int) -> None:
    if _libc().syncfs(fd) != 0:
        raise _failed()


def _magic(fd: int) -> int | None:
    """The file system's type (f_type, a machine word at the start of struct statfs)."""
    import ctypes

    call = getattr(_libc(), "fstatfs", None)
    if call is None or os.uname().sysname != "Linux":
        return None
    room = (ctypes.c_long * 64)()
    if call(fd, ctypes.byref(room)) != 0:
        return None
    return int(room[0]) & 0xFFFFFFFF


def has_syncfs(fd: int) -> bool:
    """Whether syncfs is known to wait and (since Linux 5.8) to report write errors here."""
    release = os.uname().release.split(".")
    try:
        new_enough = (int(release[0]), int(release[1])) >= (5, 8)
    except (ValueError, IndexError):
        return False
    return new_enough and _magic(fd) in _SYNCFS


def has_local_clock(fd: int) -> bool:
    return _magic(fd) in _LOCAL
