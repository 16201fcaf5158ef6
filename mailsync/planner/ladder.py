"""The ladder by which two rows are told to be one message (semantics.md, rules 4 and 7)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple

from mailsync.model.actions import Rung
from mailsync.model.content import COPIED_SIZE, NO_HEADER
from mailsync.model.flags import Flags
from mailsync.model.ids import RowId
from mailsync.model.rows import Row

Keys = Callable[[Row], Iterable[Hashable]]


class Step(NamedTuple):
    """Two rows match when a key of the one is among the keys of the other, and `fits`."""

    rung: Rung
    left: Keys
    right: Keys
    fits: Callable[[Row, Row], bool] | None = None


class Match(NamedTuple):
    left: Row
    right: Row
    rung: Rung


LONGEST = 2  # times as long a file can get when each of its LFs becomes a CRLF
LOOKS = 16  # among twins of one key that do not fit, so that time stays linear

Classes = Sequence[tuple[Sequence[Row], Sequence[Row]]]


def climb(steps: Iterable[Step], classes: Classes, *, home_first: bool = False) -> list[Match]:
    """Match rows of the left lists with rows of the right ones, the first rung that holds first.

    On each rung the classes are tried in turn; among twins the order of the lists decides.
    `home_first`: a twin in the same mailbox goes before one elsewhere: a new name or UID is more
    likely than a move and a copy.
    """
    used: set[RowId] = set()
    found: list[Match] = []
    classes = [(lefts, rights) for lefts, rights in classes if lefts and rights]
    for step in steps:
        for lefts, rights in classes:
            if home_first:
                found += _rung(_at_home(step), lefts, rights, used)
            found += _rung(step, lefts, rights, used)
    return found


def _at_home(step: Step) -> Step:
    def inside(keys: Keys) -> Keys:
        return lambda row: [(row.mailbox, key) for key in keys(row)]

    return step._replace(left=inside(step.left), right=inside(step.right))


def elsewhere(step: Step) -> Step:
    """The same step for rows of two mailboxes only."""

    def fits(left: Row, right: Row) -> bool:
        other = left.mailbox != right.mailbox
        return other and (step.fits is None or step.fits(left, right))

    return step._replace(fits=fits)


def met_later(step: Step) -> Step:
    """The same step for a right row that was not there before the left one: a copy of it."""

    def fits(left: Row, right: Row) -> bool:
        return right.id > left.id and (step.fits is None or step.fits(left, right))

    return step._replace(fits=fits)


def _rung(
    step: Step, lefts: Sequence[Row], rights: Sequence[Row], used: set[RowId]
) -> Iterable[Match]:
    piles: dict[Hashable, list[Row]] = {}
    for row in reversed(rights):
        if row.id not in used:
            for key in step.right(row):
                piles.setdefault(key, []).append(row)
    if not piles:
        return
    for row in lefts:
        if row.id in used:
            continue
        for key in step.left(row):
            other = _first_fitting(step, row, piles.get(key, []), used)
            if other is not None:
                used.update((row.id, other.id))
                yield Match(row, other, step.rung)
                break


def _first_fitting(step: Step, row: Row, pile: list[Row], used: set[RowId]) -> Row | None:
    while pile and pile[-1].id in used:
        pile.pop()
    for other in pile[: -LOOKS - 1 : -1]:
        if other.id not in used and (step.fits is None or step.fits(row, other)):
            return other
    return None


# -- what rows are known by --------------------------------------------------------------------


def email_id(row: Row) -> Iterable[Hashable]:
    return () if row.email_id is None else (row.email_id,)


def body(row: Row) -> Iterable[Hashable]:
    return () if row.body is None else (row.body,)


def dates(row: Row) -> set[int]:
    return {date for date in (row.internal_date, row.mtime) if date is not None}


def sizes(row: Row) -> set[int]:
    """On the wire.  A file that is neither ours nor paired may be mbsync's: one of the two copies
    has a field of it, which the hashes leave out."""
    found = {size for size in (row.size, row.wire_size) if size is not None}
    if row.uid is None and row.origin is None and row.wire_size is not None:
        found |= {row.wire_size - COPIED_SIZE, row.wire_size + COPIED_SIZE}
    return found


def between(numbers: Sequence[int], low: float, high: float) -> bool:
    """Whether one of the sorted `numbers` is."""
    return bisect_left(numbers, low) < bisect_right(numbers, high)


def header_hashes(row: Row) -> set[bytes]:
    """Of headers that say something: all messages without a header have the same one."""
    return {one for one in (row.header, row.server_header) if one not in (None, NO_HEADER)}


def is_draft(row: Row) -> bool:
    """Of which there may be other versions under the same header.  Not one on which both sides
    agreed that it is none: a flag that was set since makes no other message of it."""
    agreed = row.synced is not None and not row.synced & Flags.DRAFT
    return not agreed and bool((row.server_flags | row.local_flags) & Flags.DRAFT)


def header_and_date(row: Row) -> Iterable[Hashable]:
    if is_draft(row):
        return ()
    return [(one, date) for one in sorted(header_hashes(row)) for date in sorted(dates(row))]


def header_and_size(row: Row) -> Iterable[Hashable]:
    if is_draft(row):
        return ()
    return [(one, size) for one in sorted(header_hashes(row)) for size in sorted(sizes(row))]


def message_id_and_date(row: Row) -> Iterable[Hashable]:
    if not row.message_id or is_draft(row):
        return ()
    return [(row.message_id, date) for date in sorted(dates(row))]


def _uid_and_date(message: Row) -> Iterable[Hashable]:
    return ((message.uid, message.internal_date),)


def _origin_and_date(file: Row) -> Iterable[Hashable]:
    return () if file.origin is None or file.mtime is None else ((file.origin, file.mtime),)


def _name_and_dates(row: Row) -> Iterable[Hashable]:
    return [(row.name, date) for date in sorted(dates(row))]


def _name_and_date(file: Row) -> Iterable[Hashable]:
    return ((file.name, file.mtime),)  # a file that is there has both


def same_length(left: Row, right: Row) -> bool:
    return None in (left.file_size, right.file_size) or left.file_size == right.file_size


def same_body(left: Row, right: Row) -> bool:
    """Where both were read their bytes decide: an edited file keeps its header, even its size."""
    return None in (left.body, right.body) or left.body == right.body


def _not_edited(left: Row, right: Row) -> bool:
    return same_length(left, right) and same_body(left, right)


EMAIL_ID = Step(Rung.EMAIL_ID, email_id, email_id)
CONTENT = (
    Step(Rung.HEADER, header_and_date, header_and_date, same_body),
    Step(Rung.HEADER, header_and_size, header_and_size, same_body),
    Step(Rung.BODY, body, body),
)
# left: the message on the server, right: the file
OWN_NAME = Step(Rung.OWN_NAME, _uid_and_date, _origin_and_date, _not_edited)
PAIRING = (EMAIL_ID, OWN_NAME, *CONTENT)
# In a relink only: what a server stored otherwise than it was sent, with another header
MESSAGE_ID = Step(Rung.MESSAGE_ID, message_id_and_date, message_id_and_date)
# left: the row whose file is gone, right: the new file; in one mailbox an equal name means: edited
MOVED_NAME = elsewhere(Step(Rung.OWN_NAME, _name_and_dates, _name_and_date, _not_edited))
LOCAL_MOVES = (MOVED_NAME, *CONTENT)
# left: the new UID, right: the row whose UID is gone
SERVER_MOVES = (EMAIL_ID, *CONTENT)
