"""Commands in flight, and the mailbox that their answers speak of."""

from __future__ import annotations

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
from mailsync.model.flags import ALL_FLAGS, BY_IMAP_NAME, Flags
from mailsync.model.ids import ModSeq, UIDValidity
from mailsync.model.uidset import Range, UIDSet

Take = Callable[[Event], bool]


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
    codes: list[Code] = field(default_factory=list)  # of untagged OK, NO and the tagged answer

    @property
    def succeeded(self) -> bool:
        return self.status is not None and self.status.kind == "OK"

    def code(self, name: str) -> Code | None:
        """The last response code of that name."""
        return next((code for code in reversed(self.codes) if code.name == name), None)


@dataclass(slots=True, eq=False)
class Selection:
    """One SELECT or EXAMINE: what it answered, then what was said of the mailbox since.

    `exists` and `uid_next` are those of the SELECT's time, `now` the count since.
    """

    wire_name: bytes
    examined: bool = False
    qresync: bool = False
    uid_validity: UIDValidity | None = None
    uid_next: int | None = None
    highest_modseq: ModSeq | None = None
    exists: int | None = None
    now: int = 0
    expunged: int = 0  # messages that went away since, by EXPUNGE or VANISHED
    read_only: bool = False
    permanent_flags: frozenset[str] | None = None
    mailbox_id: str | None = None
    done: bool = False  # the tagged OK was seen
    _earlier: list[Range] = field(default_factory=list)
    _vanished: list[Range] = field(default_factory=list)

    @property
    def earlier(self) -> UIDSet:
        """What VANISHED (EARLIER) told: expunged before the SELECT."""
        return UIDSet.of_ranges(self._earlier)

    @property
    def vanished(self) -> UIDSet:
        """What VANISHED told since."""
        return UIDSet.of_ranges(self._vanished)

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
        return found | Flags.FORWARDED if "\\*" in names else found

    @property
    def arrived(self) -> bool:
        """Messages were added since the SELECT."""
        return self.now > (self.exists or 0) - self.expunged

    def note(self, event: Event) -> None:
        """An untagged response about the mailbox, during the SELECT or later."""
        match event:
            case Exists(count):
                self.now = count
                if not self.done:
                    self.exists = count
            case Expunged() if self.done:
                self._gone(1)
            case Vanished(uids, earlier=True):
                self._earlier.extend(uids.ranges)
            case Vanished(uids) if self.done:  # before that it spoke of the previous mailbox
                self._vanished.extend(uids.ranges)
                self._gone(len(uids))
            case MailboxFlags() | Status(code=None):
                pass
            case Status(code=Code() as code) if not self.done:
                self._note_code(code)

    def _gone(self, count: int) -> None:
        self.expunged += count
        self.now -= count

    def _note_code(self, code: Code) -> None:
        match code:
            case Code("CLOSED"):
                self._restart()  # all before it spoke of the previous mailbox (RFC 7162 §3.2.11)
            case Code("UIDVALIDITY", int(number)):
                self.uid_validity = UIDValidity(number)
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
        self.now = 0
        self._earlier.clear()
        self._vanished.clear()


@lru_cache(maxsize=4096)
def split_flags(names: frozenset[str]) -> tuple[Flags, frozenset[str]]:
    """Flags as sent: those that both sides know, and all else but \\Recent."""
    found = Flags.NONE
    extra: set[str] = set()
    for name in names:
        flag = BY_IMAP_NAME.get(name.lower())
        if flag is not None:
            found |= flag
        elif name.lower() not in ("\\recent", "\\*"):
            extra.add(name)
    return found, frozenset(extra)
