"""OSError → StorageError: which path, how far it reaches, what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from mailsync.model.errors import Help, Reach, StorageError
from mailsync.system.text import safe

_FULL = "make room on that disk; mailsync goes on at the next run"
_BROKEN = "the disk reports an error: look at the system's log; nothing was counted as stored"

# errno → how far it reaches, what helps, in words
_KNOWN: dict[int, tuple[Reach, Help, str]] = {
    errno.ENOSPC: (Reach.ACCOUNT, Help.WAIT, _FULL),
    errno.EDQUOT: (Reach.ACCOUNT, Help.WAIT, "your quota is used up: make room"),
    errno.EROFS: (Reach.ACCOUNT, Help.ASK, "it is mounted read-only: mount it read-write"),
    errno.EIO: (Reach.ACCOUNT, Help.WAIT, _BROKEN),
    errno.EMFILE: (Reach.ACCOUNT, Help.RETRY, "too many open files: raise the limit (ulimit -n)"),
    errno.ENFILE: (Reach.ACCOUNT, Help.RETRY, "the system has too many open files"),
    errno.EACCES: (Reach.MAILBOX, Help.ASK, "give your user the right to it (chmod, chown)"),
    errno.EPERM: (Reach.MAILBOX, Help.ASK, "give your user the right to it (chmod, chown)"),
    errno.ENOENT: (Reach.MAILBOX, Help.RETRY, "it went away; the next run looks again"),
    errno.ENOTDIR: (Reach.MAILBOX, Help.ASK, "something that is no directory is in the way"),
    errno.EISDIR: (Reach.MAILBOX, Help.ASK, "a directory is in the way: move it away"),
    errno.ELOOP: (Reach.MAILBOX, Help.ASK, "a symbolic link is in the way; none is followed"),
    errno.EEXIST: (Reach.MAILBOX, Help.ASK, "something else has that name: move it away"),
    errno.ENAMETOOLONG: (Reach.MESSAGE, Help.ASK, "give it a shorter name"),
    errno.EINVAL: (Reach.MESSAGE, Help.ASK, "this file system cannot keep that name"),
    errno.EFBIG: (Reach.MESSAGE, Help.ASK, "it is larger than this file system can keep"),
}
_OTHER = (Reach.ACCOUNT, Help.WAIT, "try again later")


def storage_error(
    error: OSError, doing: str, path: str, reach: Reach | None = None
) -> StorageError:
    """`doing` completes "cannot …" and ends with a word before the path."""
    far, help, hint = _KNOWN.get(error.errno or 0, _OTHER)
    words = error.strerror or type(error).__name__
    text = f"cannot {doing} {safe(path)}: {words}; {hint}"
    return StorageError(text, reach=reach or far, help=help)


def advice(number: int) -> str:
    """What a person can do about this errno."""
    return _KNOWN.get(number, _OTHER)[2]


def in_the_way(path: str) -> StorageError:
    text = f"{safe(path)} is no directory: move it away; symbolic links are not followed"
    return StorageError(text, reach=Reach.MAILBOX, help=Help.ASK)


@contextmanager
def translated(doing: str, path: str, reach: Reach | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise storage_error(error, doing, path, reach) from error
