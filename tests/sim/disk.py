"""A disk that forgets: every content, mtime and directory entry has a live and a durable value.

`crash` leaves what a power cut may leave, by one of three models:

- all: everything written survives;
- synced: only what was synced survives;
- weak: each change that was not synced survives or not, as `pick` wills: data may be old, empty,
  partial or whole; of several changes of one entry any one may be the last that survives; a
  rename may be lost, done, or half done as two entries, but never lose its file.
"""

from __future__ import annotations

import enum
import errno
import itertools
import os
import unicodedata
from collections.abc import Callable, Iterator

from mailsync.system.seams import Rand, Stat

_START_NS = 1_700_000_000 * 10**9


class Model(enum.StrEnum):
    ALL = "all"
    SYNCED = "synced"
    WEAK = "weak"


def fail(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


def _fold(name: str) -> str:
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def below(rand: Rand, limit: int) -> int:
    return rand.bits(48) % limit


class Node:
    """An inode."""

    def __init__(self, kind: str, inode: int, device: int, now: int) -> None:
        self.kind = kind
        self.inode = inode
        self.device = device
        self.mtime_ns = self.ctime_ns = now
        self.dirty = True  # a sync would write it; False although unsynced after a failed sync
        self.closed = False  # no permission to read, list or create in it
        self.data = bytearray()
        self.link = ""  # where a symbolic link points to, absolute
        self.entries: dict[str, Node] = {}
        self.durable: tuple[bytes, int] | None = None  # content and mtime; None: never synced
        self.durable_entries: dict[str, Node] = {}
        self.durable_since: dict[str, int] = {}  # in the order of all syncs
        # name → what the entry was set to since the last sync, oldest first
        self.pending: dict[str, list[Node | None]] = {}

    def sync_data(self) -> None:
        if self.dirty:
            self.durable, self.dirty = (bytes(self.data), self.mtime_ns), False

    def is_durable(self) -> bool:
        return self.durable == (bytes(self.data), self.mtime_ns)

    def sync_entries(self) -> None:
        had, now = self.durable_entries, next(_syncs)
        self.durable_since = {
            name: self.durable_since.get(name, now) if had.get(name) is node else now
            for name, node in self.entries.items()
        }
        self.durable_entries = dict(self.entries)
        self.pending.clear()

    def stat(self) -> Stat:
        return Stat(
            self.kind, len(self.data), self.mtime_ns, self.ctime_ns, self.inode, self.device
        )


class SimDisk:
    """`now` gives the file system's clock in ns; without it `time_ns` is the clock and stands
    still unless it is set."""

    def __init__(self, now: Callable[[], int] | None = None) -> None:
        self.time_ns = _START_NS
        self.now: Callable[[], int] = now or (lambda: self.time_ns)
        self.has_barrier = True
        self.read_only = False
        self.names = "posix"  # "fold": case and normalisation do not count; "nfd": as HFS+ does
        self.version = 0  # rises with every entry that changes, live or durably
        self._inodes = self._devices = 0
        self.root = self._node("dir", 0)

    def _node(self, kind: str, device: int) -> Node:
        self._inodes += 1
        return Node(kind, self._inodes, device, self.now())

    # -- looking up ----------------------------------------------------------------------------

    def find(self, path: str, depth: int = 0) -> Node:
        """The node, not following a link at the end; raises OSError as lstat does."""
        node = self.root
        if not path.startswith("/"):
            raise ValueError(f"not an absolute path: {path}")
        for part in path.split("/"):
            if node.kind == "link":
                if depth > 8:
                    raise fail(errno.ELOOP, path)
                node = self.find(node.link, depth + 1)
            if part == "":
                continue
            if node.kind != "dir":
                raise fail(errno.ENOTDIR, path)
            if part == ".":
                continue
            if len(os.fsencode(part)) > 255:
                raise fail(errno.ENAMETOOLONG, path)
            part = self._key(node, part)
            if part not in node.entries:
                raise fail(errno.ENOENT, path)
            node = node.entries[part]
        return node

    def parent(self, path: str) -> tuple[Node, str]:
        above, _, name = path.rstrip("/").rpartition("/")
        node = self.find(f"{above}/.")
        if node.kind != "dir":
            raise fail(errno.ENOTDIR, path)
        if len(os.fsencode(name)) > 255:
            raise fail(errno.ENAMETOOLONG, path)
        return node, self._key(node, name)

    def _key(self, above: Node, name: str) -> str:
        """The entry that `name` means: another spelling may be there already."""
        if self.names == "posix":
            return name
        if self.names == "nfd":
            name = unicodedata.normalize("NFD", name)
        if name in above.entries:
            return name
        folded = _fold(name)
        return next((one for one in sorted(above.entries) if _fold(one) == folded), name)

    # -- changing ------------------------------------------------------------------------------

    def make(self, path: str, kind: str) -> Node:
        """A new, empty entry; raises OSError."""
        above, name = self.parent(path)
        if name in above.entries:
            raise fail(errno.EEXIST, path)
        self._writable(above, path)
        node = self._node(kind, above.device)
        self._set(above, name, node)
        return node

    def rename(self, source: str, target: str, *, replace: bool) -> None:
        from_dir, old = self.parent(source)
        if old not in from_dir.entries:
            raise fail(errno.ENOENT, source)
        to_dir, new = self.parent(target)
        node = from_dir.entries[old]
        if to_dir.entries.get(new) is node and replace:
            return  # one file under two spellings: nothing is done
        if from_dir.device != to_dir.device:
            raise fail(errno.EXDEV, target)
        if new in to_dir.entries and not replace:
            raise fail(errno.EEXIST, target)
        if node.kind == "dir" and f"{target}/".startswith(f"{source}/"):
            raise fail(errno.EINVAL, target)
        self._writable(from_dir, source)
        self._writable(to_dir, target)
        node.ctime_ns = self.now()
        self._set(to_dir, new, node)
        self._set(from_dir, old, None)

    def unlink(self, path: str) -> None:
        above, name = self.parent(path)
        if name not in above.entries:
            raise fail(errno.ENOENT, path)
        if above.entries[name].kind == "dir":
            raise fail(errno.EISDIR, path)
        self._writable(above, path)
        self._set(above, name, None)

    def rmdir(self, path: str) -> None:
        above, name = self.parent(path)
        if name not in above.entries:
            raise fail(errno.ENOENT, path)
        node = above.entries[name]
        if node.kind != "dir":
            raise fail(errno.ENOTDIR, path)
        if node.entries:
            raise fail(errno.ENOTEMPTY, path)
        self._writable(above, path)
        self._set(above, name, None)

    def write(self, node: Node, data: bytes) -> None:
        node.data += data
        node.mtime_ns = node.ctime_ns = self.now()
        node.dirty = True

    def _writable(self, above: Node, path: str) -> None:
        if self.read_only:
            raise fail(errno.EROFS, path)
        if above.closed:
            raise fail(errno.EACCES, path)

    def _set(self, above: Node, name: str, node: Node | None) -> None:
        if node is None:
            del above.entries[name]
        else:
            above.entries[name] = node
        above.pending.setdefault(name, []).append(node)
        self.version += 1
        above.mtime_ns = above.ctime_ns = self.now()

    # -- the world outside mailsync ------------------------------------------------------------

    def plant(
        self,
        path: str,
        data: bytes = b"",
        kind: str = "file",
        *,
        mtime_ns: int | None = None,
        link: str = "",
    ) -> Node:
        """Anything at all, with the directories above it, as it was from the beginning: durable."""
        above, _, _ = path.rpartition("/")
        try:
            self.find(f"{above}/.")
        except FileNotFoundError:
            self.plant(above, kind="dir")
        node = self.make(path, kind)
        node.data[:] = data
        node.link = link
        if mtime_ns is not None:
            node.mtime_ns = mtime_ns
        node.sync_data()
        folder, name = self.parent(path)
        folder.durable_entries[name] = node
        del folder.pending[name]
        return node

    def be(self, kind: str, state: str) -> None:
        """`kind`: of names; or "bare": no syncfs; or "apart": `state` is another file system."""
        if kind == "bare":
            self.has_barrier = False
        elif kind == "apart":
            self.mount(state)
        else:
            self.names = kind

    def mount(self, path: str) -> None:
        """An empty directory that is another file system."""
        node = self.plant(path, kind="dir")
        self._devices += 1
        node.device = self._devices

    def files(self, *, durable: bool = False, under: str = "") -> dict[str, bytes]:
        """Every regular file below `under`: live, or as the synced model would leave it."""

        def walk(node: Node, path: str) -> Iterator[tuple[str, bytes]]:
            for name, child in (node.durable_entries if durable else node.entries).items():
                if child.kind == "dir":
                    yield from walk(child, f"{path}/{name}")
                elif child.kind == "file":
                    kept = (child.durable[0] if child.durable else b"") if durable else child.data
                    yield f"{path}/{name}", bytes(kept)

        return {path: data for path, data in sorted(walk(self.root, "")) if path.startswith(under)}

    # -- durability ----------------------------------------------------------------------------

    def nodes(self) -> list[Node]:
        """All nodes that are linked, live or durably."""
        found: dict[int, Node] = {}
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            if node.inode not in found:
                found[node.inode] = node
                waiting += [*node.entries.values(), *node.durable_entries.values()]
                waiting += [child for seen in node.pending.values() for child in seen if child]
        return list(found.values())

    def sync(self, device: int | None = None) -> None:
        """Everything live is durable: on one device, or on all."""
        for node in self.nodes():
            if device is None or node.device == device:
                node.sync_data()
                node.sync_entries()
        self.version += 1

    def crash(self, model: str, pick: Rand) -> None:
        """The power is cut; what is left is the disk from now on, live and durable."""
        model = Model(model)
        if model is not Model.ALL:
            linked = self._links()
            for node in self.nodes():
                if model is Model.SYNCED:
                    _revert(node)
                else:
                    _forget_some(node, pick)
            if model is Model.WEAK:
                self._keep_renamed(linked, pick)
                self._one_name_each(pick)
        for node in self.nodes():
            node.dirty = True
        self.sync()

    def _links(self) -> dict[int, tuple[list[_Link], list[_Link]]]:
        """Per inode its live and its durable links."""
        found: dict[int, tuple[list[_Link], list[_Link]]] = {}
        for node in self.nodes():
            for at, entries in enumerate((node.entries, node.durable_entries)):
                for name, child in entries.items():
                    found.setdefault(child.inode, ([], []))[at].append((node, name, child))
        return found

    def _one_name_each(self, pick: Rand) -> None:
        """No file system keeps a directory under two names."""
        for live, _ in self._links().values():
            links = [link for link in live if link[2].kind == "dir"]
            kept = below(pick, len(links)) if len(links) > 1 else 0
            for above, name, _ in links[:kept] + links[kept + 1 :]:
                del above.entries[name]

    def _keep_renamed(self, linked: dict[int, tuple[list[_Link], list[_Link]]], pick: Rand) -> None:
        """What became durable under a new name is not kept by an older one alone: a file that was
        delivered long ago is not found in tmp/ again."""
        for live, durable in linked.values():
            durable = sorted(durable, key=_since)[-1:]
            kept = any(above.entries.get(name) is child for above, name, child in (*live, *durable))
            if live and durable and not kept:
                links = [link for link in (*live, *durable) if link[1] not in link[0].entries]
                above, name, child = links[below(pick, len(links))] if links else live[0]
                above.entries[name] = child


_Link = tuple[Node, str, Node]
_syncs = itertools.count(1)


def _since(link: _Link) -> int:
    above, name, _ = link
    return above.durable_since.get(name, 0)


def _revert(node: Node) -> None:
    node.entries = dict(node.durable_entries)
    if not node.is_durable() and node.kind == "file":
        data, node.mtime_ns = node.durable or (b"", node.mtime_ns)
        node.data[:] = data


def _forget_some(node: Node, pick: Rand) -> None:
    for name, changes in node.pending.items():
        chosen = [node.durable_entries.get(name), *changes][below(pick, len(changes) + 1)]
        node.entries.pop(name, None)
        if chosen is not None:
            node.entries[name] = chosen
    if node.is_durable() or node.kind != "file":
        return
    old, old_mtime = node.durable or (b"", node.ctime_ns)
    whole = bytes(node.data)
    data = [old, b"", whole[: below(pick, len(whole) + 1)], whole][below(pick, 4)]
    node.data[:] = data
    if below(pick, 2):
        node.mtime_ns = old_mtime
