"""Observing one mailbox: stamp, listing, a look at files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mailsync.local import names
from mailsync.local.keywords import Sight, kept_by_others
from mailsync.local.lines import ToWire
from mailsync.local.tree import CHUNK, Tree
from mailsync.model.content import Digest, Digester
from mailsync.model.errors import Help, Reach, StorageError
from mailsync.model.flags import Flags
from mailsync.model.ids import UIDValidity, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry, Stamp
from mailsync.system.seams import Reader, Stat
from mailsync.system.text import safe
from mailsync.system.trouble import in_the_way, storage_error, translated

SETTLED_NS = 2 * 10**9  # a change younger than this may share its time stamp with the next one
MOST_NOTICES = 20


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing of new/ and then cur/: every unique name once.

    `stamp` was taken before the listing; None: not old enough to be trusted.
    `doubles`: files that are left out of `entries` because another file with the same unique
    name and the same bytes (or, in a read-only look, any bytes) is in them; `taken`: those of them
    that are another message.  `parted`: names that two messages had: the file that has it now may
    not be the one that had it before.
    """

    entries: tuple[LocalEntry, ...]
    stamp: Stamp | None
    doubles: tuple[LocalEntry, ...] = ()
    taken: tuple[LocalEntry, ...] = ()
    notices: tuple[str, ...] = ()
    lettered: Flags | None = None  # keywords that have a letter here or can get one
    exact: bool = False  # a program that keeps keywords works here
    untold: frozenset[str] = frozenset()  # keywords of files that the account does not know yet
    parted: frozenset[UniqueName] = frozenset()


def stamp(tree: Tree, name: MailboxName) -> Stamp | None:
    path = tree.path(name)
    with translated("look at", path):
        try:
            new, cur = tree.fs.stat(f"{path}/new"), tree.fs.stat(f"{path}/cur")
            now = tree.fs.now_ns(path)
        except FileNotFoundError:
            return None
    latest = max(new.mtime_ns, new.ctime_ns, cur.mtime_ns, cur.ctime_ns)
    if now - latest < SETTLED_NS:
        return None
    return Stamp(
        (new.inode, new.mtime_ns, new.ctime_ns),
        (cur.inode, cur.mtime_ns, cur.ctime_ns),
    )


def look_at(tree: Tree, path: str) -> Stat | None:
    """What lstat says; None: not there.  Raises OSError."""
    try:
        return tree.fs.stat(path)
    except FileNotFoundError:
        return None


def unchanged(now: Stat, seen: Stat | FileFacts) -> bool:
    """Whether a file is as it was seen: another size or mtime may be another message."""
    return (now.size, now.mtime_ns) == (seen.size, seen.mtime_ns)


def lacks_new(tree: Tree, name: MailboxName) -> bool:
    path = tree.path(name)
    with translated("look at", path):
        return look_at(tree, f"{path}/cur") is not None and look_at(tree, f"{path}/new") is None


def listing(
    tree: Tree, name: MailboxName, read_only: bool, without_new: bool = False
) -> Listing | None:
    before = stamp(tree, name)
    path = tree.path(name)
    sight = Sight(tree, name)
    by_name: dict[UniqueName, LocalEntry] = {}
    clashes: list[LocalEntry] = []
    notices: list[str] = []
    for folder in ("new", "cur"):
        where = f"{path}/{folder}"
        try:
            for entry in _files(tree, where, folder, notices, sight):
                if by_name.setdefault(entry.name, entry) is not entry:
                    clashes.append(entry)
        except FileNotFoundError:
            if not (without_new and folder == "new"):
                return None
        except NotADirectoryError as error:
            raise in_the_way(where) from error
        except OSError as error:
            raise storage_error(error, "list", where) from error
    doubles: list[LocalEntry] = []
    taken: list[LocalEntry] = []
    parted = {
        second.name
        for second in clashes
        if _part(tree, name, by_name, second, doubles, taken, read_only)
    }
    notices += [
        f"skipped {safe(tree.file(name, one))}: another message has the same unique name"
        for one in taken
    ]
    if len(notices) > MOST_NOTICES:
        more = len(notices) - MOST_NOTICES
        notices[MOST_NOTICES:] = [f"and {more} more in {safe(path)}"]
    entries, notes = tuple(by_name.values()), tuple(notices)
    found = Listing(
        entries, before, (*doubles, *taken), tuple(taken), notes, parted=frozenset(parted)
    )
    if not sight.matters:
        return found
    letters, exact = sight.seen(), kept_by_others(tree, name)
    return replace(found, lettered=letters.possible, exact=exact, untold=frozenset(letters.untold))


def _files(
    tree: Tree, where: str, folder: str, notices: list[str], sight: Sight
) -> Iterator[LocalEntry]:
    flags: dict[str, Flags] = {}
    for file_name, kind in tree.fs.list(where):
        if file_name.startswith("."):  # no message, says the Maildir format
            continue
        if kind != "file":
            what = {"dir": "a directory", "link": "a symbolic link"}.get(kind, "a special file")
            notices.append(f"skipped {safe(f'{where}/{file_name}')}: {what}, not a message")
            continue
        unique, info = names.split_name(file_name)
        if info not in flags:
            flags[info] = sight.flags(info)
        yield LocalEntry(unique, folder, info, flags[info])


# -- two files of one unique name (reliability.md §3.4) -----------------------------------------


def _part(
    tree: Tree,
    name: MailboxName,
    by_name: dict[UniqueName, LocalEntry],
    second: LocalEntry,
    doubles: list[LocalEntry],
    taken: list[LocalEntry],
    read_only: bool,
) -> bool:
    """Whether they are two messages."""
    first = by_name[second.name]
    pair = sorted((first, second), key=lambda e: (e.folder, e.info))  # cur/ before new/
    seen = [_stat_file(tree, name, entry) for entry in pair]
    if seen[0] is None or seen[1] is None:  # one file, renamed while it was listed
        by_name[second.name] = pair[0] if seen[1] is None else pair[1]
        return False
    by_name[second.name] = pair[0]
    if _same_file(tree, name, *pair):
        doubles.append(pair[1])
        return False
    new = _renamed(tree, name, pair[1], seen[1].mtime_ns // 10**9) if not read_only else None
    if new is None:
        taken.append(pair[1])
    else:
        by_name[new.name] = new
    return True


def doubles(
    tree: Tree, name: MailboxName, entries: Iterable[LocalEntry]
) -> dict[UniqueName, list[LocalEntry]]:
    wanted = {entry.name: entry for entry in entries}
    found: dict[UniqueName, list[LocalEntry]] = {}
    sight = Sight(tree, name)
    for folder in ("new", "cur"):
        where = f"{tree.path(name)}/{folder}"
        with translated("list", where), contextlib.suppress(FileNotFoundError):
            for other in _files(tree, where, folder, [], sight):
                first = wanted.get(other.name)
                if first is None or (other.folder, other.info) == (first.folder, first.info):
                    continue
                if _same_file(tree, name, first, other):
                    found.setdefault(other.name, []).append(other)
    return found


def _same_file(tree: Tree, name: MailboxName, first: LocalEntry, second: LocalEntry) -> bool:
    one, two = _stat_file(tree, name, first), _stat_file(tree, name, second)
    if one is None or two is None:
        return False
    linked = (one.device, one.inode) == (two.device, two.inode)
    return linked or (one.size == two.size and _same_bytes(tree, name, first, second))


def _stat_file(tree: Tree, name: MailboxName, entry: LocalEntry) -> Stat | None:
    path = tree.file(name, entry)
    try:
        seen = look_at(tree, path)
    except OSError as error:
        # A right that is missing is the folder's; all else is this file's own trouble.
        reach = None if isinstance(error, PermissionError) else Reach.MESSAGE
        raise storage_error(error, "look at", path, reach) from error
    return seen if seen is not None and seen.kind == "file" else None


def _same_bytes(tree: Tree, name: MailboxName, first: LocalEntry, second: LocalEntry) -> bool:
    try:
        one, two = digest(tree, name, first), digest(tree, name, second)
    except StorageError:  # cannot be read: then it is not known to be the same
        return False
    return one is not None and one == two


def _renamed(tree: Tree, name: MailboxName, entry: LocalEntry, seconds: int) -> LocalEntry | None:
    """The file under a unique name of our own; None: it may not or could not be renamed."""
    new = names.named(entry, names.fresh_name(seconds, tree.host, tree.rand))
    try:
        tree.fs.rename(tree.file(name, entry), tree.file(name, new))
    except OSError:
        return None
    return new


# -- looking at files ---------------------------------------------------------------------------


def inspect(
    tree: Tree,
    name: MailboxName,
    entries: Iterable[LocalEntry],
    uid_validity: UIDValidity | None,
) -> dict[UniqueName, FileFacts]:
    facts: dict[UniqueName, FileFacts] = {}
    for entry in entries:
        seen = _stat_file(tree, name, entry)
        if seen is None:
            continue
        uid = None
        if uid_validity is not None:
            uid = names.origin(entry.name, tree.account, name, uid_validity)
            if uid is None and tree.formerly:
                uid = names.origin(entry.name, tree.formerly, name, uid_validity)
        facts[entry.name] = FileFacts(seen.size, seen.mtime_ns, origin=uid)
    return facts


def open_file(tree: Tree, path: str) -> Reader | None:
    """None: it is not there.  Raises StorageError (reach MESSAGE where only it is unreadable)."""
    try:
        return tree.fs.open(path)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise storage_error(error, "read", path, Reach.MESSAGE) from error
    except OSError as error:
        raise storage_error(error, "read", path) from error


def pieces(tree: Tree, path: str) -> Iterator[bytes] | None:
    """The bytes of a file; None: it is not there."""
    reader = open_file(tree, path)
    return None if reader is None else _pieces(reader, path)


def _pieces(reader: Reader, path: str) -> Iterator[bytes]:
    try:
        while piece := reader.read(CHUNK):
            yield piece
    except OSError as error:
        raise storage_error(error, "read", path, Reach.MESSAGE) from error
    finally:
        reader.close()


def digest(tree: Tree, name: MailboxName, entry: LocalEntry, shown: bool = False) -> Digest | None:
    found = pieces(tree, tree.file(name, entry))
    if found is None:
        return None
    digester = Digester(shown)
    for piece in found:
        digester.feed(piece)
    return digester.finish()


def wire_chunks(
    tree: Tree, name: MailboxName, entry: LocalEntry, wire_size: int
) -> Iterator[bytes] | None:
    path = tree.file(name, entry)
    found = pieces(tree, path)
    return None if found is None else _wire(found, path, wire_size)


def _wire(found: Iterator[bytes], path: str, wire_size: int) -> Iterator[bytes]:
    to_wire = ToWire()
    left = wire_size
    for piece in found:
        wire = to_wire.feed(piece)
        left -= len(wire)
        if left < 0:
            break
        for at in range(0, len(wire), CHUNK):
            yield wire[at : at + CHUNK]
    if left:
        raise StorageError(
            f"{safe(path)} was changed while it was read; the next run looks again",
            reach=Reach.MESSAGE,
            help=Help.RETRY,
        )
