"""Store what the server showed.  One statement for each question, whatever the count.

The listing goes into a temporary table; the diff is set-wise.  `+seen_server.uid` keeps SQLite
from looping over the mailbox instead of over what was seen (a delta of ten in 100,000 rows);
`+messages.server` keeps it from taking the index of the counts.
"""

# ruff: noqa: S608 (the statements are put together from constants of this room)
from __future__ import annotations

from sqlalchemy import Connection, Row, TextClause, text

from mailsync.cache import keywords
from mailsync.cache.outcomes import try_marked
from mailsync.cache.relink import doubt_server
from mailsync.cache.schema import MARKED, OPEN
from mailsync.cache.sql import (
    BOTH_GONE,
    FREE,
    FREE_UNLESS_FIRM,
    NO_WAIT,
    STAYS,
    agreed,
    dump_extra,
    load_spans,
    many,
    no_base_where,
    spared,
    want,
)
from mailsync.cache.words import Stored
from mailsync.model.flags import Flags
from mailsync.model.ids import UID_MAX
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import ServerObservation
from mailsync.model.uidset import UIDSet

_BOX = text("""
    SELECT id, uid_validity, permanent, read_only, listed, refused, mailbox_id FROM mailboxes
    WHERE name = :name""")
_NEW_BOX = text("INSERT INTO mailboxes (name, server, relink) SELECT :name, 1, relink FROM account")
_SEEN = """
    INSERT INTO seen_server (uid, flags, extra, internal_date, size, email_id)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (uid) DO UPDATE SET
        flags = excluded.flags, extra = excluded.extra,
        internal_date = coalesce(excluded.internal_date, internal_date),
        size = coalesce(excluded.size, size), email_id = coalesce(excluded.email_id, email_id)"""
_MASKED = "(seen_server.flags & :permanent)"
_AGREED = agreed(_MASKED, "messages.local_flags")
# What comes back after both sides had lost it is a new message.
_CHANGE = f"""
    UPDATE messages SET
        server = 1, server_shown = seen_server.flags, server_flags = {_MASKED},
        server_extra = seen_server.extra,
        internal_date = coalesce(seen_server.internal_date, messages.internal_date),
        size = coalesce(seen_server.size, messages.size),
        email_id = coalesce(seen_server.email_id, messages.email_id),
        synced = CASE WHEN messages.local = 1 THEN {_AGREED}
            WHEN {BOTH_GONE} THEN NULL
            ELSE messages.synced END,
        synced_masked = CASE WHEN {BOTH_GONE} THEN 0 ELSE messages.synced_masked END,
        settled = CASE WHEN (messages.server IN (1, 3) OR messages.settled = 3) AND NOT (
                messages.settled = 3 AND NOT seen_server.flags & {Flags.DELETED:d})
            THEN messages.settled ELSE 0 END,
        %s
    FROM seen_server
    WHERE messages.mailbox = :box AND messages.uid = +seen_server.uid AND %s"""
CAME_BACK = text(
    _CHANGE % (FREE, f"messages.server <> 1 AND NOT (messages.server = 3 AND {STAYS})")
)
FOUND_AGAIN = text(_CHANGE % ("hint_uid = NULL", "messages.server = 3"))
CHANGED = text(
    _CHANGE
    % (
        FREE_UNLESS_FIRM,
        "messages.server = 1 AND (messages.server_shown <> seen_server.flags"
        " OR messages.server_extra IS NOT seen_server.extra)",
    )
)
ADDED = text(f"""
    INSERT INTO messages
        (mailbox, uid, server, server_shown, server_flags, server_extra, internal_date, size,
         email_id)
    SELECT :box, seen_server.uid, 1, seen_server.flags, {_MASKED}, seen_server.extra,
        seen_server.internal_date, seen_server.size, seen_server.email_id
    FROM seen_server
    WHERE NOT EXISTS (
        SELECT 1 FROM messages WHERE messages.mailbox = :box AND messages.uid = seen_server.uid)
    ORDER BY seen_server.uid""")
ABSENT = text("""
    INSERT INTO wanted (id)
    SELECT messages.id FROM spans CROSS JOIN messages
    WHERE messages.mailbox = :box AND messages.uid BETWEEN spans.low AND spans.high
        AND +messages.server = 1
        AND NOT EXISTS (SELECT 1 FROM seen_server WHERE seen_server.uid = messages.uid)""")
# Gone with a mark of ours that was to be taken back, as the file is there again: nobody deleted it.
_RETURNED = f"({MARKED} AND local = 1 AND local_flags & {Flags.DELETED:d} = 0)"
_GONE = text(f"""
    UPDATE messages SET
        server = 2, marked = 0, settled = {spared("messages.local_flags")},
        {no_base_where(_RETURNED)},
        {FREE}
    WHERE id IN (SELECT id FROM wanted)""")
# Without UIDPLUS what others marked \\Deleted holds up what we marked (reliability.md I16).
BLOCKED = text(f"""
    SELECT CASE WHEN EXISTS (
        SELECT 1 FROM messages
        WHERE mailbox = :box AND {MARKED} AND wait = 0 AND next_try IS NOT NULL)
    THEN EXISTS (
        SELECT 1 FROM messages
        WHERE mailbox = :box AND server = 1 AND NOT {MARKED}
            AND server_shown & {Flags.DELETED:d} <> 0) END""")
# Another message than the one that had the UID, whether that is there, gone or unknown: two of
# three are not what the server said before.  One alone may be an estimate (a size), or made anew
# (an id).
REUSED = text("""
    SELECT EXISTS (
        SELECT 1 FROM seen_server CROSS JOIN messages
        WHERE messages.mailbox = :box AND messages.uid = +seen_server.uid
            AND coalesce(messages.internal_date <> seen_server.internal_date, 0)
                + coalesce(messages.size <> seen_server.size, 0)
                + coalesce(messages.email_id <> seen_server.email_id, 0) >= 2)""")
# No UID comes back: what is gone and listed again may be another message.
BACK_AGAIN = text("""
    SELECT EXISTS (
        SELECT 1 FROM seen_server CROSS JOIN messages
        WHERE messages.mailbox = :box AND messages.uid = +seen_server.uid
            AND +messages.server <> 1)""")
# What was sent since the cursor has a UID that is not below its UIDNEXT.
_BEYOND = text("""
    SELECT EXISTS (
        SELECT 1 FROM messages WHERE mailbox = :box AND uid >= :uid_next AND +server = 1)""")
_COUNT = text("SELECT count(*) FROM messages WHERE mailbox = :box AND server = 1")
COUNT_IN_SPANS = text("""
    SELECT count(*) FROM spans CROSS JOIN messages
    WHERE messages.mailbox = :box AND messages.uid BETWEEN spans.low AND spans.high
        AND +messages.server = 1""")
# In other mailboxes, too: it may be \Trash, to which they could not be moved.
_WRITABLE = text(f"""
    UPDATE messages SET {NO_WAIT}
    WHERE {OPEN} AND wait = 2 AND wait_side = 'server' AND wait_policy IS NOT NULL
        AND settled <> 2""")
_ADVANCE = text("""
    UPDATE mailboxes SET
        server = 1, uid_validity = :uid_validity, uid_next = :uid_next, messages = :messages,
        highest_modseq = :highest_modseq, permanent = :permanent, read_only = :read_only,
        listed = :listed, refused = :refused,
        mailbox_id = coalesce(:mailbox_id, mailbox_id), audit_at = coalesce(audit_at, :now)
    WHERE id = :box""")


class DoesNotAddUp(Exception):
    """Raised to roll the transaction back."""


def store_server(c: Connection, obs: ServerObservation, now: float) -> Stored:
    """Raises DoesNotAddUp when a delta does not lead to what the server counts, or does not say of
    what it shows which messages those are."""
    box = _mailbox(c, obs.mailbox)
    had = box.uid_validity
    known = keywords.learn(c, {name for item in obs.items for name in item.extra})
    shown = _load(c, obs, known)
    renumbered = had is not None and had != obs.cursor.uid_validity
    reused = not renumbered and (
        another(box.mailbox_id, obs.mailbox_id)
        or obs.went_back
        or _is_so(c, REUSED, box.id)
        or _went_back(c, obs, box.id)
    )
    if obs.scant and (reused or _is_so(c, BACK_AGAIN, box.id)):
        raise DoesNotAddUp  # flags do not tell what it is, nor with which file it is to be paired
    if renumbered or reused:
        doubt_server(c, box.id)
    permanent, read_only = box.permanent, bool(box.read_only)
    listed, refused = box.listed, Flags(box.refused) & ~shown
    if obs.permanent is not None:
        if keywords.listed(obs) != listed:
            listed, refused = keywords.listed(obs), Flags.NONE  # to be tried again
        permanent, read_only = keywords.permanent(known, obs, refused), obs.read_only
    bound = {"box": box.id, "permanent": permanent}
    if box.permanent != permanent:
        c.execute(keywords.REMASK, bound)
    if box.read_only and not read_only:
        c.execute(_WRITABLE)  # what could not be sent is planned anew
    blocked = c.execute(BLOCKED, bound).scalar_one()
    if obs.items:
        c.execute(CAME_BACK, bound)
        c.execute(FOUND_AGAIN, bound)
        c.execute(CHANGED, bound)
        c.execute(ADDED, bound)
    if obs.complete or obs.vanished:
        load_spans(c, (obs.complete | obs.vanished).ranges)
        want(c, [])
        if c.execute(ABSENT, bound).rowcount:
            c.execute(_GONE)
    if blocked and not c.execute(BLOCKED, bound).scalar_one():
        try_marked(c, box.id)
    there: int = c.execute(_COUNT, bound).scalar_one()
    if there != obs.cursor.messages and not _whole(c, obs.complete, there, box.id):
        raise DoesNotAddUp
    c.execute(
        _ADVANCE,
        {
            "box": box.id,
            "uid_validity": obs.cursor.uid_validity,
            "uid_next": obs.cursor.uid_next,
            "messages": obs.cursor.messages,
            "highest_modseq": obs.cursor.highest_modseq,
            "permanent": permanent,
            "listed": listed,
            "refused": int(refused),
            "read_only": read_only,
            "mailbox_id": obs.mailbox_id,
            "now": now,
        },
    )
    return Stored(ok=True, relinked=renumbered, reused=reused)


def _mailbox(
    c: Connection, name: MailboxName
) -> Row[tuple[int, int | None, int, bool, str | None, int, str | None]]:
    found = c.execute(_BOX, {"name": name}).one_or_none()
    if found is None:
        c.execute(_NEW_BOX, {"name": name})
        found = c.execute(_BOX, {"name": name}).one()
    return found


def _is_so(c: Connection, question: TextClause, box: int) -> bool:
    return bool(c.execute(question, {"box": box}).scalar_one())


def another(had: str | None, now: str | None) -> bool:
    """Whether a MAILBOXID is another mailbox's, whose UIDVALIDITY may be the same: many servers
    take the time at which a mailbox was made."""
    return had is not None and now is not None and had != now


def _went_back(c: Connection, obs: ServerObservation, box: int) -> bool:
    """Whether the server says, and lists, that a UID is yet to be given which a message has: the
    cursor may be of a time when it had not come."""
    untold = obs.scant or UID_MAX in obs.complete or len(obs.items) != obs.cursor.messages
    bound = {"box": box, "uid_next": obs.cursor.uid_next}
    return not untold and bool(c.execute(_BEYOND, bound).scalar_one())


def _load(c: Connection, obs: ServerObservation, known: Keywords) -> Flags:
    """Fill `seen_server`; the keywords that some message shows."""
    c.exec_driver_sql("DELETE FROM seen_server")
    kinds = {extra: known.split(extra) for extra in {item.extra for item in obs.items}}
    texts = {extra: dump_extra(rest) for extra, (_, rest) in kinds.items()}
    many(
        c,
        _SEEN,
        [
            (
                item.uid,
                int(item.flags) | int(kinds[item.extra][0]),
                texts[item.extra],
                item.internal_date,
                item.size,
                item.email_id,
            )
            for item in obs.items
        ],
    )
    shown = Flags.NONE
    for flags, _ in kinds.values():
        shown |= flags
    return shown


def _whole(c: Connection, complete: UIDSet, known: int, box: int) -> bool:
    """Everything that the listing did not cover is known to be there, so nothing is missing."""
    if not complete:
        return False
    gaps = UIDSet.span(1, UID_MAX) - complete
    if not gaps:
        return True
    if len(gaps) > known:
        return False
    load_spans(c, gaps.ranges)
    covered: int = c.execute(COUNT_IN_SPANS, {"box": box}).scalar_one()
    return covered == len(gaps)
