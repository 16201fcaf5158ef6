"""Looks at files, one message at a time where the disk refuses one of them.

A file that cannot be read is parked and said; it stops nothing else (semantics.md, rule 11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from mailsync.executor.run import Run
from mailsync.model.content import Digest
from mailsync.model.errors import Reach, StorageError
from mailsync.model.ids import RowId, UniqueName
from mailsync.model.observation import FileFacts, LocalEntry, LocalObservation
from mailsync.model.rows import Mailbox, Row

T = TypeVar("T")
Failed = list[tuple[T, StorageError]]


def each(items: Iterable[T], act: Callable[[T], object], failed: Failed[T]) -> None:
    """`act` on every item; one for which the disk refuses only this message goes to `failed`."""
    for item in items:
        try:
            act(item)
        except StorageError as error:
            if error.reach is not Reach.MESSAGE:
                raise
            failed.append((item, error))


def entry_of(row: Row) -> LocalEntry:
    """The file of a row, by exactly the name that was seen."""
    assert row.name is not None, f"row {row.id} has no file"
    return LocalEntry(name=row.name, folder=row.folder, info=row.info, flags=row.local_flags)


def seen_as(row: Row) -> FileFacts:
    """What was seen of the file of a row that is as it was."""
    assert row.file_size is not None
    assert row.mtime_ns is not None
    return FileFacts(row.file_size, row.mtime_ns)


async def inspected(
    run: Run, box: Mailbox, entries: Sequence[LocalEntry]
) -> tuple[dict[UniqueName, FileFacts], Failed[LocalEntry]]:
    """Size and mtime of files; one that vanished is in neither."""
    facts: dict[UniqueName, FileFacts] = {}
    failed: Failed[LocalEntry] = []

    def look(entry: LocalEntry) -> None:
        facts.update(run.maildir.inspect(box.name, [entry], box.uid_validity))

    await run.disk(each, entries, look, failed)
    return facts, failed


async def digested(run: Run, box: Mailbox, rows: Sequence[Row]) -> list[tuple[Row, Digest]]:
    """Read the files and store what they tell; those that vanished or are refused are left out."""
    known: dict[RowId, Digest] = {}
    lost: list[RowId] = []
    failed: Failed[Row] = []

    def read(row: Row) -> None:
        digest = run.maildir.digest(box.name, entry_of(row))
        if digest is None:
            lost.append(row.id)
        else:
            known[row.id] = digest

    await run.disk(each, rows, read, failed)
    if lost:
        await run.files_lost(box.id, lost)
    await run.stored(run.cache.facts, known)
    await run.file_trouble(box.id, failed)
    return [(row, known[row.id]) for row in rows if row.id in known]


async def as_they_were(run: Run, box: Mailbox, rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows whose files have the size and mtime that were observed (semantics.md, rule 3), or
    another mtime and the very bytes, as after a copy of the whole Maildir.

    An edited file is stored as what it is, a new one; a vanished one is looked for again.
    """
    entries = {row.id: entry_of(row) for row in rows}
    facts, failed = await inspected(run, box, list(entries.values()))
    refused = {entry.name: error for entry, error in failed}
    same: list[Row] = []
    edited: list[LocalEntry] = []
    lost: list[RowId] = []
    touched = [
        entry
        for row in rows
        if row.body is not None and (seen := facts.get((entry := entries[row.id]).name)) is not None
        if seen.size == row.file_size and seen.mtime_ns != row.mtime_ns
    ]
    facts |= await read_again(run, box, touched, facts)
    for row in rows:
        entry = entries[row.id]
        seen = facts.get(entry.name)
        if entry.name in refused:
            await run.file_trouble(box.id, [(row, refused[entry.name])])
        elif seen is None:
            lost.append(row.id)
        elif (seen.size, seen.mtime_ns) != (row.file_size, row.mtime_ns):
            edited.append(entry)
            if seen.digest is not None and seen.digest.body == row.body:
                same.append(replace(row, mtime_ns=seen.mtime_ns))
        else:
            same.append(row)
    if lost:
        await run.files_lost(box.id, lost)
    if edited:
        found = {entry.name: facts[entry.name] for entry in edited}
        seen_now = LocalObservation(box.name, tuple(edited), proven=False, facts=found)
        await run.stored(run.cache.store_local, seen_now)
    return tuple(same)


async def read_again(
    run: Run, box: Mailbox, touched: Sequence[LocalEntry], facts: Mapping[UniqueName, FileFacts]
) -> dict[UniqueName, FileFacts]:
    """With their bytes, those of which only the mtime is another; unless they cannot be read."""
    found: dict[UniqueName, FileFacts] = {}

    def read(entry: LocalEntry) -> None:
        digest = run.maildir.digest(box.name, entry)
        found[entry.name] = replace(facts[entry.name], digest=digest)

    if touched:
        await run.disk(each, touched, read, [])
    return found
