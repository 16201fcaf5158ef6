"""Move, Copy, MoveLocal and CopyLocal (semantics.md, rules 7 and 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from mailsync.cache import Intent, IntentKind, MovedFile, NewIntent
from mailsync.executor.boxes import ensure_observed, make_sure
from mailsync.executor.download import fetch, record
from mailsync.executor.files import Failed, as_they_were, digested, each, entry_of, seen_as
from mailsync.executor.flags import bisected, of_all
from mailsync.executor.outcome import known_uid_next, link_appended
from mailsync.executor.run import RESOLVE, Run
from mailsync.executor.undo import put_away_doubles
from mailsync.model.actions import Copy, CopyLocal, Move, MoveLocal, uid_of, uids_of
from mailsync.model.content import Digest
from mailsync.model.errors import Disconnected, MailsyncError, Refused, StorageError
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, RowId, UniqueName
from mailsync.model.rows import Mailbox, Row
from mailsync.server import CopyUID

BATCH = 500
Pairs = tuple[tuple[Row, Row | None], ...]
Bases = dict[RowId | None, Flags]  # by the row that gets the copy
KINDS = {
    "move": IntentKind.MOVE,
    "copy-delete": IntentKind.MOVE_BY_COPY,
    "copy": IntentKind.COPY,
}


@dataclass(frozen=True, slots=True)
class Way:
    """What is done with the messages; `bases` and `unmark` as the action says."""

    how: str  # a key of KINDS
    bases: Bases
    unmark: bool = False


async def move(run: Run, action: Move) -> None:
    """UID MOVE; without MOVE: COPY, confirmed, then \\Deleted and UID EXPUNGE."""
    how = "move" if run.server.has_move else "copy-delete"
    await _transfer(run, action, Way(how, {}, action.unmark))


async def copy(run: Run, action: Copy) -> None:
    bases: Bases = {join.id: base for join, base in zip(action.joins, action.bases, strict=True)}
    await _transfer(run, action, Way("copy", bases))


async def _transfer(run: Run, action: Move | Copy, way: Way) -> None:
    target = await ensure_observed(run, action.target)
    source = run.mailboxes[action.mailbox]
    joins: Sequence[Row | None] = action.joins or [None] * len(action.rows)
    sound = {row.id for row in await as_they_were(run, target, action.joins)}
    pairs = sorted(
        (
            (row, join)
            for row, join in zip(action.rows, joins, strict=True)
            if join is None or join.id in sound
        ),
        key=lambda pair: uid_of(pair[0]),
    )
    for layer in _layers(pairs):
        await _transfer_layer(run, source, target, layer, way)


def _layers(pairs: Sequence[tuple[Row, Row | None]]) -> list[Pairs]:
    """A command copies a UID once, however many files are to get it."""
    found: list[list[tuple[Row, Row | None]]] = []
    times: Counter[RowId] = Counter()
    for row, join in pairs:
        at = times[row.id]
        times[row.id] += 1
        if at == len(found):
            found.append([])
        found[at].append((row, join))
    return [tuple(layer) for layer in found]


async def _transfer_layer(
    run: Run, source: Mailbox, target: Mailbox, pairs: Pairs, way: Way
) -> None:
    async def call(rows: tuple[Row, ...]) -> None:
        chosen = {row.id for row in rows}
        group = tuple(pair for pair in pairs if pair[0].id in chosen)
        await _transfer_batch(run, source, target, group, way)

    async def trouble(rows: tuple[Row, ...], text: str) -> None:
        """Of a copy that which was to get it: with the message that is copied all is well."""
        if way.how == "copy":
            chosen = {row.id for row in rows}
            joins = [join for row, join in pairs if row.id in chosen and join is not None]
            await run.trouble(target.id, joins, text)
        else:
            await run.trouble(source.id, rows, text)

    stopped = ""

    async def refused(rows: tuple[Row, ...], error: Refused) -> None:
        nonlocal stopped
        text = f"the server refused to {way.how} to {target.name}: {error}"
        stopped = text if of_all(error) else ""
        await trouble(rows, text)

    by_uid = {uid_of(row): row for row, _ in pairs}
    for at in range(0, len(pairs), BATCH):
        uids = uids_of(tuple(row for row, _ in pairs[at : at + BATCH]))
        for part in run.server.parts(uids):
            chosen = tuple(by_uid[uid] for uid in part)
            if stopped:
                await trouble(chosen, stopped)
            else:
                await bisected(run, chosen, call, refused)


async def _transfer_batch(
    run: Run, source: Mailbox, target: Mailbox, group: Pairs, way: Way
) -> None:
    kind = KINDS[way.how]
    if kind is not IntentKind.COPY:
        await make_sure(run, source, tuple(row for row, _ in group))
    group = await _recognisable(run, source, target, group)
    uid_next = await known_uid_next(run, target)
    new = [
        _intent(row, join, target, uid_next, kind, way.bases.get(None if join is None else join.id))
        for row, join in group
    ]
    ids = await run.stored(run.cache.begin_intents, new, run.id, run.now())
    rows = tuple(row for row, _ in group)
    uids = uids_of(rows)
    call = run.server.move if way.how == "move" else run.server.copy
    run.changed.update((source.id, target.id))
    try:
        await _unmarked(run, source, _marked(rows, way))
        copied = await call(source.name, target.name, uids, uid_validity=source.uid_validity)
    except Disconnected:
        run.doubt()
        raise
    except Refused:
        await run.stored(run.cache.dropped, ids)
        raise
    left = made = [one for one in await run.stored(run.cache.intents) if one.id in set(ids)]
    run.answered.update(ids)
    # It was done: a refusal from here on is none of the command, which must not be sent again.
    async with run.only_trouble(target, RESOLVE):
        left = await link_appended(run, target, made, _named(copied, made, rows, target))
    # After a COPY in place of a MOVE the rows are settled as COPIED: the next round expunges them.
    done = len(rows) - len(left)
    run.done(source.id, "uploaded" if kind is IntentKind.COPY else "moved", done)


def _marked(rows: Sequence[Row], way: Way) -> tuple[Row, ...]:
    flag = Flags.DELETED if way.unmark else Flags.NONE
    return tuple(row for row in rows if row.marked or row.server_flags & flag)


async def _unmarked(run: Run, box: Mailbox, rows: tuple[Row, ...]) -> None:
    """A mark of ours, of a deletion that was cut off, does not go along, nor one for which they go.
    The intents tell by then who took it off."""
    if rows:
        gone = Flags.DELETED
        await run.server.store(
            box.name, uids_of(rows), Flags.NONE, gone, uid_validity=box.uid_validity
        )
        ids = [row.id for row in rows]
        await run.stored(run.cache.stored_flags, ids, Flags.NONE, gone)


async def _recognisable(run: Run, source: Mailbox, target: Mailbox, group: Pairs) -> Pairs:
    """Of a message that was told by its file's name nothing is known by which its copy could be
    found again after a doubt: its header is asked for before the command, or its file read where
    the server does not show it (rule 8)."""
    blind = [row for row, join in group if not _known(row) and (join is None or join.body is None)]
    if not blind:
        return group
    heads = await run.server.headers(
        source.name, uids_of(tuple(blind)), uid_validity=source.uid_validity
    )
    known: dict[RowId, Row] = {}
    for row in blind:
        head = heads.get(uid_of(row))
        if head is not None:
            known[row.id] = replace(row, header=head.hash, message_id=head.message_id)
    hashes = {number: row.header for number, row in known.items()}
    await run.stored(run.cache.headers, hashes)
    untold = {row.id for row in blind} - known.keys()
    unread = [join for row, join in group if row.id in untold and join is not None]
    digests = {row.id: digest for row, digest in await digested(run, target, unread)}
    return tuple((known.get(row.id, row), _read(join, digests)) for row, join in group)


def _known(row: Row) -> bool:
    return row.header is not None or row.server_header is not None


def _read(join: Row | None, digests: Mapping[RowId, Digest]) -> Row | None:
    if join is None or join.id not in digests:
        return join
    one = digests[join.id]
    return replace(
        join,
        body=one.body,
        header=one.header,
        message_id=one.message_id,
        wire_size=one.wire_size,
    )


def _intent(
    row: Row, join: Row | None, target: Mailbox, uid_next: int, kind: IntentKind, base: Flags | None
) -> NewIntent:
    assert target.uid_validity is not None
    known = row if join is None or join.body is None else join
    return NewIntent(
        kind=kind,
        row=None if join is None else join.id,
        source=row.id,
        mailbox=target.id,
        uid_validity=target.uid_validity,
        uid_next=uid_next,
        message_id=known.message_id or row.message_id,
        size=row.size or known.wire_size or row.wire_size,  # as the server will say it again
        body=known.body,
        header=row.server_header or known.header or row.header,
        internal_date=row.internal_date,
        flags=row.server_flags if base is None else base,
    )


def _named(
    copied: CopyUID | None, intents: Sequence[Intent], rows: Sequence[Row], target: Mailbox
) -> list[UID] | None:
    """The target UIDs in the order of the intents, None where COPYUID is not usable.

    Pairs are taken by source UID: a server may list both sets descending (MailKit #1405)."""
    if copied is None or copied.uid_validity != target.uid_validity:
        return None
    by_source = dict(zip(copied.source, copied.target, strict=True))
    by_row = {row.id: by_source.get(uid_of(row)) for row in rows}
    named = [by_row[intent.new.source] for intent in intents if intent.new.source is not None]
    return None if None in named else [uid for uid in named if uid is not None]


async def move_local(run: Run, action: MoveLocal) -> None:
    """Rename the files into the other mailbox under the origin that they now have."""
    source, target = run.mailboxes[action.mailbox], await ensure_observed(run, action.target)
    assert target.uid_validity is not None
    validity = target.uid_validity
    moved: list[MovedFile] = []
    names: list[UniqueName] = []  # that those had
    lost: list[RowId] = []
    still = await as_they_were(run, source, action.rows)
    sound = {row.id for row in still}
    await put_away_doubles(run, source, still)
    failed: Failed[tuple[Row, Row]] = []

    def rename(pair: tuple[Row, Row]) -> None:
        row, join = pair
        if row.id not in sound:
            return
        name = run.maildir.own_name(target.name, validity, uid_of(join), join.internal_date)
        old = entry_of(row)
        entry = run.maildir.move(source.name, old, target.name, name)
        if entry is None:
            lost.append(row.id)
        else:
            names.append(old.name)
            moved.append(MovedFile(row.id, join.id, entry))

    def rename_all() -> None:
        each(zip(action.rows, action.joins, strict=True), rename, failed)
        try:
            run.maildir.settle([target.name, source.name])
        except StorageError:
            # Else what makes the folder durable that they left would make them leave it for good.
            for one, name in zip(moved, names, strict=True):
                with suppress(StorageError):
                    run.maildir.move(target.name, one.entry, source.name, name)
            raise

    # Not recorded when it fails half-way: the next observation sees what was renamed.
    await run.disk(rename_all)
    await run.file_trouble(source.id, [(row, error) for (row, _), error in failed])
    if moved:
        await run.stored(run.cache.moved_local, moved)
        run.done(source.id, "moved", len(moved))
    if lost:
        await run.files_lost(source.id, lost)


async def copy_local(run: Run, action: CopyLocal) -> None:
    """Copies of files that are here, instead of fetching the same bytes.  One that was written over
    is another message: what was to be its copy is fetched in the next round."""
    source, target = run.mailboxes[action.mailbox], await ensure_observed(run, action.target)
    assert target.uid_validity is not None
    validity = target.uid_validity
    delivery = run.maildir.delivery()
    made: list[Row] = []
    failed: Failed[tuple[Row, Row]] = []
    sound = {row.id for row in await as_they_were(run, source, action.rows)}

    def duplicate(pair: tuple[Row, Row]) -> None:
        row, join = pair
        entry, seen = entry_of(row), seen_as(row)
        name = run.maildir.own_name(target.name, validity, uid_of(join), join.internal_date)
        flags, date = join.server_flags, join.internal_date
        if delivery.copy(source.name, entry, seen, target.name, name, flags, date):
            made.append(join)

    try:
        for pair in zip(action.rows, action.joins, strict=True):
            if pair[0].id in sound:
                await run.disk(each, [pair], duplicate, failed)
        delivered = await run.disk(delivery.commit)
    except MailsyncError:
        delivery.discard()
        raise
    await record(run, target, made, delivered)
    await fetch(run, target, [join for (_, join), _ in failed])
