"""What the FETCH and SEARCH responses of a mailbox add up to."""

from __future__ import annotations

from collections.abc import Callable

from mailsync.imap import Code, ESearch, Event, Expunged, Fetch, Search, Status
from mailsync.model.errors import ServerDefect
from mailsync.model.flags import Flags
from mailsync.model.ids import UID
from mailsync.model.observation import ServerItem
from mailsync.model.uidset import UIDSet
from mailsync.server.calls import Gathered, split_flags

MOST_KEYWORDS = 8 << 20  # bytes, of one listing, in all combinations that are different
SLACK = 10_000  # messages that a listing may have beyond twice those that were counted
KEPT = 64  # bytes that a keyword takes besides its text


class Items:
    """Gathers FETCH responses by UID; what comes later for the same UID adds to what was said.

    `counted`: how many messages the server says there are; it cannot show many more.  `among`:
    what was asked for.
    """

    def __init__(
        self, counted: Callable[[], int] | None = None, among: UIDSet | None = None
    ) -> None:
        self._counted, self._among = counted, among
        self.found: dict[UID, ServerItem] = {}
        self.shifted = False  # see `_shifts`
        self._kinds: dict[frozenset[str], frozenset[str]] = {}  # of keywords, each kept once
        self._keywords = 0  # bytes of all kinds together

    def take_selecting(self, event: Event) -> bool:
        """What QRESYNC tells within the SELECT."""
        match event:
            case Status(code=Code("CLOSED")):
                self.found.clear()  # it was of the previous mailbox (RFC 7162 §3.2.11)
        return self.take(event)

    def take(self, event: Event) -> bool:
        if not isinstance(event, Fetch):
            self.shifted |= _shifts(event, bool(self.found))
            return False
        if event.uid is None or (self._among is not None and event.uid not in self._among):
            return False  # tells that something changed, which the next run's cursor shows
        flags, extra = (None, frozenset()) if event.flags is None else split_flags(event.flags)
        if extra:
            extra = self._kind(extra)
        email_id = event.email_id
        if email_id is None and event.gm_msgid is not None:
            email_id = str(event.gm_msgid)
        had = self.found.get(event.uid)
        if flags is None and had is None:
            return False  # MODSEQ alone, of a message whose flags follow
        if had is not None:
            if flags is None:
                flags, extra = had.flags, had.extra
            self.found[event.uid] = ServerItem(
                event.uid,
                flags,
                extra,
                had.internal_date if event.internal_date is None else event.internal_date,
                had.size if event.size is None else event.size,
                email_id or had.email_id,
            )
            return self.found[event.uid] != had  # who repeats himself does not get on
        assert flags is not None
        self._check_room()
        self.found[event.uid] = ServerItem(
            event.uid, flags, extra, event.internal_date, event.size, email_id
        )
        return True

    def _check_room(self) -> None:
        """Some go and some come while they are listed."""
        if self._counted is not None and len(self.found) >= 2 * self._counted() + SLACK:
            raise ServerDefect("the server lists more messages than it says that there are")

    def _kind(self, extra: frozenset[str]) -> frozenset[str]:
        """In a mailbox many messages have the same keywords; no mailbox has endless kinds."""
        known = self._kinds.get(extra)
        if known is None:
            known = self._kinds[extra] = extra
            self._keywords += sum(KEPT + len(keyword) for keyword in extra)
            if self._keywords > MOST_KEYWORDS:
                raise ServerDefect("the server gives the messages too many different keywords")
        return known


class Found:
    """Gathers SEARCH or ESEARCH responses."""

    def __init__(self) -> None:
        self._gathered = Gathered()
        self.answered = False
        self.shifted = False  # see `_shifts`

    @property
    def uids(self) -> UIDSet:
        return self._gathered.uids()

    def take(self, event: Event) -> bool:
        match event:
            case Search(uids):
                self._gathered.add(uids)
                self.answered = True
            case ESearch(uid=True, uids=None, count=count):
                # Without ALL only COUNT 0 means: none (RFC 4731 §3.1).  A broken ESEARCH that
                # neither lists nor counts is no proof (protocol.md §0.1).
                self.answered = self.answered or count == 0
            case ESearch(uid=True, uids=UIDSet() as uids, count=count):
                self._gathered.add(uids)
                self.answered = self.answered or count in (None, len(uids))  # else it is cut off
            case ESearch():
                pass
            case _:
                self.shifted |= _shifts(event, self.answered)
                return False
        return True


def _shifts(event: Event, begun: bool) -> bool:
    """Something listed may be gone by now, and nobody knows what: as many messages as there are
    were listed perhaps, but not these, and a server that lists by number passes one over."""
    return begun and isinstance(event, Expunged)


def flags_of(names: frozenset[str] | None) -> tuple[Flags | None, frozenset[str]]:
    """As `split_flags`, None for what was not said."""
    return (None, frozenset()) if names is None else split_flags(names)
