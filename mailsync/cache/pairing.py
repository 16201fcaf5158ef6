# ruff: noqa: S608 (the statements are put together from constants of this room)
"""Actions that change only the cache: pair, forget, defer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from sqlalchemy import Connection, text

from mailsync.cache.schema import printable
from mailsync.cache.sql import NO_TROUBLE, agree, many, spared, want
from mailsync.model.actions import Defer, DeferMailbox, Forget, Pair
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.rows import Side, Wait

# What the file's row knows; taken before it is deleted, because names are unique in a mailbox.
_TAKEN = (
    "name, folder, info, local, local_flags, local_shown, local_kept, local_lost, file_size,"
    " mtime_ns, origin, wire_size, body, header, message_id, marked, settled,"
    " wait, wait_side, wait_reason, wait_policy"
)
# A removed file whose message got another UID: what was decided about it holds (rule 4).
_OUTCOME = ", ".join(
    f"{column} = CASE WHEN pairs.local = 2 THEN pairs.{column} ELSE {none} END"
    for column, none in (
        ("marked", 0),
        (
            "settled",
            spared(
                "messages.server_flags | pairs.local_flags",
                "3 IN (messages.settled, pairs.settled)",
            ),
        ),
        ("wait", 0),
        ("wait_side", "NULL"),
        ("wait_reason", "NULL"),
        ("wait_policy", "NULL"),
    )
)
_SNAPSHOT = text(f"""
    UPDATE pairs SET ({_TAKEN}) = (SELECT {_TAKEN} FROM messages WHERE messages.id = pairs.file)""")
_INTENTS = [
    text(f"""
    UPDATE intents SET {column} = (SELECT keep FROM pairs WHERE file = intents.{column})
    WHERE {column} IN (SELECT file FROM pairs)""")
    for column in ("row", "source")
]
_DROP_FILES = text("DELETE FROM messages WHERE id IN (SELECT file FROM pairs)")
_MERGE = text(f"""
    UPDATE messages SET
        name = pairs.name, folder = pairs.folder, info = pairs.info, local = pairs.local,
        local_flags = pairs.local_flags, local_shown = pairs.local_shown,
        local_kept = pairs.local_kept, local_lost = pairs.local_lost,
        file_size = pairs.file_size, mtime_ns = pairs.mtime_ns, origin = pairs.origin,
        wire_size = coalesce(pairs.wire_size, messages.wire_size),
        body = coalesce(pairs.body, messages.body),
        header = coalesce(pairs.header, messages.header),
        server_header = CASE WHEN messages.header <> pairs.header THEN messages.header
            ELSE messages.server_header END,
        message_id = CASE WHEN pairs.message_id <> '' THEN pairs.message_id
            ELSE messages.message_id END,
        hint_uid = NULL, synced = pairs.synced, synced_masked = 0,
        synced_extra = messages.server_extra,
        accepted_until = NULL, {NO_TROUBLE}, {_OUTCOME}
    FROM pairs WHERE messages.id = +pairs.keep""")
_FORGET = text("""
    DELETE FROM messages WHERE id IN (SELECT id FROM wanted)
        AND NOT EXISTS (
            SELECT 1 FROM intents
            WHERE intents.row = messages.id OR intents.source = messages.id)""")
_DEFER = text("""
    UPDATE messages SET
        wait = :wait, wait_side = :side, wait_reason = :reason,
        settled = CASE WHEN settled IN (1, 3) THEN settled ELSE :settled END,
        wait_policy = coalesce(
            (SELECT policy FROM mailboxes WHERE mailboxes.id = messages.mailbox), '')
    WHERE id IN (SELECT id FROM wanted)""")
# What goes while nobody looks after it is no deletion when it is in scope again (rule 9).
_DOUBT = text("""
    UPDATE messages SET
        server = CASE server WHEN 2 THEN 3 ELSE server END,
        local = CASE local WHEN 2 THEN 3 ELSE local END
    WHERE id IN (SELECT id FROM wanted)""")
# Its flags are the pair's by now: a run that ends before the file is removed makes no news of them.
_BEHIND = "UPDATE messages SET synced = local_flags WHERE id = ? AND server <> 1"
_HOLD = text("""
    UPDATE mailboxes SET held = 1, wait_side = :side, wait_reason = :reason WHERE id = :box""")


def apply(c: Connection, actions: Sequence[Pair | Forget | Defer | DeferMailbox]) -> None:
    pairs: list[tuple[int, int, int | None]] = []
    behind: list[tuple[int]] = []
    forgotten: list[RowId] = []
    for action in actions:
        match action:
            case Pair():
                synced = None if action.synced is None else int(action.synced)
                pairs.append((action.keep.id, action.file.id, synced))
                behind += [] if action.behind is None else [(action.behind,)]
            case Forget():
                forgotten += [row.id for row in action.rows]
            case Defer():
                defer(c, action)
            case DeferMailbox():
                hold_mailbox(c, action.mailbox, action.side, action.reason)
            case _:
                assert_never(action)
    pair(c, pairs)
    many(c, _BEHIND, behind)
    if forgotten:
        want(c, forgotten)
        c.execute(_FORGET)


def pair(c: Connection, pairs: Sequence[tuple[int, int, int | None]]) -> None:
    """(row that keeps its uid, row whose file it swallows, merge base or None: a union)."""
    if not pairs:
        return
    c.exec_driver_sql("DELETE FROM pairs")
    many(c, "INSERT INTO pairs (keep, file, synced) VALUES (?, ?, ?)", pairs)
    c.execute(_SNAPSHOT)
    for statement in _INTENTS:
        c.execute(statement)
    c.execute(_DROP_FILES)
    c.execute(_MERGE)
    want(c, [keep for keep, _, _ in pairs])
    agree(c)


def defer(c: Connection, action: Defer) -> None:
    want(c, [row.id for row in action.rows])
    c.execute(
        _DEFER,
        {
            "wait": int(action.wait),
            "side": action.side,
            "reason": printable(action.reason),
            "settled": int(action.settled),
        },
    )
    if action.wait is Wait.OUT:
        c.execute(_DOUBT)


def hold_mailbox(c: Connection, mailbox: MailboxId, side: Side, reason: str) -> None:
    c.execute(_HOLD, {"box": mailbox, "side": side, "reason": printable(reason)})
