"""Upload: an intent is durable before the command, its outcome verified after (rule 8)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace

from mailsync.cache import Intent, IntentKind, Linked, NewIntent
from mailsync.executor.boxes import ensure_observed
from mailsync.executor.files import Failed, as_they_were, digested, entry_of
from mailsync.executor.flags import of_all
from mailsync.executor.identify import agrees, alike, are_copies, match, may_be, near, same_header
from mailsync.executor.keywords import may_blame_keywords
from mailsync.executor.retry import repeated
from mailsync.executor.run import Room, Run, spoils_all
from mailsync.model.actions import Upload
from mailsync.model.content import Digest
from mailsync.model.errors import Disconnected, Help, Reach, Refused, StorageError
from mailsync.model.flags import KEYWORDS, Flags
from mailsync.model.ids import UID
from mailsync.model.rows import Mailbox, Presence, Row
from mailsync.model.uidset import UIDSet
from mailsync.server import Identity, Outgoing

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


# -- outcomes ------------------------------------------------------------------------------------


async def link_appended(
    run: Run, box: Mailbox, intents: Sequence[Intent], named: Sequence[UID] | None
) -> list[Intent]:
    """After an OK: give the rows their UIDs, those that the server named if they hold, else by a
    look-up.  Returns those that are not to be found: the server may show them later."""
    left = list(intents)
    if named is not None and len(named) == len(intents) == len(set(named)):
        left = await _link_named(run, box, dict(zip(named, intents, strict=True)))
    if left:
        left = await look_up(run, box, left, answered=True)
    if left and await _link_alone(run, box, left):
        left = []
    return left


async def _link_named(run: Run, box: Mailbox, named: dict[UID, Intent]) -> list[Intent]:
    """Link what the server named and what holds; returns the intents that are left.

    A server may store another form, with another date, so that size, date and Message-ID all
    differ (Dovecot drops a CR before CR LF, and takes a date after 2037 for now).  Then equal
    headers prove a new UID to be ours; or that nothing else is new in the mailbox.
    """
    taken = await linked_uids(run, box, list(named))
    shown = await run.server.identify(box.name, UIDSet(named))
    free = {uid: intent for uid, intent in named.items() if uid in shown and uid not in taken}
    fresh = {uid for uid, intent in free.items() if uid >= intent.new.uid_next}
    sure = [uid for uid, one in free.items() if agrees(one, shown[uid], fresh=uid in fresh)]
    doubtful = fresh.difference(sure)
    mixed_up = False
    if doubtful:
        heads = await run.server.headers(box.name, UIDSet(doubtful))
        sure += [uid for uid in doubtful if same_header(free[uid], heads.get(uid))]
        doubtful.difference_update(sure)
        # One that is another's: the server named them in a wrong order (MailKit #1405).
        rest = {uid: shown[uid] for uid in doubtful}
        mixed_up = bool(match([free[uid] for uid in doubtful], rest, heads))
    await _link(run, box, [(free[uid], uid) for uid in sure], shown, answered=True)
    if doubtful and not mixed_up and len(sure) + len(doubtful) == len(named):
        alone = await _new_uids(run, box, [free[uid] for uid in doubtful])
        if alone == UIDSet(doubtful):
            await _link(run, box, [(free[uid], uid) for uid in doubtful], shown, answered=True)
            return []
    return [intent for uid, intent in named.items() if uid not in sure]


async def _link_alone(run: Run, box: Mailbox, intents: Sequence[Intent]) -> bool:
    """Nothing else is new in the mailbox, the dates or sizes agree and no Message-ID says
    otherwise: a server that names no UIDs and rewrites headers."""
    free = list(await _new_uids(run, box, intents))
    if len(free) == len(intents) and await are_copies(run, intents):
        shown = await run.server.identify(box.name, UIDSet(free))
        pairs = list(zip(sorted(intents, key=lambda one: one.id), free, strict=True))
        now = run.now()
        if all(uid in shown and may_be(intent, shown[uid], now) for intent, uid in pairs):
            await _link(run, box, pairs, shown, answered=True)
            return True
    return False


async def _link(
    run: Run,
    box: Mailbox,
    pairs: Sequence[tuple[Intent, UID]],
    shown: dict[UID, Identity],
    *,
    answered: bool,
) -> None:
    """`answered`: with OK, just now."""
    if answered:
        await _set_forgotten(run, box, pairs, shown)
    if pairs:
        items = [
            Linked(
                intent.id,
                uid,
                email_id=shown[uid].email_id,
                keywords=run.keywords.split(shown[uid].extra)[0] & KEYWORDS,
            )
            for intent, uid in pairs
        ]
        await run.stored(run.cache.linked, items, run.now())


async def _set_forgotten(
    run: Run, box: Mailbox, pairs: Sequence[tuple[Intent, UID]], shown: dict[UID, Identity]
) -> None:
    """Some servers forget flags of an APPEND (imap4d all of them).  What is missing a moment later
    is set before the link makes it the base of a merge: else it would seem removed there."""
    forgotten: dict[Flags, list[UID]] = {}
    for intent, uid in pairs:
        sent = intent.new.kind is IntentKind.APPEND  # a MOVE takes the flags of now along
        lost = intent.new.flags & ~KEYWORDS & box.permanent & ~shown[uid].flags
        if sent and lost:
            forgotten.setdefault(lost, []).append(uid)
    for flags, uids in forgotten.items():
        with contextlib.suppress(Refused):  # then it cannot be kept there
            await run.server.store(
                box.name, UIDSet(uids), flags, Flags.NONE, uid_validity=box.uid_validity
            )


async def look_up(
    run: Run, box: Mailbox, intents: Sequence[Intent], *, answered: bool = False
) -> list[Intent]:
    """Offer new UIDs to the intents, then the whole mailbox by Message-ID; returns the rest.

    `answered`: their commands were answered with OK just now."""
    left = await _offer(run, box, intents, await _new_uids(run, box, intents), answered)
    for intent in list(left):
        if intent.new.message_id:
            hits = await run.server.search_message_id(box.name, intent.new.message_id)
            if not await _offer(run, box, [intent], await _unlinked(run, box, hits), answered):
                left.remove(intent)
    return left


async def is_hidden(run: Run, box: Mailbox, intent: Intent) -> bool:
    """Whether the server lists a new message that it does not show, so that it may be this one."""
    free = await _new_uids(run, box, [intent])
    if intent.new.message_id:
        hits = await run.server.search_message_id(box.name, intent.new.message_id)
        free |= await _unlinked(run, box, hits)
    shown = await run.server.identify(box.name, free) if free else {}
    told = UIDSet(uid for uid, one in shown.items() if one.size is not None)
    if free - told:
        return True
    doubtful = UIDSet(uid for uid, one in shown.items() if alike(intent, one))
    headers = await run.server.headers(box.name, doubtful) if doubtful else {}
    return any(headers.get(uid) is None for uid in doubtful)


async def _new_uids(run: Run, box: Mailbox, intents: Sequence[Intent]) -> UIDSet:
    """Those that came since the oldest of the intents and that no row has yet."""
    # Under another UIDVALIDITY UIDNEXT-before means nothing: look everywhere.
    sound = all(intent.new.uid_validity == box.uid_validity for intent in intents)
    lowest = min(intent.new.uid_next for intent in intents) if sound else 1
    since = await run.server.recheck(box.name, UID(lowest), uid_validity=box.uid_validity)
    return await _unlinked(run, box, UIDSet(item.uid for item in since.items))


async def _unlinked(run: Run, box: Mailbox, uids: UIDSet) -> UIDSet:
    return uids - UIDSet(await linked_uids(run, box, list(uids))) if uids else uids


async def _offer(
    run: Run, box: Mailbox, intents: Sequence[Intent], free: UIDSet, answered: bool
) -> list[Intent]:
    """Link what is found among UIDs that no row has; returns the intents that are left."""
    if not free or not intents:
        return list(intents)
    shown = await run.server.identify(box.name, free)
    worth = near(intents, shown)
    headers = await run.server.headers(box.name, worth) if worth else {}
    found = match(intents, {uid: shown[uid] for uid in worth}, headers)
    await _link(run, box, found, shown, answered=answered)
    linked = {intent.id for intent, _ in found}
    return [intent for intent in intents if intent.id not in linked]


async def linked_uids(run: Run, box: Mailbox, uids: Sequence[UID]) -> set[UID]:
    """Those of `uids` that belong to a message with a file: not free for an intent."""
    rows = await run.stored(run.cache.row_of_uid, box.id, uids)
    return {uid for uid, row in rows.items() if row.local is not Presence.NONE}


async def known_uid_next(run: Run, box: Mailbox) -> int:
    """UIDNEXT as last observed: at most the true one, so no new UID hides below it."""
    known = (await run.stored(run.cache.cursors)).get(box.name)
    return known.cursor.uid_next if known is not None and known.cursor is not None else 1
