"""RemoveLocal and Expunge: the only steps that take a message away (semantics.md, rule 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailsync.executor.boxes import cursor_of, make_sure, observe_again
from mailsync.executor.files import as_they_were, entry_of
from mailsync.executor.flags import bisected
from mailsync.executor.retry import repeated
from mailsync.executor.run import Run, spoils_all
from mailsync.executor.undo import into_undo, put_away_doubles
from mailsync.model.actions import Expunge, RemoveLocal, uid_of, uids_of
from mailsync.model.errors import Refused
from mailsync.model.flags import KEYWORDS, Flags
from mailsync.model.ids import UID, ModSeq
from mailsync.model.rows import Mailbox, Presence, Row, Settled
from mailsync.model.uidset import UIDSet
from mailsync.planner import saves

BATCH = 500


async def remove_local(run: Run, action: RemoveLocal) -> None:
    """Into undo, with every double of the file."""
    box = run.mailboxes[action.mailbox]
    await put_away_doubles(run, box, action.rows)
    for at in range(0, len(action.rows), BATCH):
        await _remove_batch(run, box, action.rows[at : at + BATCH])


async def _remove_batch(run: Run, box: Mailbox, rows: tuple[Row, ...]) -> None:
    rows = await as_they_were(run, box, rows)
    gone, failed = await into_undo(run, box, [(row, entry_of(row)) for row in rows])
    removed = [row.id for row, _ in gone]
    await run.stored(run.cache.removed, removed, run.now())
    run.done(box.id, "removed", len(removed))
    await run.file_trouble(box.id, [(row, error) for (row, _), error in failed])
    known = {*removed, *(row.id for (row, _), _ in failed)}
    lost = [row.id for row in rows if row.id not in known]
    if lost:
        await run.files_lost(box.id, lost)


async def expunge(run: Run, action: Expunge) -> None:
    """+\\Deleted, then UID EXPUNGE of exactly these.

    Without UIDPLUS all that the plan expunges in a mailbox is marked first, and then expunged if
    nothing else is marked there (reliability.md I16).  That a mark is ours is remembered before it
    is set: one that a run which was cut off left there is expunged by the next, or taken back.
    """
    box = run.mailboxes[action.mailbox]
    run.expunges[box.id] -= 1
    wanted = await _replaced(run, action) if action.after else action.rows

    async def call(rows: tuple[Row, ...]) -> None:
        if not (rows := await _as_planned(run, box, rows)):
            return
        shown = await make_sure(run, box, rows)
        if flagged := _flagged_since(box, rows, {uid: one.flags for uid, one in shown.items()}):
            rows = await _as_planned(run, box, await _without(run, box, rows, flagged, flagged))
            if not rows:
                return
        uids = uids_of(rows)
        run.changed.add(box.id)
        since = await _modseq(run, box) if run.server.has_condstore else None
        await run.stored(run.cache.mark, [row.id for row in rows])
        stored = await run.server.store(
            box.name,
            uids,
            Flags.DELETED,
            Flags.NONE,
            unchanged_since=since,
            uid_validity=box.uid_validity,
            shown=since is None,
        )
        flagged = _flagged_since(box, rows, stored.flags)
        if changed := stored.modified | flagged:
            rows = await _without(run, box, rows, changed, flagged)
            uids = uids_of(rows)
        if rows:
            # Known at once: seen again later, it is no news that would unpark what is left there.
            ids = [row.id for row in rows]
            await run.stored(run.cache.stored_flags, ids, Flags.DELETED, Flags.NONE)
            if run.server.has_uidplus:
                await run.server.expunge(box.name, uids, uid_validity=box.uid_validity)
                await _expunged(run, box, rows)
            else:
                run.marked[box.id] += rows

    async def refused(rows: tuple[Row, ...], error: Refused) -> None:
        await run.trouble(box.id, rows, f"the server refused a deletion: {error}")

    if wanted:
        await bisected(run, wanted, call, refused)
    marked = [] if run.expunges[box.id] else run.marked.pop(box.id, [])
    if marked and (still := await _as_planned(run, box, marked)):
        await _expunge_marked(run, box, still)


async def _as_planned(run: Run, box: Mailbox, rows: Sequence[Row]) -> tuple[Row, ...]:
    """Those that are on the server what the plan took them for, but for a mark of ours; the others
    are planned anew.  There may have been a look since, for others or in an attempt that was
    refused in the end: then it is from there on that UNCHANGEDSINCE tells changes."""
    now = {row.id: row for row in await run.stored(run.cache.rows, [row.id for row in rows])}
    same = tuple(row for row in rows if row.id in now and _unchanged(row, now[row.id]))
    run.spared[box.id] |= uids_of(tuple(rows)) - uids_of(same)
    return same


async def _without(
    run: Run, box: Mailbox, rows: tuple[Row, ...], changed: UIDSet, flagged: UIDSet
) -> tuple[Row, ...]:
    """Those that were not changed under our feet; there is a look before anything is deleted."""
    run.note(box.id, f"{len(changed)} messages changed on the server meanwhile")
    await observe_again(run, box)
    if box.id in run.renumbered:
        return ()
    run.spared[box.id] |= flagged
    return tuple(row for row in rows if uid_of(row) not in changed)


def _unchanged(row: Row, now: Row) -> bool:
    same = (now.server, now.uid, now.server_extra) == (Presence.THERE, row.uid, row.server_extra)
    return same and now.server_flags in (row.server_flags, row.server_flags | Flags.DELETED)


def _flagged_since(box: Mailbox, rows: Sequence[Row], flags: Mapping[UID, Flags]) -> UIDSet:
    """Those that have a flag by now which saves them, of those that the mailbox can keep.  Keywords
    may have no letter yet, so that they cannot be compared here."""
    was = {uid_of(row): row.server_flags for row in rows}
    return UIDSet(
        uid for uid, now in flags.items() if saves(was[uid], now & box.permanent, KEYWORDS)
    )


async def _replaced(run: Run, action: Expunge) -> tuple[Row, ...]:
    """The rows whose new version has its UID by now; the others stay for the next round."""
    after = await run.stored(run.cache.rows, [row.id for row in action.after])
    sent = {row.id for row in after if row.server is Presence.THERE}
    both = zip(action.rows, action.after, strict=True)
    return tuple(row for row, version in both if version.id in sent)


async def _modseq(run: Run, box: Mailbox) -> ModSeq | None:
    cursor = await cursor_of(run, box)
    return None if cursor is None else cursor.highest_modseq


async def _expunge_marked(run: Run, box: Mailbox, rows: tuple[Row, ...]) -> None:
    """While the server is busy others may mark theirs: each attempt looks first."""

    async def call() -> UIDSet:
        marked = await run.server.deleted(box.name)
        if marked == uids_of(rows):
            await run.server.plain_expunge(box.name, uid_validity=box.uid_validity)
        return marked

    try:
        marked = await repeated(run.world.rand, call)
    except Refused as error:
        if spoils_all(error):
            raise
        await run.trouble(box.id, rows, f"the server refused a deletion: {error}")
        return
    if marked == uids_of(rows):
        await _expunged(run, box, rows)
    else:
        await _leave_marked(run, box, rows, marked)


async def _leave_marked(run: Run, box: Mailbox, rows: tuple[Row, ...], marked: UIDSet) -> None:
    """EXPUNGE would take others, or what is marked is not known for sure."""
    others, spared = marked - uids_of(rows), run.spared.pop(box.id, UIDSet())
    if others and not others - spared:
        return  # ours, taken back in the next round; then the rest can go
    if others:
        if box.id not in run.marks_tried:
            run.marks_tried.add(box.id)
            if await run.stored(run.cache.try_marked, box.id):
                return  # the others may be ours: all of them together in the next round
        why = "the server cannot expunge single messages (no UIDPLUS), and others are marked too"
    else:
        # Some are gone by now, and the next round plans for the rest; or the server lies.
        await observe_again(run, box)
        now = await run.stored(run.cache.rows, [row.id for row in rows])
        there = [row for row in now if row.server is Presence.THERE]
        left = {row.id for row in there if uid_of(row) not in marked}
        rows = tuple(row for row in rows if row.id in left)
        why = "the server does not say of them that they are marked"
    await run.trouble(box.id, rows, f"marked \\Deleted and left there: {why}")


async def _expunged(run: Run, box: Mailbox, rows: tuple[Row, ...]) -> None:
    copied = [row.id for row in rows if row.settled is Settled.COPIED]
    counted = [row.id for row in rows if row.settled is not Settled.COPIED]
    if copied:
        await run.stored(run.cache.expunged, copied, run.now(), counted=False)
    if counted:
        await run.stored(run.cache.expunged, counted, run.now())
        run.done(box.id, "expunged", len(counted))
