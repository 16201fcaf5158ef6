"""Relink: one side's identities lost their meaning (semantics.md, rule 4).

The doubtful side becomes UNKNOWN, its uid or name stays as a hint, synced as the merge base.
What is settled, and what waits because its file was removed, stays so: else it would be fetched
again when its message is found.
"""

# ruff: noqa: S608 (the statements are put together from constants of this room)
from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

from mailsync.cache.schema import OLDER
from mailsync.cache.sql import FREE, STAYS
from mailsync.model.ids import MailboxId
from mailsync.model.rows import Side

_KEPT = "(settled = 2 AND {side} = 2)"
_WHERE = "{side} IN (1, 2) AND NOT " + _KEPT + " AND (:box IS NULL OR mailbox = :box)"
_FREE = {
    side: text(
        f"UPDATE messages SET {FREE} WHERE {_WHERE.format(side=side)}"
        + (f" AND NOT {STAYS}" if side is Side.SERVER else " AND settled = 0")
    )
    for side in Side
}
_UNKNOWN = {
    side: text(f"UPDATE messages SET {side} = 3 WHERE {_WHERE.format(side=side)}") for side in Side
}
_HINTS = text("""
    UPDATE messages SET hint_uid = coalesce(uid, hint_uid), uid = NULL, origin = NULL
    WHERE mailbox = :box""")
_ALL_HINTS = text("""
    UPDATE messages SET hint_uid = coalesce(uid, hint_uid), uid = NULL, origin = NULL,
        email_id = NULL""")
_NO_UIDS = text("""
    UPDATE mailboxes SET uid_validity = NULL, uid_next = NULL, mailbox_id = NULL""")
# What was accepted was another mailbox, of that name; of its messages none is by now.
_NOT_ACCEPTED = text("UPDATE mailboxes SET accepted_until = NULL WHERE id = :box")
_LIST_ALL = text("""
    UPDATE mailboxes SET
        relink = max(relink, :kind), messages = NULL, highest_modseq = NULL, stamp = NULL
    WHERE :box IS NULL OR id = :box""")
# A file that could not be read yet may be one of the messages that have none, as only a relink
# tells where the server rewrote it.
_UNREAD = text("""
    SELECT relink AND EXISTS (
        SELECT 1 FROM messages WHERE mailbox = :box AND local = 1 AND server IN (0, 3)
            AND body IS NULL AND next_try IS NOT NULL)
    FROM mailboxes WHERE id = :box""")
_ALL = text("UPDATE account SET relink = max(relink, :kind)")
_END = text("UPDATE mailboxes SET relink = 0 WHERE id = :box")
# An outcome of what was not found again says nothing any more.
_UNSETTLE = text("""
    UPDATE messages SET settled = 0 WHERE mailbox = :box AND settled <> 0 AND server = 3""")
_OVER = text("""
    UPDATE account SET relink = 0
    WHERE NOT EXISTS (SELECT 1 FROM mailboxes WHERE relink AND selected)""")


def begin_relink(
    c: Connection, mailbox: MailboxId | None, sides: Collection[Side], older: bool = False
) -> None:
    bound = {"box": mailbox, "kind": OLDER if older else 1}
    for side in sorted(sides):
        _doubt(c, side, mailbox)
    c.execute(_LIST_ALL, bound)
    if mailbox is None:
        c.execute(_ALL, bound)


def doubt_server(c: Connection, box: int) -> None:
    """New UIDVALIDITY: the UIDs are other messages' from now on."""
    _doubt(c, Side.SERVER, box)
    c.execute(_HINTS, {"box": box})
    c.execute(_NOT_ACCEPTED, {"box": box})
    c.execute(_LIST_ALL, {"box": box, "kind": 1})


def doubt_account(c: Connection) -> None:
    """Another account: no UID, MAILBOXID or EMAILID means what it did."""
    begin_relink(c, None, {Side.SERVER})
    for statement in (_ALL_HINTS, _NO_UIDS):
        c.execute(statement)


def _doubt(c: Connection, side: Side, box: int | None) -> None:
    c.execute(_FREE[side], {"box": box})
    c.execute(_UNKNOWN[side], {"box": box})


def end_relink(c: Connection, mailbox: MailboxId) -> None:
    if c.execute(_UNREAD, {"box": mailbox}).scalar():
        return
    c.execute(_UNSETTLE, {"box": mailbox})
    c.execute(_END, {"box": mailbox})
    c.execute(_OVER)
