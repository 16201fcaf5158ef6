# ruff: noqa: S608 (the statements are put together from constants of this room)
"""The daily audit: one range of UIDs in full, whatever cursors and stamps say (rule 3)."""

from __future__ import annotations

from sqlalchemy import Connection, text

from mailsync.cache.schema import AUDIT_DUE, unpack
from mailsync.cache.words import Audit
from mailsync.model.ids import MailboxId, UniqueName
from mailsync.model.uidset import UIDSet

RANGE = 2_000  # messages

_DUE = text(f"SELECT id, coalesce(audit_uid, 1), uid_next FROM mailboxes WHERE {AUDIT_DUE}")
_ROWS = text("""
    SELECT uid, name, local FROM messages
    WHERE mailbox = :box AND uid >= :uid AND server = 1 ORDER BY uid LIMIT :count""")
_AUDITED = text("UPDATE mailboxes SET audit_uid = :uid, audit_at = :now WHERE id = :box")


def due(c: Connection, now: float) -> dict[MailboxId, Audit]:
    found: dict[MailboxId, Audit] = {}
    for box, uid, uid_next in c.execute(_DUE, {"now": now}).all():
        rows = c.execute(_ROWS, {"box": box, "uid": uid, "count": RANGE}).all()
        last = rows[-1].uid if len(rows) == RANGE else uid_next - 1
        found[box] = Audit(
            uids=UIDSet.span(uid, last) if uid <= last else UIDSet(),
            names=frozenset(
                UniqueName(unpack(row.name)) for row in rows if row.local == 1 and row.name
            ),
            next_uid=last + 1 if len(rows) == RANGE else 1,
        )
    return found


def audited(c: Connection, box: MailboxId, next_uid: int, now: float) -> None:
    c.execute(_AUDITED, {"box": box, "uid": next_uid, "now": now})
