"""What waits while a mailbox could not be looked at: everything is observed before anything is
judged (semantics.md, rule 2)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from mailsync.model.rows import Presence, Row
from mailsync.planner.policy import Policy
from mailsync.planner.verdict import FLAGGED_DELETED, Ruling, Verdict

N, T, G, U = Presence.NONE, Presence.THERE, Presence.GONE, Presence.UNKNOWN

KNOWN = (T, U)


@dataclass(frozen=True, slots=True)
class Unseen:
    """Traits of the messages and of the files that may have left a mailbox unseen."""

    messages: frozenset[Hashable]
    files: frozenset[Hashable]

    @classmethod
    def of(cls, everything: Iterable[Row], policy: Policy) -> Unseen:
        """Rows that are nowhere but in one place on either side: what was deleted on one side
        and moved on the other survives where it went anyhow (I11)."""
        there = policy.unseen_server | policy.closed_server
        here = policy.unseen_local
        if not there and not here:
            return cls(frozenset(), frozenset())
        rows = [row for row in everything if row.server in KNOWN and row.local in KNOWN]
        return cls(
            frozenset(t for row in rows if row.mailbox in there for t in _of_message(row)),
            frozenset(t for row in rows if row.mailbox in here for t in _of_file(row)),
        )

    def may_hide(self, row: Row, verdict: Verdict) -> bool:
        """Whether what is new with `row` may have been in a mailbox that nobody looked at: then it
        is a move, to be made and not sent a second time."""
        if verdict is Verdict.DOWNLOAD and row.local is N:
            return not self.messages.isdisjoint(_asked(row))
        if verdict is Verdict.UPLOAD and row.server is not G:
            return not self.files.isdisjoint(_of_file(row))
        return False


def _of_message(row: Row) -> Iterable[Hashable]:
    if row.email_id is not None:
        yield row.email_id
    if row.internal_date is not None:
        yield row.internal_date, row.size


def _asked(row: Row) -> Iterable[Hashable]:
    """The server has told no size of what was sent to it: then the date alone."""
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
        return bool(policy.unseen_server) or row.mailbox in policy.unseen_local
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
