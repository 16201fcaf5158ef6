"""One process at a time: flock on a file of its own, which the kernel drops with the process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from types import TracebackType

from mailsync.model.errors import Locked, Reach, StorageError
from mailsync.system.text import safe
from mailsync.system.trouble import storage_error


class Lock:
    """`with Lock(path):` holds the lock; Locked at once when someone else does."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Raises Locked, or StorageError when the lock file cannot be made."""
        assert self._fd is None, "the lock is held already"
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            fd = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise storage_error(error, "make the lock file", self._path, Reach.ACCOUNT) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = safe(os.pread(fd, 40, 0)).strip()
            os.close(fd)
            if isinstance(error, BlockingIOError):
                who = f" (process {holder})" if holder.isdigit() else ""
                raise Locked(f"another mailsync{who} holds {safe(self._path)}") from error
            raise StorageError(
                f"cannot lock {safe(self._path)}: {error.strerror}; this file system offers no "
                "locks: put the state directory on a local disk"
            ) from error
        self._fd = fd
        with contextlib.suppress(OSError):  # the holder's number is only a help for people
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Does nothing when the lock is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
