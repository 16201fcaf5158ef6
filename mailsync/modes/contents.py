"""Are the bytes the same?  Every message is read on both sides and hashed, a stream at a time.

The server's bodies are pipelined; files are hashed on the disk's threads beside them, at most
`AHEAD` batches behind.  What is unequal is read once more, to tell what a server does to messages
(it drops a CR, it rewrites the header of what is uploaded) from what nobody can explain.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

from mailsync.executor.run import Run
from mailsync.model.checked import Difference
from mailsync.model.content import Digest, Digester
from mailsync.model.errors import Reach, StorageError
from mailsync.model.ids import UID
from mailsync.model.observation import LocalEntry
from mailsync.model.rows import Row
from mailsync.model.uidset import UIDSet
from mailsync.modes.compare import Found

BATCH = 50  # messages
BATCH_BYTES = 1 << 20
AHEAD = 4  # batches that wait for the disk
Pair = tuple[Row, LocalEntry, int | None]  # the size that the server tells


@dataclass(slots=True)
class Pass:
    """One reading of the pairs; `unequal` has what each side's bytes were."""

    run: Run
    found: Found
    pairs: dict[UID, Pair]  # those that are still to come
    shown: bool = False
    unequal: dict[UID, tuple[Pair, Digest, Digest]] = field(default_factory=dict)
    batch: list[tuple[UID, Pair, bytes]] = field(default_factory=list)
    batch_size: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def all(self) -> None:
        try:
            async for body in self.run.server.bodies(self.found.name, list(self.pairs)):
                if body.chunks is not None:
                    digest = await self.stream(body.chunks)
                    if body.uid is not None and (pair := self.pairs.pop(body.uid, None)):
                        await self.aside(partial(self.judge, body.uid, pair, digest))
                elif body.data is None or body.uid is None:
                    continue
                elif pair := self.pairs.pop(body.uid, None):
                    await self.take(body.uid, pair, body.data)
            await self.hand_over()
            while self.tasks:
                await self.one_done()
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def take(self, uid: UID, pair: Pair, data: bytes) -> None:
        self.batch.append((uid, pair, data))
        self.batch_size += len(data)
        if len(self.batch) >= BATCH or self.batch_size >= BATCH_BYTES:
            await self.hand_over()

    async def hand_over(self) -> None:
        batch, self.batch, self.batch_size = self.batch, [], 0
        await self.aside(partial(self.judge_all, batch))

    async def aside(self, work: Callable[[], None]) -> None:
        while len(self.tasks) >= AHEAD:
            await self.one_done()
        self.tasks.add(asyncio.create_task(self.run.disk(work)))

    async def one_done(self) -> None:
        done, self.tasks = await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def stream(self, chunks: AsyncIterator[bytes]) -> Digest:
        digester = Digester(self.shown)
        held: list[bytes] = []
        size = 0
        async for piece in chunks:
            held.append(piece)
            size += len(piece)
            if size >= BATCH_BYTES:
                await self.run.disk(self.feed, digester, held)
                held, size = [], 0
        await self.run.disk(self.feed, digester, held)
        return digester.finish()

    # -- on the disk's threads -------------------------------------------------------------------

    def feed(self, digester: Digester, pieces: list[bytes]) -> None:
        for piece in pieces:
            digester.feed(piece)

    def judge_all(self, batch: list[tuple[UID, Pair, bytes]]) -> None:
        for uid, pair, data in batch:
            digester = Digester(self.shown)
            digester.feed(data)
            self.judge(uid, pair, digester.finish())

    def judge(self, uid: UID, pair: Pair, there: Digest) -> None:
        row, entry, _ = pair
        try:
            here = self.run.maildir.digest(self.found.name, entry, self.shown)
        except StorageError as error:
            if error.reach is not Reach.MESSAGE:
                raise
            self.differ(uid, entry, str(error))
            return
        if here is None:
            self.differ(uid, entry, "the file went away while it was to be read")
            return
        if not self.shown:
            self.found.read += 1
            self.found.size += there.size
        if here.body != there.body:
            self.unequal[uid] = pair, there, here
        elif not self.shown and row.body not in (None, here.body):
            self.differ(uid, entry, "the same bytes on both sides, the cache knows others")
        if self.run.progress is not None and not self.shown:
            self.run.progress.advance(1, there.size, f"{self.run.account.name}/{self.found.name}")

    def differ(self, uid: UID, entry: LocalEntry, what: str) -> None:
        self.found.differences.append(Difference(what, uid, entry.path, data=True))


async def read_data(run: Run, found: Found) -> None:
    """Compare the bytes of all pairs of one mailbox."""
    if not found.pairs:
        return
    first = Pass(run, found, dict(found.pairs))
    await first.all()
    if first.pairs:
        alive = await run.server.alive(found.name, UIDSet(first.pairs))
        for uid in alive:
            first.differ(uid, first.pairs[uid][1], "the server lists it and gives no text for it")
    if not first.unequal:
        return
    again = Pass(run, found, {uid: one[0] for uid, one in first.unequal.items()}, shown=True)
    await again.all()
    for uid, (pair, there, here) in sorted(first.unequal.items()):
        row, entry, _ = pair
        stored = _stored_otherwise(pair, there, here)
        shown = again.unequal.get(uid)
        if shown is None and uid not in again.pairs:
            found.notes.append(Difference(_SHOWN, uid, entry.path))
        elif stored and shown is not None and _same_text(*shown[1:]):
            found.notes.append(Difference(_STORED, uid, entry.path))
        else:
            first.differ(uid, entry, _told(row, there, here, stored))


_SHOWN = "the server shows a NUL or a CR of it otherwise"
_STORED = "the server stored it otherwise than it was uploaded"


def _stored_otherwise(pair: Pair, there: Digest, here: Digest) -> bool:
    """Whether the server may have had other bytes than the file ever since it was sent.

    No file's name says that it was fetched: one that was sent and moved has our name, too.  But of
    what was fetched the server told a size: that of the file, or, if its sizes are wrong, another
    than now.  Of what was sent it has told none yet, or the one that it still tells.
    """
    row, _, size = pair
    if here.body != row.body or row.wire_size in (row.size, there.wire_size):
        return False
    if row.server_header not in (None, row.header):
        return there.header == row.server_header
    return row.size in (None, size)


def _same_text(there: Digest, here: Digest) -> bool:
    """Some servers want, or add, a line end at the end."""
    return there.text == here.text and there.ends_line >= here.ends_line


def _told(row: Row, there: Digest, here: Digest, stored: bool) -> str:
    what = f"other bytes: {there.wire_size:,} on the server, {here.wire_size:,} in the file"
    if row.body is None:
        return what
    if stored:
        return f"{what}; the server stored another text than was uploaded, or has changed it since"
    if row.body in (there.body, here.body):
        return f"{what}; the {'file' if row.body == there.body else 'server'} has changed since"
    return f"{what}; both have changed since they were synced"
