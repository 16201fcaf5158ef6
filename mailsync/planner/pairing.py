"""A message that lacks its file and a file that lacks its message, in one mailbox (rule 4)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailsync.model.actions import Pair, Rung
from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.rows import Presence, Row
from mailsync.planner.flags import for_file
from mailsync.planner.ladder import (
    CONTENT,
    EMAIL_ID,
    MESSAGE_ID,
    MOVED_NAME,
    PAIRING,
    Match,
    Step,
    climb,
    dates,
    elsewhere,
    header_hashes,
    message_id_and_date,
    sizes,
)
from mailsync.planner.moves import deleted_files, new_files
from mailsync.planner.policy import Policy
from mailsync.planner.scene import Scene, uid_order

G = Presence.GONE


def opposites(scene: Scene) -> dict[MailboxId, tuple[list[Row], list[Row]]]:
    """Per mailbox the rows that have only a message and those that have, or had, only a file."""
    if not scene.local_only and not scene.removed:
        return {}
    files: defaultdict[MailboxId, list[Row]] = defaultdict(list)
    for row in (*scene.local_only, *scene.removed):
        files[row.mailbox].append(row)
    messages: defaultdict[MailboxId, list[Row]] = defaultdict(list)
    for row in scene.server_only:
        if row.mailbox in files:
            messages[row.mailbox].append(row)
    return {
        box: (sorted(rows, key=uid_order), sorted(files[box], key=uid_order))
        for box, rows in sorted(messages.items(), key=lambda item: scene.boxes[item[0]].name)
    }


def moved_by_name(scene: Scene) -> frozenset[RowId]:
    """Messages whose file lies in another mailbox under its old name: no twin in the mailbox
    that it left is taken for it."""
    found = climb((MOVED_NAME,), [(deleted_files(scene, ()), new_files(scene, ()))])
    return frozenset(one.left.id for one in found)


def match(
    scene: Scene,
    messages: Sequence[Row],
    files: Sequence[Row],
    steps: Iterable[Step],
    moved: Collection[RowId],
) -> list[Match]:
    """A deleted file with an expunged message never match: two twins were deleted, one here and
    one there.  A file that got another name goes before a message that got another UID.

    A message under a new UIDVALIDITY may be one whose file was removed: then it stays so."""
    deleted = [row for row in messages if scene.states(row)[1] is G and row.id not in moved]
    fresh = [row for row in messages if scene.states(row)[1] is not G]
    there = [row for row in files if scene.states(row)[1] is not G]
    removed = [row for row in files if scene.states(row)[1] is G]
    new_files = [row for row in there if scene.states(row)[0] is not G]
    edited = {row.id for row in there if _is_edited(scene, row)}
    by_bytes = [_unless_edited(step, edited) for step in steps]
    return climb(by_bytes, [(deleted, new_files), (fresh, there), (fresh, removed)])


def _is_edited(scene: Scene, file: Row) -> bool:
    """Written over in place: it has our name, and other bytes than the message of that UID, or
    bytes that could not be read.  Its header and date, if it kept them, say no more which message
    it is."""
    had = None if file.origin is None else scene.had.get((file.mailbox, file.origin))
    return had is not None and had != file.body


def _unless_edited(step: Step, edited: Collection[RowId]) -> Step:
    if not edited or step.rung is Rung.BODY:
        return step

    def fits(message: Row, file: Row) -> bool:
        return file.id not in edited and (step.fits is None or step.fits(message, file))

    return step._replace(fits=fits)


def rewritten(
    scene: Scene, messages: Sequence[Row], files: Sequence[Row], found: Collection[Match]
) -> list[Match]:
    """In a relink, of those without a partner: a server that rewrites headers (Exchange) shows what
    was uploaded with other bytes than its file has.

    Its Message-ID tells it, with its date, if both sides have that once.  Elsewhere a copy with
    another header is new; and a file that was removed takes no message along that only looks alike.
    """
    linked = {row.id for one in found for row in (one.left, one.right)}

    def single(rows: Sequence[Row]) -> list[Row]:
        times = Counter(key for row in rows for key in message_id_and_date(row))
        return [
            row
            for row in rows
            if row.id not in linked
            and scene.states(row)[1] is not G
            and all(times[key] == 1 for key in message_id_and_date(row))
        ]

    return climb((MESSAGE_ID,), [(single(messages), single(files))])


@dataclass(frozen=True, slots=True)
class Pairing:
    """`linked`: rows that are in a pair; `spent`: those, and rows whose base a pair took over.

    `behind`: rows whose message was moved on the server and whose file is there already, too: a
    crash in the middle of a MoveLocal leaves the file under both names.
    """

    pairs: list[Pair]
    linked: frozenset[RowId]
    spent: frozenset[RowId]
    behind: tuple[Row, ...] = ()


def pair_up(scene: Scene, policy: Policy) -> Pairing:
    """All pairs of the account, with the merge base that either row brings along.

    When both are new but a row of which both sides are gone is the same message (it was moved
    the same way on both sides), that row's base is taken.
    """
    elsewhere = moved_by_name(scene)
    found: list[Match] = []
    for box, (messages, files) in opposites(scene).items():
        if policy.covers(box):
            pairs = match(scene, messages, files, PAIRING, elsewhere)
            if scene.boxes[box].relink:
                pairs += rewritten(scene, messages, files, pairs)
            found += pairs
    moved = _moved_on_both(scene, found)
    behind = _left_behind(scene, found, moved)
    moved |= behind
    linking = [
        Pair(
            one.left.mailbox,
            keep=one.left,
            file=one.right,
            rung=one.rung,
            synced=for_file(
                moved[one.left.id].synced if one.left.id in moved else base(one.left, one.right),
                one.right,
                scene.boxes[one.right.mailbox].lettered,
            ),
            behind=behind[one.left.id].id if one.left.id in behind else None,
        )
        for one in found
    ]
    linked = frozenset(row.id for one in found for row in (one.left, one.right))
    spent = linked | {row.id for row in moved.values()}
    return Pairing(linking, linked, spent, tuple(behind.values()))


def base(keep: Row, file: Row) -> Flags | None:
    """Bases that contradict each other are none."""
    if keep.synced is None or file.synced is None:
        return file.synced if keep.synced is None else keep.synced
    return keep.synced if keep.synced == file.synced else None


def _moved_on_both(scene: Scene, found: Sequence[Match]) -> dict[RowId, Row]:
    new = [one.left for one in found if base(one.left, one.right) is None]
    old = scene.in_order(scene.both_gone)
    matches = climb((EMAIL_ID, *CONTENT), [(new, old)], home_first=True)
    return {one.left.id: one.right for one in matches}


def _left_behind(
    scene: Scene, found: Sequence[Match], moved: Mapping[RowId, Row]
) -> dict[RowId, Row]:
    """By the new message of a pair, the row elsewhere that lost this message and has its file.

    The file here has the name that MoveLocal gave it; any other is a copy that a user made.
    """
    new = [
        one
        for one in found
        if one.right.origin == one.left.uid
        and base(one.left, one.right) is None
        and one.left.id not in moved
    ]
    paired = {one.right.id for one in found}  # those files are at home
    old = scene.in_order(
        row
        for row in scene.local_only
        if scene.states(row)[0] is G and row.synced is not None and row.id not in paired
    )
    by_file = {one.right.id: one.left.id for one in new}
    files = [one.right for one in new]
    steps = [elsewhere(step) for step in CONTENT]
    return {by_file[one.left.id]: one.right for one in climb(steps, [(files, old)])}


# -- not yet to be told apart ------------------------------------------------------------------


def maybe_same(message: Row, file: Row) -> bool:
    """Of a message whose body is not known: only that can tell, by their headers they are neither
    proven equal nor different."""
    heads, others = header_hashes(message), header_hashes(file)
    if file.body is None or (heads and not heads & others):
        return False
    return bool(heads) or not dates(message).isdisjoint(dates(file)) or _one_size(message, file)


def _one_size(message: Row, file: Row) -> bool:
    return not sizes(message).isdisjoint(sizes(file))


def doubtful(downloads: Iterable[Row], uploads: Sequence[Row]) -> set[RowId]:
    """Uploads that wait for a Download of this plan, which will know the body (rung 4)."""
    if not uploads:
        return set()
    boxes = {row.mailbox for row in uploads}
    coming: defaultdict[MailboxId, list[Row]] = defaultdict(list)
    for row in downloads:
        if row.mailbox in boxes and row.body is None:
            coming[row.mailbox].append(row)
    keys = {box: {key for row in rows for key in _doubts(row)} for box, rows in coming.items()}
    return {
        row.id
        for row in uploads
        if not _doubts(row).isdisjoint(keys.get(row.mailbox, ()))
        and any(maybe_same(message, row) for message in coming[row.mailbox])
    }


def _doubts(row: Row) -> set[Hashable]:
    """What those that may be the same have in common; that others have it, too, only costs time."""
    return {*dates(row), *sizes(row), *header_hashes(row)}
