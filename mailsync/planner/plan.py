"""The plan: pairing, moves, verdicts and guard, composed in a safe order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from mailsync.model.actions import CreateLocalMailbox, CreateMailbox, Plan
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId
from mailsync.model.rows import Mailbox, Presence, Row, Settled, Side, Wait
from mailsync.planner.copied import Carried, carried
from mailsync.planner.deletions import Doomed, write_deletions
from mailsync.planner.flags import merged
from mailsync.planner.mailboxes import (
    Creation,
    creations,
    departure,
    farewells,
    gone_here,
    unmade,
)
from mailsync.planner.moves import UNSENT_MOVE, Moves, copies, find_moves, local_copies
from mailsync.planner.narrow import LEFT_BEHIND
from mailsync.planner.pairing import Pairing, doubtful, pair_up
from mailsync.planner.policy import Departed, Ground, Policy
from mailsync.planner.scene import Scene, survey
from mailsync.planner.sheet import Sheet
from mailsync.planner.unseen import Unseen, undecided
from mailsync.planner.verdict import (
    DOWNLOADED_COPY,
    MOVED_ON,
    Ruled,
    Ruling,
    Verdict,
    in_scope,
    judge,
)

T, G = Presence.THERE, Presence.GONE

GMAIL_DELETED = "\\Deleted is never sent to Gmail"

WAITS: dict[Verdict, tuple[Wait, Side]] = {
    Verdict.HOLD_SERVER: (Wait.HELD, Side.SERVER),
    Verdict.HOLD_LOCAL: (Wait.HELD, Side.LOCAL),
    Verdict.UNSENT_SERVER: (Wait.UNSENT, Side.SERVER),
    Verdict.UNSENT_LOCAL: (Wait.UNSENT, Side.LOCAL),
    Verdict.KEEP: (Wait.KEPT, Side.SERVER),
    Verdict.OUT: (Wait.OUT, Side.SERVER),
}


def plan(
    rows: Sequence[Row],
    candidates: Sequence[Row],
    mailboxes: Sequence[Mailbox],
    policy: Policy,
) -> Plan:
    """What shall be done about `rows`, the open rows that are due.

    `candidates` are rows that may be partners of theirs (same content hash, EMAILID or unique
    name), all held or parked rows, drafts that wait beyond a limit, and all rows of mailboxes that
    are gone on one side; of those only pairs, moves and copies are planned.  A row of a mailbox
    that is not among `mailboxes`, or is out of scope or unknown on a side, is left alone.  The
    order of the arguments is of no consequence.
    """
    scene = survey(rows, candidates, mailboxes, policy)
    later = unmade(scene.boxes.values(), policy)
    made = creations(scene.boxes.values(), later, policy)
    grounds = _grounds(scene, made, later, policy)
    pairing = pair_up(scene, policy)
    moves = find_moves(scene, pairing.spent, grounds, policy)
    sheet = Sheet(
        pairs=[*pairing.pairs, *moves.pairs],
        renames=scene.renames,
        creations=made,
        moves=moves.moves,
        local_moves=moves.local_moves,
        copies=[*moves.copies],
        local_copies=[*moves.local_copies],
        trash=policy.trash,
    )
    _write_waiting_moves(sheet, moves, scene)
    for row in pairing.behind:
        if not policy.covers(row.mailbox):
            continue
        if grounds[row.mailbox].local_ok:
            sheet.removed[row.mailbox, LEFT_BEHIND].append(row)
        elif row.wait is Wait.NO:
            sheet.wait(row, Wait.UNSENT, Side.LOCAL, LEFT_BEHIND)
    unseen = Unseen.of((*rows, *candidates), policy, pairing.linked | moves.done)
    rulings = _judge(scene, pairing, moves, grounds, policy, unseen)
    for row in rulings.merging:
        _write_flags(sheet, row, grounds[row.mailbox])
    for change in rulings.carried:
        sheet.stored[change.copy.mailbox, change.add, change.remove].append(change.copy)
    _write_followers(sheet, rulings.followers, grounds)
    for row, ruling in rulings.forgotten:
        sheet.forgotten[row.mailbox, ruling.reason].append(row)
    transfers = _write_transfers(sheet, rulings, scene, moves, policy)
    doomed = Doomed(rulings.deletions, rulings.removals, rulings.expunges, rulings.uploads)
    trash = next((box for box in mailboxes if box.id == policy.trash), None)
    gone = write_deletions(sheet, doomed, transfers, grounds, policy, (rows, candidates), trash)
    _take_marks_back(sheet, scene, grounds, gone | moves.leaving(), policy)
    _say_farewell(sheet, scene, grounds, moves, rulings, gone, policy)
    return sheet.plan()


# -- what holds where --------------------------------------------------------------------------


def _grounds(
    scene: Scene, made: Sequence[Creation], later: AbstractSet[MailboxId], policy: Policy
) -> dict[MailboxId, Ground]:
    made_here = {one.mailbox for one in made if isinstance(one, CreateLocalMailbox)}
    made_there = {one.mailbox for one in made if isinstance(one, CreateMailbox)}
    gone: defaultdict[MailboxId, dict[UID, Row]] = defaultdict(dict)
    for row in scene.due:
        if row.server is G and row.local is not T and row.uid is not None:
            gone[row.mailbox][row.uid] = row
    return {
        box.id: Ground(
            box=box,
            server_ok=policy.server_may_change(box.id)
            and not box.read_only
            and (box.server is T or box.id in made_there),
            local_ok=policy.maildir_may_change(box.id) and (box.local is T or box.id in made_here),
            bounds=policy.of(box.id),
            expunge_deleted=policy.expunge_deleted,
            departed=departure(box, made_here | made_there, scene.by_moves, policy),
            renamed=scene.by_moves.get(box.id),
            unmade=box.id in later,
            gone_uids=gone[box.id],
            gmail=policy.gmail,
            quiet=policy.quiet,
        )
        for box in scene.boxes.values()
    }


# -- verdicts ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Rulings:
    """Every row that needs one, by what becomes of it."""

    downloads: Ruled = field(default_factory=list)
    uploads: Ruled = field(default_factory=list)
    deletions: Ruled = field(default_factory=list)
    removals: Ruled = field(default_factory=list)
    expunges: Ruled = field(default_factory=list)
    followers: Ruled = field(default_factory=list)
    forgotten: Ruled = field(default_factory=list)
    waiting: Ruled = field(default_factory=list)
    merging: list[Row] = field(default_factory=list)
    carried: list[Carried] = field(default_factory=list)


def _judge(
    scene: Scene,
    pairing: Pairing,
    moves: Moves,
    grounds: Mapping[MailboxId, Ground],
    policy: Policy,
    unseen: Unseen,
) -> Rulings:
    found = Rulings()
    lists: dict[Verdict, Ruled] = {
        Verdict.DOWNLOAD: found.downloads,
        Verdict.UPLOAD: found.uploads,
        Verdict.DELETE: found.deletions,
        Verdict.REMOVE: found.removals,
        Verdict.EXPUNGE: found.expunges,
        Verdict.FOLLOW: found.followers,
        Verdict.FORGET: found.forgotten,
    }
    done = pairing.linked | moves.done | {row.id for row in pairing.behind}
    changes = carried(scene, policy.trash, grounds)
    for row in _to_judge(scene, grounds):
        if row.id in done or not policy.covers(row.mailbox):
            continue
        server, local = scene.states(row)
        ground = grounds[row.mailbox]
        ruling = judge(row, server, local, ground)
        if undecided(row, server, local, ruling, policy, unseen):
            continue
        if ruling is MOVED_ON and (change := changes.get(row.id)):
            if change.copy.id in done or not policy.covers(change.copy.mailbox):
                continue  # its flags can be changed in the next round, or by a sync of all
            if grounds[change.copy.mailbox].server_ok:
                found.carried.append(change)
        if ruling.verdict is Verdict.FORGET and _may_come_back(row, ground):
            continue
        if ground.unmade and ruling.verdict in (Verdict.UNSENT_SERVER, Verdict.UNSENT_LOCAL):
            continue
        ruling = in_scope(row, ruling, ground)
        if ruling.verdict is Verdict.MERGE:
            found.merging.append(row)
        else:
            lists.get(ruling.verdict, found.waiting).append((row, ruling))
    told = {change.copy.id for change in found.carried}  # which may save it: seen in the next round
    found.deletions = [one for one in found.deletions if one[0].id not in told]
    # What a file is known by as a copy of what is gone is forgotten after that, in the next round.
    gone = {(row.mailbox, row.origin) for row, why in found.removals if why is DOWNLOADED_COPY}
    found.forgotten = [one for one in found.forgotten if (one[0].mailbox, one[0].uid) not in gone]
    return found


def _may_come_back(row: Row, ground: Ground) -> bool:
    """What was in a mailbox that is gone on one side is there again when the mailbox is: were the
    row forgotten, it would be new then, whatever became of it on the other side."""
    if ground.departed not in (Departed.HELD, Departed.UNSENT):
        return False
    return (row.local if gone_here(ground.box) else row.server) is T


def _to_judge(scene: Scene, grounds: Mapping[MailboxId, Ground]) -> list[Row]:
    """What is due; of a mailbox that was accepted to go, all of it that does not wait already."""
    known = {row.id for row in scene.due}
    more = [
        row
        for box, members in sorted(scene.rows_of.items())
        if box in grounds and grounds[box].departed is Departed.ACCEPTED
        for row in members
        if row.id not in known
        and row.wait is Wait.NO
        and not row.intent
        and row.settled is not Settled.KEPT
    ]
    return scene.due + more


# -- writing it down ---------------------------------------------------------------------------


def _write_waiting_moves(sheet: Sheet, moves: Moves, scene: Scene) -> None:
    due = {row.id for row in scene.due}
    for row, ruling in moves.waiting:
        if row.id in due:
            _write_wait(sheet, row, ruling)


def _write_wait(sheet: Sheet, row: Row, ruling: Ruling) -> None:
    wait, side = WAITS[ruling.verdict]
    for_good = wait is Wait.KEPT and row.local is not T
    sheet.wait(row, wait, side, ruling.reason, Settled.KEPT if for_good else Settled.NO)


def _write_followers(sheet: Sheet, followers: Ruled, grounds: Mapping[MailboxId, Ground]) -> None:
    for row, _ in followers:
        target = grounds[row.mailbox].renamed
        assert target is not None, f"row {row.id} follows nobody"
        if grounds[target].server_ok:
            sheet.followers.append((row.mailbox, target, row))
        elif not grounds[target].unmade:  # else it follows when that could be looked at
            sheet.wait(row, Wait.UNSENT, Side.SERVER, UNSENT_MOVE.reason)


def _write_flags(sheet: Sheet, row: Row, ground: Ground) -> None:
    shared = ground.shared
    server, local = row.server_flags & shared, row.local_flags & shared
    wanted = merged(None if row.synced is None else row.synced & shared, server, local)
    if row.settled is Settled.SPARED:
        wanted &= ~Flags.DELETED
    add, remove = wanted & ~server & ground.sendable, server & ~wanted & ground.sendable
    unsendable = (wanted ^ server) & ~ground.sendable
    send, keep = bool(add or remove), bool(wanted != local or row.lost)
    if send and ground.server_ok:
        sheet.stored[row.mailbox, add, remove].append(row)
    if keep and ground.local_ok:
        without = local & ~wanted
        sheet.set_locally[row.mailbox, wanted & ~local | row.lost & ~without, without].append(row)
    if (send and ground.server_ok) or (keep and ground.local_ok):
        return  # what may not be changed waits in the next round, when nothing else is left
    if send:
        sheet.wait(row, Wait.UNSENT, Side.SERVER, "flags: the server is not to be changed here")
    elif unsendable:
        sheet.wait(row, Wait.UNSENT, Side.SERVER, GMAIL_DELETED)
    elif keep:
        sheet.wait(row, Wait.UNSENT, Side.LOCAL, "flags: the Maildir is not to be changed here")


def _write_transfers(
    sheet: Sheet, rulings: Rulings, scene: Scene, moves: Moves, policy: Policy
) -> dict[RowId, Row]:
    """Downloads, uploads and the copies that spare them, and what waits; what is really sent, by
    row.  A file that only a body tells from a message that comes does not wait: it may be that.

    A file that lost its letters on its way here is sent with the keywords that it had."""
    downloads = [row for row, _ in rulings.downloads]
    why = {row.id: ruling.reason for row, ruling in rulings.downloads + rulings.uploads}
    made, downloads = local_copies(downloads, scene, policy)
    sheet.local_copies += made
    for row in downloads:
        sheet.downloads[row.mailbox, why[row.id]].append(row)
    uploads = [row for row, _ in rulings.uploads]
    alone = [row for row, _ in rulings.waiting if row.local is T and row.server is not T]
    later = doubtful(downloads, uploads + alone)
    copied, uploads = copies((row for row in uploads if row.id not in later), scene, policy)
    sheet.copies += copied
    for row, _ in rulings.uploads + rulings.waiting:
        if row.id in later:
            sheet.doubtful[row.mailbox].append(row)
    for row, ruling in rulings.waiting:
        if row.id not in later:
            _write_wait(sheet, row, ruling)
    for row in uploads:
        if keywords := moves.lettered.get(row.id):
            row = replace(row, local_flags=row.local_flags | keywords)
        sheet.uploads[row.mailbox, why[row.id]].append(row)
    return {row.id: row for row in (*uploads, *(join for _, join, _ in copied))}


def _take_marks_back(
    sheet: Sheet,
    scene: Scene,
    grounds: Mapping[MailboxId, Ground],
    leaving: AbstractSet[RowId],
    policy: Policy,
) -> None:
    """What we marked \\Deleted in a run that was cut off, and is not to go any more.  A Move takes
    its own mark back before it goes."""
    for row in scene.due:
        stays = row.marked and row.server is T and row.id not in leaving
        if stays and policy.covers(row.mailbox) and grounds[row.mailbox].server_ok:
            sheet.stored[row.mailbox, Flags.NONE, Flags.DELETED].append(row)


# -- mailboxes that go -------------------------------------------------------------------------


def _say_farewell(
    sheet: Sheet,
    scene: Scene,
    grounds: Mapping[MailboxId, Ground],
    moves: Moves,
    rulings: Rulings,
    gone: AbstractSet[RowId],
    policy: Policy,
) -> None:
    departing = {
        box: ground.departed for box, ground in grounds.items() if ground.departed is not None
    }
    rest = (*rulings.forgotten, *rulings.followers)
    leaving = moves.leaving() | gone | {row.id for row, _ in rest}
    end = farewells(scene.boxes, departing, scene.rows_of, leaving, gone, policy)
    sheet.held_boxes, sheet.removals = end.held, end.removed
