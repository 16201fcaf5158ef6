"""Twin of `mailsync.system.seams.Fs` over a `SimDisk`."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mailsync.system.seams import Barrier, Rand, Reader, Stat, Writer
from sim.disk import Model, Node, SimDisk, below, fail
from sim.witness import LocalWitness

MODELS = tuple(Model)


@dataclass
class _Fault:
    left: int  # matching calls until it strikes
    number: int
    sticky: bool
    only: frozenset[str]


@dataclass
class SimFs:
    """One process's view of the disk; a mail reader or a later process takes another one.

    `step` is called with `fs.<method>` before every call: the point where a crash happens or
    others act.  `refuse` is called with method and path, and may raise OSError; once more for the
    new name of a rename, as "rename to".  `mislist` is called with a directory and what it
    holds, and says what is listed instead.  Once `dead` is set every call raises it.
    `calls` counts the calls.
    """

    rand: Rand
    disk: SimDisk = field(default_factory=SimDisk)
    step: Callable[[str], None] = lambda name: None
    refuse: Callable[[str, str], None] | None = None
    mislist: Callable[[str, list[str]], list[str]] | None = None
    dead: BaseException | None = None
    calls: int = 0
    eyes: LocalWitness | None = None  # on every message that leaves its place
    _faults: list[_Fault] = field(default_factory=list)

    def fail(
        self, nth: int, number: int, *, sticky: bool = False, only: frozenset[str] = frozenset()
    ) -> None:
        """The nth call from now (1: the next) of the methods `only` (empty: of all) raises this
        errno; `sticky`: and every one after it."""
        self._faults.append(_Fault(nth, number, sticky, only))

    def heal(self) -> None:
        self._faults.clear()

    @property
    def now(self) -> int:
        """The file system's clock in ns; settable, it stands still otherwise."""
        return self.disk.now()

    @now.setter
    def now(self, time_ns: int) -> None:
        self.disk.time_ns = time_ns

    def crash(self, model: str, pick: Rand) -> None:
        self.disk.crash(model, pick)

    def files(self, *, durable: bool = False, under: str = "") -> dict[str, bytes]:
        return self.disk.files(durable=durable, under=under)

    def enter(self, name: str, path: str) -> None:
        """Before every call.  Raises OSError where a fault strikes."""
        if self.dead is not None:
            raise self.dead
        self.step(f"fs.{name}")
        self.calls += 1
        if self.refuse is not None:
            self.refuse(name, path)
        for fault in list(self._faults):
            if fault.only and name not in fault.only:
                continue
            fault.left -= 1
            if fault.left <= 0:
                if not fault.sticky:
                    self._faults.remove(fault)
                raise fail(fault.number, path)

    # -- the seam ------------------------------------------------------------------------------

    def list(self, path: str) -> Iterator[tuple[str, str]]:
        self.enter("list", path)
        node = self._directory(path)
        if node.closed:
            raise fail(errno.EACCES, path)
        names = sorted(node.entries)
        names.sort(key=lambda name: self.rand.bits(32))
        kinds = {name: child.kind for name, child in node.entries.items()}
        if self.mislist is not None:
            names = self.mislist(path, names)
        for at, name in enumerate(names):
            if at and at == len(names) // 2:  # others may act while the directory is read
                self.enter("list", path)
            if name in node.entries or below(self.rand, 2):
                yield name, kinds.get(name, "file")
        # What appeared, vanished or was renamed meanwhile may be seen or not.
        for name, child in sorted(node.entries.items()):
            if name not in kinds and below(self.rand, 2):
                yield name, child.kind

    def stat(self, path: str) -> Stat:
        self.enter("stat", path)
        return self.disk.find(path).stat()

    def open(self, path: str) -> Reader:
        self.enter("open", path)
        node = self.disk.find(path)
        if node.kind != "file":
            raise fail(
                {"link": errno.ELOOP, "dir": errno.EISDIR}.get(node.kind, errno.EINVAL), path
            )
        if node.closed:
            raise fail(errno.EACCES, path)
        return SimReader(self, node, path)

    def create(self, path: str) -> Writer:
        self.enter("create", path)
        return SimWriter(self, self.disk.make(path, "file"), path)

    def rename(self, source: str, target: str) -> None:
        self.enter("rename", source)
        if self.refuse is not None:
            self.refuse("rename to", target)
        with self._watched(source, target):
            self.disk.rename(source, target, replace=False)

    def replace(self, source: str, target: str) -> None:
        self.enter("replace", source)
        with self._watched(source, target):
            self.disk.rename(source, target, replace=True)

    def unlink(self, path: str) -> None:
        self.enter("unlink", path)
        with self._watched(path, None):
            self.disk.unlink(path)

    @contextlib.contextmanager
    def _watched(self, source: str, target: str | None) -> Iterator[None]:
        """Nobody is told of what fails."""
        if self.eyes is None:
            yield
            return
        try:
            node = self.disk.find(source)
        except OSError:
            node = None
        inside = self.disk.files(under=f"{source}/") if node and node.kind == "dir" else {}
        over = None  # what is replaced
        with contextlib.suppress(OSError):
            over = self.disk.find(target) if target is not None else None
        yield
        if over is not None and over is not node and over.kind == "file" and target is not None:
            self.eyes.gone(target, bytes(over.data), None)
        if node is not None and node.kind == "file":
            self.eyes.gone(source, bytes(node.data), target)
        elif inside and target is not None:
            self.eyes.directory(source, target, inside)

    def mkdir(self, path: str) -> None:
        self.enter("mkdir", path)
        self.disk.make(path, "dir")

    def rmdir(self, path: str) -> None:
        self.enter("rmdir", path)
        self.disk.rmdir(path)

    def sync_file(self, path: str) -> None:
        node = self.disk.find(path)
        try:
            self.enter("sync_file", path)
        except OSError:
            node.dirty = False
            raise
        node.sync_data()

    def sync_dir(self, path: str) -> None:
        self.enter("sync_dir", path)
        self._directory(path).sync_entries()
        self.disk.version += 1

    def sync_all(self, path: str) -> bool:
        barrier = self.barrier(path)
        if barrier is None:
            return False
        barrier.sync()
        return True

    def barrier(self, path: str) -> Barrier | None:
        self.enter("barrier", path)
        node = self._directory(path)
        return SimBarrier(self, node, path) if self.disk.has_barrier else None

    def now_ns(self, path: str) -> int:
        self.enter("now_ns", path)
        self.disk.find(path)
        return self.disk.now()

    def _directory(self, path: str) -> Node:
        node = self.disk.find(path)
        if node.kind != "dir":
            raise fail(errno.ENOTDIR, path)
        return node


class SimWriter:
    def __init__(self, fs: SimFs, node: Node, path: str) -> None:
        self._fs, self._node, self._path = fs, node, path
        self._open = True

    def _enter(self, name: str) -> None:
        if not self._open:
            raise fail(errno.EBADF, self._path)
        self._fs.enter(name, self._path)

    def write(self, data: bytes) -> None:
        try:
            self._enter("write")
        except OSError:
            self._fs.disk.write(self._node, data[: len(data) // 2])
            raise
        self._fs.disk.write(self._node, data)

    def set_mtime(self, mtime_ns: int) -> None:
        self._enter("set_mtime")
        self._node.mtime_ns = mtime_ns
        self._node.ctime_ns = self._fs.disk.now()
        self._node.dirty = True

    def sync(self) -> None:
        try:
            self._enter("sync")
        except OSError:  # the kernel drops such pages: a second try would prove nothing
            self._node.dirty = False
            raise
        self._node.sync_data()

    def close(self, mtime_ns: int | None = None) -> None:
        try:
            if mtime_ns is not None:
                self.set_mtime(mtime_ns)
        finally:
            self._open = False


class SimReader:
    def __init__(self, fs: SimFs, node: Node, path: str) -> None:
        self._fs, self._node, self._path = fs, node, path
        self._at = 0

    def read(self, size: int) -> bytes:
        self._fs.enter("read", self._path)
        piece = bytes(self._node.data[self._at : self._at + size])
        self._at += len(piece)
        return piece

    def close(self) -> None:
        pass


class SimBarrier:
    def __init__(self, fs: SimFs, node: Node, path: str) -> None:
        self._fs, self._node, self._path = fs, node, path

    def sync(self) -> None:
        try:
            self._fs.enter("sync", self._path)
        except OSError:
            for node in self._fs.disk.nodes():
                if node.device == self._node.device:
                    node.dirty = False
            raise
        self._fs.disk.sync(self._node.device)

    def close(self) -> None:
        pass
