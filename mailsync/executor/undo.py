"""Files into undo/: the deletions rows are committed first, so `undelete` knows every file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from mailsync.cache import Cache, NewDeletion
from mailsync.executor.files import Failed, each, entry_of, seen_as
from mailsync.executor.run import Run
from mailsync.local import Maildir, Note
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import LocalEntry
from mailsync.model.rows import Mailbox, Row

Item = tuple[Row, LocalEntry]


async def doubles_of(run: Run, box: Mailbox, rows: Sequence[Row]) -> list[Item]:
    """Second files of the rows' unique names with the very same bytes (reliability.md §3.4).

    Without them a removed or moved message would be found again in its old place, and sent.
    """
    found = await run.disk(run.maildir.doubles, box.name, [entry_of(row) for row in rows])
    return [(row, double) for row in rows if row.name for double in found.get(row.name, ())]


async def into_undo(
    run: Run, box: Mailbox, items: Sequence[Item]
) -> tuple[list[Item], Failed[Item]]:
    """Those that are in undo now, and those that the disk refused; the rest was not there, or was
    written over at the last moment, so that it is back as another message.

    Not recorded when it fails half-way: the next observation sees what was renamed.
    """
    # A double is not the row's file, though that may get its very name when it is free.
    new = [
        NewDeletion(
            row.id if entry == entry_of(row) else None,
            box.name,
            entry,
            row.body,
            run.maildir.undo_name(),
        )
        for row, entry in items
    ]
    # A clock that is behind that of the last sync makes nothing old before its time.
    now = max(run.now(), run.last_synced())
    run.tallies.put_away.update(one.undo for one in new)
    ids = await run.stored(run.cache.record_deletions, new, now)
    notes = [note_of(one, now) for one in new]
    if notes:
        await run.disk(run.maildir.note_undo, run.undo, notes)
    facts = [seen_as(row) if entry == entry_of(row) else None for row, entry in items]
    gone: set[int] = set()
    edited: set[int] = set()
    refused: Failed[int] = []

    def rename(at: int) -> None:
        one, seen = new[at], facts[at]
        if run.maildir.remove_to_undo(box.name, one.entry, run.undo, one.undo, seen) is not None:
            gone.add(at)

    def give_back(at: int) -> None:
        one, seen = new[at], facts[at]
        if seen is not None and run.maildir.back_if_edited(
            box.name, one.entry, run.undo, one.undo, seen
        ):
            edited.add(at)

    def rename_all() -> None:
        each(range(len(items)), rename, refused)
        if not gone:
            return
        run.maildir.settle([box.name], run.undo)
        each(sorted(gone), give_back, refused)
        if edited:
            gone.difference_update(edited)
            run.maildir.settle([box.name], run.undo)

    await run.disk(rename_all)
    await run.stored(run.cache.deletions_done, [ids[at] for at in sorted(gone)])
    left = [ids[at] for at in range(len(items)) if at not in gone]
    if left:
        await run.stored(run.cache.forget_deletions, left)
    return [items[at] for at in sorted(gone)], [(items[at], error) for at, error in refused]


def note_of(one: NewDeletion, now: float) -> Note:
    entry, body = one.entry, "" if one.body is None else one.body.hex()
    return Note(one.undo, one.mailbox, entry.name, entry.folder, entry.info, now, body)


def forgotten(
    maildir: Maildir, undo: str, known: Collection[str], now: float
) -> dict[float, list[NewDeletion]]:
    """Files in undo that a cache does not know, because another one was lost; by when they were
    removed.  One of which there is no note was in INBOX, and is as good as removed now."""
    there = maildir.undo_files(undo)
    missing = sorted(there.keys() - known)
    found: defaultdict[float, list[NewDeletion]] = defaultdict(list)
    notes = maildir.undo_notes(undo) if missing else {}
    for file in missing:
        note = notes.get(file) or Note(file, INBOX, file, "cur", "", now)
        body = bytes.fromhex(note.body) or None
        one = NewDeletion(None, MailboxName(note.mailbox), note.entry, body, file)
        found[min(note.at, now)].append(one)
    return dict(found)


def adopt(cache: Cache, found: Mapping[float, Sequence[NewDeletion]]) -> None:
    for at, items in sorted(found.items()):
        cache.deletions_done(cache.record_deletions(items, at))


async def put_away_doubles(run: Run, box: Mailbox, rows: Sequence[Row]) -> bool:
    """Before the files themselves go: a crash in between leaves the rows as they are.  Whether
    there were any."""
    doubles = await doubles_of(run, box, rows) if rows else []
    if doubles:
        _, failed = await into_undo(run, box, doubles)
        await run.file_trouble(box.id, [(row, error) for (row, _), error in failed])
    return bool(doubles)
