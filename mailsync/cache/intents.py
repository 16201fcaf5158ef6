# ruff: noqa: S608 (the statements are put together from constants of this room)
"""Intents: commands whose outcome must be known before anything else is done (rule 8)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, text

from mailsync.cache.sql import (
    FREE,
    NEVER_SENT,
    NO_TROUBLE,
    NO_WAIT,
    PERMANENT,
    SHOWABLE,
    agree,
    spared,
    want,
)
from mailsync.cache.tables import intents as table
from mailsync.cache.words import Intent, IntentKind, Linked, Moment, NewIntent
from mailsync.model.flags import KEYWORDS, Flags
from mailsync.model.ids import IntentId
from mailsync.model.rows import Presence, Settled

MEANT_FOR = 366 * 86400.0  # seconds; any change of the message ends it
MOVES = frozenset({IntentKind.MOVE, IntentKind.MOVE_BY_COPY})  # with the merge base of the source

_ROW = text("SELECT * FROM messages WHERE id = :id")
_AT_UID = text("SELECT * FROM messages WHERE mailbox = :box AND uid = :uid")
_DELETE = text("DELETE FROM messages WHERE id = :id")
_MOVE_INTENTS = [
    text("UPDATE intents SET row = :to WHERE row = :gone"),
    text("UPDATE intents SET source = :to WHERE source = :gone"),
]
_LINK = text(f"""
    UPDATE messages SET
        uid = :uid, hint_uid = NULL, server = 1, server_shown = :shown,
        server_flags = :shown & {PERMANENT}, server_extra = :extra, synced_extra = :extra,
        synced = :synced & {PERMANENT}, synced_masked = 0,
        local_flags = (local_shown | local_kept | local_lost | :came) & {PERMANENT},
        local_kept = local_kept | (:came & ~local_shown & ~{SHOWABLE}),
        local_lost = local_lost | (:came & ~local_shown & {SHOWABLE}),
        internal_date = coalesce(:internal_date, internal_date), size = :size,
        email_id = coalesce(:email_id, email_id),
        server_header = CASE WHEN header <> :header THEN :header END,
        marked = 0, settled = {spared(":shown | local_shown", ":spared")}, {FREE}
    WHERE id = :id""")
# The UID already has another file: this one stays, unsent for good, instead of being sent again.
_MERGED = text("""
    UPDATE messages SET settled = 2, wait = 3, wait_side = 'server', wait_reason = :reason,
        wait_policy = ''
    WHERE id = :id""")
_NEW_ROW = text("""
    INSERT INTO messages
        (mailbox, uid, server, server_shown, server_flags, server_extra, internal_date, size,
         email_id, wire_size, body, header, message_id)
    VALUES (:mailbox, :uid, 1, :shown, :shown & (SELECT permanent FROM mailboxes
        WHERE id = :mailbox), :extra, :internal_date, :size, :email_id, :wire_size, :body,
        :header, :message_id)""")
_FILL = text("""
    UPDATE messages SET wire_size = coalesce(wire_size, :wire_size), body = coalesce(body, :body),
        header = coalesce(header, :header), email_id = coalesce(email_id, :email_id),
        message_id = CASE WHEN message_id = '' THEN :message_id ELSE message_id END
    WHERE id = :id""")
_LEFT = text("UPDATE messages SET server = 2, marked = 0, settled = 0 WHERE id = :id")
# Accepted it stays: the file of what was \\Deleted on both sides has yet to go.
_COPIED = text(f"UPDATE messages SET settled = 1, {NO_WAIT}, {NO_TROUBLE} WHERE id = :id")
# Its file was put back in the meantime: it is as good as new there, and may be followed.
_BACK = text(f"""
    UPDATE messages SET {NEVER_SENT}, marked = 0, settled = 0, {FREE}
    WHERE id = :id""")
_HERE = text("""
    SELECT mailboxes.local = 1 FROM messages JOIN mailboxes ON mailboxes.id = messages.mailbox
    WHERE messages.id = :id""")
# Its file is known elsewhere: one that the mailbox was seen with last is none to wait for.
_FILE_LEFT = text("""
    UPDATE messages SET local = 2
    WHERE id = :id AND EXISTS (
        SELECT 1 FROM mailboxes WHERE mailboxes.id = messages.mailbox AND mailboxes.local = 2)""")
# A MOVE cannot happen twice: its UID leaves only once.
_REMEMBER = text("""
    INSERT INTO repeated (mailbox, body, at)
    SELECT mailbox, body, :now FROM intents
    WHERE id = :n AND body IS NOT NULL AND kind <> 'move'""")
# We took \\Deleted off on the server, and then it did not go: that was nobody's change of mind.
_STILL_MEANT = text(f"""
    UPDATE messages SET accepted_until = (SELECT began FROM intents WHERE id = :n) + {MEANT_FOR}
    WHERE id = (SELECT source FROM intents WHERE id = :n AND row IS NULL)
        AND server = 1 AND local = 1 AND settled = 0
        AND local_flags & ~server_flags & {Flags.DELETED:d}""")
# As one that left the server before the sides agreed: is it not found where it went, it is sent.
_WENT_ON = text(f"""
    UPDATE messages SET server = 2, hint_uid = NULL, {NO_TROUBLE}
    WHERE id = (SELECT row FROM intents WHERE id = :n) AND server <> 1""")
_COUNT = text("""
    INSERT INTO removals (mailbox, side, at, count, boot_id, boot)
    VALUES (:mailbox, 'server', :now, 1, :boot_id, :boot)""")


def begin_intents(
    c: Connection, given: Sequence[NewIntent], run: str, now: float
) -> list[IntentId]:
    if not given:
        return []
    last: int = c.exec_driver_sql("SELECT coalesce(max(id), 0) FROM intents").scalar_one()
    ids = [IntentId(last + 1 + at) for at in range(len(given))]
    c.execute(
        insert(table),
        [
            {
                "id": number,
                "kind": new.kind,
                "row": new.row,
                "source": new.source,
                "mailbox": new.mailbox,
                "uid_validity": new.uid_validity,
                "uid_next": new.uid_next,
                "message_id": new.message_id,
                "size": new.size,
                "body": new.body,
                "header": new.header,
                "internal_date": new.internal_date,
                "flags": int(new.flags),
                "run": run,
                "began": now,
                "attempts": 1,
            }
            for number, new in zip(ids, given, strict=True)
        ],
    )
    return ids


def read(c: Connection) -> list[Intent]:
    return [_intent(row) for row in c.execute(select(table).order_by(table.c.id))]


def _intent(row: Any) -> Intent:
    return Intent(
        id=row.id,
        new=NewIntent(
            kind=IntentKind(row.kind),
            row=row.row,
            source=row.source,
            mailbox=row.mailbox,
            uid_validity=row.uid_validity,
            uid_next=row.uid_next,
            message_id=row.message_id,
            size=row.size,
            body=row.body,
            header=row.header,
            internal_date=row.internal_date,
            flags=Flags(row.flags),
        ),
        run=row.run,
        began=row.began,
        attempts=row.attempts,
    )


def dropped(c: Connection, ids: Collection[IntentId], given_up: float | None = None) -> None:
    if ids:
        if given_up is not None:
            c.execute(_REMEMBER, [{"n": n, "now": given_up} for n in ids])
        c.execute(_STILL_MEANT, [{"n": n} for n in ids])
        _delete(c, ids)


def went_on(c: Connection, ids: Collection[IntentId]) -> None:
    for number in ids:
        c.execute(_WENT_ON, {"n": number})
    _delete(c, ids)


def _delete(c: Connection, ids: Collection[IntentId]) -> None:
    if ids:
        c.execute(delete(table).where(table.c.id == bindparam("n")), [{"n": n} for n in ids])


def forget_repeated(c: Connection, before: float) -> None:
    c.execute(text("DELETE FROM repeated WHERE at < :before"), {"before": before})


def linked(c: Connection, items: Sequence[Linked], now: Moment) -> None:
    """Items whose intent is no more are passed over: they were linked before."""
    found = {intent.id: intent.new for intent in read(c)}
    _delete(c, [item.intent for item in items])
    touched: list[int] = []
    for item in items:
        new = found.get(item.intent)
        if new is None:
            continue
        source = c.execute(_ROW, {"id": new.source}).one_or_none()
        seen = c.execute(_AT_UID, {"box": new.mailbox, "uid": item.uid}).one_or_none()
        if new.row is not None:
            touched.append(_link(c, item, new, source, seen))
        elif source is not None:
            _to_trash(c, item, new, source, seen)
        if source is not None:
            _leave(c, new, source, now)
    want(c, touched)
    agree(c)


def _link(c: Connection, item: Linked, new: NewIntent, source: Any, seen: Any) -> int:
    """The row with the file gets the UID; a row that was observed under it is swallowed."""
    assert new.row is not None
    row = c.execute(_ROW, {"id": new.row}).one_or_none()
    if seen is not None and seen.id != new.row:
        if row is None:
            return int(seen.id)
        if seen.local == Presence.THERE:
            c.execute(
                _MERGED, {"id": new.row, "reason": f"the server merged it with UID {item.uid}"}
            )
            return int(seen.id)
        for statement in _MOVE_INTENTS:
            c.execute(statement, {"to": new.row, "gone": seen.id})
        c.execute(_DELETE, {"id": seen.id})
    shows = seen if seen is not None else source
    base, came = item.flags, 0
    if base is None and new.kind in MOVES and source is not None:
        # One that is moved back to its file has its merge base there.
        synced = row.synced if source.synced is None and row is not None else source.synced
        if synced is None and row is not None and _is_back(source, row):
            synced = int(new.flags)
        if row is not None and row.synced is None:
            came = _came_along(row, source)
    else:
        synced = int(new.flags if base is None else base)
        if new.kind is IntentKind.APPEND and row is not None and not row.local_shown & KEYWORDS:
            came = int(new.flags & KEYWORDS)  # sent with what its name shows no more
    showing = int(new.flags) if shows is None else shows.server_shown
    if source is not None:
        # A file that was told by its name alone: what it holds is known where it came from.
        c.execute(_FILL, {"id": new.row, **_content(item, source)})
    if item.keywords is not None:
        synced = None if synced is None else synced & int(~KEYWORDS | item.keywords)
        showing = showing & int(~KEYWORDS) | int(item.keywords)
    c.execute(
        _LINK,
        {
            "id": new.row,
            "uid": item.uid,
            "shown": showing,
            "extra": None if shows is None else shows.server_extra,
            "synced": synced,
            "came": came,
            "spared": source is not None and source.settled == Settled.SPARED,
            **_told(item, new, shows),
            "email_id": item.email_id or (None if shows is None else shows.email_id),
            "header": None if shows is None else shows.server_header or shows.header,
        },
    )
    return new.row


def _told(item: Linked, new: NewIntent, shows: Any) -> dict[str, int | None]:
    """As the server said it of what a copy was made of, which is no other message then; else as it
    says it of this very UID."""
    date, size = (None, None) if shows is None else (shows.internal_date, shows.size)
    found = new.internal_date if item.internal_date is None else item.internal_date
    return {
        "internal_date": found if date is None else date,
        "size": item.size if size is None else size,
    }


def _is_back(source: Any, row: Any) -> bool:
    """The file was put back before the move was seen to be done: that is no message without a
    file, but one whose file has gone on."""
    return bool(source.local == Presence.THERE and row.local != Presence.THERE)


def _came_along(row: Any, source: Any) -> int:
    """Keywords that a file has as before, in its new place under a new name: those that its name
    did not show, and all if it shows none now, because a reader that moves writes it anew."""
    came: int = source.local_kept | source.local_lost
    return came if row.local_shown & KEYWORDS else came | source.local_shown & int(KEYWORDS)


def _to_trash(c: Connection, item: Linked, new: NewIntent, source: Any, seen: Any) -> None:
    """Moved to the \\Trash mailbox: a row there, never synced, with the content known here."""
    content = _content(item, source)
    if seen is not None:
        c.execute(_FILL, {"id": seen.id, **content})
        return
    c.execute(
        _NEW_ROW,
        {
            "mailbox": new.mailbox,
            "uid": item.uid,
            "shown": source.server_shown,
            "extra": source.server_extra,
            **_told(item, new, source),
            **content,
        },
    )


def _content(item: Linked, source: Any) -> dict[str, Any]:
    return {
        "wire_size": source.wire_size,
        "body": source.body,
        "header": source.header,
        "message_id": source.message_id,
        "email_id": item.email_id or source.email_id,
    }


def _leave(c: Connection, new: NewIntent, source: Any, now: Moment) -> None:
    """What becomes of the source row."""
    bound = {"id": source.id}
    local = source.local
    if new.row is None:
        c.execute(_COUNT, {"mailbox": source.mailbox, **now.bound()})
    elif c.execute(_FILE_LEFT, bound).rowcount:
        local = Presence.GONE
    back = local == Presence.THERE and bool(c.execute(_HERE, bound).scalar_one())
    if new.row is None:  # else it was to go with its file
        back = back and not source.local_flags & Flags.DELETED
    if new.kind is IntentKind.MOVE_BY_COPY:
        if not back:  # else message and file are as before, and the copy is one too many
            c.execute(_COPIED, bound)
    elif new.kind is IntentKind.MOVE:
        busy = c.execute(
            text("SELECT EXISTS (SELECT 1 FROM intents WHERE row = :id OR source = :id)"), bound
        ).scalar_one()
        if back:
            c.execute(_BACK, bound)
        elif new.row is None or local in (Presence.THERE, Presence.UNKNOWN) or busy:
            c.execute(_LEFT, bound)
        else:
            c.execute(_DELETE, bound)
