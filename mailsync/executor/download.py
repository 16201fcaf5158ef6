"""Download: bodies from the server into files, in durable batches (architecture.md, decision 7).

The network runs ahead of the disk by at most `IN_FLIGHT` pieces; a batch is written, made durable
and committed to the cache while the next one is being received.  No intent is needed: a file's
name carries its origin, so one found after a crash is paired, not fetched again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mailsync.cache import Deletion, DeletionId, DeliveredRow
from mailsync.executor.files import Failed, each
from mailsync.executor.run import Run
from mailsync.executor.suspects import blamed, one_by_one, to_ask
from mailsync.local import Delivered, Delivery, Message, Pending
from mailsync.model.actions import Download, Pair, Rung, uid_of
from mailsync.model.content import Digester, digest
from mailsync.model.errors import (
    Disconnected,
    MailsyncError,
    Reach,
    ServerDefect,
    StorageError,
)
from mailsync.model.ids import UID, RowId, UniqueName
from mailsync.model.rows import Mailbox, Row
from mailsync.model.uidset import UIDSet
from mailsync.planner import base, for_file
from mailsync.server import FetchedBody

BATCH_FILES = 500
BATCH_BYTES = 16 << 20
PIECE_FILES = 50
PIECE_BYTES = 1 << 20
COMMITS_IN_FLIGHT = 2
LATE_TWIN = (
    "UID {uid} is a second copy: the server stored an upload of an earlier run later than it was "
    "waited for. Both copies are kept; delete one if you like"
)


@dataclass(slots=True)
class Batch:
    """Files on their way to one durable commit."""

    delivery: Delivery
    rows: list[Row] = field(default_factory=list)  # written, in the order of the delivery
    size: int = 0
    waiting: list[tuple[Row, Message]] = field(default_factory=list)  # received, not yet written
    waiting_size: int = 0

    @property
    def full(self) -> bool:
        return len(self.rows) + len(self.waiting) >= BATCH_FILES or self.size >= BATCH_BYTES


class Downloader:
    """One mailbox's downloads."""

    def __init__(self, run: Run, box: Mailbox, rows: Sequence[Row]) -> None:
        self.run, self.box = run, box
        self.wanted = {uid_of(row): row for row in rows}  # in the order in which they are asked
        self.batch = Batch(run.maildir.delivery())
        self.commits: set[asyncio.Task[None]] = set()

    async def all(self) -> None:
        """Fetch and deliver, newest first; what the server leaves out is looked at by `missing`."""
        careful = one_by_one(self.run, self.box)
        try:
            async for body in self.run.server.bodies(
                self.box.name,
                list(self.wanted),
                one_by_one=careful,
                uid_validity=self.box.uid_validity,
            ):
                await self.take(body)
            await self.flush()
            await self.finish()
        except StorageError:
            raise
        except MailsyncError as error:
            await self.flush()  # what came whole is not fetched again
            await self.finish()
            if isinstance(error, Disconnected | ServerDefect):
                left = list(self.wanted.values())
                raise await blamed(self.run, self.box, left, error) from error
            raise
        finally:
            await self.abandon()
        await self.missing()

    async def take(self, body: FetchedBody) -> None:
        if body.chunks is not None:
            await self.stream(body)
        elif (row := self.claimed(body.uid)) is not None:
            if body.data is None:
                text = "the server answered without the message's text (NIL)"
                await self.run.trouble(self.box.id, [row], f"UID {row.uid}: {text}")
            elif not body.data and row.size != 0:
                says = "" if row.size is None else f", and says it has {row.size} bytes"
                text = f"the server answered with no text{says}"
                await self.run.trouble(self.box.id, [row], f"UID {row.uid}: {text}")
            else:
                await self.collect(row, body.data)
        if self.batch.waiting_size >= PIECE_BYTES or len(self.batch.waiting) >= PIECE_FILES:
            await self.write()
        if self.batch.full:
            await self.flush()

    def claimed(self, uid: UID | None) -> Row | None:
        """Whose body it is: nobody's where it was not asked for, or comes a second time."""
        return None if uid is None else self.wanted.pop(uid, None)

    def name(self, row: Row) -> UniqueName:
        assert self.box.uid_validity is not None
        return self.run.maildir.own_name(
            self.box.name, self.box.uid_validity, uid_of(row), row.internal_date
        )

    async def pairs(self, row: Row, body: bytes) -> bool:
        """The last rung of the ladder: a waiting file of this mailbox has these very bytes."""
        files = self.run.files_by_body.get((self.box.id, body))
        if not files:
            return False
        file = files.pop(0)
        self.run.paired.add(file.id)
        synced = for_file(base(row, file), file, self.box.lettered)
        pair = Pair(self.box.id, row, file, Rung.BODY, synced)
        await self.run.stored(self.run.cache.apply, [pair])
        return True

    async def collect(self, row: Row, data: bytes) -> None:
        if self.run.files_by_body and await self.pairs(row, digest(data).body):
            return
        name = self.name(row)
        message = Message(self.box.name, name, row.server_flags, row.internal_date, data)
        self.batch.waiting.append((row, message))
        self.batch.waiting_size += len(data)
        self.batch.size += len(data)

    async def stream(self, body: FetchedBody) -> None:
        """A large message: straight to its tmp file.  Its UID may come only after it."""
        assert body.chunks is not None
        await self.write()
        early = self.wanted.get(body.uid) if body.uid is not None else None
        stream = Streamed(self, early)
        try:
            async for piece in body.chunks:
                await stream.take(piece)
        except BaseException:
            stream.drop()
            raise
        row = self.claimed(body.uid)
        if row is None:
            stream.drop()
        elif stream.spool and stream.refused is None:
            await self.collect(row, b"".join(stream.spool))
        elif stream.refused is None and await self.pairs(row, stream.digester.finish().body):
            stream.drop()
        elif error := await stream.done():
            await self.run.file_trouble(self.box.id, [(row, error)])
        else:
            self.batch.rows.append(row)
            self.batch.size += stream.size

    async def write(self) -> None:
        """Hand what was received to the disk."""
        batch = self.batch
        if batch.waiting:
            waiting, batch.waiting, batch.waiting_size = batch.waiting, [], 0
            messages = [message for _, message in waiting]
            failed = await self.run.disk(batch.delivery.add_all, messages)
            refused = {id(message): error for message, error in failed}
            batch.rows += [row for row, message in waiting if id(message) not in refused]
            trouble = [(row, refused[id(m)]) for row, m in waiting if id(m) in refused]
            await self.run.file_trouble(self.box.id, trouble)

    async def flush(self) -> None:
        """Commit the batch beside the next one's reception."""
        await self.write()
        while len(self.commits) >= COMMITS_IN_FLIGHT:
            done, self.commits = await asyncio.wait(
                self.commits, return_when=asyncio.FIRST_COMPLETED
            )
            await _ended(done)
        # Not before: when one of those failed, `abandon` drops this one.
        batch, self.batch = self.batch, Batch(self.run.maildir.delivery())
        if batch.rows:
            self.commits.add(asyncio.create_task(commit(self.run, self.box, batch)))
        else:
            batch.delivery.discard()

    async def finish(self) -> None:
        commits, self.commits = self.commits, set()
        await _ended(commits)

    async def abandon(self) -> None:
        """After an error: let commits end, drop the rest."""
        if self.commits:
            await asyncio.gather(*self.commits, return_exceptions=True)
        self.batch.delivery.discard()

    async def missing(self) -> None:
        """Asked for, answered OK, and not given: still listed means trouble, else it is gone, and
        would be asked for in every round until that is seen."""
        alive = await self.run.server.alive(
            self.box.name, UIDSet(self.wanted), uid_validity=self.box.uid_validity
        )
        rows = [row for uid, row in self.wanted.items() if uid in alive]
        text = "the server lists the message and gives no text for it"
        await self.run.trouble(self.box.id, rows, text)
        if len(rows) < len(self.wanted):
            self.run.vanished.add(self.box.id)


async def _ended(commits: Iterable[asyncio.Task[None]]) -> None:
    """Wait for all of them; raises what one raised.  What others raised is the same trouble of
    the disk: it is heard, too, for asyncio prints what nobody hears."""
    for result in await asyncio.gather(*commits, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


class Streamed:
    """One large message on its way to its file, in constant memory.

    What the disk refuses for this message alone is kept in `refused`; the rest is passed over.
    """

    def __init__(self, to: Downloader, row: Row | None) -> None:
        self.to, self.row = to, row
        self.pending: Pending | None = None
        self.spool: list[bytes] = []  # while it is not known whose it is
        self.digester = Digester()
        self.size = 0
        self.refused: StorageError | None = None

    async def take(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.refused is not None:
            return
        self.digester.feed(piece)
        try:
            await self._put(piece)
        except StorageError as error:
            if error.reach is not Reach.MESSAGE:
                raise
            self.refused = error

    async def _put(self, piece: bytes) -> None:
        run, box, row = self.to.run, self.to.box, self.row
        if row is None:
            self.spool.append(piece)
            if self.size > BATCH_BYTES:
                self.spool.clear()
                text = "the server tells only after its text whose it is, and it is too large"
                raise StorageError(f"a message in {box.name}: {text}", reach=Reach.MESSAGE)
            return
        if self.pending is None:
            name = self.to.name(row)
            begin = self.to.batch.delivery.begin
            self.pending = await run.disk(
                begin, box.name, name, row.server_flags, row.internal_date
            )
        await run.disk(self.pending.write, piece)

    async def done(self) -> StorageError | None:
        """It is whole.  Why it cannot be stored, None when it is."""
        if self.refused is None and self.pending is not None:
            try:
                await self.to.run.disk(self.pending.done)
            except StorageError as error:
                if error.reach is not Reach.MESSAGE:
                    raise
                self.refused = error
        return self.refused

    def drop(self) -> None:
        if self.pending is not None:
            self.pending.drop()


async def _in_undo(run: Run, rows: Sequence[Row]) -> dict[RowId, Deletion]:
    """The deletion whose file in undo holds each row's message, told by its bytes or its EMAILID.

    Never by the row's id: a later message's row may have the number again.
    """
    known: defaultdict[bytes | str | None, list[Deletion]] = defaultdict(list)
    for one in await run.stored(run.cache.deletions):
        for sign in (one.new.body, one.email_id):
            if sign is not None:
                known[sign].append(one)
    found: dict[RowId, Deletion] = {}
    taken: set[DeletionId] = set()
    for row in rows:
        same = next((known[sign] for sign in (row.body, row.email_id) if sign in known), [])
        deletion = next((one for one in same if one.id not in taken), None)
        if deletion is not None:
            taken.add(deletion.id)
            found[row.id] = deletion
    return found


async def commit(run: Run, box: Mailbox, batch: Batch) -> None:
    """tmp files durable → renamed → folders durable → one cache transaction."""
    try:
        delivered = await run.disk(batch.delivery.commit)
    except MailsyncError:
        batch.delivery.discard()
        raise
    await record(run, box, batch.rows, delivered)


async def record(
    run: Run,
    box: Mailbox,
    rows: Sequence[Row],
    delivered: Sequence[Delivered | StorageError],
    undo: Sequence[str] = (),
) -> None:
    """Tell the cache; `undo` names the files in undo that came back."""
    items: list[DeliveredRow] = []
    size = 0
    for at, (row, done) in enumerate(zip(rows, delivered, strict=True)):
        if isinstance(done, StorageError):
            await run.file_trouble(box.id, [(row, done)])
            continue
        taken = undo[at] if undo else None
        items.append(DeliveredRow(row.id, done.entry, done.facts, row.server_flags, taken))
        size += done.facts.size if row.size is None else row.size  # as the plan counted it
    for uid in await run.stored(run.cache.delivered, items):
        run.note(box.id, LATE_TWIN.format(uid=uid))
    run.count()
    run.done(box.id, "downloaded", len(items), size)


async def download(run: Run, action: Download) -> None:
    box = run.mailboxes[action.mailbox]
    await fetch(run, box, await _from_undo(run, box, action.rows))


async def fetch(run: Run, box: Mailbox, rows: Sequence[Row]) -> None:
    """The rows' bodies from the server."""
    asked = await to_ask(run, box, rows)
    if asked:
        await run.server.expect(sum(row.size or 0 for row in asked))
        await Downloader(run, box, asked).all()


async def _from_undo(run: Run, box: Mailbox, rows: Sequence[Row]) -> list[Row]:
    """Bring back what lies in undo without fetching it; returns the rows that are left.

    A file leaves undo once it is durable in the Maildir, before the cache is told: a crash in
    between leaves a file whose name carries its origin, and in undo none that no row knows.
    """
    assert box.uid_validity is not None
    kept = [row for row in rows if row.undo]
    deletions = await _in_undo(run, kept) if kept else {}
    if not deletions:
        return list(rows)
    delivery = run.maildir.delivery()
    back: list[Row] = []
    lost: list[DeletionId] = []  # taken out by a run that died before it told the cache
    failed: Failed[Row] = []

    def restore(row: Row) -> None:
        assert box.uid_validity is not None
        name = run.maildir.own_name(box.name, box.uid_validity, uid_of(row), row.internal_date)
        path = f"{run.undo}/{deletions[row.id].new.undo}"
        if delivery.restore(path, box.name, name, row.server_flags, row.internal_date):
            back.append(row)
        else:
            lost.append(deletions[row.id].id)

    for row in kept:
        if row.id in deletions:
            await run.disk(each, [row], restore, failed)
    delivered = await run.disk(delivery.commit)
    files = [deletions[row.id].new.undo for row in back]
    both = zip(files, delivered, strict=True)
    out = [file for file, one in both if isinstance(one, Delivered)]
    await run.disk(run.maildir.purge, run.undo, out)
    await record(run, box, back, delivered, files)
    if lost:
        await run.stored(run.cache.forget_deletions, lost)
    found = {row.id for row in back}
    return [row for row in rows if row.id not in found]
