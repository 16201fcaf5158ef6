"""What the server room takes and gives, besides the model's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from mailsync.imap import Capabilities, Quirk
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor
from mailsync.model.uidset import UIDSet


@dataclass(frozen=True, slots=True)
class Ability:
    """What the server can do: its word, less what quirks forbid and what failed although announced
    (`refused`, to which is added what fails)."""

    capabilities: Capabilities
    quirks: frozenset[Quirk]
    refused: set[str]

    def has(self, atom: str) -> bool:
        return self.capabilities.has(atom) and atom not in self.refused


@dataclass(frozen=True, slots=True)
class Ask:
    """A mailbox to observe.

    `cursor` None: never observed, so everything is listed.  `full`: everything is listed with
    all that a listing can say, whatever the cursor.  `known`: UIDs that the cache holds as there.
    `audit`: UIDs below the cursor's UIDNEXT to be listed whatever a delta says (rule 3).
    """

    name: MailboxName
    wire_name: bytes
    cursor: Cursor | None = None
    full: bool = False
    known: int = 0
    audit: UIDSet = field(default_factory=UIDSet)


@dataclass(slots=True)
class FetchedBody:
    """One message, byte for byte as the server has it.

    `data` is the whole of a small one, `chunks` streams a big one; both None: the server gave
    NIL or nothing, so nothing is known.  Where there are chunks, `uid` and `flags` may be None
    until they are exhausted.  `size`: bytes of the body.
    """

    uid: UID | None
    flags: Flags | None = None
    extra: frozenset[str] = frozenset()
    internal_date: int | None = None  # seconds since 1970
    size: int | None = None
    data: bytes | None = None
    chunks: AsyncIterator[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a message is recognised without its body; `message_id` as in model.content."""

    flags: Flags
    size: int | None = None
    internal_date: int | None = None
    message_id: str = ""
    email_id: str | None = None
    extra: frozenset[str] = frozenset()  # keywords


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to append.  `open()` gives exactly `size` bytes, in wire form, in any pieces.

    `binary`: sent as literal8, so it may hold NUL; only where `has_binary`.
    """

    flags: Flags
    internal_date: int | None
    size: int
    open: Callable[[], AsyncIterator[bytes]]
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Appended:
    """`uids` in the order of the messages; None: the server did not say (no usable APPENDUID)."""

    uid_validity: UIDValidity | None = None
    uids: tuple[UID, ...] | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """`modified`: refused because newer than `unchanged_since` (RFC 7162 §3.1.3).  `flags`: what
    the server showed of them, with the change."""

    modified: UIDSet = field(default_factory=UIDSet)
    flags: Mapping[UID, Flags] = field(default_factory=dict)


@dataclass(slots=True)
class Traffic:
    """What went over the wire.  `round_trips` counts waits for an answer after a write."""

    round_trips: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    plain_in: int = 0  # before COMPRESS, as a provider may count them
    plain_out: int = 0
    bodies: int = 0
    commands: Counter[str] = field(default_factory=Counter)
