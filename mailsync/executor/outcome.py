"""What became of what was sent: an intent is linked with the message that it made (rule 8)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from mailsync.cache import Intent, IntentKind, Linked
from mailsync.executor.boxes import cursor_of
from mailsync.executor.identify import agrees, alike, match, may_be, near, same_header
from mailsync.executor.run import RESOLVE, Run
from mailsync.model.actions import uid_of
from mailsync.model.content import Head
from mailsync.model.errors import Refused
from mailsync.model.flags import KEYWORDS, Flags
from mailsync.model.ids import UID, UID_MAX, MailboxId
from mailsync.model.rows import Mailbox, Presence, Wait
from mailsync.model.uidset import UIDSet
from mailsync.server import Identity


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
    if len(free) == len(intents) and await _are_copies(run, intents):
        shown = await run.server.identify(box.name, UIDSet(free))
        pairs = list(zip(sorted(intents, key=lambda one: one.id), free, strict=True))
        now = run.now()
        if all(uid in shown and may_be(intent, shown[uid], now) for intent, uid in pairs):
            await _link(run, box, pairs, shown, answered=True)
            return True
    return False


async def _are_copies(run: Run, intents: Sequence[Intent]) -> bool:
    """A COPY of what another client took out before is OK, and makes nothing: what is new in its
    target is somebody else's."""
    kinds = (IntentKind.COPY, IntentKind.MOVE_BY_COPY)
    made_of = [one.new.source for one in intents if one.new.kind in kinds]
    sources: dict[MailboxId, list[UID]] = {}
    for row in await run.stored(run.cache.rows, [one for one in made_of if one is not None]):
        sources.setdefault(row.mailbox, []).append(uid_of(row))
    for mailbox, uids in sources.items():
        if set(uids) - (await run.server.identify(run.name(mailbox), UIDSet(uids))).keys():
            return False
    return True


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
                internal_date=shown[uid].internal_date,
                size=shown[uid].size,
                email_id=shown[uid].email_id,
                keywords=run.keywords.split(shown[uid].extra)[0],
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

    `answered`: their commands were answered with OK just now.  What may be what was sent, and does
    not show itself, is not to be fetched as another message (`run.veiled`); nor is any, should
    this fail.
    """
    run.veiled[box.name] = UIDSet.span(_lowest(box, intents), UID_MAX)
    new = await _new_uids(run, box, intents)
    left, veiled = await _offer(run, box, intents, new, answered)
    for intent in list(left):
        if intent.new.message_id:
            hits = await run.server.search_message_id(box.name, intent.new.message_id)
            free = await _unlinked(run, box, hits)
            rest, more = await _offer(run, box, [intent], free, answered)
            veiled |= more
            if not rest:
                left.remove(intent)
    run.veiled[box.name] = veiled if left else UIDSet()
    return left


async def went_on(run: Run, box: Mailbox, intents: Sequence[Intent]) -> list[Intent]:
    """Of what was sent and is not in its mailbox, what another client moved on before it was seen
    there: a UID is missing, and elsewhere a message is new that proves to be it.  Its file counts
    as one that lost its message, and is planned to follow it.  Returns the rest."""
    sent = [intent for intent in intents if intent.new.kind is IntentKind.APPEND]
    if not sent or not await _has_lost(run, box, sent):
        return list(intents)
    dates = {intent.new.internal_date for intent in sent}
    sizes = {intent.new.size for intent in sent}
    new: dict[MailboxId, list[UID]] = {}
    for row in await run.stored(run.cache.open_rows):
        other = run.mailboxes[row.mailbox]
        seen = other.selected and other.server is Presence.THERE and other.id != box.id
        fresh = row.server is Presence.THERE and row.local is Presence.NONE and row.wait is Wait.NO
        if seen and fresh and (row.internal_date in dates or row.size in sizes):
            new.setdefault(row.mailbox, []).append(uid_of(row))
    left = list(intents)
    for mailbox, uids in new.items():
        other = run.mailboxes[mailbox]
        before, free = run.veiled.get(other.name, UIDSet()), UIDSet(uids)
        run.veiled[other.name] = before | free
        async with run.only_trouble(other, RESOLVE):
            here = [intent for intent in sent if intent in left]
            shown = await run.server.identify(other.name, free)
            headers = await run.server.headers(other.name, near(here, shown))
            found = [intent for intent, _ in match(here, shown, headers)]
            await run.stored(run.cache.went_on, [intent.id for intent in found])
            left = [intent for intent in left if intent not in found]
            run.veiled[other.name] = before | _unshown(left, free, shown, headers)
            run.tallies.troubles.pop((RESOLVE, other.name), None)
    return left


async def _has_lost(run: Run, box: Mailbox, intents: Sequence[Intent]) -> bool:
    """Whether a UID was given there since the oldest of the intents, and is no more."""
    if any(intent.new.uid_validity != box.uid_validity for intent in intents):
        return False
    lowest = UID(min(intent.new.uid_next for intent in intents))
    now = await run.server.recheck(box.name, lowest, uid_validity=box.uid_validity)
    return now.cursor.uid_next - lowest > len(now.items)


async def is_hidden(run: Run, box: Mailbox, intent: Intent) -> bool:
    """Whether the server lists a new message that it does not show, so that it may be this one."""
    free = await _new_uids(run, box, [intent])
    if intent.new.message_id:
        hits = await run.server.search_message_id(box.name, intent.new.message_id)
        free |= await _unlinked(run, box, hits)
    shown = await run.server.identify(box.name, free)
    if free - _told(shown):
        return True
    doubtful = UIDSet(uid for uid, one in shown.items() if alike(intent, one))
    headers = await run.server.headers(box.name, doubtful)
    return any(headers.get(uid) is None for uid in doubtful)


def _told(shown: Mapping[UID, Identity]) -> UIDSet:
    return UIDSet(uid for uid, one in shown.items() if one.size is not None)


def _unshown(
    intents: Sequence[Intent],
    free: UIDSet,
    shown: Mapping[UID, Identity],
    headers: Mapping[UID, Head | None],
) -> UIDSet:
    """Of `free`, what may be one of these and does not show itself."""
    if not intents:
        return UIDSet()
    mute = (uid for uid in near(intents, shown) if headers.get(uid) is None)
    doubtful = UIDSet(uid for uid in mute if any(alike(one, shown[uid]) for one in intents))
    return (free - _told(shown)) | doubtful


async def _new_uids(run: Run, box: Mailbox, intents: Sequence[Intent]) -> UIDSet:
    """Those that came since the oldest of the intents and that no row has yet."""
    lowest = _lowest(box, intents)
    since = await run.server.recheck(box.name, lowest, uid_validity=box.uid_validity)
    if since.cursor.uid_next < lowest:  # it never goes back (RFC 9051 §2.3.1.1): it was not so
        since = await run.server.recheck(box.name, UID(1), uid_validity=box.uid_validity)
    return await _unlinked(run, box, UIDSet(item.uid for item in since.items))


def _lowest(box: Mailbox, intents: Sequence[Intent]) -> UID:
    """Under another UIDVALIDITY UIDNEXT-before means nothing: look everywhere."""
    sound = all(intent.new.uid_validity == box.uid_validity for intent in intents)
    return UID(min(intent.new.uid_next for intent in intents) if sound else 1)


async def _unlinked(run: Run, box: Mailbox, uids: UIDSet) -> UIDSet:
    return uids - UIDSet(await linked_uids(run, box, list(uids)))


async def _offer(
    run: Run, box: Mailbox, intents: Sequence[Intent], free: UIDSet, answered: bool
) -> tuple[list[Intent], UIDSet]:
    """Link what is found among UIDs that no row has; returns the intents that are left, and what
    may be theirs and does not show itself."""
    shown = await run.server.identify(box.name, free)
    worth = near(intents, shown)
    headers = await run.server.headers(box.name, worth)
    found = match(intents, {uid: shown[uid] for uid in worth}, headers)
    await _link(run, box, found, shown, answered=answered)
    linked = {intent.id for intent, _ in found}
    left = [intent for intent in intents if intent.id not in linked]
    return left, _unshown(left, free, shown, headers)


async def linked_uids(run: Run, box: Mailbox, uids: Sequence[UID]) -> set[UID]:
    """Those of `uids` that belong to a message with a file: not free for an intent."""
    rows = await run.stored(run.cache.row_of_uid, box.id, uids)
    return {uid for uid, row in rows.items() if row.local is not Presence.NONE}


async def known_uid_next(run: Run, box: Mailbox) -> int:
    """UIDNEXT as last observed: at most the true one, so no new UID hides below it."""
    cursor = await cursor_of(run, box)
    return 1 if cursor is None else cursor.uid_next
