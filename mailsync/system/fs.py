"""Fs, production."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import time
from collections.abc import Iterator

from mailsync.system import native
from mailsync.system.seams import Barrier, Reader, Stat, Writer

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO must not block us
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW
_SKEW_LASTS = 60.0  # seconds
_LATEST_NS = (1 << 63) - 1  # in the year 2262: SQLite keeps no later one, some file systems do

_one_syncfs = threading.Lock()


def _fail(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


class DiskWriter:
    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, data: bytes) -> None:
        written = os.write(self._fd, data)
        if written < len(data):
            rest = memoryview(data)[written:]
            while rest:
                rest = rest[os.write(self._fd, rest) :]

    def set_mtime(self, mtime_ns: int) -> None:
        # atime stays new: other programs remove what looks long unused from tmp/.
        os.utime(self._fd, ns=(time.time_ns(), mtime_ns))

    def sync(self) -> None:
        os.fsync(self._fd)

    def close(self, mtime_ns: int | None = None) -> None:
        try:
            if mtime_ns is not None:
                self.set_mtime(mtime_ns)
        finally:
            os.close(self._fd)


class DiskReader:
    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, size: int) -> bytes:
        return os.read(self._fd, size)

    def close(self) -> None:
        os.close(self._fd)


class DiskBarrier:
    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def sync(self) -> None:
        with _one_syncfs:
            native.syncfs(self._fd)

    def close(self) -> None:
        os.close(self._fd)


class DiskFs:
    """One per process; safe to use from several threads."""

    def __init__(self) -> None:
        self._local: set[int] = set()  # devices whose times come from our own clock
        self._skew: dict[
            int, tuple[int, float]
        ] = {}  # device → its clock minus ours, measured when

    def list(self, path: str) -> Iterator[tuple[str, str]]:
        fd = os.open(path, _FOLDER)
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        yield entry.name, "file"
                    elif entry.is_dir(follow_symlinks=False):
                        yield entry.name, "dir"
                    else:
                        yield entry.name, "link" if entry.is_symlink() else "other"
        finally:
            os.close(fd)

    def stat(self, path: str) -> Stat:
        seen = os.lstat(path)
        mode = seen.st_mode
        if stat.S_ISREG(mode):
            kind = "file"
        elif stat.S_ISDIR(mode):
            kind = "dir"
        else:
            kind = "link" if stat.S_ISLNK(mode) else "other"
        return Stat(
            kind,
            seen.st_size,
            min(max(seen.st_mtime_ns, -_LATEST_NS), _LATEST_NS),
            seen.st_ctime_ns,
            seen.st_ino,
            seen.st_dev,
        )

    def open(self, path: str) -> Reader:
        fd = os.open(path, _READ)
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            os.close(fd)
            raise _fail(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, path)
        return DiskReader(fd)

    def create(self, path: str) -> Writer:
        return DiskWriter(os.open(path, _WRITE, 0o600))

    def rename(self, source: str, target: str) -> None:
        if not native.rename_noreplace(source, target):
            self._rename_by_link(source, target)

    def _rename_by_link(self, source: str, target: str) -> None:
        """Where renameat2 is not offered.  Directories, and file systems without hard links,
        get a look before the rename: others could still slip in between."""
        if stat.S_ISREG(os.lstat(source).st_mode):
            try:
                os.link(source, target, follow_symlinks=False)
            except FileExistsError:
                # NFS says so, too, of a link that it made, when its answer was lost.  With one name
                # alone both are that: spelt otherwise, where the file system takes f for F.
                there = os.lstat(target)
                if there.st_nlink == 1 or not os.path.samestat(os.lstat(source), there):
                    raise
                os.unlink(source)
                return
            except OSError as error:
                no_links = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)
                if error.errno not in no_links:
                    raise
            else:
                os.unlink(source)
                return
        if os.path.lexists(target):
            raise _fail(errno.EEXIST, target)
        os.rename(source, target)

    def replace(self, source: str, target: str) -> None:
        os.replace(source, target)

    def unlink(self, path: str) -> None:
        os.unlink(path)

    def mkdir(self, path: str) -> None:
        os.mkdir(path, 0o700)

    def rmdir(self, path: str) -> None:
        os.rmdir(path)

    def sync_file(self, path: str) -> None:
        self._sync(path, _READ)

    def sync_dir(self, path: str) -> None:
        self._sync(path, _FOLDER)

    def _sync(self, path: str, flags: int) -> None:
        fd = os.open(path, flags)
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno != errno.EINVAL:  # EINVAL: this file system does not sync such
                raise
        finally:
            os.close(fd)

    def sync_all(self, path: str) -> bool:
        barrier = self.barrier(path)
        if barrier is None:
            return False
        try:
            barrier.sync()
        finally:
            barrier.close()
        return True

    def barrier(self, path: str) -> Barrier | None:
        fd = os.open(path, _FOLDER)
        if native.has_syncfs(fd):
            return DiskBarrier(fd)
        os.close(fd)
        return None

    def now_ns(self, path: str) -> int:
        device = os.stat(path).st_dev
        if device in self._local:
            return time.time_ns()
        skew, measured = self._skew.get(device, (0, -_SKEW_LASTS))
        if time.monotonic() - measured >= _SKEW_LASTS:
            if os.major(device) or self._has_our_clock(path):
                self._local.add(device)
                return time.time_ns()
            skew = self._measure(path)
            self._skew[device] = skew, time.monotonic()
        return time.time_ns() + skew

    def _has_our_clock(self, path: str) -> bool:
        fd = os.open(path, _FOLDER)
        try:
            return native.has_local_clock(fd)
        finally:
            os.close(fd)

    def _measure(self, path: str) -> int:
        probe = os.path.join(path, f".mailsync-clock-{os.urandom(8).hex()}")
        try:
            fd = os.open(probe, _WRITE, 0o600)
        except OSError:  # a read-only tree: our own clock has to do
            return 0
        try:
            return os.fstat(fd).st_mtime_ns - time.time_ns()
        finally:
            os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(probe)
