# ruff: noqa: S608 (the statements are put together from constants of this room)
"""What the executor did, written into the rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from mailsync.cache.schema import KEYWORDS, MARKED, pack, printable
from mailsync.cache.sql import (
    FREE,
    FREE_BY_US,
    LATELY,
    NO_BASE,
    NO_TROUBLE,
    PERMANENT,
    agree,
    drop_stamps,
    load_files,
    many,
    removal_told,
    spared,
    want,
)
from mailsync.cache.words import DeliveredRow, Moment, MovedFile
from mailsync.model.content import Digest
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UniqueName
from mailsync.model.observation import LocalEntry
from mailsync.model.rows import Settled, Side

# A delivered name belongs to its row alone: a mere file row of it is swallowed, a hint cleared.
_CLASHES = text("""
    SELECT messages.id, messages.uid IS NULL AND messages.synced IS NULL
        AND messages.id NOT IN (SELECT row FROM intents WHERE row IS NOT NULL)
    FROM files CROSS JOIN messages AS mine CROSS JOIN messages
    WHERE mine.id = files.id AND messages.mailbox = mine.mailbox
        AND messages.name = files.name AND messages.id <> files.id""")
_SWALLOW = "DELETE FROM messages WHERE id = ?"
_CLEAR_HINT = "UPDATE messages SET name = NULL WHERE id = ? AND local <> 1"
_TAKE_FILE = f"""
        local = 1, name = files.name, folder = files.folder, info = files.info,
        local_shown = files.flags,
        settled = {spared("messages.server_flags | files.flags")}, {FREE}"""
_UNSHOWN = f"(files.synced & {KEYWORDS} & ~files.flags)"  # of a delivered file
_HAD = f"(messages.local_shown & {KEYWORDS} | messages.local_kept | messages.local_lost)"
_DELIVER = text(f"""
    UPDATE messages SET {_TAKE_FILE},
        local_flags = (files.flags | {_UNSHOWN}) & {PERMANENT},
        local_kept = {_UNSHOWN}, local_lost = 0,
        file_size = files.size, mtime_ns = files.mtime_ns, origin = files.origin,
        wire_size = coalesce(files.wire_size, messages.wire_size),
        body = coalesce(files.body, messages.body),
        header = coalesce(files.header, messages.header),
        message_id = coalesce(files.message_id, messages.message_id),
        server_header = CASE WHEN messages.header <> files.header THEN messages.header
            ELSE messages.server_header END,
        synced = files.synced & {PERMANENT}, synced_masked = 0,
        synced_extra = messages.server_extra
    FROM files WHERE messages.id = +files.id""")
_TWINS = text("""
    SELECT messages.uid, min(repeated.id) FROM repeated
    CROSS JOIN messages ON messages.mailbox = repeated.mailbox AND messages.body = repeated.body
    CROSS JOIN wanted ON wanted.id = messages.id
    WHERE messages.uid IS NOT NULL GROUP BY messages.id""")
_MOVE_FILE = text(f"""
    UPDATE messages SET {_TAKE_FILE},
        local_flags = (files.flags | {_HAD}) & {PERMANENT},
        local_kept = {_HAD} & ~files.flags & ~messages.local_lost,
        local_lost = messages.local_lost & ~files.flags
    FROM files WHERE messages.id = +files.id""")
_STILL = f"((local_kept | local_lost | ?5 & {KEYWORDS}) & ~?6 & ~?4)"  # and not shown
# Not where the very name is: then the file has not gone on.
_DEPARTED = """
    UPDATE messages SET local = 2, name = ?2
    WHERE id = ?1 AND server = 1 AND local = 0 AND NOT EXISTS (
        SELECT 1 FROM messages AS other
        WHERE other.mailbox = messages.mailbox AND other.name = ?2 AND other.id <> ?1)"""
_RENAME = f"""
    UPDATE messages SET folder = ?2, info = ?3, local_shown = ?4,
        local_flags = (?4 | {_STILL}) & {PERMANENT}, local_kept = {_STILL}, local_lost = 0,
        settled = CASE WHEN settled = 3 AND NOT ?4 & {Flags.DELETED:d} THEN 0 ELSE settled END
    WHERE id = ?1"""
_FACTS = """
    UPDATE messages SET wire_size = ?2, body = ?3, header = ?4, message_id = ?5,
        server_header = CASE WHEN uid IS NOT NULL AND header <> ?4 AND body IS NULL
            THEN header ELSE server_header END
    WHERE id = ?1"""
_HEADERS = """
    UPDATE messages SET
        server_header = CASE WHEN local = 1 AND header <> ?2 THEN ?2 ELSE server_header END,
        header = CASE WHEN local = 1 THEN coalesce(header, ?2) ELSE ?2 END
    WHERE id = ?1"""
_MESSAGE_ID = "UPDATE messages SET message_id = ?2 WHERE id = ?1 AND message_id = ''"
_STORED_FLAGS = text(f"""
    UPDATE messages SET
        server_shown = (server_shown | :add) & ~:remove,
        server_flags = ((server_shown | :add) & ~:remove) & {PERMANENT},
        marked = marked AND NOT :remove & {Flags.DELETED:d},
        settled = CASE WHEN settled = 3 AND :remove & {Flags.DELETED:d} THEN 0 ELSE settled END,
        {FREE_BY_US}
    WHERE id IN (SELECT id FROM wanted)""")
_GONE = f"UPDATE messages SET {{gone}}, settled = 0, {FREE} WHERE id IN (SELECT id FROM wanted)"
# What we removed nobody deleted here: is it seen on the server again, it is new.
_REMOVED = text(_GONE.format(gone=f"local = 2, {NO_BASE}"))
# Accepted is the deletion as a whole, with the file of what was \\Deleted on both sides.
_EXPUNGED = text(
    _GONE.format(gone="server = 2, marked = 0").replace(
        "accepted_until = NULL", "accepted_until = CASE WHEN local = 1 THEN accepted_until END"
    )
)
_OLD_REMOVALS = text(f"DELETE FROM removals WHERE NOT ({LATELY})")
_COUNT = text("""
    INSERT INTO removals (mailbox, side, at, count, boot_id, boot)
    SELECT mailbox, :side, :now, count(*), :boot_id, :boot FROM messages
    WHERE id IN (SELECT id FROM wanted) AND settled <> 1 GROUP BY mailbox""")
# What was done to the flags of one that a COPY left was done to its copy by now (planner/copied):
# once, whatever becomes of this one.
_MARK = text(f"""
    UPDATE messages SET marked = 1,
        synced = CASE WHEN settled = 1 AND synced IS NOT NULL
            THEN (server_flags & ~{Flags.DELETED:d}) | (synced & {Flags.DELETED:d})
            ELSE synced END
    WHERE id IN (SELECT id FROM wanted)""")
# What is marked by us waits for each other only: once one is tried, all are.
TRY_MARKED = text(f"""
    UPDATE messages SET {NO_TROUBLE}
    WHERE mailbox = :box AND {MARKED} AND server = 1 AND wait = 0 AND next_try IS NOT NULL""")
_SETTLE = text("UPDATE messages SET settled = :settled WHERE id IN (SELECT id FROM wanted)")
_TROUBLE = text("""
    UPDATE messages SET attempts = attempts + 1, next_try = :next_try, error = :error
    WHERE id IN (SELECT id FROM wanted)""")
_JOINS = text("""
    SELECT id, mailbox, uid, server, server_flags, server_shown, server_extra, internal_date,
        size, email_id, header, synced
    FROM messages WHERE id IN (SELECT id FROM wanted)""")
_DELETE = text("DELETE FROM messages WHERE id IN (SELECT id FROM wanted)")
_TAKE_SERVER = """
    UPDATE messages SET
        mailbox = ?2, uid = ?3, server = ?4, server_flags = ?5, server_shown = ?6,
        server_extra = ?7, internal_date = coalesce(?8, internal_date), size = coalesce(?9, size),
        email_id = coalesce(?10, email_id),
        server_header = CASE WHEN header <> ?11 THEN ?11 ELSE server_header END,
        hint_uid = NULL, marked = 0, synced = coalesce(synced, ?12), synced_extra = ?7
    WHERE id = ?1"""
_INTENT_ROW = "UPDATE intents SET row = ?1 WHERE row = ?2"
_INTENT_SOURCE = "UPDATE intents SET source = ?1 WHERE source = ?2"


def delivered(c: Connection, items: Sequence[DeliveredRow]) -> list[UID]:
    load_files(c, ((item.row, int(item.flags), item.entry, item.facts) for item in items))
    _make_way(c)
    c.execute(_DELIVER)
    taken = [(pack(item.undo),) for item in items if item.undo is not None]
    many(c, "DELETE FROM deletions WHERE undo = ?", taken)
    want(c, [item.row for item in items])
    agree(c)
    drop_stamps(c)
    return _late_twins(c)


def _late_twins(c: Connection) -> list[UID]:
    """Of the `wanted` rows; each `repeated` command accounts for one."""
    found = c.execute(_TWINS).all()
    many(c, "DELETE FROM repeated WHERE id = ?", [(twin,) for _, twin in found])
    return [UID(uid) for uid, _ in found]


def _make_way(c: Connection) -> None:
    """For the names in `files`."""
    clashes = c.execute(_CLASHES).all()
    many(c, _SWALLOW, [(number,) for number, mere_file in clashes if mere_file])
    many(c, _CLEAR_HINT, [(number,) for number, mere_file in clashes if not mere_file])


def stored_flags(c: Connection, rows: Collection[RowId], add: Flags, remove: Flags) -> None:
    want(c, rows)
    c.execute(_STORED_FLAGS, {"add": int(add), "remove": int(remove)})
    agree(c)


def mark(c: Connection, rows: Collection[RowId]) -> None:
    want(c, rows)
    c.execute(_MARK)


def try_marked(c: Connection, mailbox: MailboxId) -> int:
    return c.execute(TRY_MARKED, {"box": mailbox}).rowcount


def renamed(
    c: Connection, items: Sequence[tuple[RowId, LocalEntry]], add: Flags, remove: Flags
) -> None:
    change = int(add), int(remove)
    many(
        c,
        _RENAME,
        [(row, entry.folder, pack(entry.info), int(entry.flags), *change) for row, entry in items],
    )
    want(c, [row for row, _ in items])
    agree(c)
    drop_stamps(c)


def departed(c: Connection, items: Sequence[tuple[RowId, UniqueName]]) -> int:
    return sum(c.exec_driver_sql(_DEPARTED, (row, pack(name))).rowcount for row, name in items)


def removed(c: Connection, rows: Collection[RowId], now: Moment, counted: bool) -> None:
    want(c, rows)
    _count(c, Side.LOCAL, now, counted)
    c.execute(_REMOVED)
    removal_told(c)
    drop_stamps(c)


def expunged(c: Connection, rows: Collection[RowId], now: Moment, counted: bool) -> None:
    want(c, rows)
    _count(c, Side.SERVER, now, counted)
    c.execute(_EXPUNGED)


def _count(c: Connection, side: Side, now: Moment, counted: bool) -> None:
    """For the guard; what is only left over from a COPY (COPIED) is no deletion."""
    if counted:
        c.execute(_OLD_REMOVALS, now.bound())
        c.execute(_COUNT, {"side": side, **now.bound()})


def settle(c: Connection, rows: Collection[RowId], settled: Settled) -> None:
    want(c, rows)
    c.execute(_SETTLE, {"settled": int(settled)})


def lost_file(c: Connection, rows: Collection[RowId]) -> None:
    want(c, rows)
    drop_stamps(c)


def trouble(c: Connection, rows: Collection[RowId], error: str, next_try: float) -> None:
    want(c, rows)
    c.execute(_TROUBLE, {"error": printable(error), "next_try": next_try})


def facts(c: Connection, rows: Mapping[RowId, Digest]) -> None:
    many(
        c,
        _FACTS,
        [(row, d.wire_size, d.body, d.header, d.message_id) for row, d in rows.items()],
    )


def headers(
    c: Connection, rows: Mapping[RowId, bytes | None], message_ids: Mapping[RowId, str]
) -> None:
    many(c, _HEADERS, [(row, found) for row, found in rows.items() if found is not None])
    many(c, _MESSAGE_ID, list(message_ids.items()))


def moved_local(c: Connection, items: Sequence[MovedFile]) -> None:
    want(c, [item.row for item in items])
    drop_stamps(c)
    want(c, [item.join for item in items])
    drop_stamps(c)
    joins: dict[int, tuple[Any, ...]] = {
        values[0]: values[1:] for values in c.execute(_JOINS).cursor.fetchall()
    }
    swaps = [(item.row, item.join) for item in items]
    many(c, _INTENT_ROW, swaps)
    many(c, _INTENT_SOURCE, swaps)
    c.execute(_DELETE)
    # Out of the way first: in the old mailbox the row must not meet another's uid or name.
    many(c, "UPDATE messages SET uid = NULL, name = NULL WHERE id = ?", [(i.row,) for i in items])
    many(c, _TAKE_SERVER, [(item.row, *joins[item.join]) for item in items])
    load_files(c, ((item.row, None, item.entry, None) for item in items))
    _make_way(c)
    c.execute(_MOVE_FILE)
    want(c, [item.row for item in items])
    agree(c)
