"""Delivery by group commit (architecture.md, decision 7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mailsync.model.flags import Flags
from mailsync.model.ids import UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message in memory, as the server sent it (wire form)."""

    mailbox: MailboxName
    unique: UniqueName
    flags: Flags
    internal_date: int | None  # seconds; None: the file's mtime is now
    data: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """`facts.digest` is always there.  `entry.name` differs from the name asked for only where
    that file name was taken."""

    mailbox: MailboxName
    entry: LocalEntry
    facts: FileFacts


class Pending:
    """One message that comes in pieces; nothing of it is seen before `Delivery.commit`."""

    def write(self, data: bytes) -> None:
        """The next piece of the wire form, of any size.  StorageError: the message is dropped
        (as by `drop`), the rest of the delivery is not."""
        raise NotImplementedError

    def done(self) -> None:
        """The message is whole; only then it takes part in the commit."""
        raise NotImplementedError

    def drop(self) -> None:
        """Remove what was written (a body that broke off).  Never raises."""
        raise NotImplementedError


class Delivery:
    """One batch.  The caller keeps it to ≤ 500 files or 16 MB, and to one thread at a time.

    Several messages may be pending at once.  After `commit` or `discard` it is used up.
    """

    def add(self, message: Message) -> None:
        """StorageError: this message is not part of the batch, the others still are."""
        raise NotImplementedError

    def add_all(self, messages: Iterable[Message]) -> None:
        raise NotImplementedError

    def begin(
        self, mailbox: MailboxName, unique: UniqueName, flags: Flags, internal_date: int | None
    ) -> Pending:
        """A message that is streamed, in constant memory whatever its size."""
        raise NotImplementedError

    def copy(
        self,
        source: MailboxName,
        entry: LocalEntry,
        mailbox: MailboxName,
        unique: UniqueName,
        flags: Flags,
        internal_date: int | None,
    ) -> bool:
        """A copy of a file of ours, byte for byte.  False: the file is not there any more."""
        raise NotImplementedError

    def restore(
        self,
        path: str,
        mailbox: MailboxName,
        unique: UniqueName,
        flags: Flags,
        internal_date: int | None,
    ) -> bool:
        """A copy of the file `path` (one in undo), which stays: remove it after the cache's
        commit.  False: it is not there."""
        raise NotImplementedError

    def commit(self) -> list[Delivered]:
        """tmp files durable → renamed → folders durable.  Then the caller commits the cache.

        In the order in which the messages were added (`begin` counts, not `done`).
        StorageError: nothing was delivered; files already renamed were removed again.  Where the
        disk refused even that they will be seen under their own names, so observe the mailbox
        before trying again.
        """
        raise NotImplementedError

    def discard(self) -> None:
        """Remove every tmp file of this batch.  Never raises."""
        raise NotImplementedError
