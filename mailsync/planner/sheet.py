"""Collects what was decided and writes it down as a plan, in a safe order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from mailsync.model.actions import (
    Action,
    Copy,
    CopyLocal,
    Defer,
    DeferMailbox,
    Download,
    Expunge,
    Forget,
    Move,
    MoveLocal,
    Pair,
    Plan,
    RemoveLocal,
    SetLocalFlags,
    StoreFlags,
    Upload,
)
from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId
from mailsync.model.rows import Row, Settled, Side, Wait
from mailsync.planner.mailboxes import Creation, Removal, Rename
from mailsync.planner.scene import uid_order
from mailsync.planner.verdict import FLAGGED_DELETED, FOLLOWS

Place = tuple[MailboxId, str]  # mailbox and reason
Route = tuple[MailboxId, MailboxId]  # from, to
Two = tuple[Row, Row]
Copied = tuple[Row, Row, Flags]
Bulk = defaultdict[Place, list[Row]]
ActionT = TypeVar("ActionT", Download, Upload, RemoveLocal, Expunge, Forget)
TwoT = TypeVar("TwoT", Move, MoveLocal, CopyLocal)
TwoOrMoreT = TypeVar("TwoOrMoreT", Two, Copied)
FlagsT = TypeVar("FlagsT", StoreFlags, SetLocalFlags)


def _bulk() -> Bulk:
    return defaultdict(list)


@dataclass(slots=True)
class Sheet:
    """Rows by what is done to them; the fields stand in the order of the plan."""

    pairs: list[Pair] = field(default_factory=list)
    forgotten: Bulk = field(default_factory=_bulk)
    waiting: defaultdict[tuple[MailboxId, Wait, Side, str, Settled], list[Row]] = field(
        default_factory=lambda: defaultdict(list)
    )
    held_boxes: list[DeferMailbox] = field(default_factory=list)
    renames: list[Rename] = field(default_factory=list)
    creations: list[Creation] = field(default_factory=list)
    followers: list[tuple[MailboxId, MailboxId, Row]] = field(default_factory=list)
    moves: list[Two] = field(default_factory=list)
    local_moves: list[Two] = field(default_factory=list)
    copies: list[Copied] = field(default_factory=list)
    local_copies: list[Two] = field(default_factory=list)
    stored: defaultdict[tuple[MailboxId, Flags, Flags], list[Row]] = field(
        default_factory=lambda: defaultdict(list)
    )
    set_locally: defaultdict[tuple[MailboxId, Flags, Flags], list[Row]] = field(
        default_factory=lambda: defaultdict(list)
    )
    downloads: Bulk = field(default_factory=_bulk)
    doubtful: defaultdict[MailboxId, list[Row]] = field(default_factory=lambda: defaultdict(list))
    uploads: Bulk = field(default_factory=_bulk)
    removed: Bulk = field(default_factory=_bulk)
    expunged: Bulk = field(default_factory=_bulk)
    replaced: defaultdict[MailboxId, list[Two]] = field(default_factory=lambda: defaultdict(list))
    trashed: Bulk = field(default_factory=_bulk)
    trash: MailboxId | None = None
    removals: list[Removal] = field(default_factory=list)

    def wait(
        self, row: Row, wait: Wait, side: Side, reason: str, settled: Settled = Settled.NO
    ) -> None:
        self.waiting[row.mailbox, wait, side, reason, settled].append(row)

    def plan(self) -> Plan:
        return Plan(tuple(self._actions()))

    def _actions(self) -> Iterator[Action]:
        yield from sorted(self.pairs, key=lambda pair: uid_order(pair.keep))
        yield from _grouped(Forget, self.forgotten)
        for (box, wait, side, reason, settled), rows in sorted(self.waiting.items()):
            yield Defer(box, _ascending(rows), wait, reason, side, settled)
        yield from self.held_boxes
        yield from self.renames
        yield from self.creations
        yield from _following(self.followers)
        yield from _joined(Move, self.moves, "moved in the Maildir")
        yield from _joined(MoveLocal, self.local_moves, "moved on the server")
        yield from _copied(self.copies)
        yield from _joined(CopyLocal, self.local_copies, "the Maildir has it already")
        yield from _flagged(StoreFlags, self.stored)
        yield from _flagged(SetLocalFlags, self.set_locally)
        yield from _newest_first(self.downloads, self.doubtful)
        yield from _grouped(Upload, self.uploads)
        yield from _grouped(RemoveLocal, self.removed)
        yield from _grouped(Expunge, self.expunged)
        for box, twos in sorted(self.replaced.items()):
            twos.sort(key=lambda two: uid_order(two[0]))
            old, new = tuple(row for row, _ in twos), tuple(version for _, version in twos)
            yield Expunge(box, old, "draft replaced", new)
        for (box, reason), rows in sorted(self.trashed.items()):
            assert self.trash is not None
            unmark = reason == FLAGGED_DELETED.reason
            yield Move(box, self.trash, _ascending(rows), (), reason, unmark)
        yield from self.removals


def _ascending(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=uid_order))


def _grouped(
    kind: Callable[[MailboxId, tuple[Row, ...], str], ActionT], bulk: Bulk
) -> Iterator[ActionT]:
    for (box, reason), rows in sorted(bulk.items()):
        yield kind(box, _ascending(rows), reason)


def _newest_first(bulk: Bulk, doubtful: Mapping[MailboxId, list[Row]]) -> Iterator[Download]:
    """Mailboxes by their newest message, and its messages by UID, newest first."""
    newest = {place: max(row.internal_date or 0 for row in rows) for place, rows in bulk.items()}
    for place in sorted(bulk, key=lambda place: (-newest[place], place)):
        rows = sorted(bulk[place], key=uid_order, reverse=True)
        yield Download(place[0], tuple(rows), place[1], _ascending(doubtful.get(place[0], ())))


def _between(items: Iterable[TwoOrMoreT]) -> Iterator[tuple[Route, list[TwoOrMoreT]]]:
    """By the mailboxes of their first two rows, in UID order."""
    grouped: defaultdict[Route, list[TwoOrMoreT]] = defaultdict(list)
    for one in items:
        grouped[one[0].mailbox, one[1].mailbox].append(one)
    for route, members in sorted(grouped.items()):
        yield route, sorted(members, key=lambda one: (uid_order(one[0]), uid_order(one[1])))


def _joined(
    kind: Callable[[MailboxId, MailboxId, tuple[Row, ...], tuple[Row, ...], str], TwoT],
    twos: Iterable[Two],
    reason: str,
) -> Iterator[TwoT]:
    for (box, target), members in _between(twos):
        rows, joins = zip(*members, strict=True)
        yield kind(box, target, rows, joins, reason)


def _following(rows: Iterable[tuple[MailboxId, MailboxId, Row]]) -> Iterator[Move]:
    grouped: defaultdict[Route, list[Row]] = defaultdict(list)
    for box, target, row in rows:
        grouped[box, target].append(row)
    for (box, target), members in sorted(grouped.items()):
        yield Move(box, target, _ascending(members), (), FOLLOWS.reason)


def _copied(copies: Iterable[Copied]) -> Iterator[Copy]:
    for (box, target), members in _between(copies):
        rows, joins, bases = zip(*members, strict=True)
        yield Copy(box, target, rows, joins, "the server has it already", bases)


def _flagged(
    kind: Callable[[MailboxId, tuple[Row, ...], Flags, Flags], FlagsT],
    changes: dict[tuple[MailboxId, Flags, Flags], list[Row]],
) -> Iterator[FlagsT]:
    for (box, add, remove), rows in sorted(changes.items()):
        yield kind(box, _ascending(rows), add, remove)
