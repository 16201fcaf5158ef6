# ruff: noqa: S608 (the statements are put together from constants of this room)
"""What mailsync removed from the Maildir, and what the guard holds (rules 9 and 10)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, delete, select, text, update

from mailsync.cache.schema import FLAGGED, OPEN, pack, unpack
from mailsync.cache.sql import FREE, NO_BASE, many
from mailsync.cache.tables import deletions as table
from mailsync.cache.words import Deletion, DeletionId, Held, NewDeletion
from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId, UniqueName
from mailsync.model.observation import LocalEntry
from mailsync.model.rows import Presence, Side
from mailsync.model.uidset import UIDSet

_RECORD = """
    INSERT INTO deletions
        (id, row, mailbox, name, folder, info, flags, body, undo, at,
         email_id, message_id, internal_date)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, coalesce(?8, found.body), ?9, ?10,
        found.email_id, coalesce(found.message_id, ''), found.internal_date
    FROM (SELECT 1) LEFT JOIN messages AS found ON found.id = ?2"""
_HELD_ROWS = f"{OPEN} AND messages.wait = 1 AND (:box IS NULL OR messages.mailbox = :box)"
_HELD_BOXES = "held AND (:box IS NULL OR id = :box)"
# Released, and not done yet.
_ACCEPTED_ROWS = f"""({OPEN} OR {FLAGGED})
    AND messages.wait = 0 AND messages.settled <> 1 AND messages.accepted_until > :now
    AND (:box IS NULL OR messages.mailbox = :box)"""
_ACCEPTED_BOXES = """
    accepted_until > :now AND (server <> 1 OR local <> 1) AND (:box IS NULL OR id = :box)"""
# The side that would lose; without one it was accepted, and is told from what is there.
_SIDE = """coalesce(messages.wait_side,
    CASE WHEN messages.server = 1 AND messages.local <> 1 THEN 'server' ELSE 'local' END)"""
# What left this mailbox for one that is gone: the other row would lose, and this one nothing.
_MOVED_AWAY = """(
    (messages.wait_side = 'local' AND messages.server = 1 AND messages.local <> 1)
    OR (messages.wait_side = 'server' AND messages.local = 1 AND messages.server <> 1))"""
# One that is gone on a side, accepted but for what was put there since: with that, all of it.
_REJECTED_BOXES = f"""
    (held OR ((server <> 1 OR local <> 1) AND (accepted_until > :now OR EXISTS (
        SELECT 1 FROM messages WHERE messages.mailbox = mailboxes.id AND {OPEN}
            AND (messages.wait = 1 OR messages.accepted_until > :now)))))
    AND (:box IS NULL OR id = :box)"""
_REJECTED = f"(({_HELD_ROWS}) OR ({_ACCEPTED_ROWS}))"
_ROWS = """
    SELECT messages.mailbox, mailboxes.name, {side}, {reason},
        mailboxes.uid_validity, messages.uid, messages.name
    FROM messages CROSS JOIN mailboxes ON mailboxes.id = messages.mailbox
    WHERE {rows}
    ORDER BY 2, 3, 4"""
_BOXES = """
    SELECT id, name, {side}, {reason}, uid_validity,
        (SELECT count(*) FROM messages WHERE mailbox = mailboxes.id)
    FROM mailboxes WHERE {boxes} ORDER BY name"""
_HELD = text(
    _ROWS.format(side="messages.wait_side", reason="messages.wait_reason", rows=_HELD_ROWS)
)
_WHOLE = text(_BOXES.format(side="wait_side", reason="wait_reason", boxes=_HELD_BOXES))
_NOT_DONE = "'accepted, and not done yet'"
_ACCEPTED = text(_ROWS.format(side=_SIDE, reason=_NOT_DONE, rows=_ACCEPTED_ROWS))
_ACCEPTED_WHOLE = text(
    _BOXES.format(
        side="CASE server WHEN 1 THEN 'server' ELSE 'local' END",
        reason=_NOT_DONE,
        boxes=_ACCEPTED_BOXES,
    )
)
# The side stays known, so that it can be rejected after all.
_ACCEPT = text(f"""
    UPDATE messages SET wait = 0, wait_reason = NULL, wait_policy = NULL, accepted_until = :until
    WHERE {_HELD_ROWS}""")
_ACCEPT_BOXES = text(f"""
    UPDATE mailboxes SET held = 0, wait_side = NULL, wait_reason = NULL, accepted_until = :until
    WHERE {_HELD_BOXES}""")
# A side that is not there never was: so the message is fetched or sent as if it were new.
_REJECT = f"""
    UPDATE messages SET
        {NO_BASE}, synced_extra = NULL, settled = 0, {FREE},
        uid = CASE WHEN {{lost_server}} THEN NULL ELSE uid END,
        hint_uid = CASE WHEN {{lost_server}} THEN NULL ELSE hint_uid END,
        server_flags = CASE WHEN {{lost_server}} THEN 0 ELSE server_flags END,
        server_shown = CASE WHEN {{lost_server}} THEN 0 ELSE server_shown END,
        server_extra = CASE WHEN {{lost_server}} THEN NULL ELSE server_extra END,
        email_id = CASE WHEN {{lost_server}} THEN NULL ELSE email_id END,
        server = CASE WHEN {{lost_server}} THEN 0 ELSE server END,
        name = CASE WHEN {{lost_local}} THEN NULL ELSE name END,
        folder = CASE WHEN {{lost_local}} THEN '' ELSE folder END,
        info = CASE WHEN {{lost_local}} THEN '' ELSE info END,
        local_flags = CASE WHEN {{lost_local}} THEN 0 ELSE local_flags END,
        local_shown = CASE WHEN {{lost_local}} THEN 0 ELSE local_shown END,
        local_kept = CASE WHEN {{lost_local}} THEN 0 ELSE local_kept END,
        local_lost = CASE WHEN {{lost_local}} THEN 0 ELSE local_lost END,
        file_size = CASE WHEN {{lost_local}} THEN NULL ELSE file_size END,
        mtime_ns = CASE WHEN {{lost_local}} THEN NULL ELSE mtime_ns END,
        origin = CASE WHEN {{lost_local}} THEN NULL ELSE origin END,
        local = CASE WHEN {{lost_local}} THEN 0 ELSE local END
    WHERE """
# Nothing is missing of what is \\Deleted on both sides (`expunge-deleted`): it loses the flag.  On
# the server it has lost it already where it was on its way to \\Trash.
_SPARE = text(f"""
    UPDATE messages SET {FREE}, settled = CASE
        WHEN synced & local_flags & {Flags.DELETED:d} THEN 3 ELSE 0 END
    WHERE {_REJECTED} AND messages.server = 1 AND messages.local = 1""")
_FREE_MOVED = text(f"UPDATE messages SET {FREE} WHERE {_REJECTED} AND {_MOVED_AWAY}")
_REJECT_ROWS = text(_REJECT.format(lost_server="server <> 1", lost_local="local <> 1") + _REJECTED)
# What was moved out with its file is nothing that was held, although a sync was cut off in it.
_MOVED_OUT = """
    (:server = 1 AND (messages.settled = 1 OR EXISTS (
        SELECT 1 FROM intents WHERE source = messages.id AND "row" IS NOT NULL
            AND kind IN ('move', 'move by copy'))))"""
_REJECT_WHOLE = text(
    _REJECT.format(lost_server=":server <> 1", lost_local=":local <> 1")
    + f"messages.mailbox = :box AND NOT {_MOVED_OUT}"
)
_FILE_GONE = text(f"""
    UPDATE messages SET local = 2
    WHERE mailbox = :box AND local = 1 AND :local <> 1 AND {_MOVED_OUT}""")
_NEVER_BOX = text("""
    UPDATE mailboxes SET
        server = CASE WHEN server = 1 THEN 1 ELSE 0 END,
        local = CASE WHEN local = 1 THEN 1 ELSE 0 END,
        uid_validity = CASE WHEN server = 1 THEN uid_validity END,
        uid_next = CASE WHEN server = 1 THEN uid_next END,
        messages = CASE WHEN server = 1 THEN messages END,
        highest_modseq = CASE WHEN server = 1 THEN highest_modseq END,
        mailbox_id = CASE WHEN server = 1 THEN mailbox_id END,
        stamp = CASE WHEN local = 1 THEN stamp END,
        synced = 0, held = 0, wait_side = NULL, wait_reason = NULL, accepted_until = NULL,
        renamed = NULL
    WHERE id = :box""")
_BOTH_NEVER = text("""
    DELETE FROM messages WHERE mailbox = :box AND server = 0 AND local = 0 AND NOT EXISTS (
        SELECT 1 FROM intents WHERE intents.row = messages.id OR intents.source = messages.id)""")


def record(c: Connection, items: Sequence[NewDeletion], now: float) -> list[DeletionId]:
    last: int = c.exec_driver_sql("SELECT coalesce(max(id), 0) FROM deletions").scalar_one()
    ids = [DeletionId(last + 1 + at) for at in range(len(items))]
    many(
        c,
        _RECORD,
        [
            (
                number,
                item.row,
                item.mailbox,
                pack(item.entry.name),
                item.entry.folder,
                pack(item.entry.info),
                int(item.entry.flags),
                item.body,
                pack(item.undo),
                now,
            )
            for number, item in zip(ids, items, strict=True)
        ],
    )
    return ids


def read(c: Connection, since: float | None, before: float | None = None) -> list[Deletion]:
    wanted = select(table).order_by(table.c.at, table.c.id)
    if since is not None:
        wanted = wanted.where(table.c.at >= since)
    if before is not None:
        wanted = wanted.where(table.c.at < before)
    return [_deletion(row) for row in c.execute(wanted)]


def _deletion(row: Any) -> Deletion:
    entry = LocalEntry(UniqueName(unpack(row.name)), row.folder, unpack(row.info), Flags(row.flags))
    return Deletion(
        id=row.id,
        new=NewDeletion(row.row, row.mailbox, entry, row.body, unpack(row.undo)),
        at=row.at,
        done=bool(row.done),
        email_id=row.email_id,
        message_id=row.message_id,
        internal_date=row.internal_date,
    )


def done(c: Connection, ids: Collection[DeletionId]) -> None:
    if ids:
        c.execute(
            update(table).where(table.c.id == bindparam("n")).values(done=True),
            [{"n": n} for n in ids],
        )


def forget(c: Connection, ids: Collection[DeletionId]) -> None:
    if ids:
        c.execute(delete(table).where(table.c.id == bindparam("n")), [{"n": n} for n in ids])


# -- held --------------------------------------------------------------------------------------


def held(c: Connection, mailbox: MailboxId | None) -> list[Held]:
    return _found(c, _WHOLE, _HELD, {"box": mailbox})


def accepted(c: Connection, now: float) -> list[Held]:
    """What was released and is not done yet."""
    return _found(c, _ACCEPTED_WHOLE, _ACCEPTED, {"box": None, "now": now})


def _found(
    c: Connection, whole: TextClause, single: TextClause, bound: dict[str, Any]
) -> list[Held]:
    found = [
        Held(
            mailbox=box,
            name=name,
            side=Side(side),
            reason=reason,
            count=count,
            uid_validity=validity,
            uids=UIDSet(),
            names=(),
            whole=True,
        )
        for box, name, side, reason, validity, count in c.execute(whole, bound)
    ]
    rows = c.execute(single, bound)
    for (box, name, side, reason, validity), group in groupby(rows, key=lambda row: row[:5]):
        members = list(group)
        found.append(
            Held(
                mailbox=box,
                name=name,
                side=Side(side),
                reason=reason,
                count=len(members),
                uid_validity=validity,
                uids=UIDSet(row[5] for row in members if row[5] is not None),
                names=tuple(UniqueName(unpack(row[6])) for row in members if row[6] is not None),
            )
        )
    return found


def accept(c: Connection, mailbox: MailboxId | None, until: float) -> int:
    bound = {"box": mailbox, "until": until}
    return c.execute(_ACCEPT, bound).rowcount + c.execute(_ACCEPT_BOXES, bound).rowcount


def reject(c: Connection, mailbox: MailboxId | None, now: float) -> int:
    bound = {"box": mailbox, "now": now}
    moved = c.execute(_FREE_MOVED, bound).rowcount + c.execute(_SPARE, bound).rowcount
    whole = c.execute(
        text(f"SELECT id, server, local FROM mailboxes WHERE {_REJECTED_BOXES}"), bound
    ).all()
    for box, server, local in whole:
        there = Presence.THERE in (server, local)
        if there:  # gone on both sides: nothing is left that could be made again
            sides = {"box": box, "server": server, "local": local}
            c.execute(_REJECT_WHOLE, sides)
            c.execute(_FILE_GONE, sides)
            c.execute(_BOTH_NEVER, {"box": box})
        c.execute(_NEVER_BOX, {"box": box})
    return moved + c.execute(_REJECT_ROWS, bound).rowcount + len(whole)
