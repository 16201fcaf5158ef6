"""Upload: an intent is durable before the command, its outcome verified after (rule 8)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace

from mailsync.cache import IntentKind, NewIntent
from mailsync.executor.boxes import ensure_observed
from mailsync.executor.files import Failed, as_they_were, digested, entry_of
from mailsync.executor.flags import of_all
from mailsync.executor.keywords import may_blame_keywords
from mailsync.executor.outcome import known_uid_next, link_appended
from mailsync.executor.retry import repeated
from mailsync.executor.run import Room, Run, spoils_all
from mailsync.model.actions import Upload
from mailsync.model.content import Digest
from mailsync.model.errors import Disconnected, Help, Reach, Refused, StorageError
from mailsync.model.flags import KEYWORDS, Flags
from mailsync.model.rows import Mailbox, Row
from mailsync.server import Outgoing

BATCH_MESSAGES = 100
BATCH_BYTES = 8 << 20
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Ready:
    """A file that may be sent: read once, unchanged since it was observed."""

    row: Row
    digest: Digest
    flags: Flags  # to be sent with it
    tail: bytes = b""  # what the server wants behind its bytes

    @property
    def size(self) -> int:
        return self.digest.wire_size + len(self.tail)


async def upload(run: Run, action: Upload) -> None:
    box = await ensure_observed(run, action.mailbox)
    rows = tuple(row for row in action.rows if row.id not in run.paired)
    batch: list[Ready] = []
    size = 0
    for at in range(0, len(rows), BATCH_MESSAGES):
        for one in await _ready(run, box, rows[at : at + BATCH_MESSAGES]):
            large = size + one.digest.wire_size > BATCH_BYTES
            if batch and (large or len(batch) >= BATCH_MESSAGES):
                await _send(run, box, batch)
                batch, size = [], 0
            batch.append(one)
            size += one.digest.wire_size
    if batch:
        await _send(run, box, batch)


async def _ready(run: Run, box: Mailbox, rows: tuple[Row, ...]) -> list[Ready]:
    """Compare and read the files; those that changed, vanished or cannot be sent are left out."""
    rows = await as_they_were(run, box, rows)
    ready: list[Ready] = []
    limit = await run.server.append_limit_of(box.name)
    # What is not sent with it differs afterwards, and is stored.
    flags = box.permanent & ~run.server.append_forgets
    for row, digest in await digested(run, box, rows):
        if problem := run.no_uploads(box.id) or _unsendable(run, digest, limit):
            await run.trouble(box.id, [row], f"cannot upload {row.name}: {problem}")
        else:
            unended = run.server.append_wants_crlf and not digest.ends_line
            tail = b"\r\n" if unended else b""
            ready.append(Ready(row, digest, row.local_flags & flags, tail))
    return ready


def _unsendable(run: Run, digest: Digest, limit: int | None) -> str:
    """Why a file cannot be sent to this server; "" when it can."""
    if digest.size == 0:
        return "the file is empty: a server takes no message without bytes"
    if digest.has_nul and not run.server.has_binary:
        return "it holds a NUL byte, and the server has no BINARY (RFC 3516) to take it"
    if limit is not None and digest.wire_size > limit:
        return f"it has {digest.wire_size} bytes, and the server takes at most {limit}"
    return ""


async def _send(run: Run, box: Mailbox, batch: Sequence[Ready]) -> None:
    """One APPEND; refused, it is tried in halves until the culprit is alone."""
    if stopped := run.no_uploads(box.id):
        await run.trouble(box.id, [one.row for one in batch], stopped)
        return
    if (room := run.room.get(box.id)) is not None:
        large = [one.row for one in batch if one.size >= room.size]
        await run.trouble(box.id, large, room.text)
        batch = [one for one in batch if one.size < room.size]
        if not batch:
            return
    if not run.server.has_multiappend and len(batch) > 1:
        for one in batch:
            await _send(run, box, [one])
        return
    uid_next = await known_uid_next(run, box)
    new = [_intent(box, one, uid_next) for one in batch]
    ids = await run.stored(run.cache.begin_intents, new, run.id, run.now())
    unread: Failed[Row] = []
    messages = [_outgoing(run, box, one, unread) for one in batch]
    run.changed.add(box.id)
    try:
        appended = await repeated(
            run.world.rand,
            lambda: run.server.append(box.name, messages, uid_validity=box.uid_validity),
        )
    except Disconnected:
        run.doubt()
        raise
    except StorageError as error:
        # Half a message was sent: nothing was stored, and the connection is closed.
        await run.stored(run.cache.dropped, ids)
        await run.file_trouble(box.id, unread)
        if error.reach is Reach.MESSAGE:
            raise Disconnected(f"closed in the middle of a message: {error}") from error
        raise
    except Refused as error:
        await run.stored(run.cache.dropped, ids)
        if any(one.flags & KEYWORDS for one in batch) and may_blame_keywords(error):
            # Without them it says what it has against the rest; they are stored afterwards.
            plain = [replace(one, flags=one.flags & ~KEYWORDS) for one in batch]
            await _send(run, box, plain)
        else:
            await _refused(run, box, batch, error)
        return
    made = [one for one in await run.stored(run.cache.intents) if one.id in set(ids)]
    named = appended.uids if appended.uid_validity in (None, box.uid_validity) else None
    left = {intent.new.row for intent in await link_appended(run, box, made, named)}
    run.count()
    stored = [one for one in batch if one.row.id not in left]
    run.done(box.id, "uploaded", len(stored), sum(one.digest.wire_size for one in stored))


def _intent(box: Mailbox, one: Ready, uid_next: int) -> NewIntent:
    assert box.uid_validity is not None
    return NewIntent(
        kind=IntentKind.APPEND,
        row=one.row.id,
        source=None,
        mailbox=box.id,
        uid_validity=box.uid_validity,
        uid_next=uid_next,
        message_id=one.digest.message_id,
        size=one.size,
        body=one.digest.body,
        header=one.digest.header,
        internal_date=one.row.mtime,
        flags=one.flags,
    )


def _outgoing(run: Run, box: Mailbox, one: Ready, unread: Failed[Row]) -> Outgoing:
    """`unread` tells of the file that could not be read to its end, if only it is to blame."""

    async def chunks() -> AsyncIterator[bytes]:
        entry = entry_of(one.row)
        try:
            source = run.maildir.wire_chunks(box.name, entry, one.digest.wire_size)
            while piece := await run.disk(_next_piece, source or iter(())):
                yield piece
            if one.tail:
                yield one.tail
        except StorageError as error:
            if error.reach is Reach.MESSAGE and error.help is not Help.RETRY:
                unread.append((one.row, error))
            raise

    return Outgoing(
        flags=one.flags,
        internal_date=one.row.mtime,
        size=one.size,
        open=chunks,
        binary=one.digest.has_nul,
    )


def _next_piece(source: Iterator[bytes]) -> bytes:
    """About a megabyte of the file in wire form; b"" at its end."""
    parts: list[bytes] = []
    size = 0
    for part in source:
        parts.append(part)
        size += len(part)
        if size >= PIECE:
            break
    return b"".join(parts)


async def _refused(run: Run, box: Mailbox, batch: Sequence[Ready], error: Refused) -> None:
    if spoils_all(error):
        raise error
    full = error.code == "OVERQUOTA"
    if not full and of_all(error):
        run.stopped[box.id] = f"cannot upload to {box.name}: {error}"
        await run.trouble(box.id, [one.row for one in batch], run.stopped[box.id])
    elif len(batch) == 1:
        row = batch[0].row
        text = f"the server refused {row.name}: {error}"
        if full:
            text = f"the server's quota is used up: {error}"
            run.room[box.id] = Room(batch[0].size, text)
        await run.trouble(box.id, [row], text)
    else:
        if full:  # what is smaller may have room; where there is none, the smallest says so for all
            batch = sorted(batch, key=lambda one: one.size)
        half = len(batch) // 2
        await _send(run, box, batch[:half])
        await _send(run, box, batch[half:])
