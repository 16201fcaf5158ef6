"""What the cache is told and what it tells, beside the rows and observations of the model."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NewType

from mailsync.model.flags import Flags
from mailsync.model.ids import UID, IntentId, MailboxId, RowId, UIDValidity, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, FileFacts, LocalEntry, Stamp
from mailsync.model.rows import Side
from mailsync.model.uidset import UIDSet

DeletionId = NewType("DeletionId", int)


@dataclass(frozen=True, slots=True)
class Moment:
    """`now`: wall time in seconds.  `boot`: seconds since the boot `boot_id`, suspend included."""

    now: float
    boot_id: str
    boot: float

    def bound(self) -> dict[str, float | str]:
        """As parameters of a statement."""
        return {"now": self.now, "boot_id": self.boot_id, "boot": self.boot}


@dataclass(frozen=True, slots=True)
class Known:
    """Where the last observations of one mailbox ended.

    `cursor` None: list in full.  `known`: rows whose UID is there.  `relink`: a relink (rule 4)
    is under way.  `stamp` None: list the folders.  `stuck`: it was read-only, and something waits
    for the server: is it still?
    """

    cursor: Cursor | None
    known: int
    relink: bool
    stamp: Stamp | None
    stuck: bool = False


@dataclass(frozen=True, slots=True)
class Audit:
    """What one audit of a mailbox compares in full (semantics.md, rule 3).

    `uids` is one range, `names` the files of its messages; the next audit begins at `next_uid`.
    """

    uids: UIDSet
    names: frozenset[UniqueName]
    next_uid: int


@dataclass(frozen=True, slots=True)
class Stored:
    """`ok` False: nothing was stored, because the delta does not add up to what the server
    counts; observe in full.  `relinked`: the UIDVALIDITY was new, `reused`: it was not, and UIDs
    are other messages all the same; the mailbox is in relink."""

    ok: bool
    relinked: bool = False
    reused: bool = False


class IntentKind(enum.StrEnum):
    APPEND = "append"
    COPY = "copy"  # the source stays as it is
    MOVE = "move"  # UID MOVE: the source's UID leaves
    MOVE_BY_COPY = "move by copy"  # COPY in place of MOVE: the source is expunged afterwards


@dataclass(frozen=True, slots=True)
class NewIntent:
    """What a command with an unknown outcome would do (semantics.md, rule 8).

    `row` has the file and will get the UID; None: the messages go to the \\Trash mailbox, where
    a row is made once the UID is known.  `source` is the row whose UID is copied or moved (never
    for an APPEND).  `mailbox`, `uid_validity` and `uid_next` (before the command) are those of
    the target.  `size` in bytes as sent; hashes as in `Digest`; `internal_date` in seconds.
    """

    kind: IntentKind
    row: RowId | None
    source: RowId | None
    mailbox: MailboxId
    uid_validity: UIDValidity
    uid_next: int
    message_id: str
    size: int | None
    body: bytes | None
    header: bytes | None
    internal_date: int | None
    flags: Flags


@dataclass(frozen=True, slots=True)
class Intent:
    """A durable intent.  `run` names the run that sent it last, at the wall time `began`;
    `attempts` counts how often it was sent."""

    id: IntentId
    new: NewIntent
    run: str
    began: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Linked:
    """The outcome of an intent: its message has `uid` in the target mailbox.

    `flags` is the merge base from then on; None: for an APPEND the flags sent, else the synced
    flags of the source row.  `keywords`: those that it shows there; what was sent or carried along
    and is not among them was lost on the way, not removed.  None: not looked at.  Date and size as
    the server says them: by these an audit tells that the UID is another message's by now.
    """

    intent: IntentId
    uid: UID
    flags: Flags | None = None
    internal_date: int | None = None
    size: int | None = None
    email_id: str | None = None
    keywords: Flags | None = None


@dataclass(frozen=True, slots=True)
class DeliveredRow:
    """A body became a file.  `flags`: those that were set (the merge base from then on).
    `undo`: the file was taken out of undo/ by this name."""

    row: RowId
    entry: LocalEntry
    facts: FileFacts
    flags: Flags
    undo: str | None = None


@dataclass(frozen=True, slots=True)
class MovedFile:
    """The file of `row` is now `entry` in the mailbox of `join`, which has the new UID."""

    row: RowId
    join: RowId
    entry: LocalEntry


@dataclass(frozen=True, slots=True)
class Missing:
    """What both sides had, with these flags, when another program kept them the same, and `side`
    has no more: held until accept or reject."""

    row: RowId
    side: Side
    synced: Flags
    reason: str


@dataclass(frozen=True, slots=True)
class NewDeletion:
    """A file that is about to be renamed into undo/ as `undo` (unique in that directory)."""

    row: RowId | None
    mailbox: MailboxName
    entry: LocalEntry
    body: bytes | None
    undo: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """`done`: the rename is known to have happened.  `at`: wall time in seconds."""

    id: DeletionId
    new: NewDeletion
    at: float
    done: bool
    email_id: str | None = None
    message_id: str = ""
    internal_date: int | None = None  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Held:
    """What `accept` would release, of one mailbox and side.

    `side` is the one that would lose: its UIDs, or the names there.  `whole`: the mailbox itself.
    """

    mailbox: MailboxId
    name: MailboxName
    side: Side
    reason: str
    count: int
    uid_validity: UIDValidity | None
    uids: UIDSet
    names: tuple[UniqueName, ...]
    whole: bool = False


class Matter(enum.StrEnum):
    """Why something is not done, for status and the exit code."""

    HELD = "held"
    PARKED = "parked"  # failed, to be tried again later
    UNSENT = "unsent"
    KEPT = "kept"
    OUT = "out of scope"
    INTENT = "unknown outcome"


@dataclass(frozen=True, slots=True)
class Report:
    """`count` messages of one mailbox (0: the mailbox itself) that wait for one reason."""

    mailbox: MailboxName
    matter: Matter
    side: Side | None
    count: int
    reason: str
    next_try: float | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over the account; `open` includes what waits, `files` those in doubt (a relink)."""

    mailboxes: int
    messages: int
    files: int
    open: int
    held: int
    parked: int
    unsent: int
    kept: int
    intents: int
    deletions: int
