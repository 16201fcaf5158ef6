"""What a room saw.  A delta, or a complete listing of a stated range; never a guess."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailsync.model.content import Digest
from mailsync.model.flags import ALL_FLAGS, Flags
from mailsync.model.ids import UID, ModSeq, UIDValidity, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Role, Row
from mailsync.model.uidset import UIDSet


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the server's mailbox stood.  Equal cursors: nothing changed there.

    `highest_modseq` None: no CONDSTORE, so flag changes are not covered.
    """

    uid_validity: UIDValidity
    uid_next: int
    messages: int
    highest_modseq: ModSeq | None = None


@dataclass(frozen=True, slots=True)
class ServerMailbox:
    """One mailbox as LIST and STATUS show it.  `cursor` None: STATUS said nothing usable."""

    name: MailboxName
    wire_name: bytes
    selectable: bool = True
    role: Role | None = None
    cursor: Cursor | None = None
    mailbox_id: str | None = None
    guessed: bool = False  # the role is by the name alone, the server says nothing of it
    subscribed: bool = True  # or nobody asked


@dataclass(frozen=True, slots=True)
class ServerItem:
    """One message of a server observation.

    For messages that were known before only uid, flags and extra are filled.
    """

    uid: UID
    flags: Flags
    extra: frozenset[str] = frozenset()
    internal_date: int | None = None  # seconds since 1970
    size: int | None = None
    email_id: str | None = None


def is_another(row: Row, item: ServerItem) -> bool:
    """Whether the row's UID is another message by now: two of three are not what the server said
    before.  One alone may be an estimate (a size), or made anew (an id)."""
    known = (row.internal_date, row.size, row.email_id)
    shown = (item.internal_date, item.size, item.email_id)
    pairs = zip(known, shown, strict=True)
    return sum(None not in pair and pair[0] != pair[1] for pair in pairs) >= 2


@dataclass(frozen=True, slots=True)
class ServerObservation:
    """What one SELECT and its FETCHes showed.

    `complete`: the UIDs about which `items` says everything: one in it that is not among the
    items is proven gone (reliability.md I15).  Empty for a delta; a delta's expunges are
    `vanished`.  A UID that is neither in `complete`, `vanished` nor `items` is as it was.
    """

    mailbox: MailboxName
    cursor: Cursor
    items: tuple[ServerItem, ...] = ()
    complete: UIDSet = field(default_factory=UIDSet)
    vanished: UIDSet = field(default_factory=UIDSet)
    permanent: Flags | None = ALL_FLAGS  # None: not told; all KEYWORDS: new ones, too (`\\*`)
    listed: frozenset[str] = frozenset()  # keywords that PERMANENTFLAGS names
    read_only: bool = False
    mailbox_id: str | None = None
    went_back: bool = False  # UIDNEXT did: UIDs are given a second time, or will be
    scant: bool = False  # of UIDs that are known it has flags at most, not by what they are told


@dataclass(frozen=True, slots=True)
class Stamp:
    """Identity and times of new/ and cur/ in ns: equal stamps spare the listing."""

    new: tuple[int, int, int]  # inode, mtime, ctime
    cur: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class LocalEntry:
    """A file name taken apart.  `info` is everything after the unique name, as seen."""

    name: UniqueName
    folder: str  # "new" or "cur"
    info: str
    flags: Flags

    @property
    def path(self) -> str:
        """Below the mailbox's own directory."""
        return f"{self.folder}/{self.name}{self.info}"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a look at the file told.  `digest` only where its bytes were read."""

    size: int
    mtime_ns: int
    digest: Digest | None = None
    origin: UID | None = None  # from our own name; see local.names


@dataclass(frozen=True, slots=True)
class LocalObservation:
    """One mailbox of the Maildir.

    `entries` is the union of the listings that were made.  `proven`: two complete listings as
    rule 3 wants them were made, so a known name that is not among the entries is gone; else such
    a name stays as it was.  `facts` has an entry for every name the cache did not know.
    """

    mailbox: MailboxName
    entries: tuple[LocalEntry, ...]
    proven: bool
    facts: dict[UniqueName, FileFacts] = field(default_factory=dict)
    stamp: Stamp | None = None  # None: changed too recently to be trusted (rule 3)
    notices: tuple[str, ...] = ()
    lettered: Flags | None = None  # keywords that may have a letter here; None: not looked at
    exact: bool = False  # a program that keeps keywords works here: no letter drops by itself
