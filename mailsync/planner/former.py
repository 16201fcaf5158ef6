"""Is what another program knew still true?  Its pairs are held against both sides; what it had on
both and one side lacks by now waits for a person's word (semantics.md, rules 1 and 4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from mailsync.model.flags import Flags
from mailsync.model.former import FormerMailbox, FormerMessage, Kind
from mailsync.model.ids import UID, RowId
from mailsync.model.rows import Presence, Row, Side
from mailsync.planner.ladder import is_draft, sizes
from mailsync.planner.scene import uid_order

N, T = Presence.NONE, Presence.THERE

Number = Callable[[Row], int | None]  # of the file, as the former program numbered it

DELETED_HERE = "deleted in the Maildir since {program} last synced it"
DELETED_THERE = "expunged on the server since {program} last synced it"
PLACEHOLDER = "no mail: {program} made it in place of a message over MaxSize"


class Claim(NamedTuple):
    """The former program says that these are one message, with these flags on both sides."""

    message: Row
    file: Row
    synced: Flags


class Gone(NamedTuple):
    """`side` had the message of `row` and has it no more."""

    row: Row
    side: Side
    synced: Flags
    reason: str


def claims(rows: Sequence[Row], former: FormerMailbox, number: Number) -> list[Claim]:
    """By message, then by name of the file: of two files with one number one may be a copy."""
    messages = _messages(rows)
    files = _files(rows, number)
    return [
        Claim(messages[one.uid], file, one.flags)
        for one in former.messages
        if one.kind is not Kind.PLACEHOLDER and one.uid in messages
        for file in files.get(one.number, ())
    ]


def holds(claim: Claim, message_id: str) -> bool | None:
    """Whether a claim is true, by size and Message-ID; `message_id` is that on the server.

    None: neither has a Message-ID, so the headers must be equal.  Under equal Message-IDs the
    sizes may differ (OfflineIMAP rewrites what is malformed), but not of drafts, which keep theirs
    when they are edited.
    """
    message, file = claim.message, claim.file
    if not message_id and not file.message_id:
        return None if alike(claim) else False
    if message_id != file.message_id:
        return False
    return alike(claim) or not (is_draft(message) or is_draft(file))


def alike(claim: Claim) -> bool:
    """Whether the sizes agree."""
    return not sizes(claim.message).isdisjoint(sizes(claim.file))


def same_header(claim: Claim) -> bool:
    return claim.message.header is not None and claim.message.header == claim.file.header


def gone(
    rows: Sequence[Row], former: FormerMailbox, number: Number, paired: Collection[RowId]
) -> list[Gone]:
    """What is left of the former program's messages when its true claims are `paired`."""
    left = [row for row in rows if row.id not in paired]
    messages, files = _messages(left), _files(left, number)
    known = {row.uid for row in rows if row.server is T}
    found: list[Gone] = []
    for one in former.messages:
        own = files.get(one.number, ())
        if own and former.tags and one.uid in messages:
            continue  # there, and not what it was: nothing says that it was deleted
        found += _gone(one, messages, own, known, former.program)
    return found


def expired(rows: Sequence[Row], former: FormerMailbox, paired: Collection[RowId]) -> int:
    """How many messages have no file because the former program took it away."""
    known = {one.uid for one in former.messages if one.kind is not Kind.EXPIRED}
    marked = {one.uid for one in former.messages if one.kind is Kind.EXPIRED}
    return sum(
        uid in marked or (uid is not None and uid <= former.expired_to)
        for uid in _messages([row for row in rows if row.id not in paired]).keys() - known
    )


def doubted(
    rows: Sequence[Row], former: FormerMailbox, number: Number, paired: Collection[RowId]
) -> int:
    """How many files are not the message whose number they have, although in its mailbox."""
    left = [row for row in rows if row.id not in paired]
    return len({claim.file.id for claim in claims(left, former, number)}) if former.tags else 0


def _gone(
    one: FormerMessage,
    messages: Mapping[UID | None, Row],
    files: Sequence[Row],
    known: Collection[UID | None],
    program: str,
) -> list[Gone]:
    if one.kind is Kind.PLACEHOLDER:
        why = PLACEHOLDER.format(program=program)
        return [Gone(file, Side.SERVER, one.flags, why) for file in files]
    if one.uid in messages:
        if one.kind is Kind.EXPIRED:  # nobody deleted it
            return []
        why = DELETED_HERE.format(program=program)
        return [Gone(messages[one.uid], Side.LOCAL, one.flags, why)]
    if one.uid in known:  # paired
        return []
    why = DELETED_THERE.format(program=program)
    return [Gone(file, Side.SERVER, one.flags, why) for file in files[:1]]


def _messages(rows: Sequence[Row]) -> dict[UID | None, Row]:
    return {row.uid: row for row in rows if row.server is T and row.local is N}


def _files(rows: Sequence[Row], number: Number) -> dict[int | None, list[Row]]:
    found: defaultdict[int | None, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=uid_order):
        if row.local is T and row.server is N and (own := number(row)) is not None:
            found[own].append(row)
    return found
