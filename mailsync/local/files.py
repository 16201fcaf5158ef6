"""Changing files that are there: flags, moves, undo.  Only exactly observed names are renamed."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b

from mailsync.local import names
from mailsync.local.keywords import Sight, letters_for
from mailsync.local.listing import look_at, pieces, unchanged
from mailsync.local.tree import FEW_FILES, FEW_FOLDERS, Devices, Tree
from mailsync.model.errors import Reach, StorageError
from mailsync.model.flags import KEYWORDS, SYSTEM, Flags
from mailsync.model.ids import UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry
from mailsync.system.trouble import storage_error, translated

COPIES = 3  # of a file that is written over all the time
ABANDONED_NS = 36 * 3600 * 10**9  # the Maildir format's age for leftovers in tmp/


def set_flags(
    tree: Tree, name: MailboxName, entry: LocalEntry, add: Flags, remove: Flags
) -> LocalEntry | None:
    sight = Sight(tree, name)
    had = sight.flags(entry.info)
    flags = (had | add) & ~remove
    if entry.folder == "new" and not flags & SYSTEM:
        flags = (
            Flags.NONE
        )  # for a keyword alone nothing is moved out of new/, where it has no letter
    letters = letters_for(tree, name, flags) if flags & KEYWORDS else sight.letters
    flags = letters.shown(flags)
    if flags == had:
        return replace(entry, flags=flags)
    new = LocalEntry(entry.name, "cur", letters.write(entry.info, flags), flags)
    new = names.named(new, new.name)
    source = tree.file(name, entry)
    try:
        tree.fs.rename(source, tree.file(name, new))
    except (FileNotFoundError, FileExistsError):
        return None
    except OSError as error:
        raise storage_error(error, "set flags of", source) from error
    return new


def move(
    tree: Tree,
    source: MailboxName,
    entry: LocalEntry,
    target: MailboxName,
    unique: UniqueName | None,
) -> LocalEntry | None:
    old = tree.file(source, entry)
    new = names.named(_for_mailbox(tree, source, entry, target), unique or entry.name)
    with translated(f"move to {target}", old):
        try:
            _rename_or_copy(tree, old, tree.file(target, new), tree.tmp(target))
        except FileExistsError:
            seen = look_at(tree, old)
            if seen is None:
                return None
            fresh = names.fresh_name(seen.mtime_ns // 10**9, tree.host, tree.rand)
            new = names.named(new, fresh)
            _rename_or_copy(tree, old, tree.file(target, new), tree.tmp(target))
        except FileNotFoundError:
            if look_at(tree, old) is None:
                return None
            raise  # the file is there, so the target's folder is not
    return new


def _for_mailbox(
    tree: Tree, source: MailboxName, entry: LocalEntry, target: MailboxName
) -> LocalEntry:
    """With the letters of the target, where those of the source may mean other keywords."""
    sight = Sight(tree, source)
    flags = sight.flags(entry.info)
    if not sight.used:
        return replace(entry, flags=flags)
    letters = letters_for(tree, target, flags)
    plain = names.with_flags(entry.info, flags & SYSTEM, (), sight.letters.by_letter)
    flags = letters.shown(flags)
    return replace(entry, info=letters.write(plain, flags), flags=flags)


class _WrittenOver(Exception):
    """A file is not what was seen of it any more."""


def remove_to_undo(
    tree: Tree,
    name: MailboxName,
    entry: LocalEntry,
    undo_dir: str,
    file: str,
    seen: FileFacts | None = None,
) -> str | None:
    old, path = tree.file(name, entry), f"{undo_dir}/{file}"
    with translated("put into undo", old), contextlib.suppress(_WrittenOver):
        try:
            _rename_or_copy(tree, old, path, undo_dir, seen)
        except FileNotFoundError:
            if look_at(tree, old) is None:
                return None
            tree.make_durable_directory(undo_dir)
            try:
                _rename_or_copy(tree, old, path, undo_dir, seen)
            except FileNotFoundError:
                return None
        return path
    return None


def back_if_edited(
    tree: Tree, name: MailboxName, entry: LocalEntry, undo_dir: str, file: str, seen: FileFacts
) -> bool:
    path = f"{undo_dir}/{file}"
    with translated("look at", path):
        now = look_at(tree, path)
        if now is None or unchanged(now, seen):
            return False
        if now.device != tree.fs.stat(tree.path(name)).device:
            return False  # a copy, which was compared; another disk may round its mtime
        fresh = names.fresh_name(now.mtime_ns // 10**9, tree.host, tree.rand)
        _rename_or_copy(tree, path, tree.file(name, names.named(entry, fresh)), tree.tmp(name))
    return True


def _rename_or_copy(
    tree: Tree, old: str, new: str, scratch_dir: str, seen: FileFacts | None = None
) -> None:
    """Rename; across file systems a durable copy, then unlink, if it is what was `seen`.  Raises
    OSError, _WrittenOver."""
    try:
        tree.fs.rename(old, new)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    if scratch_dir.startswith(f"{tree.root}/"):
        tree.directory(scratch_dir)
    for _ in range(COPIES):
        if _copied_over(tree, old, new, scratch_dir, seen):
            return
    raise OSError(errno.EBUSY, "written over again and again while it was copied", old)


def _copied_over(
    tree: Tree, old: str, new: str, scratch_dir: str, wanted: FileFacts | None
) -> bool:
    """False: the file was written over after it was read, and nothing was done."""
    seen = tree.fs.stat(old)
    if wanted is not None and not unchanged(seen, wanted):
        raise _WrittenOver
    scratch = f"{scratch_dir}/{names.scratch_name(tree.host, tree.rand)}"
    found = pieces(tree, old)
    if found is None:
        raise FileNotFoundError(2, "No such file or directory", old)
    try:
        writer = tree.fs.create(scratch)
        try:
            for piece in found:
                writer.write(piece)
            writer.set_mtime(seen.mtime_ns)
            writer.sync()
        finally:
            writer.close()
        tree.fs.rename(scratch, new)
    except (OSError, StorageError):
        with contextlib.suppress(OSError):
            tree.fs.unlink(scratch)
        raise
    try:
        tree.fs.sync_dir(new.rpartition("/")[0])
        same = unchanged(tree.fs.stat(old), seen)
        tree.fs.unlink(old if same else new)
    except OSError:  # renamed by a mail reader meanwhile, or refused: the copy is one too many
        with contextlib.suppress(OSError):
            tree.fs.unlink(new)
        raise
    return same


def settle(tree: Tree, mailboxes: Iterable[MailboxName], undo_dir: str | None) -> None:
    folders = [f"{tree.path(name)}/{folder}" for name in mailboxes for folder in ("cur", "new")]
    with translated("make durable", undo_dir or tree.root):
        tree.make_durable(folders if undo_dir is None else [undo_dir, *folders])


def make_lasting(tree: Tree, seen: Mapping[MailboxName, Sequence[LocalEntry]]) -> None:
    if not tree.fsync:
        return
    many = sum(map(len, seen.values())) > FEW_FILES or len(seen) > FEW_FOLDERS
    devices = Devices(tree.fs, many=many)
    # What came first: else what makes a folder durable would make what left it for another one go.
    for name, entries in sorted(seen.items(), key=lambda one: not one[1]):
        path = tree.path(name)
        with _passing_over(path):
            if devices.cover(path):
                continue
            for entry in entries:
                with _passing_over(tree.file(name, entry)):
                    tree.fs.sync_file(tree.file(name, entry))
            for folder in ("cur", "new"):
                tree.fs.sync_dir(f"{path}/{folder}")


def make_mailboxes_lasting(tree: Tree, mailboxes: Collection[MailboxName]) -> None:
    if not tree.fsync:
        return
    devices = Devices(tree.fs, many=len(mailboxes) > FEW_FOLDERS)
    synced: set[str] = set()
    for name in mailboxes:
        path = tree.path(name)
        with _passing_over(path):
            if devices.cover(f"{path}/."):
                continue
            for folder in (tree.root, *tree.above(name)):
                if folder not in synced:
                    tree.fs.sync_dir(f"{folder}/.")
                    synced.add(folder)


@contextlib.contextmanager
def _passing_over(path: str) -> Iterator[None]:
    """What is not there any more or may not be read: whoever needs it will say so."""
    try:
        with translated("make durable", path):
            yield
    except StorageError as error:
        if error.reach is Reach.ACCOUNT:
            raise


def undo_files(tree: Tree, undo_dir: str) -> dict[str, FileFacts]:
    found: dict[str, FileFacts] = {}
    with translated("list", undo_dir):
        try:
            for file, kind in tree.fs.list(undo_dir):
                seen = look_at(tree, f"{undo_dir}/{file}") if kind == "file" else None
                if seen is not None and not names.is_own(file):
                    found[file] = FileFacts(seen.size, seen.mtime_ns)
        except FileNotFoundError:
            return {}
    return found


def undo_hash(tree: Tree, undo_dir: str, file: str) -> bytes:
    found = pieces(tree, f"{undo_dir}/{file}")
    hashed = blake2b(digest_size=16)
    for piece in found or ():
        hashed.update(piece)
    return hashed.digest()


def purge(tree: Tree, undo_dir: str, files: Iterable[str]) -> None:
    gone = False
    for file in files:
        path = f"{undo_dir}/{file}"
        with translated("remove", path), contextlib.suppress(FileNotFoundError):
            tree.fs.unlink(path)
            gone = True
    if gone:
        with translated("make durable", undo_dir):
            tree.make_durable([undo_dir])


def clean(tree: Tree, name: MailboxName) -> int:
    """A ctime tells the age: the mtime of our files is their INTERNALDATE."""
    tmp = tree.tmp(name)
    removed = 0
    with translated("clean", tmp):
        try:
            ours = [
                file for file, kind in tree.fs.list(tmp) if kind == "file" and names.is_own(file)
            ]
            limit = tree.fs.now_ns(tmp) - ABANDONED_NS if ours else 0
        except FileNotFoundError:
            return 0
        for file in ours:
            seen = look_at(tree, f"{tmp}/{file}")
            if seen is not None and seen.ctime_ns < limit:
                with contextlib.suppress(FileNotFoundError):
                    tree.fs.unlink(f"{tmp}/{file}")
                    removed += 1
    return removed
