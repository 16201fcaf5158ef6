"""What a server's bytes mean: one value for each response (RFC 9051 §7)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from mailsync.imap.codes import Code
from mailsync.model.ids import UID, ModSeq, SeqNum
from mailsync.model.uidset import UIDSet

StatusKind = Literal["OK", "NO", "BAD", "BYE", "PREAUTH"]


@dataclass(frozen=True, slots=True)
class Status:
    """OK, NO, BAD, BYE or PREAUTH; `tag` None: untagged (the greeting is one)."""

    kind: StatusKind
    code: Code | None = None
    text: str = ""
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Continuation:
    """`+ text`: go on sending; or a SASL challenge, still in base64."""

    text: bytes = b""


@dataclass(frozen=True, slots=True)
class Capability:
    atoms: frozenset[str]  # in capitals


@dataclass(frozen=True, slots=True)
class Enabled:
    atoms: frozenset[str]  # in capitals


@dataclass(frozen=True, slots=True)
class Exists:
    count: int


@dataclass(frozen=True, slots=True)
class Expunged:
    seq: SeqNum


@dataclass(frozen=True, slots=True)
class Vanished:
    """RFC 7162 §3.2.10; `*` in the set was taken for 4294967295."""

    uids: UIDSet
    earlier: bool


@dataclass(frozen=True, slots=True)
class MailboxFlags:
    flags: frozenset[str]  # as sent


class Streamed(enum.Enum):
    """Stands in `Fetch.sections` for a body that came as BodyBegin, BodyData…, BodyEnd."""

    STREAMED = "streamed"


STREAMED: Final = Streamed.STREAMED
Section = bytes | Streamed | None
NO_SECTIONS: Final[Mapping[str, Section]] = MappingProxyType({})


class Fetch(NamedTuple):
    """One FETCH response (a NamedTuple because a listing makes a hundred thousand of them).

    None: the response does not say, or says nonsense (MODSEQ 0, negative size).  `seq` None:
    UIDFETCH (RFC 9586) or `* 0 FETCH`.  `internal_date` is in seconds since 1970, `size` is
    RFC822.SIZE, a hint.  `sections` by the item's name in capitals, `BODY[]`, `BODY[HEADER]`;
    its value None: NIL, or no value at all.
    """

    seq: SeqNum | None
    uid: UID | None = None
    flags: frozenset[str] | None = None  # as sent
    internal_date: int | None = None
    size: int | None = None
    modseq: ModSeq | None = None
    email_id: str | None = None
    gm_msgid: int | None = None
    sections: Mapping[str, Section] = NO_SECTIONS


@dataclass(frozen=True, slots=True)
class BodyBegin:
    """A body that is too big to be kept whole follows; its Fetch comes after BodyEnd."""

    seq: SeqNum | None
    uid: UID | None  # None: the server says it after the body
    section: str
    size: int


@dataclass(frozen=True, slots=True)
class BodyData:
    data: bytes


@dataclass(frozen=True, slots=True)
class BodyEnd:
    pass


@dataclass(frozen=True, slots=True)
class Search:
    """`* SEARCH` (RFC 3501 §7.2.5)."""

    uids: UIDSet
    modseq: ModSeq | None = None


@dataclass(frozen=True, slots=True)
class ESearch:
    """`* ESEARCH` (RFC 4731).  `uids` None: no ALL; nothing found if `count` is 0 or None.

    `uid` tells whether the server said UID: else the numbers are sequence numbers.
    """

    tag: str | None
    uid: bool = True
    uids: UIDSet | None = None
    count: int | None = None
    min: int | None = None
    max: int | None = None
    modseq: ModSeq | None = None


@dataclass(frozen=True, slots=True)
class List:
    """LIST or LSUB.  `name` is the wire name, unquoted; attributes in lower case (`\\noselect`)."""

    attributes: frozenset[str]
    delimiter: str | None
    name: bytes
    old_name: bytes | None = None  # RFC 9051 §6.3.9.7
    lsub: bool = False


@dataclass(frozen=True, slots=True)
class StatusData:
    """STATUS.  Keys in capitals; MAILBOXID is a str, all else int; nonsense values are left out."""

    name: bytes
    values: Mapping[str, int | str]


NamespaceEntries = tuple[tuple[bytes, str | None], ...]


@dataclass(frozen=True, slots=True)
class Namespace:
    """Prefix (wire form) and delimiter of each (RFC 2342)."""

    personal: NamespaceEntries
    other: NamespaceEntries
    shared: NamespaceEntries


@dataclass(frozen=True, slots=True)
class Id:
    """RFC 2971; keys in lower case, NIL values left out."""

    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A response that is no use to us, or not IMAP at all; at most 200 characters of it."""

    text: str


Event = (
    Status
    | Continuation
    | Capability
    | Enabled
    | Exists
    | Expunged
    | Vanished
    | MailboxFlags
    | Fetch
    | BodyBegin
    | BodyData
    | BodyEnd
    | Search
    | ESearch
    | List
    | StatusData
    | Namespace
    | Id
    | Ignored
)
