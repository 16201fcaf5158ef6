"""What waits while a mailbox could not be looked at, or a file not be read: everything is observed
before anything is judged (semantics.md, rule 2)."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from mailsync.model.content import ADDED_SIZE
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.rows import Presence, Row
from mailsync.planner.ladder import LONGEST, between, dates, sizes
from mailsync.planner.policy import Policy
from mailsync.planner.verdict import FLAGGED_DELETED, Ruling, Verdict

N, T, G, U = Presence.NONE, Presence.THERE, Presence.GONE, Presence.UNKNOWN

KNOWN = (T, U)


@dataclass(frozen=True, slots=True)
class Unread:
    """New files that the disk refuses to give: each may be a message that lacks its file, under
    another name or in another mailbox, and the only copy that will be left of it."""

    places: frozenset[tuple[MailboxId, int]]  # mailbox and date
    dates: frozenset[int]
    sizes: Sequence[int]

    @classmethod
    def of(cls, everything: Iterable[Row]) -> Unread:
        rows = [
            row
            for row in everything
            if row.parked and row.body is None and row.local is T and row.server in (N, U)
        ]
        return cls(
            frozenset((row.mailbox, date) for row in rows for date in dates(row)),
            frozenset(date for row in rows for date in dates(row)),
            sorted(row.file_size for row in rows if row.file_size is not None),
        )

    def may_be(self, row: Row, verdict: Verdict) -> bool:
        if verdict is Verdict.DOWNLOAD:  # by its size it may be too many
            return any((row.mailbox, date) in self.places for date in dates(row))
        if verdict not in (Verdict.DELETE, Verdict.KEEP) or row.local is not G:
            return False
        if not self.dates.isdisjoint(dates(row)):
            return True
        if row.file_size is not None:
            size = row.file_size
            return between(self.sizes, size - ADDED_SIZE, size + ADDED_SIZE)
        return any(
            between(self.sizes, (size - ADDED_SIZE) / LONGEST, size + ADDED_SIZE)
            for size in sizes(row)
        )


@dataclass(frozen=True, slots=True)
class Unseen:
    """Traits of the messages and of the files that may have left a mailbox unseen."""

    messages: frozenset[Hashable]
    files: frozenset[Hashable]
    unread: Unread
    untold: frozenset[Hashable]  # of new messages of which the server gives nothing
    parked: frozenset[Hashable]  # of those that were asked for in vain, with their mailbox

    @classmethod
    def of(cls, everything: Sequence[Row], policy: Policy, linked: Collection[RowId]) -> Unseen:
        """Rows that are nowhere but in one place on either side: what was deleted on one side
        and moved on the other survives where it went anyhow (I11).  `linked`: what has a partner
        by now, or is on its way."""
        there = policy.unseen_server | policy.closed_server
        here = policy.unseen_local
        alone = [row for row in everything if row.id not in linked]
        unread, untold, parked = Unread.of(alone), _untold(alone), _parked(alone)
        if not there and not here:
            return cls(frozenset(), frozenset(), unread, untold, parked)
        rows = [row for row in everything if row.server in KNOWN and row.local in KNOWN]
        return cls(
            frozenset(t for row in rows if row.mailbox in there for t in _of_message(row)),
            frozenset(t for row in rows if row.mailbox in here for t in _of_file(row)),
            unread,
            untold,
            parked,
        )

    def may_hide(self, row: Row, verdict: Verdict) -> bool:
        """Whether what is new with `row` may have been in a mailbox that nobody looked at: then it
        is a move, to be made and not sent a second time; or is a file that nobody could read, or a
        message."""
        if self.unread.may_be(row, verdict):
            return True
        if verdict is Verdict.DOWNLOAD and row.local is N:
            return not self.messages.isdisjoint(_asked(row))
        if verdict is Verdict.UPLOAD and row.server is not G:
            return not (self.files.isdisjoint(_of_file(row)) and self.parked.isdisjoint(_at(row)))
        return False


def _untold(everything: Iterable[Row]) -> frozenset[Hashable]:
    """What such a message may be was asked by its date and size (`needs`)."""
    return frozenset(
        trait
        for row in everything
        if row.server is T and row.local is N and row.email_id is None and _is_untold(row)
        for trait in _asked(row)
    )


def _parked(everything: Iterable[Row]) -> frozenset[Hashable]:
    """The file of such a message may be here as a new one: after the cache was lost it would be
    sent a second time."""
    return frozenset(
        place
        for row in everything
        if row.parked and row.server is T and row.local in (N, U) and _is_untold(row)
        for place in _at(row)
    )


def _is_untold(row: Row) -> bool:
    """Neither header nor text is known of it."""
    return row.body is row.header is row.server_header is None


def _at(row: Row) -> Iterable[Hashable]:
    """Its mailbox, and what it may be known by there without its header: both date and size."""
    return product((row.mailbox,), dates(row), sizes(row))


def _of_message(row: Row) -> Iterable[Hashable]:
    if row.email_id is not None:
        yield row.email_id
    if row.internal_date is not None:
        yield row.internal_date, row.size


def _asked(row: Row) -> Iterable[Hashable]:
    """Of what was sent to it the server may have told no size: then the date alone."""
    yield from _of_message(row)
    if row.internal_date is not None:
        yield row.internal_date, None


def _of_file(row: Row) -> Iterable[Hashable]:
    if row.name is not None:
        yield row.name
    if row.mtime is not None and row.file_size is not None:
        yield row.mtime, row.file_size


def undecided(
    row: Row, server: Presence, local: Presence, ruling: Ruling, policy: Policy, unseen: Unseen
) -> bool:
    """What is missing may be in a mailbox that could not be looked at, and what is new in such a
    one may be on its other side.  The row stays open."""
    if ruling.verdict in (Verdict.UPLOAD, Verdict.DOWNLOAD) and row.mailbox in policy.untold:
        return True  # it may be the same as what is new on the other side
    if unseen.may_hide(row, ruling.verdict):
        return True
    if ruling.verdict is Verdict.MERGE:
        return row.mailbox in policy.unseen_server  # a UID that is gone takes every flag, says OK
    if ruling.verdict is Verdict.REMOVE:
        # The file may be all that there is to be had of a message that is elsewhere by now.
        moved = not unseen.untold.isdisjoint(_of_message(row))
        return moved or bool(policy.unseen_server) or row.mailbox in policy.unseen_local
    if ruling.verdict in (Verdict.DELETE, Verdict.KEEP):
        missing = ruling is not FLAGGED_DELETED and bool(policy.unseen_local)
        return missing or row.mailbox in policy.unseen_server
    if ruling.verdict is Verdict.FORGET:
        return bool(policy.unseen_server or policy.unseen_local)
    if ruling.verdict is Verdict.UPLOAD:
        # Not put back: in one that may not be read for a while it would be twice.
        moved = server is G and bool(policy.unseen_server or policy.closed_server)
        return moved or row.mailbox in policy.unseen_server
    if ruling.verdict in (Verdict.DOWNLOAD, Verdict.FOLLOW):
        moved = local is G and bool(policy.unseen_local)
        return moved or row.mailbox in policy.unseen_local
    return False
