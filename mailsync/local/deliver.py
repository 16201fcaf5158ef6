"""Delivery by group commit (architecture.md, decision 7).

tmp files written → all durable → renamed → folders durable.  Few files: fsync each; more: one
syncfs through a barrier that was made before the first write, so that no write error is missed.
A file that is not durable yet is only ever in tmp/, where nobody looks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace

from mailsync.local import files, names
from mailsync.local.keywords import Letters, letters_for
from mailsync.local.lines import ToStored, stored_form
from mailsync.local.listing import look_at, pieces, unchanged
from mailsync.local.parcel import Delivered, Item, Message
from mailsync.local.stream import Pending
from mailsync.local.tree import FEW_FILES, FEW_FOLDERS, FOLDERS, Tree
from mailsync.model.content import Digest, digest
from mailsync.model.errors import Reach, StorageError
from mailsync.model.flags import KEYWORDS, Flags
from mailsync.model.ids import UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry
from mailsync.system.seams import Barrier, Writer
from mailsync.system.trouble import storage_error, translated

_LATEST = 1 << 33  # seconds; times in ns must fit 63 bits (the cache), which ends in 2262
_SURE = 1 << 31  # seconds; some file systems cannot keep a later mtime


class Delivery:
    """One batch.  The caller keeps it to ≤ 500 files or 16 MB, and to one thread at a time.

    Several messages may be pending at once.  After `commit` or `discard` it is used up.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._fs = tree.fs
        self._items: list[Item] = []
        self._device: dict[MailboxName, int] = {}  # of the mailboxes that are ready
        self._barriers: dict[int, Barrier | None] = {}
        self._unsynced: list[Writer] = []  # whole, still open: the first few files
        self._many = False
        self._streams: list[Pending] = []
        self._letters: dict[MailboxName, tuple[Letters, Flags]] = {}  # and what they were for

    # -- adding --------------------------------------------------------------------------------

    def add(self, message: Message) -> None:
        """StorageError: this message is not part of the batch, the others still are."""
        item = self._item(message.mailbox, message.unique, message.flags, message.internal_date)
        stored = stored_form(message.data)
        try:
            writer = self._fs.create(item.tmp)
            try:
                writer.write(stored)
            except OSError:
                writer.close()
                raise
            self._whole(item, writer)
        except OSError as error:
            self._give_up(item)
            raise storage_error(error, "write", item.tmp) from error
        found = digest(stored)
        if len(stored) < len(message.data):
            found = replace(found, wire_size=len(message.data))
        item.digest = found

    def add_all(self, messages: Iterable[Message]) -> list[tuple[Message, StorageError]]:
        """`add` for each; returns those that the disk refuses for themselves alone.

        Raises the first StorageError that reaches further; the rest is not added then."""
        failed: list[tuple[Message, StorageError]] = []
        for message in messages:
            try:
                self.add(message)
            except StorageError as error:
                if error.reach is not Reach.MESSAGE:
                    raise
                failed.append((message, error))
        return failed

    def begin(
        self, mailbox: MailboxName, unique: UniqueName, flags: Flags, internal_date: int | None
    ) -> Pending:
        """A message that is streamed, in constant memory whatever its size."""
        return self._pending(self._item(mailbox, unique, flags, internal_date), ToStored())

    def _pending(self, item: Item, lines: ToStored | None) -> Pending:
        def whole(writer: Writer, found: Digest) -> None:
            self._whole(item, writer)
            item.digest = found

        pending = Pending(self._fs, item.tmp, lines, whole, lambda: self._give_up(item))
        self._streams.append(pending)
        return pending

    def copy(
        self,
        source: MailboxName,
        entry: LocalEntry,
        seen: FileFacts,
        mailbox: MailboxName,
        unique: UniqueName,
        flags: Flags,
        internal_date: int | None,
    ) -> bool:
        """A copy of a file of ours, byte for byte.  False: the file is not there any more, or has
        not the size and mtime of `seen`, so that it may be another message."""
        path = self._tree.file(source, entry)
        found = pieces(self._tree, path)
        if found is None:
            return False
        pending = self._written(self._item(mailbox, unique, flags, internal_date), found)
        try:
            now = look_at(self._tree, path)  # after it was read: an edit in between shows, too
        except OSError as error:
            pending.drop()
            raise storage_error(error, "look at", path) from error
        if now is None or not unchanged(now, seen):
            pending.drop()
            return False
        pending.done()
        return True

    def restore(
        self,
        path: str,
        mailbox: MailboxName,
        unique: UniqueName,
        flags: Flags,
        internal_date: int | None,
        like: LocalEntry | None = None,
    ) -> bool:
        """A copy of the file `path` (one in undo), which stays: remove it after `commit`.  False:
        it is not there.

        `like`: the copy gets its folder and its info, all flags and fields of it.
        """
        found = pieces(self._tree, path)
        if found is None:
            return False
        item = self._item(mailbox, unique, flags, internal_date)
        if like is not None:
            item.be_like(like)
        self._written(item, found).done()
        return True

    def _written(self, item: Item, found: Iterable[bytes]) -> Pending:
        pending = self._pending(item, None)
        try:
            for piece in found:
                pending.write(piece)
        except StorageError:
            pending.drop()
            raise
        return pending

    def _item(
        self,
        mailbox: MailboxName,
        unique: UniqueName,
        flags: Flags,
        internal_date: int | None,
    ) -> Item:
        path = self._tree.path(mailbox)
        if mailbox not in self._device:
            with translated("deliver to", path):
                self._prepare(mailbox, path)
        if internal_date is None:
            with translated("deliver to", path):
                internal_date = self._fs.now_ns(path) // 10**9
        mtime_ns = min(max(internal_date, 0), _LATEST) * 10**9
        scratch = unique if names.is_own(unique) else self._scratch()
        tmp, keywords = f"{path}/{FOLDERS[0]}/{scratch}", self._letters_for(mailbox, flags)
        item = Item(path, mailbox, unique, tmp, flags, mtime_ns, keywords)
        self._items.append(item)
        return item

    def _letters_for(self, mailbox: MailboxName, flags: Flags) -> Letters | None:
        wanted = flags & KEYWORDS
        if not wanted:
            return None
        known, asked = self._letters.get(mailbox, (None, Flags.NONE))
        if known is None or wanted & ~asked:
            known = letters_for(self._tree, mailbox, wanted)
            self._letters[mailbox] = known, asked | wanted
        return known

    def _scratch(self) -> UniqueName:
        return names.scratch_name(self._tree.host, self._tree.rand)

    def _prepare(self, mailbox: MailboxName, path: str) -> None:
        """Once for each mailbox: is it there, is all of it there?  The barrier comes first."""
        self._tree.check(mailbox)
        device = self._tree.directory(f"{path}/cur").device
        if self._tree.fsync and device not in self._barriers:
            self._barriers[device] = self._fs.barrier(path)
        for folder in FOLDERS[:-1]:
            try:
                self._tree.directory(f"{path}/{folder}")
            except FileNotFoundError:
                self._fs.mkdir(f"{path}/{folder}")
                self._tree.make_durable([path])
        files.clean(self._tree, mailbox)
        self._device[mailbox] = device

    def _whole(self, item: Item, writer: Writer) -> None:
        """Everything is written.  Raises OSError; the writer is closed then."""
        if not self._tree.fsync:
            writer.close(item.mtime_ns)
            return
        barrier = self._barriers[self._device[item.mailbox]]
        if self._many and barrier is not None:
            writer.close(item.mtime_ns)
            return
        try:
            writer.set_mtime(item.mtime_ns)
            if barrier is None:
                writer.sync()
        except OSError:
            writer.close()
            raise
        if barrier is None:
            writer.close()
            return
        self._unsynced.append(writer)
        if len(self._unsynced) > FEW_FILES:
            self._many = True
            self._close_unsynced()

    def _close_unsynced(self) -> None:
        writers, self._unsynced = self._unsynced, []
        for writer in writers:
            writer.close()

    def _give_up(self, item: Item) -> None:
        """One message less.  Never raises."""
        with contextlib.suppress(ValueError):
            self._items.remove(item)
        with contextlib.suppress(OSError):
            self._fs.unlink(item.tmp)

    # -- committing ----------------------------------------------------------------------------

    def commit(self) -> list[Delivered | StorageError]:
        """tmp files durable → renamed → folders durable.  Then the caller commits the cache.

        In the order in which the messages were added (`begin` counts, not `done`); a message
        that is not done by now is dropped; one whose final name the disk refuses gives its error.
        StorageError: nothing was delivered; files already renamed were removed again.  Where the
        disk refused even that they will be seen under their own names, so observe the mailbox
        before trying again.
        """
        for stream in self._streams:
            stream.drop()
        renamed: list[Item] = []
        done: list[Item | StorageError] = []
        where = self._tree.root
        try:
            self._sync_files()
            for item in list(self._items):
                where = item.target
                try:
                    self._rename(item)
                except OSError as error:
                    refused = storage_error(error, "deliver", where)
                    if refused.reach is not Reach.MESSAGE:
                        raise
                    self._give_up(item)
                    done.append(refused)
                else:
                    renamed.append(item)
                    done.append(item)
            self._sync_folders()
            for item in self._items:
                if item.mtime_ns >= _SURE * 10**9:
                    item.mtime_ns = self._fs.stat(item.target).mtime_ns
        except OSError as error:
            for item in renamed:
                with contextlib.suppress(OSError):
                    self._fs.unlink(item.target)
            self.discard()
            raise storage_error(error, "deliver", where) from error
        self._close()
        self._items = []
        return [one.delivered() if isinstance(one, Item) else one for one in done]

    def _sync_files(self) -> None:
        if self._many:
            for barrier in self._barriers.values():
                if barrier is not None:
                    barrier.sync()
        else:
            for writer in self._unsynced:
                writer.sync()
        self._close_unsynced()

    def _rename(self, item: Item) -> None:
        try:
            self._fs.rename(item.tmp, item.target)
        except FileExistsError:
            seconds = item.mtime_ns // 10**9
            item.unique = names.fresh_name(seconds, self._tree.host, self._tree.rand)
            self._fs.rename(item.tmp, item.target)

    def _sync_folders(self) -> None:
        """One syncfs more where it spares more than a few fsyncs (by device: nearly always one)."""
        if not self._tree.fsync:
            return
        folders: dict[str, int] = {}
        for item in self._items:
            folders[f"{item.path}/{item.folder}"] = self._device[item.mailbox]
        done: set[int] = set()
        if len(folders) > FEW_FOLDERS:
            for device, barrier in self._barriers.items():
                if barrier is not None:
                    barrier.sync()
                    done.add(device)
        for folder, device in folders.items():
            if device not in done:
                self._fs.sync_dir(folder)

    def discard(self) -> None:
        """Remove every tmp file of this batch.  Never raises."""
        for stream in self._streams:
            stream.drop()
        for item in self._items:
            with contextlib.suppress(OSError):
                self._fs.unlink(item.tmp)
        self._items = []
        self._close()

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self._close_unsynced()
        barriers, self._barriers = self._barriers, {}
        for barrier in barriers.values():
            if barrier is not None:
                with contextlib.suppress(OSError):
                    barrier.close()
