"""A small file system of one's own, where this process may mount one."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

NO_MOUNT = "no file system may be mounted here"


def mount(*words: str) -> bool:
    done = subprocess.run(["mount", *words], capture_output=True, check=False)
    return done.returncode == 0


@contextlib.contextmanager
def small_disk(path: Path, size: str) -> Iterator[bool]:
    """A tmpfs at `path`; False where this process may not mount one."""
    path.mkdir(parents=True, exist_ok=True)
    made = os.geteuid() == 0 and mount("-t", "tmpfs", "-o", f"size={size}", "none", str(path))
    try:
        yield made
    finally:
        if made:
            subprocess.run(["umount", "-l", str(path)], check=True)


def can_mount(path: Path) -> bool:
    with small_disk(path, "1m") as made:
        return made


@contextlib.contextmanager
def leaving_room(path: Path, pages: int) -> Iterator[None]:
    """All of the file system of `path` is taken but so many pages."""
    ballast, seen = path / "ballast", os.statvfs(path)
    try:
        with ballast.open("wb") as file:
            if seen.f_bavail > pages:
                os.posix_fallocate(file.fileno(), 0, (seen.f_bavail - pages) * seen.f_frsize)
        yield
    finally:
        ballast.unlink()
