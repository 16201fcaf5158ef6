"""The rules that a plan obeys, and what they allow in each mailbox."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from mailsync.model.flags import ALL_FLAGS, Flags
from mailsync.model.ids import UID, MailboxId
from mailsync.model.rows import Mailbox, Role, Row
from mailsync.model.settings import Deletions, Direction, Guard

_DEFAULT_GUARD = Guard()


TOO_LARGE = "larger than max-size"
TOO_OLD = "older than max-age"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What holds for the messages of one mailbox.  `max_size` in bytes, `since` in seconds since
    1970; None: without limit."""

    direction: Direction
    deletions: Deletions
    max_size: int | None = None
    since: int | None = None

    @property
    def server_may_change(self) -> bool:
        return self.direction is not Direction.PULL

    @property
    def maildir_may_change(self) -> bool:
        return self.direction is not Direction.PUSH

    def leaves_out(self, row: Row) -> str:
        """Why the message is out of scope; "" when it is not, or when that cannot be told.

        The size is the server's word where there is one, a hint (RFC822.SIZE); the age is that of
        INTERNALDATE, for a file that was never on the server of its mtime.  Both are instants:
        nobody asks the server to search by day (RFC 9051 §6.4.4 leaves time and zone away).
        """
        size = row.wire_size or row.file_size if row.size is None else row.size
        if self.max_size is not None and size is not None and size > self.max_size:
            return TOO_LARGE
        date = row.mtime if row.internal_date is None else row.internal_date
        if self.since is not None and date is not None and date < self.since:
            return TOO_OLD
        return ""


@dataclass(frozen=True, slots=True)
class Policy:
    """`bounds`: the mailboxes for which `direction` and `deletions` are not those of the account,
    or for whose messages there are limits.  `trash` is the \\Trash mailbox on the server, None:
    the account has none.

    `only`: the mailboxes to act in (`sync A/M`); moves that touch others are left open, so hand
    in the rows of all.  `has_uidplus`, `has_move` and `dry` change how a plan is executed, never
    what it says.  `unseen_server`, `unseen_local`: selected mailboxes which could not be looked
    at on that side in this run; `closed_server`: those that the server does not let us read;
    `untold`: those that did not answer what pairing asks; `exchanged`: those whose name another
    one has on the server.
    """

    direction: Direction = Direction.BOTH
    deletions: Deletions = Deletions.TRASH
    expunge_deleted: bool = False
    guard: Guard = _DEFAULT_GUARD
    trash: MailboxId | None = None
    trash_guessed: bool = False  # by its name alone: it is used, and stays guarded
    gmail: bool = False
    has_uidplus: bool = True
    has_move: bool = True
    dry: bool = False
    only: frozenset[MailboxId] | None = None
    unseen_server: frozenset[MailboxId] = frozenset()
    unseen_local: frozenset[MailboxId] = frozenset()
    closed_server: frozenset[MailboxId] = frozenset()
    untold: frozenset[MailboxId] = frozenset()
    exchanged: frozenset[MailboxId] = frozenset()
    bounds: Mapping[MailboxId, Bounds] = field(default_factory=dict)
    quiet: Flags = Flags.NONE  # keywords that programs set by themselves

    def of(self, mailbox: MailboxId) -> Bounds:
        return self.bounds.get(mailbox) or Bounds(self.direction, self.deletions)

    def server_may_change(self, *mailboxes: MailboxId) -> bool:
        return all(self.of(box).server_may_change for box in mailboxes)

    def maildir_may_change(self, *mailboxes: MailboxId) -> bool:
        return all(self.of(box).maildir_may_change for box in mailboxes)

    def covers(self, mailbox: MailboxId) -> bool:
        return self.only is None or mailbox in self.only

    def is_trash(self, box: Mailbox) -> bool:
        return box.id == self.trash or (box.role is Role.TRASH and not box.guessed)

    def unguards(self, box: Mailbox) -> bool:
        return self.is_trash(box) and not (self.trash_guessed and box.id == self.trash)


class Departed(enum.Enum):
    """What becomes of the rest of a mailbox that was synced and is gone on one side."""

    HELD = "held"
    ACCEPTED = "accepted"
    UNSENT = "unsent"  # `direction` forbids to repeat it
    RENAMED = "renamed"  # in the Maildir, where the server cannot RENAME: all goes to the new one


@dataclass(frozen=True, slots=True)
class Ground:
    """What holds for all rows of one mailbox."""

    box: Mailbox
    server_ok: bool  # the server's side may be changed, and is there or made by this plan
    local_ok: bool
    bounds: Bounds
    expunge_deleted: bool
    departed: Departed | None = None
    unmade: bool = False  # on one side only, and nobody knows yet what it is
    renamed: MailboxId | None = None  # to this one, by moves
    gone_uids: Mapping[UID, Row] = field(default_factory=dict)  # proven gone on the server
    gmail: bool = False
    quiet: Flags = Flags.NONE

    @property
    def keeps(self) -> bool:
        """Deletions never reach the server (Gmail: always the \\Trash mailbox, rule 9)."""
        return self.bounds.deletions is Deletions.KEEP and not self.gmail

    @property
    def to_trash(self) -> bool:
        return self.gmail or self.bounds.deletions is Deletions.TRASH

    @property
    def shared(self) -> Flags:
        """The flags that both sides can keep (I9)."""
        return self.box.permanent & ALL_FLAGS

    @property
    def sendable(self) -> Flags:
        """\\Deleted is never sent to Gmail, where it would archive (rule 9)."""
        return self.shared & ~Flags.DELETED if self.gmail else self.shared
