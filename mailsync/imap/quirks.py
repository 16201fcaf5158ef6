"""What servers do wrong, by name: one row of the table for each (protocol.md §2)."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mailsync.imap.capabilities import Capabilities


class Quirk(enum.Enum):
    """What to do differently; the name in the configuration is the member's, with dashes."""

    NO_QRESYNC = "QRESYNC is advertised and answers nonsense"
    NO_CONDSTORE = "its modification numbers cannot be trusted: every run lists flags"
    NO_LIST_STATUS = "LIST with STATUS is refused or wrong: each mailbox is asked"
    NO_UIDPLUS = "UIDPLUS is advertised, UID EXPUNGE refused"
    NO_MULTIAPPEND = "more than one message in an APPEND is refused"
    NO_BINARY = "literal8 is refused"
    NO_COMPRESS = "the connection breaks when it is compressed"
    NO_ESEARCH = "SEARCH RETURN is refused or wrong"
    NO_MOVE = "MOVE is advertised and refused or loses mail"
    NO_NAMESPACE = "NAMESPACE kills the connection"
    NO_KEYWORDS = "a keyword in STORE or APPEND makes it BAD"
    NO_SIZE = "RFC822.SIZE makes the server fetch the whole message"
    SHORT_LINES = "command lines of at most 1000 bytes"
    FINAL_CRLF = "an appended message must end with CRLF"
    FLAGGED_AFTER_APPEND = "\\Flagged in APPEND is forgotten: STORE it again"
    NO_STATUS_MAILBOXID = "STATUS gives memory that was freed for a MAILBOXID, SELECT the true one"
    ID_FIRST = "no SELECT before ID"

    @property
    def key(self) -> str:
        """Its name in the configuration."""
        return self.name.lower().replace("_", "-")


LINE_BUDGET = 8000  # bytes of a command line without literals (RFC 7162 §4)
SHORT_LINE_BUDGET = 1000


@dataclass(frozen=True, slots=True)
class Seen:
    """What identifies a server: the greeting's text, its ID fields, its capabilities."""

    greeting: str = ""
    capabilities: Capabilities = field(default_factory=Capabilities)
    id: Mapping[str, str] = field(default_factory=dict)

    def says(self, word: str) -> bool:
        """Whether the greeting or the ID's name or vendor has `word`, in any case."""
        text = " ".join((self.greeting, self.id.get("name", ""), self.id.get("vendor", "")))
        return word.lower() in text.lower()


@dataclass(frozen=True, slots=True)
class _Server:
    name: str
    is_it: Callable[[Seen], bool]
    quirks: frozenset[Quirk]


def _row(name: str, is_it: Callable[[Seen], bool], *quirks: Quirk) -> _Server:
    return _Server(name, is_it, frozenset(quirks))


SERVERS = (
    _row("icloud", lambda s: s.capabilities.has("XAPPLEPUSHSERVICE"), Quirk.NO_QRESYNC),
    _row(
        "yahoo",
        lambda s: s.capabilities.has("XYMHIGHESTMODSEQ"),
        Quirk.SHORT_LINES,
        Quirk.FINAL_CRLF,
    ),
    _row(
        "exchange-online",
        lambda s: s.capabilities.has("CLIENTACCESSRULES"),
        Quirk.NO_KEYWORDS,
        Quirk.FLAGGED_AFTER_APPEND,
    ),
    _row("exchange", lambda s: s.says("Microsoft Exchange"), Quirk.NO_KEYWORDS),
    _row("exchange-2003", lambda s: s.says("Exchange Server 2003"), Quirk.NO_NAMESPACE),
    _row("exchange-2013", lambda s: s.says("Exchange Server 2013"), Quirk.NO_MOVE),
    _row(  # 3.6.1, where STATUS asks for anything else, too
        "cyrus", lambda s: s.capabilities.has("X-CREATEDMODSEQ"), Quirk.NO_STATUS_MAILBOXID
    ),
    _row("zoho", lambda s: s.says("Zoho"), Quirk.NO_CONDSTORE),  # MODSEQ (-1), MailKit #1686
    _row("davmail", lambda s: s.says("DavMail"), Quirk.NO_SIZE),
    _row("netease", lambda s: s.says("Coremail"), Quirk.ID_FIRST),
)


def quirks(seen: Seen, chosen: Sequence[str] = ()) -> frozenset[Quirk]:
    """All that hold for this server; its own word still counts for what they do not name.

    `chosen`: keys that the user sets, or with "!" in front switches off; "!*" all that were found.
    """
    found: set[Quirk] = set()
    found.update(*(server.quirks for server in SERVERS if server.is_it(seen)))
    for word in chosen:
        key = word.removeprefix("!")
        named = {quirk for quirk in Quirk if key in (quirk.key, "*")}
        found = found - named if word.startswith("!") else found | named
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a provider lets one account transfer within a day, in bytes; None: no limit is known.

    A tenth less than its documents say: it may count otherwise than we do, and whoever is beyond
    it is locked out for up to a day.
    """

    down: int | None = None
    up: int | None = None


_ALLOWED: tuple[tuple[Callable[[Seen], bool], Allowance], ...] = (
    # 2500 and 500 MB (protocol.md §2); the other providers tell no number.
    (lambda s: s.capabilities.is_gmail, Allowance(down=2_250_000_000, up=450_000_000)),
)


def allowance(seen: Seen) -> Allowance:
    """That of the first provider that it is."""
    return next((allowed for is_it, allowed in _ALLOWED if is_it(seen)), Allowance())


_WITHHELD = {
    Quirk.NO_QRESYNC: ("QRESYNC",),
    Quirk.NO_CONDSTORE: ("CONDSTORE", "QRESYNC"),
    Quirk.NO_LIST_STATUS: ("LIST-STATUS",),
    Quirk.NO_UIDPLUS: ("UIDPLUS",),
    Quirk.NO_MULTIAPPEND: ("MULTIAPPEND",),
    Quirk.NO_BINARY: ("BINARY",),
    Quirk.NO_COMPRESS: ("COMPRESS=DEFLATE",),
    Quirk.NO_ESEARCH: ("ESEARCH",),
    Quirk.NO_MOVE: ("MOVE",),
    Quirk.NO_NAMESPACE: ("NAMESPACE",),
}


def usable(capabilities: Capabilities, found: frozenset[Quirk]) -> Capabilities:
    """The capabilities less those that the quirks forbid to use."""
    return capabilities.without(atom for quirk in found for atom in _WITHHELD.get(quirk, ()))


def line_budget(found: frozenset[Quirk]) -> int:
    """Bytes that a command line may have, literals not counted."""
    return SHORT_LINE_BUDGET if Quirk.SHORT_LINES in found else LINE_BUDGET
