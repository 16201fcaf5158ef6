"""Rows out of the cache."""

# ruff: noqa: S608 (the statements are put together from constants of this room)
from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, text

from mailsync.cache.schema import (
    DATED,
    DUE,
    DUE_DELETED,
    IN_SCOPE,
    LOOSE,
    OPEN,
    SIZED,
    WAITING,
    is_parked,
    pack,
    unpack,
)
from mailsync.cache.sql import load_extra, load_spans, many, want
from mailsync.model.content import ADDED_SIZE
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UniqueName
from mailsync.model.rows import Presence, Role, Row, Settled, Wait

COLUMNS = """
    messages.id, messages.mailbox, messages.uid, messages.hint_uid, messages.server,
    messages.server_flags, messages.name, messages.folder, messages.info, messages.local,
    messages.local_flags, messages.file_size, messages.mtime_ns, messages.synced,
    messages.internal_date, messages.size, messages.wire_size, messages.body, messages.header,
    messages.server_header, messages.message_id, messages.email_id, messages.server_extra,
    messages.synced_extra, messages.wait, messages.settled, messages.accepted_until,
    messages.attempts, messages.next_try, messages.origin, messages.marked,
    messages.local_lost"""
_SCOPED = f"FROM messages CROSS JOIN mailboxes ON mailboxes.id = messages.mailbox AND {IN_SCOPE}"
# The + keeps SQLite from taking an index for the order instead of the one for the condition.
_ORDER = "ORDER BY +messages.mailbox, messages.uid DESC, messages.id"

_DUE = text(f"SELECT {COLUMNS} {_SCOPED} WHERE {DUE} {_ORDER}")
_DUE_DELETED = text(f"SELECT {COLUMNS} {_SCOPED} WHERE {DUE_DELETED} {_ORDER}")
_OPEN = text(f"SELECT {COLUMNS} FROM messages WHERE {OPEN} {_ORDER}")
_WANTED = text(f"SELECT {COLUMNS} FROM messages WHERE id IN (SELECT id FROM wanted) ORDER BY id")
_OF_MAILBOX = text(f"SELECT {COLUMNS} FROM messages WHERE mailbox = :mailbox ORDER BY id")
_BY_UID = text(f"""
    SELECT {COLUMNS} FROM spans CROSS JOIN messages
    WHERE messages.mailbox = :mailbox AND messages.uid = spans.low""")

# The name is looked for mailbox by mailbox while that is less work than one scan of all rows.
BY_NAME = """
    SELECT messages.id FROM wanted CROSS JOIN mailboxes CROSS JOIN messages
    WHERE messages.mailbox = mailboxes.id AND messages.name = wanted.name"""
_BY_NAME_SCAN = """
    SELECT messages.id FROM messages
    WHERE messages.name IN (SELECT name FROM wanted WHERE name IS NOT NULL)"""
SHARED = {
    "body": f"""
    SELECT messages.id FROM wanted CROSS JOIN messages
    WHERE messages.body IS NOT NULL AND messages.body = wanted.body AND {LOOSE}""",
    "header": f"""
    SELECT messages.id FROM wanted CROSS JOIN messages
    WHERE messages.header IS NOT NULL AND messages.header = wanted.header AND {OPEN}""",
    "email_id": """
    SELECT messages.id FROM wanted CROSS JOIN messages
    WHERE messages.email_id IS NOT NULL AND messages.email_id = wanted.email_id""",
    "origin": """
    SELECT messages.id FROM wanted CROSS JOIN messages
    WHERE messages.mailbox = wanted.mailbox AND messages.uid = wanted.origin""",
}
# What the \Trash mailbox holds is expunged elsewhere, not moved there once more (rule 7).
_IN_TRASH = f"""
    SELECT messages.id FROM mailboxes CROSS JOIN messages
    WHERE mailboxes.role = '{Role.TRASH}' AND messages.mailbox = mailboxes.id
        AND +messages.body IN (SELECT body FROM wanted WHERE body IS NOT NULL)"""
# Of what a COPY in place of a MOVE left: its copy, which is closed, whatever its file is called.
# Where the bytes were never read (after a lost cache), its header was asked for.
_LEFT_THERE = f"""
    FROM wanted CROSS JOIN messages AS left_there
    WHERE left_there.id = wanted.id AND left_there.settled = {Settled.COPIED:d}"""
_COPIES = f"""
    SELECT messages.id FROM messages
    WHERE +messages.body IN (SELECT wanted.body {_LEFT_THERE} AND wanted.body IS NOT NULL)
        OR +messages.header IN (
            SELECT wanted.header {_LEFT_THERE}
                AND wanted.body IS NULL AND wanted.header IS NOT NULL)"""
_HELD = f"SELECT messages.id FROM messages WHERE {OPEN} AND messages.wait = {Wait.HELD:d}"
# What is new on one side may be what waits on the other, or was kept there.  Each trait once: any
# number of messages may have the same size.
SAME_WAITING = {
    name: f"""
    SELECT messages.id
    FROM (
        SELECT DISTINCT new.mailbox, {trait.replace("messages.", "new.")} AS trait,
            new.server = 1 AS served
        FROM wanted CROSS JOIN messages AS new
        WHERE new.id = wanted.id AND new.synced IS NULL AND (new.server = 1) <> (new.local = 1)
    ) AS new CROSS JOIN messages
    WHERE messages.mailbox = new.mailbox AND {trait} = new.trait AND {WAITING}
        AND (messages.local = 1) = new.served AND (messages.server = 1) <> new.served"""
    for name, trait in (("date", DATED), ("size", SIZED))
}
# A file that was not read has no size on the wire: there each of its LFs may be a CRLF.  It is read
# where it may be the one (planner/needs), and told by its size then.  What is new is taken together
# by the digits of its sizes, so that its number does not multiply with that of what waits.
SAME_UNREAD = {
    "message": f"""
    SELECT messages.id
    FROM (
        SELECT new.mailbox, min(new.size) AS low, max(new.size) AS high
        FROM wanted CROSS JOIN messages AS new
        WHERE new.id = wanted.id AND new.synced IS NULL AND new.server = 1 AND new.local <> 1
        GROUP BY new.mailbox, length(new.size)
    ) AS new CROSS JOIN messages
    WHERE messages.mailbox = new.mailbox AND {SIZED} IS NULL AND {WAITING}
        AND messages.local = 1 AND messages.server <> 1
        AND messages.file_size BETWEEN (new.low - {ADDED_SIZE}) / 2 AND new.high + {ADDED_SIZE}""",
    "file": f"""
    SELECT messages.id
    FROM (
        SELECT new.mailbox, min(new.file_size) - {ADDED_SIZE} AS low,
            max(new.file_size) AS high
        FROM wanted CROSS JOIN messages AS new
        WHERE new.id = wanted.id AND new.synced IS NULL AND new.local = 1 AND new.server <> 1
            AND {SIZED.replace("messages.", "new.")} IS NULL
        GROUP BY new.mailbox, length(new.file_size)
    ) AS new CROSS JOIN messages
    WHERE messages.mailbox = new.mailbox AND {WAITING}
        AND {SIZED} BETWEEN new.low AND 2 * new.high + {ADDED_SIZE}
        AND messages.server = 1 AND messages.local <> 1
        AND (messages.file_size IS NULL
            OR messages.file_size BETWEEN new.low AND new.high + {ADDED_SIZE})""",
}
_PARKED = f"""
    SELECT messages.id FROM messages
    WHERE {OPEN} AND messages.wait = 0 AND messages.next_try IS NOT NULL"""
# The old version of a draft stays while the new one may not be sent (rule 3).
_NEW_VERSIONS = f"""
    SELECT messages.id FROM mailboxes CROSS JOIN messages ON messages.mailbox = mailboxes.id
    WHERE mailboxes.role = '{Role.DRAFTS}' AND {OPEN} AND messages.server = 0
        AND messages.wait = {Wait.OUT:d}"""
# Of a mailbox in relink: files that were removed and whose message has no UID yet.
REMOVED = """
    SELECT messages.id FROM mailboxes CROSS JOIN messages ON messages.mailbox = mailboxes.id
    WHERE mailboxes.relink AND messages.server = 3 AND messages.local = 2"""
# The server has told no size of what was sent to it: then the date alone.
_ALIKE = """
    (messages.internal_date, coalesce(messages.size, -1)) IN (
        SELECT new.internal_date, coalesce(new.size, -1) FROM wanted CROSS JOIN messages AS new
        WHERE new.id = wanted.id
        UNION SELECT new.internal_date, -1 FROM wanted CROSS JOIN messages AS new
        WHERE new.id = wanted.id)"""
# What is new elsewhere may have been in a mailbox that could not be looked at.
UNSEEN = f"""
    SELECT messages.id FROM messages
    WHERE messages.mailbox IN (SELECT low FROM spans) AND ({_ALIKE}
        OR (messages.mtime_ns / 1000000000, messages.file_size) IN (
            SELECT new.mtime_ns / 1000000000, new.file_size
            FROM wanted CROSS JOIN messages AS new WHERE new.id = wanted.id))"""
# What may be where the `wanted` ones came from: there too, as far as is known.
_SOURCES_THERE = text(f"""
    SELECT EXISTS (
        SELECT 1 FROM messages
        WHERE messages.server = 1 AND messages.synced IS NOT NULL AND {_ALIKE})""")
_SOURCES_HERE = text("""
    SELECT DISTINCT messages.mailbox FROM messages
    WHERE messages.local = 1 AND messages.synced IS NOT NULL
        AND (messages.mtime_ns, messages.file_size) IN (
            SELECT new.mtime_ns, new.file_size FROM wanted CROSS JOIN messages AS new
            WHERE new.id = wanted.id)""")
_LOAD = """
    INSERT INTO wanted (id, mailbox, body, header, email_id, name, origin)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
T, G = Presence.THERE, Presence.GONE
_FLAGS = tuple(Flags(value) for value in range(64))
_PRESENCES = tuple(Presence)
_WAITS = tuple(Wait)
_SETTLED = tuple(Settled)
_NOTHING: frozenset[str] = frozenset()


def due(c: Connection, now: float, expunge_deleted: bool) -> list[Row]:
    found = list(c.execute(_DUE, {"now": now}).cursor.fetchall())
    if expunge_deleted:
        found += c.execute(_DUE_DELETED, {"now": now}).cursor.fetchall()
    return _made(c, found, now)


def open_rows(c: Connection, now: float) -> list[Row]:
    return _made(c, c.execute(_OPEN).cursor.fetchall(), now)


def rows(c: Connection, ids: Iterable[RowId], now: float) -> list[Row]:
    want(c, ids)
    return _made(c, c.execute(_WANTED).cursor.fetchall(), now)


def may_have_left(c: Connection, ids: Iterable[RowId]) -> bool:
    want(c, ids)
    return bool(c.execute(_SOURCES_THERE).scalar())


def may_have_held(c: Connection, ids: Iterable[RowId]) -> set[MailboxId]:
    want(c, ids)
    return {MailboxId(box) for box in c.execute(_SOURCES_HERE).scalars()}


def rows_of(c: Connection, mailbox: MailboxId, now: float) -> list[Row]:
    return _made(c, c.execute(_OF_MAILBOX, {"mailbox": mailbox}).cursor.fetchall(), now)


def row_of_uid(
    c: Connection, mailbox: MailboxId, uids: Iterable[UID], now: float
) -> dict[UID, Row]:
    load_spans(c, ((uid, uid) for uid in set(uids)))
    found = c.execute(_BY_UID, {"mailbox": mailbox}).cursor.fetchall()
    return {row.uid: row for row in _made(c, found, now) if row.uid is not None}


def candidates(
    c: Connection, given: Sequence[Row], now: float, unseen: Collection[MailboxId]
) -> list[Row]:
    c.exec_driver_sql("DELETE FROM wanted")
    many(
        c,
        _LOAD,
        [
            (
                row.id,
                row.mailbox,
                row.body,
                row.header,
                row.email_id,
                None if row.name is None else pack(row.name),
                row.origin,
            )
            for row in given
        ],
    )
    named = sum(row.name is not None for row in given)
    boxes = c.exec_driver_sql("SELECT count(*) FROM mailboxes").scalar_one()
    total = c.exec_driver_sql("SELECT max(id) FROM messages").scalar() or 0
    by_name = BY_NAME if named * boxes < total else _BY_NAME_SCAN
    deleted = [row for row in given if row.server is T and row.local is G]
    versions = [_NEW_VERSIONS] if deleted else []
    trash = [_IN_TRASH] if any(row.body for row in deleted) else []
    copies = [_COPIES] if any(row.settled is Settled.COPIED for row in given) else []
    hidden = [UNSEEN] if unseen else []
    if unseen:
        load_spans(c, ((box, box) for box in unseen))
    ids = " UNION ".join(
        [
            *SHARED.values(),
            *SAME_WAITING.values(),
            *SAME_UNREAD.values(),
            by_name,
            _HELD,
            _PARKED,
            REMOVED,
            *versions,
            *trash,
            *copies,
            *hidden,
        ]
    )
    found = c.exec_driver_sql(
        f"SELECT {COLUMNS} FROM messages WHERE messages.id IN ({ids})"
        " AND messages.id NOT IN (SELECT id FROM wanted) ORDER BY messages.id"
    ).cursor.fetchall()
    return _made(c, found, now)


def _made(c: Connection, found: Sequence[Any], now: float) -> list[Row]:
    """Rows from tuples in the order of COLUMNS."""
    if not found:
        return []
    busy = {
        number
        for pair in c.exec_driver_sql("SELECT row, source FROM intents").cursor.fetchall()
        for number in pair
    }
    bodies: set[bytes] = set()
    emails: set[str] = set()
    for body, email_id in c.exec_driver_sql(
        "SELECT body, email_id FROM deletions"
    ).cursor.fetchall():
        bodies.add(body)
        emails.add(email_id)
    bodies.discard(None)
    emails.discard(None)
    return [_row(values, busy, bodies, emails, now) for values in found]


def _flags(value: int) -> Flags:
    return _FLAGS[value] if value < len(_FLAGS) else Flags(value)


def _row(
    values: tuple[Any, ...], busy: set[int], bodies: set[bytes], emails: set[str], now: float
) -> Row:
    (
        number, mailbox, uid, hint_uid, server, server_flags, name, folder, info, local,
        local_flags, file_size, mtime_ns, synced, internal_date, size, wire_size, body, header,
        server_header, message_id, email_id, server_extra, synced_extra, wait, settled,
        accepted_until, attempts, next_try, origin, marked, lost,
    ) = values  # fmt: skip
    ours = bool(marked) and not (synced or 0) & Flags.DELETED
    return Row(
        id=number,
        mailbox=mailbox,
        uid=hint_uid if uid is None else uid,
        server=_PRESENCES[server],
        server_flags=_flags(server_flags & ~int(Flags.DELETED) if ours else server_flags),
        name=None if name is None else UniqueName(unpack(name)),
        folder=folder,
        info=unpack(info),
        local=_PRESENCES[local],
        local_flags=_flags(local_flags),
        lost=_flags(lost),
        file_size=file_size,
        mtime_ns=mtime_ns,
        synced=None if synced is None else _flags(synced),
        internal_date=internal_date,
        size=size,
        wire_size=wire_size,
        body=body,
        header=header,
        server_header=server_header,
        message_id=message_id,
        email_id=email_id,
        server_extra=load_extra(server_extra) if server_extra else _NOTHING,
        synced_extra=load_extra(synced_extra) if synced_extra else _NOTHING,
        wait=_WAITS[wait],
        settled=_SETTLED[settled],
        accepted=accepted_until is not None and accepted_until > now,
        attempts=attempts,
        parked=is_parked(next_try, now),
        intent=number in busy,
        origin=origin,
        marked=ours,
        undo=body in bodies or email_id in emails,
    )
