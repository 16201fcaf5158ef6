"""Commands in flight, and the mailbox that their answers speak of."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from mailsync.imap import (
    Code,
    Command,
    Event,
    Exists,
    Expunged,
    MailboxFlags,
    Status,
    Vanished,
)
from mailsync.model.errors import ServerDefect
from mailsync.model.flags import ALL_FLAGS, BY_IMAP_NAME, KEYWORDS, Flags
from mailsync.model.ids import ModSeq, UIDValidity
from mailsync.model.uidset import UIDSet

MERGE = 1 << 16  # ranges that may wait to be merged, and a quarter of those that are
MOST_RANGES = 500_000  # of all that one command tells; as Limits.ranges
FEW_FLAGS = 32  # of one message, whose split is remembered

Take = Callable[[Event], bool]


# What a command is asked for after it was answered.
CODES = frozenset({"ALREADYEXISTS", "APPENDUID", "CLOSED", "COPYUID", "MODIFIED"})


def nothing(_event: Event) -> bool:
    """Claims no untagged response."""
    return False


@dataclass(slots=True, eq=False)
class Call:
    """One command, from before it is written until its tagged answer.

    `take` is offered the untagged responses that arrive meanwhile and says whether it claims
    them.  `bodies[i]` opens the data of the i-th streamed literal.  `sync_first`: see `encode`.
    """

    command: Command
    take: Take = nothing
    selects: Selection | None = None
    bodies: Sequence[Callable[[], AsyncIterator[bytes]]] = ()
    sync_first: bool = False
    tag: str = ""
    exposed: bool = False  # carries a literal that waits for no `+`
    status: Status | None = None
    _codes: dict[str, Code] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return self.status is not None and self.status.kind == "OK"

    def note_code(self, code: Code) -> None:
        """Of an untagged OK or NO meanwhile, or of the tagged answer."""
        if code.name in CODES:  # a server may send others without end
            self._codes[code.name] = code

    def code(self, name: str) -> Code | None:
        """The last response code of that name, one of `CODES`."""
        assert name in CODES, "a code that is not kept"
        return self._codes.get(name)


class Gathered:
    """UID sets, one after another, as one: in time by their size and never too large."""

    __slots__ = ("_all", "_high", "_low")

    def __init__(self) -> None:
        self._all = UIDSet()
        self._low, self._high = array("I"), array("I")  # what waits to be merged into it

    def add(self, uids: UIDSet) -> None:
        """Raises ServerDefect."""
        count = uids.range_count
        if count > MERGE:
            self._check(self._all | uids)
            return
        for low, high in uids.ranges:
            self._low.append(low)
            self._high.append(high)
        if len(self._low) > MERGE + self._all.range_count // 4:
            self._check(self.uids())

    def _check(self, merged: UIDSet) -> None:
        if merged.range_count > MOST_RANGES:
            raise ServerDefect("the server names too many UIDs")
        self._all = merged

    def uids(self) -> UIDSet:
        if self._low:
            self._all |= UIDSet.of_ranges(zip(self._low, self._high, strict=True))
            self._low, self._high = array("I"), array("I")
        return self._all


@dataclass(slots=True, eq=False)
class Selection:
    """One SELECT or EXAMINE: what it answered, then what was said of the mailbox since.

    `exists` and `uid_next` are those of the SELECT's time, `now` the count since.
    """

    wire_name: bytes
    examined: bool = False
    qresync: bool = False
    uid_validity: UIDValidity | None = None
    sticky: bool = True  # its UIDs outlive the session
    uid_next: int | None = None
    highest_modseq: ModSeq | None = None
    exists: int | None = None
    now: int = 0
    most: int = 0  # messages that were counted, at the SELECT or since
    expunged: int = 0  # messages that went away since, by EXPUNGE or VANISHED
    read_only: bool = False
    permanent_flags: frozenset[str] | None = None
    mailbox_id: str | None = None
    done: bool = False  # the tagged OK was seen
    renumbered: bool = False  # since then: its UIDs are other messages' by now
    _earlier: Gathered = field(default_factory=Gathered)
    _vanished: Gathered = field(default_factory=Gathered)

    @property
    def earlier(self) -> UIDSet:
        """What VANISHED (EARLIER) told: expunged before the SELECT."""
        return self._earlier.uids()

    @property
    def vanished(self) -> UIDSet:
        """What VANISHED told since."""
        return self._vanished.uids()

    @property
    def permanent(self) -> Flags | None:
        """The flags that the server can keep; all where it does not say (RFC 9051 §6.3.2), and
        where it only says that we may change none, because the mailbox is read-only.

        None: EXAMINE says nothing of what a SELECT would."""
        names = self.permanent_flags
        if self.examined:
            return None
        if names is None or (self.read_only and not names):
            return ALL_FLAGS
        found = split_flags(names)[0]
        return found | Flags.FORWARDED | KEYWORDS if "\\*" in names else found

    @property
    def listed(self) -> frozenset[str]:
        """The keywords that PERMANENTFLAGS names."""
        found = split_flags(self.permanent_flags or frozenset())[1]
        return frozenset(name for name in found if not name.startswith("\\"))

    @property
    def arrived(self) -> bool:
        """Messages were added since the SELECT."""
        return self.now > (self.exists or 0) - self.expunged

    def note(self, event: Event) -> None:
        """An untagged response about the mailbox, during the SELECT or later."""
        match event:
            case Exists(count):
                self.now = count
                self.most = max(self.most, count) if self.done else count
                if not self.done:
                    self.exists = count
            case Expunged() if self.done:
                self._gone(1)
            case Vanished(uids, earlier=True):
                self._earlier.add(uids)
            case Vanished(uids) if self.done:  # before that it spoke of the previous mailbox
                self._vanished.add(uids)
                self._gone(len(uids))
            case MailboxFlags() | Status(code=None):
                pass
            case Status(code=Code() as code) if not self.done:
                self._note_code(code)
            case Status(code=Code("UIDVALIDITY", int(number))):
                self.renumbered |= number != self.uid_validity

    def _gone(self, count: int) -> None:
        self.expunged += count
        self.now -= count

    def _note_code(self, code: Code) -> None:
        match code:
            case Code("CLOSED"):
                self._restart()  # all before it spoke of the previous mailbox (RFC 7162 §3.2.11)
            case Code("UIDVALIDITY", int(number)):
                self.uid_validity = UIDValidity(number)
            case Code("UIDNOTSTICKY"):  # RFC 4315 §3
                self.sticky = False
            case Code("UIDNEXT", int(number)):
                self.uid_next = number
            case Code("HIGHESTMODSEQ", int(number)):
                self.highest_modseq = ModSeq(number)
            case Code("NOMODSEQ"):
                self.highest_modseq = None
            case Code("PERMANENTFLAGS", frozenset() as names):
                self.permanent_flags = names
            case Code("MAILBOXID", str(text)):
                self.mailbox_id = text
            case Code("READ-ONLY"):
                self.read_only = not self.examined

    def _restart(self) -> None:
        self.exists = self.uid_validity = self.uid_next = self.highest_modseq = None
        self.permanent_flags = self.mailbox_id = None
        self.sticky = True
        self.now = 0
        self._earlier, self._vanished = Gathered(), Gathered()


def split_flags(names: frozenset[str]) -> tuple[Flags, frozenset[str]]:
    """Flags as sent: those that both sides know, and all else but \\Recent."""
    return _split_flags(names) if len(names) <= FEW_FLAGS else _split_flags.__wrapped__(names)


@lru_cache(maxsize=1024)
def _split_flags(names: frozenset[str]) -> tuple[Flags, frozenset[str]]:
    found = Flags.NONE
    extra: set[str] = set()
    for name in names:
        flag = BY_IMAP_NAME.get(name.lower())
        if flag is not None:
            found |= flag
        elif name.lower() not in ("\\recent", "\\*"):
            extra.add(name)
    return found, frozenset(extra)
