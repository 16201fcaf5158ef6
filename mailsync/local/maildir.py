"""One account's Maildir: the local side.  Synchronous; call it through `Pool.disk`.

Every OSError comes out as model.errors.StorageError, which names the path and what helps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailsync.local.deliver import Delivery
from mailsync.local.marker import Marker
from mailsync.model.content import Digest
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UIDValidity, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry, Stamp
from mailsync.system.seams import Fs, Rand


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing of new/ and then cur/: every unique name once.

    `stamp` was taken before the listing; None: not old enough to be trusted.
    `doubles`: files that are left out of `entries` because another file with the same unique
    name and the same bytes (or, in a read-only look, any bytes) is in them.
    """

    entries: tuple[LocalEntry, ...]
    stamp: Stamp | None
    doubles: tuple[LocalEntry, ...] = ()
    notices: tuple[str, ...] = ()


class Maildir:
    """`root` need not exist yet.  `host` is escaped here as unique names need it."""

    def __init__(
        self, root: str, account: str, fs: Fs, host: str, rand: Rand, fsync: bool = True
    ) -> None:
        raise NotImplementedError

    # -- mailboxes -----------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether the root is a directory."""
        raise NotImplementedError

    def mailboxes(self) -> tuple[list[MailboxName], list[str]]:
        """Every mailbox (a directory with cur/ in it), sorted, and notices about what was skipped.

        Complete or StorageError: an unreadable directory could hide mailboxes.
        """
        raise NotImplementedError

    def create(self, *names: MailboxName) -> None:
        """Make these mailboxes durably, parents first (as plain directories, also the root);
        what is there already stays, what is missing of it (new/, tmp/) is made."""
        raise NotImplementedError

    def remove(self, name: MailboxName) -> bool:
        """Remove an empty mailbox, cur/ last, durably, and empty plain directories above it.
        False: it holds a message or a file that is not ours; nothing was removed."""
        raise NotImplementedError

    def rename(self, old: MailboxName, new: MailboxName) -> bool:
        """Durable; mailboxes below `old` go along.  True also if it had happened already.
        False: neither happened, because `new` exists or `old` does not."""
        raise NotImplementedError

    # -- observe -------------------------------------------------------------------------------

    def stamp(self, name: MailboxName) -> Stamp | None:
        """None: the mailbox is missing, or changed less than 2 s ago by its file system's clock."""
        raise NotImplementedError

    def entries(self, name: MailboxName, read_only: bool = False) -> Listing | None:
        """One complete listing; None when new/ or cur/ is missing: then nothing is known.

        Two files of one unique name: same inode or bytes ⇒ one message; else the second gets a
        unique name of our own by a rename (not when `read_only`: then it is a double).
        """
        raise NotImplementedError

    def inspect(
        self,
        name: MailboxName,
        entries: Iterable[LocalEntry],
        uid_validity: UIDValidity | None,
    ) -> dict[UniqueName, FileFacts]:
        """Size, mtime and origin (no digest); a file that vanished is not in the result."""
        raise NotImplementedError

    def digest(self, name: MailboxName, entry: LocalEntry) -> Digest | None:
        """Reads the whole file in constant memory; None: it vanished."""
        raise NotImplementedError

    def wire_chunks(
        self, name: MailboxName, entry: LocalEntry, wire_size: int
    ) -> Iterator[bytes] | None:
        """The file in wire form (every bare LF as CRLF), exactly `wire_size` bytes in pieces of
        at most 256 KiB; None: it vanished.  A file that has other bytes by now raises
        StorageError (reach MESSAGE) before a byte too many is yielded.  Close the generator."""
        raise NotImplementedError

    # -- change --------------------------------------------------------------------------------

    def own_name(
        self,
        mailbox: MailboxName,
        uid_validity: UIDValidity,
        uid: UID,
        internal_date: int | None,
    ) -> UniqueName:
        """A new unique name that carries this origin."""
        raise NotImplementedError

    def delivery(self) -> Delivery:
        """A new batch."""
        raise NotImplementedError

    def set_flags(
        self, name: MailboxName, entry: LocalEntry, add: Flags, remove: Flags
    ) -> LocalEntry | None:
        """Rename exactly the observed file.  None: it has another name by now, or the new name
        is taken: look again."""
        raise NotImplementedError

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
        raise NotImplementedError

    def undo_name(self) -> str:
        """A new file name for the undo directory."""
        raise NotImplementedError

    def remove_to_undo(
        self, name: MailboxName, entry: LocalEntry, undo_dir: str, file: str
    ) -> str | None:
        """Rename exactly the observed file to `undo_dir/file` (made when missing; copied durably
        across file systems) and return its path.  None: it has another name by now: look again.
        Not durable before `settle((name,), undo_dir)`."""
        raise NotImplementedError

    def settle(self, names: Iterable[MailboxName], undo_dir: str | None = None) -> None:
        """Make renames in these mailboxes (and the undo directory, first) durable."""
        raise NotImplementedError

    def undo_files(self, undo_dir: str) -> dict[str, FileFacts]:
        """File names in undo with size and mtime; empty when there is no such directory."""
        raise NotImplementedError

    def purge(self, undo_dir: str, files: Iterable[str]) -> None:
        """Remove files from undo; those that are not there are fine."""
        raise NotImplementedError

    def clean(self, name: MailboxName) -> int:
        """Remove our own leftovers older than 36 h from tmp/; how many.  Delivery does it too."""
        raise NotImplementedError

    # -- marker --------------------------------------------------------------------------------

    def read_marker(self) -> Marker | None:
        """None: there is none.  NotOurs: there is one that cannot be understood."""
        raise NotImplementedError

    def write_marker(self, marker: Marker) -> None:
        """Durable, and never half there."""
        raise NotImplementedError
