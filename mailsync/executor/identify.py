"""Is this message on the server the one we sent?  APPENDUID and COPYUID are not taken on trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailsync.cache import Intent, IntentKind
from mailsync.model.content import Head
from mailsync.model.ids import UID
from mailsync.model.rows import Row
from mailsync.model.uidset import UIDSet
from mailsync.server import Identity

JUST_NOW = 120.0  # seconds


def agrees(intent: Intent, shown: Identity, *, fresh: bool) -> bool:
    """Whether a UID that the server named for an intent may be the one.

    A server may rewrite headers or misjudge sizes, so one agreeing trait is enough; on a `fresh`
    UID, one not below UIDNEXT-before, the date alone is.
    """
    if intent.new.message_id and shown.message_id:
        return intent.new.message_id == shown.message_id
    same_date = shown.internal_date == intent.new.internal_date
    return shown.size == intent.new.size or (fresh and same_date)


def resembles(intent: Intent, shown: Identity) -> bool:
    """Whether it is worth comparing headers: the same Message-ID, size or date."""
    if intent.new.message_id or shown.message_id:
        return intent.new.message_id == shown.message_id
    return alike(intent, shown)


def alike(intent: Intent, shown: Identity) -> bool:
    return shown.size == intent.new.size or shown.internal_date == intent.new.internal_date


def may_have_made(intent: Intent, row: Row) -> bool:
    """Whether a message that is listed, and of which nothing else is told, may be the one."""
    sent = intent.new
    return row.size in (None, sent.size) or row.internal_date in (None, sent.internal_date)


def may_be(intent: Intent, shown: Identity, now: float) -> bool:
    """Whether a message that nobody named, and that alone is new, is the one we sent.

    Under another Message-ID (some servers rewrite it, but not in a COPY) only with a date of ours
    that no message can have that somebody else delivered just now.
    """
    date = intent.new.internal_date
    if resembles(intent, shown):
        return alike(intent, shown)
    if intent.new.kind is not IntentKind.APPEND:
        return False
    return date is not None and shown.internal_date == date and abs(now - date) > JUST_NOW


def same_header(intent: Intent, header: Head | None) -> bool:
    return header is not None and header.hash == intent.new.header


def same_message(intent: Intent, shown: Identity, header: Head | None) -> bool:
    """Proof enough to link without a UID named by the server.

    Equal headers; or, where the server rewrote them, the same Message-ID and INTERNALDATE.
    """
    if same_header(intent, header):
        return alike(intent, shown)
    same_id = bool(intent.new.message_id) and intent.new.message_id == shown.message_id
    return same_id and shown.internal_date == intent.new.internal_date


def match(
    intents: Sequence[Intent],
    shown: Mapping[UID, Identity],
    headers: Mapping[UID, Head | None],
) -> list[tuple[Intent, UID]]:
    """Each intent with the lowest unused UID that is its message: twins pair in UID order."""
    free = sorted(shown)
    found: list[tuple[Intent, UID]] = []
    for intent in sorted(intents, key=lambda one: one.id):
        uid = next((u for u in free if same_message(intent, shown[u], headers.get(u))), None)
        if uid is not None:
            free.remove(uid)
            found.append((intent, uid))
    return found


def near(intents: Sequence[Intent], shown: Mapping[UID, Identity]) -> UIDSet:
    """The UIDs whose headers decide."""
    return UIDSet(uid for uid, one in shown.items() if any(resembles(i, one) for i in intents))
