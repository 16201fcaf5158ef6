"""Mailboxes: made on the other side, renamed, held when gone, removed when empty (rule 10)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailsync.model.actions import (
    CreateLocalMailbox,
    CreateMailbox,
    DeferMailbox,
    RemoveLocalMailbox,
    RemoveMailbox,
    RenameLocalMailbox,
    RenameMailbox,
)
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.rows import Mailbox, Presence, Row, Side
from mailsync.planner.policy import Departed, Policy

N, T, G = Presence.NONE, Presence.THERE, Presence.GONE

Two = tuple[Mailbox, Mailbox]  # the mailbox that was renamed, the one of its new name
Rename = RenameMailbox | RenameLocalMailbox
Creation = CreateMailbox | CreateLocalMailbox
Removal = RemoveMailbox | RemoveLocalMailbox


def departed(box: Mailbox) -> bool:
    """Gone on a side in a way that matters for its rows: it was synced, or is on neither side."""
    here = box.local is G and (box.synced or box.server is not T)
    return here or (box.server is G and (box.synced or box.local is not T))


def gone_here(box: Mailbox) -> bool:
    return box.synced and box.local is G and box.server is T


def gone_there(box: Mailbox) -> bool:
    return box.synced and box.server is G and box.local is T


def protected(box: Mailbox) -> bool:
    """Never removed; when it is empty it is made again, so that mail can go there."""
    return box.name == INBOX or box.role is not None


# -- renames -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Renames:
    """`commands` in an order that can be carried out; `by_moves`: from old to new mailboxes, where
    the server refused the RENAME because its new name is taken."""

    commands: list[Rename]
    by_moves: dict[MailboxId, MailboxId]


def renames(
    boxes: Mapping[MailboxId, Mailbox],
    rows: Mapping[MailboxId, Sequence[Row]],
    policy: Policy,
) -> Renames:
    """Every old mailbox that has exactly one new name, no other claiming it, and what went along
    with it.  `rows`: at least those of all that are gone on a side."""
    by_moves = _by_moves(boxes, policy)
    moving = {*by_moves, *by_moves.values()}
    claims: list[Two] = []
    for old in boxes.values():
        if not policy.covers(old.id) or old.id in moving:
            continue
        if gone_there(old):
            fresh = [box for box in boxes.values() if _new(box, box.server, box.local)]
            moved = _mostly_there if old.id in policy.exchanged else _renamed_there
            claims += [(old, box) for box in fresh if moved(old, box, rows)]
        elif gone_here(old) and old.name != INBOX:
            fresh = [box for box in boxes.values() if _new(box, box.local, box.server)]
            claims += [(old, box) for box in fresh if _renamed_here(old, box, rows)]
    single = [
        (old, new)
        for old, new in claims
        if sum(o.id == old.id or n.id == new.id for o, n in claims) == 1
        and policy.covers(new.id)
        and _may_rename(old, new, boxes, policy)
    ]
    above = [*single, *((boxes[old], boxes[new]) for old, new in by_moves.items())]
    single += _along(above, boxes, policy)
    return Renames(
        [
            RenameLocalMailbox(old.id, new.id) if gone_there(old) else RenameMailbox(old.id, new.id)
            for old, new in _in_order(single)
        ],
        by_moves,
    )


def _may_rename(
    old: Mailbox, new: Mailbox, boxes: Mapping[MailboxId, Mailbox], policy: Policy
) -> bool:
    """Whether both and all below them may be changed on the side that is to follow: what lies
    below goes along."""
    may_change = policy.maildir_may_change if gone_there(old) else policy.server_may_change
    below = (box.id for box in boxes.values() if _below(box, old) or _below(box, new))
    return may_change(old.id, new.id, *below)


def _by_moves(boxes: Mapping[MailboxId, Mailbox], policy: Policy) -> dict[MailboxId, MailboxId]:
    """What was begun so, while the mailbox of the new name is there."""
    pairs = {box.id: box.renamed for box in boxes.values() if box.renamed and gone_here(box)}
    return {
        old: new
        for old, new in pairs.items()
        if new in boxes
        and boxes[new].local is T
        and policy.covers(old)
        and policy.covers(new)
        and _may_rename(boxes[old], boxes[new], boxes, policy)
    }


def _in_order(pairs: Sequence[Two]) -> list[Two]:
    """A server's RENAME takes what lies below along (RFC 9051 §6.3.6), so what went elsewhere
    from below a renamed mailbox goes first; and a new parent is there before its children."""
    left = sorted(pairs, key=lambda pair: pair[0].name)
    done: list[Two] = []
    while left:
        free = (one for one in left if not any(_first(other, one) for other in left))
        one = next(free, left[0])
        left.remove(one)
        done.append(one)
    return done


def _first(one: Two, other: Two) -> bool:
    """Whether `one` must be renamed before `other`."""
    (old, new), (other_old, other_new) = one, other
    if _below(other_new, new):
        return True
    return _below(old, other_old) and not _below(new, other_new)


def _below(box: Mailbox, parent: Mailbox) -> bool:
    return box.name.startswith(f"{parent.name}/")


def _along(found: Sequence[Two], boxes: Mapping[MailboxId, Mailbox], policy: Policy) -> list[Two]:
    """Mailboxes below a renamed one, under its new name now: whatever became of their mail."""
    by_name = {box.name: box for box in boxes.values() if policy.covers(box.id)}
    taken = {box.id for pair in found for box in pair}
    along: list[Two] = []
    for old, new in found:
        there = gone_there(old)
        for name, child in by_name.items():
            if not name.startswith(f"{old.name}/") or child.id in taken:
                continue
            target = by_name.get(MailboxName(f"{new.name}{name[len(old.name) :]}"))
            if target is None or target.id in taken:
                continue
            same = gone_there(child) and _one_validity(child, target) if there else gone_here(child)
            sides = (target.server, target.local) if there else (target.local, target.server)
            if same and _new(target, *sides):
                taken |= {child.id, target.id}
                along.append((child, target))
    return along


def _one_validity(old: Mailbox, new: Mailbox) -> bool:
    return old.uid_validity is not None and old.uid_validity == new.uid_validity


def _new(box: Mailbox, here: Presence, there: Presence) -> bool:
    return here is T and there is not T and not box.synced


def _renamed_there(old: Mailbox, new: Mailbox, rows: Mapping[MailboxId, Sequence[Row]]) -> bool:
    """The name on the server is the same (the names here were changed), its MAILBOXID is, or its
    UIDVALIDITY and all its UIDs are."""
    if old.wire_name is not None and old.wire_name == new.wire_name:
        return _one_validity(old, new)
    if old.mailbox_id is not None and new.mailbox_id is not None:
        return old.mailbox_id == new.mailbox_id
    if not _one_validity(old, new):
        return False
    known = [row for row in rows[old.id] if T in (row.server, row.local)]
    uids = {row.uid for row in known if row.server is T}
    return (
        bool(uids)
        and len(known) >= old.messages
        and uids <= {row.uid for row in rows.get(new.id, ()) if row.server is T}
    )


def _mostly_there(old: Mailbox, new: Mailbox, rows: Mapping[MailboxId, Sequence[Row]]) -> bool:
    """Of one that another has the name of, not all need be there: the one that took its name has
    another UIDVALIDITY, and it is not for being elsewhere that a message is taken for deleted.
    Over half of its UIDs, at their dates and of their sizes."""
    told = old.mailbox_id is not None and new.mailbox_id is not None
    if told or not _one_validity(old, new):
        return _renamed_there(old, new, rows)
    there = {row.uid: row for row in rows.get(new.id, ()) if row.server is T}
    had = [row for row in rows[old.id] if row.server is T]
    same = sum(row.uid in there and _alike(row, there[row.uid]) for row in had)
    return 2 * same > max(len(had), old.on_server.there)


def _alike(row: Row, other: Row) -> bool:
    sizes = {size for size in (row.size, other.size) if size is not None}
    dated = row.internal_date is not None
    return dated and row.internal_date == other.internal_date and len(sizes) < 2


def _renamed_here(old: Mailbox, new: Mailbox, rows: Mapping[MailboxId, Sequence[Row]]) -> bool:
    """Over half of its unique names."""
    names = {row.name for row in rows[old.id] if row.name is not None}
    found = names & {row.name for row in rows.get(new.id, ()) if row.local is T}
    return 2 * len(found) > max(len(names), old.on_local.there)


# -- creation ----------------------------------------------------------------------------------


def unmade(boxes: Collection[Mailbox], policy: Policy) -> frozenset[MailboxId]:
    """On one side only, and could not be looked at there: perhaps the new name of one that is
    gone, so not to be made on the other side yet."""
    doubtful = policy.unseen_local if any(map(gone_here, boxes)) else frozenset()
    doubtful |= policy.unseen_server if any(map(gone_there, boxes)) else frozenset()
    return frozenset(
        box.id for box in boxes if box.id in doubtful and not (box.server is box.local is T)
    )


def creations(
    boxes: Iterable[Mailbox], later: Collection[MailboxId], policy: Policy
) -> list[Creation]:
    """What is on one side only and not on its way out, but for `later`; parents first."""
    made: list[Creation] = []
    for box in sorted(boxes, key=lambda box: box.name):
        if not policy.covers(box.id) or box.id in later:
            continue
        remake = not box.synced or (protected(box) and box.messages == 0)
        if box.server is T and policy.maildir_may_change(box.id):
            if box.local is N or (box.local is G and remake):
                made.append(CreateLocalMailbox(box.id))
        elif (
            box.local is T
            and policy.server_may_change(box.id)
            and (box.server is N or (box.server is G and remake))
        ):
            made.append(CreateMailbox(box.id))
    return made


# -- departures --------------------------------------------------------------------------------


def departure(
    box: Mailbox,
    made: Collection[MailboxId],
    by_moves: Collection[MailboxId],
    policy: Policy,
) -> Departed | None:
    """What holds for the messages that are left in it; None: it is not on its way out."""
    if box.id in by_moves:
        return Departed.RENAMED
    if box.id in made or not (gone_here(box) or gone_there(box)):
        return None
    may_change = policy.server_may_change if gone_here(box) else policy.maildir_may_change
    if not may_change(box.id):
        return Departed.UNSENT
    return Departed.ACCEPTED if box.accepted else Departed.HELD


@dataclass(frozen=True, slots=True)
class Farewell:
    """What happens to the mailboxes themselves that are gone on one side."""

    held: list[DeferMailbox]
    removed: list[Removal]


def farewells(
    boxes: Mapping[MailboxId, Mailbox],
    departing: Mapping[MailboxId, Departed],
    rows: Mapping[MailboxId, Sequence[Row]],
    leaving: Collection[RowId],
    deleted: Collection[RowId],
    policy: Policy,
) -> Farewell:
    """`leaving`: rows that this plan moves away, forgets or deletes; `deleted`: deletes."""
    held: list[DeferMailbox] = []
    removable: dict[MailboxId, Mailbox] = {}
    for number, status in departing.items():
        box = boxes[number]
        if status is Departed.UNSENT or not policy.covers(number):
            continue
        there = [row for row in rows[number] if T in (row.server, row.local)]
        rest = max(box.messages, len(there))
        if rest == 0 or (
            status is Departed.ACCEPTED and sum(row.id in deleted for row in there) == rest
        ):
            if not protected(box):
                removable[number] = box
        elif status is Departed.RENAMED:
            continue
        elif sum(row.id in leaving for row in there) < rest and not box.held and not box.accepted:
            side = Side.SERVER if gone_here(box) else Side.LOCAL
            where = "in the Maildir" if gone_here(box) else "on the server"
            held.append(DeferMailbox(number, f"the mailbox is gone {where}", side))
    removed: list[Removal] = []
    for box in sorted(removable.values(), key=lambda box: box.name, reverse=True):
        if not box.has_children or _children_go(box, boxes, removable):
            here = gone_here(box)
            removed.append(RemoveMailbox(box.id) if here else RemoveLocalMailbox(box.id))
    return Farewell(held, removed)


def _children_go(
    box: Mailbox, boxes: Mapping[MailboxId, Mailbox], going: Mapping[MailboxId, Mailbox]
) -> bool:
    """Whether all that lies below it on the side that it goes from goes in the same plan."""
    here = gone_here(box)
    below = [
        child.id
        for child in boxes.values()
        if _below(child, box) and (child.server if here else child.local) is T
    ]
    return bool(below) and all(child in going for child in below)
