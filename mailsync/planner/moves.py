"""Moves and copies over the whole account, found before anything counts as deleted (rule 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mailsync.model.actions import Pair, Rung
from mailsync.model.flags import KEYWORDS, Flags
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.rows import Presence, Row
from mailsync.planner.copied import kept
from mailsync.planner.flags import based, for_file
from mailsync.planner.ladder import LOCAL_MOVES, SERVER_MOVES, climb
from mailsync.planner.policy import Departed, Ground, Policy
from mailsync.planner.scene import Scene
from mailsync.planner.verdict import Ruling, Verdict

N, T, G, U = Presence.NONE, Presence.THERE, Presence.GONE, Presence.UNKNOWN

Two = tuple[Row, Row]  # the row that moves or is copied, the row it joins
Copied = tuple[Row, Row, Flags]  # and the merge base of the copy's flags and the file's

READ_ONLY_SOURCE = Ruling(Verdict.UNSENT_SERVER, "moved away, but the server may not be changed")
KEPT_SOURCE = Ruling(Verdict.UNSENT_LOCAL, "moved away, but the Maildir may not be changed")
UNSENT_MOVE = Ruling(Verdict.UNSENT_SERVER, "moved in the Maildir; the server may not be changed")
UNSENT_LOCAL_MOVE = Ruling(Verdict.UNSENT_LOCAL, "moved on the server; the Maildir may not change")
UNSENT_MOVES = (UNSENT_MOVE.reason, UNSENT_LOCAL_MOVE.reason)
HELD_COPY = Ruling(
    Verdict.HOLD_LOCAL, "moved elsewhere on the server, and here into a mailbox that is gone there"
)
HELD_LOCAL_COPY = Ruling(
    Verdict.HOLD_SERVER, "moved elsewhere here, and on the server into a mailbox that is gone here"
)
DECIDE = "accept moves it back, reject makes the mailbox again"
HELD_MOVE = Ruling(Verdict.HOLD_LOCAL, f"moved into a mailbox that is gone on the server: {DECIDE}")
HELD_LOCAL_MOVE = Ruling(
    Verdict.HOLD_SERVER, f"moved into a mailbox that is gone in the Maildir: {DECIDE}"
)


@dataclass(slots=True)
class Moves:
    """What moves and copies were found; rows in `done` need no verdict any more."""

    moves: list[Two] = field(default_factory=list)
    local_moves: list[Two] = field(default_factory=list)
    copies: list[Copied] = field(default_factory=list)
    local_copies: list[Two] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    waiting: list[tuple[Row, Ruling]] = field(default_factory=list)
    done: set[RowId] = field(default_factory=set)
    lettered: dict[RowId, Flags] = field(default_factory=dict)  # keywords that a new name dropped

    def leaving(self) -> set[RowId]:
        """Rows whose message or file leaves its mailbox."""
        return {row.id for row, _ in (*self.moves, *self.local_moves)}


@dataclass(frozen=True, slots=True)
class Journey:
    """One message and where it went: `file` is its new file, `message` its new UID."""

    source: Row
    file: Row | None
    message: Row | None
    rung: Rung


def new_files(scene: Scene, spent: Collection[RowId]) -> list[Row]:
    return scene.in_order(
        row for row in scene.local_only if row.id not in spent and _is_new_file(scene, row)
    )


def new_messages(scene: Scene, spent: Collection[RowId]) -> list[Row]:
    fresh = (row for row in scene.server_only if row.local is N)
    return scene.in_order(row for row in fresh if row.id not in spent)


def _is_new_file(scene: Scene, row: Row) -> bool:
    server, _ = scene.states(row)
    return server is N or (server is U and row.synced is None and row.origin is None)


def deleted_files(scene: Scene, spent: Collection[RowId]) -> list[Row]:
    gone = (row for row in scene.server_only if scene.states(row)[1] is G)
    return scene.in_order(row for row in gone if row.id not in spent)


def expunged(scene: Scene, spent: Collection[RowId]) -> list[Row]:
    gone = (row for row in scene.local_only if scene.states(row)[0] is G)
    return scene.in_order(row for row in gone if row.id not in spent)


def left_on_both(scene: Scene, spent: Collection[RowId]) -> list[Row]:
    return scene.in_order(row for row in scene.both_gone if row.id not in spent)


def journeys(scene: Scene, spent: Collection[RowId]) -> list[Journey]:
    """Where the messages went that left a mailbox on one side or on both."""
    left_both = left_on_both(scene, spent)
    here, there = deleted_files(scene, spent), expunged(scene, spent)
    files: dict[RowId, Row] = {}
    messages: dict[RowId, Row] = {}
    rungs: dict[RowId, Rung] = {}
    if here or left_both:
        fresh = new_files(scene, spent)
        for one in climb(LOCAL_MOVES, [(here, fresh), (left_both, fresh)], home_first=True):
            files[one.left.id], rungs[one.left.id] = one.right, one.rung
    if there or left_both:
        arrived = new_messages(scene, spent)
        for one in climb(SERVER_MOVES, [(arrived, there), (arrived, left_both)], home_first=True):
            messages[one.right.id], rungs[one.right.id] = one.left, one.rung
        unmoved = [row for row in there if row.id not in rungs]
        for one in kept(scene, unmoved):
            messages[one.right.id], rungs[one.right.id] = one.left, one.rung
    return [
        Journey(row, files.get(row.id), messages.get(row.id), rungs[row.id])
        for row in (*here, *there, *left_both)
        if row.id in rungs
    ]


def find_moves(
    scene: Scene,
    spent: Collection[RowId],
    grounds: Mapping[MailboxId, Ground],
    policy: Policy,
) -> Moves:
    """Each journey as moves, copies or a pair, as far as `policy` lets it."""
    found = Moves()
    for one in journeys(scene, spent):
        _plan(one, scene, found, grounds, policy)
    return found


def _plan(
    one: Journey,
    scene: Scene,
    found: Moves,
    grounds: Mapping[MailboxId, Ground],
    policy: Policy,
) -> None:
    rows = [row for row in (one.file, one.message) if row is not None]
    both_gone = T not in scene.states(one.source)
    if both_gone and len(rows) == 1:
        # Deleted on one side, moved on the other: the destination survives (I11).  In the same
        # mailbox it is a new name, or another copy that was put there: no proof, so it survives.
        if one.file is not None and not one.file.local_flags & KEYWORDS:
            found.lettered[one.file.id] = one.source.local_flags & KEYWORDS
        return
    # A move that was refused waits as a whole: its file is not new, its message not deleted.
    parked = any(row.parked for row in (one.source, *rows))
    if parked or not all(policy.covers(row.mailbox) for row in (one.source, *rows)):
        found.done.update(row.id for row in (one.source, *rows))
        return
    if one.message is not None and grounds[one.message.mailbox].renamed is not None:
        # Where it went has another name here: it follows first, and has gone there then.
        found.done.update(row.id for row in (one.source, *rows) if row is not one.message)
        return
    if any(grounds[row.mailbox].unmade for row in rows):
        found.done.update(row.id for row in (one.source, *rows))
        return
    if not both_gone:
        found.done.add(one.source.id)
    found.done.update(row.id for row in rows)
    if one.message is None:
        assert one.file is not None
        _move(one.source, one.file, found, grounds)
    elif one.file is None:
        _move_local(one.source, one.message, found, grounds)
    else:
        _both(one.source, one.file, one.message, one.rung, found, grounds)


def _both(
    source: Row,
    file: Row,
    message: Row,
    rung: Rung,
    found: Moves,
    grounds: Mapping[MailboxId, Ground],
) -> None:
    """Both sides moved it: to the same mailbox, one of them back to where it was, or apart."""
    if file.mailbox == message.mailbox:
        found.pairs.append(
            Pair(
                file.mailbox,
                message,
                file,
                rung,
                for_file(source.synced, file, grounds[file.mailbox].box.lettered),
            )
        )
    elif file.mailbox == source.mailbox:
        # A new name or UID where it was: the row takes it, and has its merge base when the next
        # round plans the move.
        found.done.add(source.id)
        found.pairs.append(
            Pair(
                source.mailbox,
                source,
                file,
                rung,
                for_file(source.synced, file, grounds[file.mailbox].box.lettered),
            )
        )
    elif message.mailbox == source.mailbox:
        found.done.add(source.id)
        found.pairs.append(Pair(source.mailbox, message, source, rung, source.synced))
    else:
        _copy(message, file, source.synced, found, grounds)
        _copy_local(file, message, found, grounds)


def _move(row: Row, join: Row, found: Moves, grounds: Mapping[MailboxId, Ground]) -> None:
    here, target = grounds[row.mailbox], grounds[join.mailbox]
    if here.server_ok and target.server_ok:
        found.moves.append((row, join))
    elif target.server_ok:
        found.copies.append((row, join, _base_of_copy(row.synced, row, join, target)))
        found.waiting.append((row, READ_ONLY_SOURCE))
    elif _accepted(row, join, target) and here.local_ok:
        found.local_moves.append((join, row))  # back to where the server has it
    else:
        ruling = HELD_MOVE if _held(target) else UNSENT_MOVE
        found.waiting += [(row, ruling), (join, ruling)]


def _held(target: Ground) -> bool:
    """Whether what went there waits because the mailbox is gone on the other side."""
    return target.departed in (Departed.HELD, Departed.ACCEPTED)


def _accepted(row: Row, join: Row, target: Ground) -> bool:
    """Whether the mailbox may go, and with it the move into it: nobody deleted the message."""
    return _held(target) and (row.accepted or join.accepted)


def _move_local(row: Row, join: Row, found: Moves, grounds: Mapping[MailboxId, Ground]) -> None:
    here, target = grounds[row.mailbox], grounds[join.mailbox]
    if here.local_ok and target.local_ok:
        found.local_moves.append((row, join))
    elif target.local_ok:
        found.local_copies.append((row, join))
        found.waiting.append((row, KEPT_SOURCE))
    elif _accepted(row, join, target) and here.server_ok and target.server_ok:
        found.moves.append((join, row))  # back to where its file is
    else:
        ruling = HELD_LOCAL_MOVE if _held(target) else UNSENT_LOCAL_MOVE
        found.waiting += [(row, ruling), (join, ruling)]


def _base_of_copy(base: Flags | None, row: Row, join: Row, target: Ground) -> Flags:
    known = for_file(base, join, target.box.lettered)
    return based(known, row.server_flags, join.local_flags)


def _copy(
    row: Row,
    join: Row,
    base: Flags | None,
    found: Moves,
    grounds: Mapping[MailboxId, Ground],
) -> None:
    target = grounds[join.mailbox]
    if target.server_ok:
        found.copies.append((row, join, _base_of_copy(base, row, join, target)))
    elif target.departed is Departed.ACCEPTED:
        found.done.discard(join.id)  # it goes with its mailbox: the other one is kept
    else:
        found.waiting.append((join, HELD_COPY if _held(target) else UNSENT_MOVE))


def _copy_local(row: Row, join: Row, found: Moves, grounds: Mapping[MailboxId, Ground]) -> None:
    target = grounds[join.mailbox]
    if target.local_ok:
        found.local_copies.append((row, join))
    elif target.departed is Departed.ACCEPTED:
        found.done.discard(join.id)
    else:
        found.waiting.append((join, HELD_LOCAL_COPY if _held(target) else UNSENT_LOCAL_MOVE))


# -- copies instead of transfers ---------------------------------------------------------------


def copies(uploads: Iterable[Row], scene: Scene, policy: Policy) -> tuple[list[Copied], list[Row]]:
    """Uploads whose content lies on the server already, and the rest of them.  A copy gets the
    flags of its file, as an upload would.  What failed once is sent: COPY may have been refused."""
    uploads = list(uploads)
    untried = [row for row in uploads if not row.attempts]
    wanted = {row.body for row in untried if row.body is not None}
    known: dict[bytes, Row] = {}
    if wanted:
        for row in _sources(scene, policy):
            if row.body in wanted and row.body is not None and row.server_header is None:
                known.setdefault(row.body, row)
    made = [
        (known[row.body], row, _copied_flags(known[row.body], row))
        for row in untried
        if row.body is not None and row.body in known
    ]
    done = {row.id for _, row, _ in made}
    return made, [row for row in uploads if row.id not in done]


def _copied_flags(known: Row, file: Row) -> Flags:
    """The base of a copy: what is not in the file's name is removed from it, but for keywords in a
    name that shows none."""
    base = for_file(known.server_flags, file, KEYWORDS)
    assert base is not None
    return base


def local_copies(
    downloads: Sequence[Row], scene: Scene, policy: Policy
) -> tuple[list[Two], list[Row]]:
    """Downloads whose EMAILID says that a file of them is there already, and the rest of them."""
    known: dict[str, Row] = {}
    for row in _sources(scene, policy):
        if row.email_id is not None:
            known.setdefault(row.email_id, row)
    if not known:
        return [], list(downloads)
    made = [
        (known[row.email_id], row)
        for row in downloads
        if row.email_id is not None and row.email_id in known
    ]
    done = {row.id for _, row in made}
    return made, [row for row in downloads if row.id not in done]


def _sources(scene: Scene, policy: Policy) -> Iterable[Row]:
    """Paired rows that this plan does nothing to but, perhaps, change flags.  On Gmail a copy
    would keep \\Deleted, which is never taken away there."""
    for row in scene.in_order(scene.paired):
        flagged = (row.server_flags | row.local_flags) & Flags.DELETED
        if row.synced is not None and not (flagged and (policy.expunge_deleted or policy.gmail)):
            yield row
