"""RemoveLocal and Expunge: the only steps that take a message away (semantics.md, rule 9)."""

from __future__ import annotations

from mailsync.cache import DeletionId, NewDeletion
from mailsync.executor.boxes import observe_again
from mailsync.executor.flags import bisected, entry_of
from mailsync.executor.run import Run
from mailsync.model.actions import Expunge, RemoveLocal, uids_of
from mailsync.model.errors import Refused
from mailsync.model.flags import Flags
from mailsync.model.ids import ModSeq, RowId
from mailsync.model.rows import Mailbox, Row, Settled
from mailsync.model.uidset import UIDSet

BATCH = 500


async def remove_local(run: Run, action: RemoveLocal) -> None:
    """Into undo: the deletions rows are committed first, so `undelete` knows every file."""
    for at in range(0, len(action.rows), BATCH):
        await _remove_batch(run, action, action.rows[at : at + BATCH])


async def _remove_batch(run: Run, action: RemoveLocal, rows: tuple[Row, ...]) -> None:
    box = run.mailboxes[action.mailbox]
    changed, unchanged = await run.disk(_compare, run, box.name, rows)
    removed: list[RowId] = []
    lost = [row.id for row in changed]
    keep_undo = run.account.undelete_days > 0
    names = {row.id: run.maildir.undo_name() for row in unchanged}
    deletions: dict[RowId, DeletionId] = {}
    if keep_undo and unchanged:
        new = [
            NewDeletion(row.id, box.name, entry_of(row), row.body, names[row.id])
            for row in unchanged
        ]
        made = await run.stored(run.cache.record_deletions, new, run.now())
        deletions = {row.id: one for row, one in zip(unchanged, made, strict=True)}

    def rename() -> None:
        for row in unchanged:
            if keep_undo:
                file = names[row.id]
                done = run.maildir.remove_to_undo(box.name, entry_of(row), run.undo, file)
            else:
                done = run.maildir.remove_file(box.name, entry_of(row))
            (removed if done else lost).append(row.id)
        run.maildir.settle([box.name], run.undo if keep_undo and removed else None)

    # Not recorded when it fails half-way: the next observation sees what was renamed.
    await run.disk(rename)
    if removed:
        await run.stored(run.cache.removed, removed, run.now())
        await run.stored(
            run.cache.deletions_done, [deletions[i] for i in removed if i in deletions]
        )
        run.done(box.id, "removed", len(removed))
    if lost:
        await run.stored(run.cache.forget_deletions, [deletions[i] for i in lost if i in deletions])
        await run.stored(run.cache.lost_file, lost)


def _compare(run: Run, name: str, rows: tuple[Row, ...]) -> tuple[list[Row], list[Row]]:
    """(changed or vanished, as they were) by size and mtime: a file edited in place stays."""
    box = next(box for box in run.mailboxes.values() if box.name == name)
    facts = run.maildir.inspect(box.name, [entry_of(row) for row in rows], None)
    changed: list[Row] = []
    same: list[Row] = []
    for row in rows:
        seen = facts.get(entry_of(row).name)
        ours = seen is not None and (seen.size, seen.mtime_ns) == (row.file_size, row.mtime_ns)
        (same if ours else changed).append(row)
    return changed, same


async def expunge(run: Run, action: Expunge) -> None:
    """+\\Deleted, then UID EXPUNGE of exactly these; without UIDPLUS reliability.md I16."""
    box = run.mailboxes[action.mailbox]

    async def call(rows: tuple[Row, ...]) -> None:
        uids = uids_of(rows)
        since = await _modseq(run, box) if run.server.has_condstore else None
        stored = await run.server.store(
            box.name,
            uids,
            Flags.DELETED,
            Flags.NONE,
            unchanged_since=since,
            uid_validity=box.uid_validity,
        )
        if stored.modified:
            # Changed under our feet: look again before anything is deleted.
            run.note(box.id, f"{len(stored.modified)} messages changed on the server meanwhile")
            await observe_again(run, box)
            rows = tuple(row for row in rows if row.uid not in stored.modified)
            uids = uids - stored.modified
        if rows:
            await _expunge_marked(run, action, rows, uids)

    async def refused(rows: tuple[Row, ...], error: Refused) -> None:
        await run.trouble(box.id, rows, f"the server refused a deletion: {error}")

    await bisected(run, action.rows, call, refused)


async def _modseq(run: Run, box: Mailbox) -> ModSeq | None:
    known = (await run.stored(run.cache.cursors)).get(box.name)
    return known.cursor.highest_modseq if known is not None and known.cursor is not None else None


async def _expunge_marked(run: Run, action: Expunge, rows: tuple[Row, ...], uids: UIDSet) -> None:
    box = run.mailboxes[action.mailbox]
    if run.server.has_uidplus:
        await run.server.expunge(box.name, uids, uid_validity=box.uid_validity)
    else:
        marked = await run.server.deleted(box.name)
        if marked != uids & marked:
            await run.trouble(
                box.id,
                rows,
                "marked \\Deleted and left there: the server cannot expunge single messages "
                "(no UIDPLUS), and others are marked too",
            )
            return
        await run.server.plain_expunge(box.name, uid_validity=box.uid_validity)
    copied = [row.id for row in rows if row.settled is Settled.COPIED]
    counted = [row.id for row in rows if row.settled is not Settled.COPIED]
    if copied:
        await run.stored(run.cache.expunged, copied, run.now(), counted=False)
    if counted:
        await run.stored(run.cache.expunged, counted, run.now())
        run.done(box.id, "expunged", len(counted))
