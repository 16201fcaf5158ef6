"""StoreFlags and SetLocalFlags."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from mailsync.executor.files import Failed, each, entry_of
from mailsync.executor.keywords import OF_MAILBOX, store
from mailsync.executor.retry import repeated
from mailsync.executor.run import Run, spoils_all
from mailsync.executor.undo import put_away_doubles
from mailsync.model.actions import SetLocalFlags, StoreFlags, uid_of, uids_of
from mailsync.model.errors import Help, Refused
from mailsync.model.flags import KEYWORDS
from mailsync.model.ids import RowId
from mailsync.model.observation import LocalEntry
from mailsync.model.rows import Mailbox, Row
from mailsync.model.uidset import UIDSet


def of_all(error: Refused) -> bool:
    """Whether it says nothing of single messages: a busy server, or a reason of the mailbox's."""
    return error.help is not Help.ASK or error.code in OF_MAILBOX


async def bisected(
    run: Run,
    rows: tuple[Row, ...],
    call: Callable[[tuple[Row, ...]], Awaitable[None]],
    refused: Callable[[tuple[Row, ...], Refused], Awaitable[None]],
) -> None:
    """`call` on all rows; where the server refuses, on halves, until the culprits are alone."""
    try:
        await repeated(run.world.rand, lambda: call(rows))
    except Refused as error:
        if spoils_all(error):
            raise
        if len(rows) == 1 or of_all(error):
            await refused(rows, error)
            return
        half = len(rows) // 2
        await bisected(run, rows[:half], call, refused)
        await bisected(run, rows[half:], call, refused)


async def store_flags(run: Run, action: StoreFlags) -> None:
    box = run.mailboxes[action.mailbox]

    async def call(rows: tuple[Row, ...]) -> None:
        run.changed.add(box.id)
        lacking, shown = await store(run, box, uids_of(rows), action.add, action.remove)
        ids = [row.id for row in await _still_there(run, box, rows, shown)]
        add, remove = action.add & ~lacking, action.remove & ~lacking
        await run.stored(run.cache.stored_flags, ids, add, remove)
        run.done(box.id, "flags-server", len(ids))

    async def refused(rows: tuple[Row, ...], error: Refused) -> None:
        there = rows if of_all(error) else await _still_there(run, box, rows, UIDSet())
        await run.trouble(box.id, there, f"the server refused a flag: {error}")

    await bisected(run, action.rows, call, refused)


async def _still_there(
    run: Run, box: Mailbox, rows: tuple[Row, ...], shown: UIDSet
) -> Sequence[Row]:
    """STORE for a message that is gone is answered OK and shows nothing (Dovecot, Cyrus, Courier),
    or NO (RFC 2180 §4.2).  Who expunged it did not see the new flags, so they are still news when
    that is seen, and save it."""
    silent = uids_of(rows) - shown
    if not silent:
        return rows
    gone = silent - await run.server.alive(box.name, silent, uid_validity=box.uid_validity)
    if not gone:
        return rows
    run.vanished.add(box.id)
    return [row for row in rows if uid_of(row) not in gone]


async def set_local_flags(run: Run, action: SetLocalFlags) -> None:
    """Keywords that the name does not show are written with them: it may leave new/, where it
    shows none.

    A name that is taken by a double of the very file, left by a power cut in the middle of such a
    rename, is free once that is in undo."""
    box = run.mailboxes[action.mailbox]
    lost = await _renamed(run, box, action, action.rows)
    if lost and await put_away_doubles(run, box, lost):
        lost = await _renamed(run, box, action, lost)
    if lost:
        await run.files_lost(box.id, [row.id for row in lost])


async def _renamed(run: Run, box: Mailbox, action: SetLocalFlags, rows: Sequence[Row]) -> list[Row]:
    """Rename files; those that are not there, or whose new name is taken."""
    renamed: list[tuple[RowId, LocalEntry]] = []
    lost: list[Row] = []
    failed: Failed[Row] = []

    def rename(row: Row) -> None:
        add = action.add | row.local_flags & KEYWORDS & ~action.remove
        entry = run.maildir.set_flags(box.name, entry_of(row), add, action.remove)
        if entry is None:
            lost.append(row)
        else:
            renamed.append((row.id, entry))

    def rename_all() -> None:
        each(rows, rename, failed)
        run.maildir.settle([box.name])

    # Not recorded when it fails half-way: the next observation sees what was renamed.
    await run.disk(rename_all)
    await run.file_trouble(box.id, failed)
    if renamed:
        await run.stored(run.cache.renamed, renamed, action.add, action.remove)
        run.done(box.id, "flags-local", len(renamed))
    return lost
