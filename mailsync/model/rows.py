"""The cache's rows as the planner sees them: one message, three trees side by side."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mailsync.model.flags import ALL_FLAGS, KEYWORDS, Flags
from mailsync.model.ids import UID, MailboxId, RowId, UIDValidity, UniqueName
from mailsync.model.mailboxname import MailboxName


class Presence(enum.IntEnum):
    """The state of one side of a row.  Only GONE, which is proven, justifies a deletion."""

    NONE = 0  # this side never had it
    THERE = 1
    GONE = 2
    UNKNOWN = 3


class Side(enum.StrEnum):
    SERVER = "server"
    LOCAL = "local"


# Why messages are held of which nothing is known but that their mailbox is gone on that side.
MAILBOX_GONE_HERE = "its mailbox is gone in the Maildir"
MAILBOX_GONE_THERE = "its mailbox is gone on the server"


class Wait(enum.IntEnum):
    """Why an open row is not due."""

    NO = 0
    HELD = 1  # by the guard, until accept or reject
    UNSENT = 2  # `direction` forbids it
    KEPT = 3  # `deletions = "keep"`
    OUT = 4  # beyond `max-size` or `max-age`: out of scope


class Settled(enum.IntEnum):
    """Outcomes that trees cannot say."""

    NO = 0
    COPIED = 1  # the target's UID is confirmed: only \\Deleted and UID EXPUNGE here are left
    KEPT = 2  # deleted locally, kept on the server (or the mirror image): closed for good
    SPARED = 3  # \\Deleted on both sides, and its deletion rejected: the flag is to be taken away


class Role(enum.StrEnum):
    """What a mailbox is for (RFC 6154 special-use); INBOX is not one."""

    ALL = "\\All"
    ARCHIVE = "\\Archive"
    DRAFTS = "\\Drafts"
    FLAGGED = "\\Flagged"
    IMPORTANT = "\\Important"
    JUNK = "\\Junk"
    SENT = "\\Sent"
    TRASH = "\\Trash"


@dataclass(frozen=True, slots=True)
class Row:
    """One message in one mailbox.

    `server`/`local`: a side that was never there has no uid/name.  A GONE side may keep its old
    uid or name as a hint; an UNKNOWN one always does when it had one.
    `synced` None: the two sides never agreed on this row.
    `header` is the hash for comparing with files, `server_header` the server's own where APPEND
    rewrote it.  Hashes are 16 bytes or None (not known yet).  `size` is the server's word
    (RFC822.SIZE), a hint only; `wire_size` that of the file in CRLF form.
    """

    id: RowId
    mailbox: MailboxId
    uid: UID | None = None
    server: Presence = Presence.NONE
    server_flags: Flags = Flags.NONE
    name: UniqueName | None = None
    folder: str = ""  # "new" or "cur"
    info: str = ""  # all of the file name after the unique name, as seen
    local: Presence = Presence.NONE
    local_flags: Flags = Flags.NONE  # also keywords that the file's name does not show
    lost: Flags = Flags.NONE  # those of them whose letters a rename dropped: to be written again
    file_size: int | None = None
    mtime_ns: int | None = None
    synced: Flags | None = None
    internal_date: int | None = None  # seconds since 1970
    size: int | None = None
    wire_size: int | None = None
    body: bytes | None = None
    header: bytes | None = None
    server_header: bytes | None = None
    message_id: str = ""
    email_id: str | None = None
    server_extra: frozenset[str] = frozenset()  # keywords and flags the other side cannot keep
    synced_extra: frozenset[str] = frozenset()
    wait: Wait = Wait.NO
    settled: Settled = Settled.NO
    accepted: bool = False  # `accept` released this very row from the guard, not yet expired
    attempts: int = 0
    parked: bool = False  # it failed, and its time has not come again
    intent: bool = False  # an APPEND, COPY or MOVE for it has an unknown outcome: hands off
    origin: UID | None = None  # our own name says: this account, mailbox and UIDVALIDITY, this UID
    marked: bool = False  # \\Deleted by us, to expunge it: `server_flags` leaves that out
    undo: bool = False  # a file with this body lies in undo/

    @property
    def mtime(self) -> int | None:
        """The file's mtime in seconds, to be compared with `internal_date`."""
        return None if self.mtime_ns is None else self.mtime_ns // 1_000_000_000


@dataclass(frozen=True, slots=True)
class Tally:
    """Deletions on one side of one mailbox, for the guard."""

    there: int = 0  # rows there now on the side that would lose them; of a limit only within it
    executed: int = 0  # deleted there by mailsync within the last hour
    held: int = 0  # open rows with wait = HELD for that side


# What Gmail's folder size limit may be, and Yahoo's view: the newest so many (protocol.md §0.1).
VIEWS = (1000, 2000, 5000, 10_000)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox with its totals and the policy that holds for it."""

    id: MailboxId
    name: MailboxName
    server: Presence
    local: Presence
    role: Role | None = None
    uid_validity: UIDValidity | None = None
    uid_next: int | None = None
    mailbox_id: str | None = None  # OBJECTID (RFC 8474)
    synced: bool = False  # was on both sides at the end of some run
    selected: bool = True  # in scope by `mailboxes`
    read_only: bool = False
    permanent: Flags = ALL_FLAGS  # the flags that the server can keep (PERMANENTFLAGS)
    lettered: Flags = KEYWORDS  # keywords that may have a letter in its Maildir
    has_children: bool = False
    on_server: Tally = Tally()  # deletions that would remove from the server
    on_local: Tally = Tally()
    messages: int = 0  # rows there on either side
    held: bool = False  # the mailbox itself (gone on one side) is held
    accepted: bool = False
    relink: bool = False  # the identities of one side lost their meaning: all is paired again
    guessed: bool = False  # the role is by the name alone: to choose by, never to unguard
    parked: bool = False  # it failed as a whole, and its time has not come again
    troubled: bool = False  # it failed as a whole when it was last tried
    returned: Side | None = None  # it was gone on this side and is back
    renamed: MailboxId | None = None  # gone here: all goes there, as the server cannot RENAME
    succeeded: float | None = None  # wall time of its last sync without such trouble
    wire_name: bytes | None = None  # on the server
    lowest: UID | None = None  # there, if it shows as many messages as some show at most (VIEWS)
