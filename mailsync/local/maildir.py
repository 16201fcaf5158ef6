"""One account's Maildir: the local side.  Synchronous; call it through `Pool.disk`.

Every OSError comes out as model.errors.StorageError, which names the path and what helps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from mailsync.local import (
    files,
    hierarchy,
    keywords,
    listing,
    marker,
    names,
    plusplus,
    recall,
    spelling,
)
from mailsync.local.deliver import Delivery
from mailsync.local.listing import Listing
from mailsync.local.marker import Marker
from mailsync.local.recall import Note
from mailsync.local.tree import Tree
from mailsync.model.content import Digest
from mailsync.model.errors import StorageError
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UIDValidity, UniqueName
from mailsync.model.keywords import Keywords
from mailsync.model.layout import Layout
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry, Stamp
from mailsync.system.seams import Fs, Rand


class Maildir:
    """`root` need not exist yet.  `host` is escaped here as unique names need it."""

    def __init__(
        self,
        root: str,
        account: str,
        fs: Fs,
        host: str,
        rand: Rand,
        fsync: bool = True,
        layout: Layout = Layout.NESTED,
    ) -> None:
        self._tree = Tree(root, account, fs, host, rand, fsync, layout)

    @property
    def formerly(self) -> str:
        """The account's name before this one, "" if the marker that was read last tells none."""
        return self._tree.formerly

    @formerly.setter
    def formerly(self, name: str) -> None:
        self._tree.formerly = name

    def know(self, table: Keywords) -> None:
        """The account's keywords, whose letters are read and written from now on."""
        self._tree.keywords = table

    def spread_keywords(self, name: MailboxName) -> Flags:
        """Write the account's keywords as `dovecot-keywords` into the mailbox, durably, where they
        are not there; one that has a table of its own is left alone.  Which have a letter there."""
        return keywords.spread(self._tree, name)

    # -- mailboxes -----------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether the root is a directory."""
        return hierarchy.is_directory(self._tree)

    def mailboxes(
        self, closed: dict[str, StorageError] | None = None
    ) -> tuple[list[MailboxName], list[str]]:
        """Every mailbox (a directory with cur/ in it), sorted, and notices about what was skipped.

        Complete or StorageError: an unreadable directory could hide mailboxes.  With `closed`
        those below the root are put there by name instead.
        """
        if self._tree.layout is Layout.MAILDIRPP:
            return plusplus.walk(self._tree, closed)
        return hierarchy.walk(self._tree, closed)

    def clashes(
        self, here: Iterable[MailboxName], there: Iterable[MailboxName]
    ) -> dict[MailboxName, str]:
        """Names of `there` that have no directory of their own, and why: too long in this layout,
        or this file system takes them for another one."""
        return spelling.clashes(self._tree, here, there)

    def respelt(self, name: MailboxName, others: Iterable[MailboxName]) -> MailboxName | None:
        """The one of `others` that is `name` in another spelling."""
        return spelling.respelt(name, others)

    def create(self, *mailboxes: MailboxName) -> None:
        """Make these mailboxes durably, parents first (as plain directories, also the root);
        what is there already stays, what is missing of it (new/, tmp/) is made."""
        hierarchy.create(self._tree, mailboxes)

    def remove(self, name: MailboxName) -> bool:
        """Remove an empty mailbox, cur/ last, durably, and empty plain directories above it.
        False: it holds a message or a file that is not ours; nothing was removed."""
        return hierarchy.remove(self._tree, name)

    def rename(self, old: MailboxName, new: MailboxName) -> bool:
        """Durable; mailboxes below `old` go along.  True also if it had happened already.
        False: neither happened, because `new` exists or `old` does not."""
        return hierarchy.rename(self._tree, old, new)

    def directory(self, name: MailboxName) -> str:
        """The path of a mailbox, for what other programs keep in it."""
        return self._tree.path(name)

    # -- observe -------------------------------------------------------------------------------

    def stamp(self, name: MailboxName) -> Stamp | None:
        """None: the mailbox is missing, or changed less than 2 s ago by its file system's clock."""
        return listing.stamp(self._tree, name)

    def entries(
        self, name: MailboxName, read_only: bool = False, *, without_new: bool = False
    ) -> Listing | None:
        """One complete listing; None when new/ or cur/ is missing: then nothing is known.
        `without_new`: a new/ that is missing counts as empty.

        Two files of one unique name: same inode or bytes ⇒ one message; else the second gets a
        unique name of our own by a rename (not when `read_only`: then it is a double).
        """
        return listing.listing(self._tree, name, read_only, without_new)

    def doubles(
        self, name: MailboxName, entries: Iterable[LocalEntry]
    ) -> dict[UniqueName, list[LocalEntry]]:
        """Other files with the unique name of one of `entries` and the very same bytes."""
        return listing.doubles(self._tree, name, entries)

    def lacks_new(self, name: MailboxName) -> bool:
        """It is a mailbox, but its directory new/ is not there."""
        return listing.lacks_new(self._tree, name)

    def inspect(
        self,
        name: MailboxName,
        entries: Iterable[LocalEntry],
        uid_validity: UIDValidity | None,
    ) -> dict[UniqueName, FileFacts]:
        """Size, mtime and origin (no digest); a file that vanished is not in the result."""
        return listing.inspect(self._tree, name, entries, uid_validity)

    def digest(self, name: MailboxName, entry: LocalEntry, shown: bool = False) -> Digest | None:
        """Reads the whole file in constant memory; None: it vanished.  `shown`: of its bytes as
        some servers show them (`content.Digester`)."""
        return listing.digest(self._tree, name, entry, shown)

    def wire_chunks(
        self, name: MailboxName, entry: LocalEntry, wire_size: int
    ) -> Iterator[bytes] | None:
        """The file in wire form (every bare LF as CRLF), exactly `wire_size` bytes in pieces of
        at most 256 KiB; None: it vanished.  A file that has other bytes by now raises
        StorageError (reach MESSAGE) before a byte too many is yielded.  Close the generator."""
        return listing.wire_chunks(self._tree, name, entry, wire_size)

    def origins(
        self, uniques: Iterable[UniqueName], mailboxes: Mapping[MailboxName, UIDValidity]
    ) -> dict[UniqueName, tuple[MailboxName, UID]]:
        """Of names of our own, what message they were made for, in whichever of `mailboxes`."""
        return names.origins(uniques, self._tree.account, mailboxes)

    # -- change --------------------------------------------------------------------------------

    def own_name(
        self,
        mailbox: MailboxName,
        uid_validity: UIDValidity,
        uid: UID,
        internal_date: int | None,
    ) -> UniqueName:
        """A new unique name that carries this origin."""
        tree = self._tree
        return names.own_name(
            tree.account, mailbox, uid_validity, uid, internal_date, tree.host, tree.rand
        )

    def delivery(self) -> Delivery:
        """A new batch."""
        return Delivery(self._tree)

    def set_flags(
        self, name: MailboxName, entry: LocalEntry, add: Flags, remove: Flags
    ) -> LocalEntry | None:
        """Rename exactly the observed file.  None: it has another name by now, or the new name
        is taken: look again."""
        return files.set_flags(self._tree, name, entry, add, remove)

    def move(
        self,
        source: MailboxName,
        entry: LocalEntry,
        target: MailboxName,
        unique: UniqueName | None = None,
    ) -> LocalEntry | None:
        """Rename exactly the observed file into `target` under the name `unique` (None: its
        own; a fresh one where that is taken).  None: it is not there any more: look again.
        Not durable before `settle((target, source))`."""
        return files.move(self._tree, source, entry, target, unique)

    def undo_name(self) -> str:
        """A new file name for the undo directory."""
        return f"{self._tree.rand.bits(64):016x}"

    def undeleted_name(self, undo_file: str, removed_at: float) -> UniqueName:
        """Under which a file comes back out of undo: it claims no origin, for the message that
        it was is gone, and is always the same, so that what came back is not brought twice."""
        return names.undeleted_name(int(removed_at), undo_file, self._tree.host)

    def remove_to_undo(
        self,
        name: MailboxName,
        entry: LocalEntry,
        undo_dir: str,
        file: str,
        seen: FileFacts | None = None,
    ) -> str | None:
        """Rename exactly the observed file to `undo_dir/file` (made when missing; copied durably
        across file systems, if it is as it was `seen`) and return its path.  None: it has another
        name or other bytes by now: look again.  Not durable before `settle((name,), undo_dir)`."""
        return files.remove_to_undo(self._tree, name, entry, undo_dir, file, seen)

    def back_if_edited(
        self, name: MailboxName, entry: LocalEntry, undo_dir: str, file: str, seen: FileFacts
    ) -> bool:
        """Whether a file that was renamed into undo is not what was `seen` of it: written over
        meanwhile it is another message, and lies under a fresh name where it was.  Not durable
        before `settle((name,), undo_dir)`."""
        return files.back_if_edited(self._tree, name, entry, undo_dir, file, seen)

    def settle(self, mailboxes: Iterable[MailboxName], undo_dir: str | None = None) -> None:
        """Make renames in these mailboxes (and the undo directory, first) durable; all of them are
        there."""
        files.settle(self._tree, mailboxes, undo_dir)

    def make_lasting(self, seen: Mapping[MailboxName, Sequence[LocalEntry]]) -> None:
        """Durable when it returns: these files, whoever wrote them, and what came to or left these
        mailboxes.  What is not there any more, or may not be read, is passed over."""
        files.make_lasting(self._tree, seen)

    def make_mailboxes_lasting(self, mailboxes: Collection[MailboxName]) -> None:
        """Durable when it returns: the directories of these mailboxes and those above them, whoever
        made them.  What is not there any more, or may not be read, is passed over."""
        files.make_mailboxes_lasting(self._tree, mailboxes)

    def undo_files(self, undo_dir: str) -> dict[str, FileFacts]:
        """File names in undo with size and mtime; empty when there is no such directory."""
        return files.undo_files(self._tree, undo_dir)

    def undo_hash(self, undo_dir: str, file: str) -> bytes:
        """Of the file's bytes, every one of them: to tell two files in undo apart."""
        return files.undo_hash(self._tree, undo_dir, file)

    def purge(self, undo_dir: str, undone: Iterable[str]) -> None:
        """Remove files from undo, durably: a power cut must not bring back what no row knows any
        more.  Those that are not there are fine."""
        files.purge(self._tree, undo_dir, undone)
        recall.drop(self._tree, undo_dir, self.undo_files(undo_dir))

    def note_undo(self, undo_dir: str, notes: Iterable[Note]) -> None:
        """Durable when it returns: what is about to be renamed into undo."""
        recall.write(self._tree, undo_dir, self.undo_name(), notes)

    def undo_notes(self, undo_dir: str) -> dict[str, Note]:
        """By the file in undo."""
        return recall.read(self._tree, undo_dir)

    def clean(self, name: MailboxName) -> int:
        """Remove our own leftovers older than 36 h from tmp/; how many.  Delivery does it too."""
        return files.clean(self._tree, name)

    # -- marker --------------------------------------------------------------------------------

    def read_marker(self) -> Marker | None:
        """None: there is none.  NotOurs: there is one that cannot be understood."""
        found = marker.read(self._tree)
        if found is not None:
            self.formerly = found.formerly
        return found

    def write_marker(self, found: Marker) -> None:
        """Durable, and never half there."""
        marker.write(self._tree, found)
