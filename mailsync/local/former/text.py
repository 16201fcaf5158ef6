"""Small files of other programs, read whole."""

from __future__ import annotations

import errno
import fcntl
import os

from mailsync.model.errors import Locked
from mailsync.system.trouble import translated

LIMIT = 64 << 20  # bytes; a million messages need less


class Unreadable(Exception):
    """A state that cannot be understood; the text says where and why."""


def read(path: str) -> str | None:
    """None: there is no such file.  Raises Unreadable, StorageError."""
    with translated("read", path):
        try:
            with open(path, "rb") as file:
                data = file.read(LIMIT + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
    if len(data) > LIMIT:
        raise Unreadable(f"{path}: larger than {LIMIT} bytes; this is no state")
    return data.decode("utf-8", "surrogateescape")


def stopped(program: str, path: str) -> None:
    """Raises Locked when the program holds a lock on the file at `path`."""
    try:
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise Locked(f"{program} is at work, it holds {path}: stop it first") from error
    finally:
        os.close(file)


def number(text: str) -> int | None:
    """A number of at most ten digits, and nothing else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
