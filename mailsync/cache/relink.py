"""Relink: one side's identities lost their meaning (semantics.md, rule 4).

The doubtful side becomes UNKNOWN, its uid or name stays as a hint, synced as the merge base.
What is settled as KEPT keeps its proof: else it would be fetched again.
"""

# ruff: noqa: S608 (the statements are put together from constants of this room)
from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

from mailsync.cache.sql import FREE
from mailsync.model.ids import MailboxId
from mailsync.model.rows import Side

_KEPT = "(settled = 2 AND {side} = 2)"
_UNKNOWN = (
    "UPDATE messages SET {side} = 3, settled = 0, "
    + FREE
    + " WHERE {side} IN (1, 2) AND NOT "
    + _KEPT
    + " AND (:box IS NULL OR mailbox = :box)"
)
_SERVER_UNKNOWN = text(_UNKNOWN.format(side="server"))
_LOCAL_UNKNOWN = text(_UNKNOWN.format(side="local"))
_HINTS = text("""
    UPDATE messages SET hint_uid = uid, uid = NULL WHERE mailbox = :box AND uid IS NOT NULL""")
_LIST_ALL = text("""
    UPDATE mailboxes SET relink = 1, messages = NULL, highest_modseq = NULL, stamp = NULL
    WHERE :box IS NULL OR id = :box""")
_END = text("UPDATE mailboxes SET relink = 0 WHERE :box IS NULL OR id = :box")


def begin_relink(c: Connection, mailbox: MailboxId | None, sides: Collection[Side]) -> None:
    bound = {"box": mailbox}
    if Side.SERVER in sides:
        c.execute(_SERVER_UNKNOWN, bound)
    if Side.LOCAL in sides:
        c.execute(_LOCAL_UNKNOWN, bound)
    c.execute(_LIST_ALL, bound)
    if mailbox is None:
        c.exec_driver_sql("UPDATE account SET relink = 1")


def doubt_server(c: Connection, box: int) -> None:
    """New UIDVALIDITY: the UIDs are other messages' from now on."""
    bound = {"box": box}
    c.execute(_SERVER_UNKNOWN, bound)
    c.execute(_HINTS, bound)
    c.execute(_LIST_ALL, bound)


def end_relink(c: Connection, mailbox: MailboxId | None) -> None:
    c.execute(_END, {"box": mailbox})
    if mailbox is None:
        c.exec_driver_sql("UPDATE account SET relink = 0")
