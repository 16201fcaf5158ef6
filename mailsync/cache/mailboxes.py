# ruff: noqa: S608 (the statements are put together from constants of this room)
"""Mailboxes: which there are, where their observations ended, what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from mailsync.cache.observe import another
from mailsync.cache.observe_local import load_stamp
from mailsync.cache.relink import begin_relink, doubt_server
from mailsync.cache.schema import (
    ALIKE,
    EXTRA,
    OPEN,
    STUCK,
    TRY_AGAIN,
    is_parked,
    printable,
)
from mailsync.cache.sql import LATELY, NO_TROUBLE, NO_WAIT
from mailsync.cache.waits import nothing_left
from mailsync.cache.words import Known, Moment
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, ModSeq, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, ServerMailbox
from mailsync.model.rows import (
    MAILBOX_GONE_HERE,
    MAILBOX_GONE_THERE,
    VIEWS,
    Mailbox,
    Presence,
    Role,
    Side,
    Tally,
)

Selected = Callable[[MailboxName, Role | None], bool]

_NOT_HELD = "held = 0, wait_side = NULL, wait_reason = NULL, accepted_until = NULL"
_UPDATE = text("""
    UPDATE mailboxes SET
        server = :server, local = :local, role = :role, guessed = :guessed,
        wire_name = :wire_name,
        mailbox_id = :mailbox_id, selected = :selected,
        held = CASE WHEN :moved THEN 0 ELSE held END,
        accepted_until = CASE WHEN :moved THEN NULL ELSE accepted_until END,
        renamed = CASE WHEN :local = 1 THEN NULL ELSE renamed END
    WHERE id = :box""")
# The mailbox is there again, or elsewhere: what is held because it was gone is judged anew.  What
# the guard holds is not: with what has come since it would not be all of the mailbox, and go.
BACK = text(f"""
    UPDATE messages SET {NO_WAIT}
    WHERE mailbox = :box AND wait = 1 AND wait_policy IS NOT NULL
        AND wait_reason IN ('{MAILBOX_GONE_HERE}', '{MAILBOX_GONE_THERE}')""")
# What `direction` kept from being made again there, too, but for deletions, which wait on.
_BROUGHT_AGAIN = text(f"""
    UPDATE messages SET {NO_WAIT}
    WHERE mailbox = :box AND wait = 2
        AND (synced IS NULL OR (server = 1 AND local = 1 AND NOT ({ALIKE})))""")
# And what failed in it while it was where it is no longer.
_TRIED_ANEW = text(f"""
    UPDATE messages SET {NO_TROUBLE} WHERE mailbox = :box AND next_try IS NOT NULL""")
_RETURNED = text("UPDATE mailboxes SET returned = :returned WHERE id = :box AND synced")
# While it was gone its messages may have been found elsewhere: what came up to then is not known.
_LISTED_AGAIN = text("UPDATE mailboxes SET messages = NULL, highest_modseq = NULL WHERE id = :box")
_INSERT = text("""
    INSERT INTO mailboxes
        (name, server, local, role, guessed, wire_name, mailbox_id, selected, relink)
    SELECT :name, :server, :local, :role, :guessed, :wire_name, :mailbox_id, :selected, relink
    FROM account""")
# While it was out of scope nobody saw what became of the copy: who saw both may have deleted that.
# The bytes of a file that was told by its name were never read: then header or name tell.
_ALONE_AGAIN = text("""
    UPDATE messages SET settled = 0
    WHERE mailbox = :box AND settled = 1 AND NOT EXISTS (
        SELECT 1 FROM messages AS copy
        WHERE copy.id <> messages.id AND copy.server IN (1, 3) AND (copy.body = messages.body
            OR ((copy.body IS NULL OR messages.body IS NULL) AND (copy.name = messages.name
                OR copy.header IN (messages.header, messages.server_header)
                OR copy.server_header IN (messages.header, messages.server_header)))))""")
_HAS_ROWS = text("SELECT EXISTS (SELECT 1 FROM messages WHERE mailbox = :box)")
_COUNTS = text("""
    SELECT mailbox, sum(server = 1), sum(local = 1), sum(server = 1 OR local = 1)
    FROM messages GROUP BY mailbox""")
_LOWEST = text("""
    SELECT uid FROM messages INDEXED BY messages_uid
    WHERE mailbox = :box AND uid IS NOT NULL AND server = 1 ORDER BY uid LIMIT 1""")
_HELD = text(f"""
    SELECT mailbox, wait_side, count(*) FROM messages WHERE {OPEN} AND messages.wait = 1
    GROUP BY mailbox, wait_side""")
_REMOVED = text(f"""
    SELECT mailbox, side, sum(count) FROM removals WHERE {LATELY} GROUP BY mailbox, side""")
_MADE = {
    side: text(f"""
    UPDATE mailboxes SET
        {side} = 1, wire_name = coalesce(:wire_name, wire_name), renamed = NULL, {_NOT_HELD}
    WHERE id = :box""")
    for side in Side
}
_GONE = {
    side: text(f"UPDATE mailboxes SET {side} = 2, {_NOT_HELD} WHERE id = :box") for side in Side
}
_ROWS_GONE = {
    side: text(f"UPDATE messages SET {side} = 2 WHERE mailbox = :box AND {side} IN (1, 3)")
    for side in Side
}
_RENAMED = text("UPDATE mailboxes SET renamed = :new WHERE id = :box")
_NOT_RENAMED = text("UPDATE mailboxes SET renamed = NULL WHERE renamed = :box")
_FORGET_ROWS = text("""
    DELETE FROM messages WHERE mailbox = :box AND NOT EXISTS (
        SELECT 1 FROM intents WHERE intents.row = messages.id OR intents.source = messages.id)""")
_FORGET = text("""
    DELETE FROM mailboxes WHERE id = :box
        AND NOT EXISTS (SELECT 1 FROM messages WHERE mailbox = :box)
        AND NOT EXISTS (SELECT 1 FROM intents WHERE mailbox = :box)""")
_ON_NEITHER = "server IN (0, 2) AND local IN (0, 2)"
_GONE_ON_BOTH = text(f"SELECT id FROM mailboxes WHERE {_ON_NEITHER}")
# One that intents point at stays.
_NEVER_SYNCED = text(f"""
    UPDATE mailboxes SET server = 0, local = 0, synced = 0, mailbox_id = NULL
    WHERE {_ON_NEITHER}""")
_FORGET_REST = [
    text(f"DELETE FROM {table} WHERE mailbox = :box") for table in ("removals", "repeated")
]
_TROUBLE = text("""
    UPDATE mailboxes SET attempts = attempts + 1, next_try = :next_try, error = :error
    WHERE id = :box""")
_SYNCED = text("""
    UPDATE mailboxes SET
        synced = CASE WHEN server = 1 AND local = 1 THEN 1 ELSE synced END, succeeded = :now
    WHERE id = :box""")
_TROUBLE_OVER = text(f"""
    UPDATE mailboxes SET {NO_TROUBLE}
    WHERE id = :box AND {TRY_AGAIN.format("mailboxes")}""")
_KEYWORDS = text(f"""
    UPDATE messages INDEXED BY messages_extra SET synced_extra = server_extra
    WHERE messages.mailbox = :box AND {EXTRA} AND messages.server = 1 AND messages.local = 1""")
# What has been on both sides and is within the limits: what could be deleted at all.
_IN_SCOPE = text("""
    SELECT coalesce(sum(server = 1 AND local <> 0), 0), coalesce(sum(local = 1 AND server <> 0), 0)
    FROM messages WHERE mailbox = :box
        AND (:max_size IS NULL OR coalesce(size, wire_size, file_size, 0) <= :max_size)
        AND (:since IS NULL
            OR coalesce(internal_date, mtime_ns / 1000000000, :since) >= :since)""")


# -- listings ----------------------------------------------------------------------------------


def see_mailboxes(
    c: Connection,
    server: Sequence[ServerMailbox] | None,
    local: Sequence[MailboxName] | None,
    selected: Selected,
) -> None:
    shown = None if server is None else {box.name: box for box in server if box.selectable}
    files = None if local is None else set(local)
    if server is not None and local is not None:  # else what moved out of one is not decided yet
        forget_gone(c)
    had = {row.name: row for row in c.execute(text("SELECT * FROM mailboxes"))}
    for name in sorted((shown or {}).keys() | (files or set()) | had.keys()):
        row, box = had.get(name), (shown or {}).get(name)
        at_server = _presence(
            None if row is None else row.server, None if shown is None else box is not None
        )
        at_local = _presence(
            None if row is None else row.local, None if files is None else name in files
        )
        role = box.role if box is not None else row and row.role and Role(row.role)
        new: dict[str, Any] = {
            "name": name,
            "server": at_server,
            "local": at_local,
            "role": role or None,
            "guessed": box.guessed if box is not None else bool(row and row.guessed),
            "wire_name": box.wire_name if box is not None else row and row.wire_name,
            "mailbox_id": (box and box.mailbox_id) or (row and row.mailbox_id),
            "selected": selected(name, role or None),
        }
        if row is None:
            c.execute(_INSERT, new)
            continue
        new |= {"box": row.id, "moved": (at_server, at_local) != (row.server, row.local)}
        if any(row._mapping[key] != new[key] for key in _SEEN):
            c.execute(_UPDATE, new)
        if new["moved"]:
            c.execute(_TRIED_ANEW, new)
        was_gone = Presence.GONE in (row.server, row.local)
        if was_gone and at_server == at_local == Presence.THERE:
            c.execute(BACK, new)
            c.execute(_BROUGHT_AGAIN, new)
            side = Side.LOCAL if row.local == Presence.GONE else Side.SERVER
            c.execute(_RETURNED, {**new, "returned": side})
        if row.server == Presence.GONE and at_server == Presence.THERE:
            c.execute(_LISTED_AGAIN, new)
        # Another mailbox of the server by this name, by UIDs that need not differ.
        other = _another(row.wire_name, new["wire_name"])
        doubtful = (new["selected"] and not row.selected) or other
        if doubtful and c.execute(_HAS_ROWS, new).scalar_one():
            c.execute(_ALONE_AGAIN, new)
            begin_relink(c, MailboxId(row.id), set(Side))
        if another(row.mailbox_id, new["mailbox_id"]):
            doubt_server(c, row.id)


_SEEN = ("server", "local", "role", "guessed", "wire_name", "mailbox_id", "selected")


def _another(had: bytes | None, now: bytes | None) -> bool:
    return had is not None and now is not None and had != now and now.upper() != b"INBOX"


def _presence(had: int | None, listed: bool | None) -> int:
    """`listed` None: that side was not looked at."""
    if listed:
        return Presence.THERE
    if listed is False and had == Presence.THERE:
        return Presence.GONE
    return had or Presence.NONE


def has_more(c: Connection, side: Side, names: Iterable[MailboxName]) -> bool:
    found = c.execute(text(f"SELECT name FROM mailboxes WHERE {side} = {Presence.THERE:d}"))
    return not set(found.scalars()) <= set(names)


# -- reading -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sums:
    """By mailbox, and by mailbox and side."""

    rows: dict[int, tuple[int, int, int]]
    held: dict[tuple[int, str], int]
    removed: dict[tuple[int, str], int]
    lowest: dict[int, UID]

    def tally(self, box: int, side: Side) -> Tally:
        there = self.rows.get(box, (0, 0, 0))[0 if side is Side.SERVER else 1]
        return Tally(there, self.removed.get((box, side), 0), self.held.get((box, side), 0))


def mailboxes(c: Connection, now: Moment) -> list[Mailbox]:
    sums = _Sums(
        rows={box: (a, b, both) for box, a, b, both in c.execute(_COUNTS)},
        held={(box, side): count for box, side, count in c.execute(_HELD)},
        removed={(box, side): count for box, side, count in c.execute(_REMOVED, now.bound())},
        lowest={},
    )
    for box, (there, _, _) in sums.rows.items():
        if there in VIEWS and (uid := c.execute(_LOWEST, {"box": box}).scalar()) is not None:
            sums.lowest[box] = UID(uid)
    found = list(c.execute(text("SELECT * FROM mailboxes ORDER BY name")))
    parents = {
        row.name[:at]
        for row in found
        if Presence.THERE in (row.server, row.local)
        for at, char in enumerate(row.name)
        if char == "/"
    }
    return [_mailbox(row, sums, row.name in parents, now.now) for row in found]


def uncounted(c: Connection, now: Moment) -> list[Mailbox]:
    sums = _Sums({}, {}, {}, {})
    found = c.execute(text("SELECT * FROM mailboxes ORDER BY name"))
    return [_mailbox(row, sums, has_children=False, now=now.now) for row in found]


def _mailbox(row: Any, sums: _Sums, has_children: bool, now: float) -> Mailbox:
    return Mailbox(
        id=row.id,
        name=row.name,
        server=Presence(row.server),
        local=Presence(row.local),
        role=None if row.role is None else Role(row.role),
        guessed=bool(row.guessed),
        uid_validity=row.uid_validity,
        uid_next=row.uid_next,
        mailbox_id=row.mailbox_id,
        synced=bool(row.synced),
        relink=bool(row.relink),
        selected=bool(row.selected),
        read_only=bool(row.read_only),
        permanent=Flags(row.permanent),
        lettered=Flags(row.lettered),
        has_children=has_children,
        on_server=sums.tally(row.id, Side.SERVER),
        on_local=sums.tally(row.id, Side.LOCAL),
        messages=sums.rows.get(row.id, (0, 0, 0))[2],
        held=bool(row.held),
        accepted=row.accepted_until is not None and row.accepted_until > now,
        parked=is_parked(row.next_try, now),
        troubled=row.next_try is not None,
        renamed=row.renamed,
        returned=None if row.returned is None else Side(row.returned),
        succeeded=row.succeeded,
        wire_name=row.wire_name,
        lowest=sums.lowest.get(row.id),
    )


def wire_names(c: Connection) -> dict[MailboxName, bytes]:
    found = c.execute(text("SELECT name, wire_name FROM mailboxes WHERE wire_name IS NOT NULL"))
    return dict(list(found))


def cursors(c: Connection) -> dict[MailboxName, Known]:
    counts = {box: there for box, there, _, _ in c.execute(_COUNTS)}
    stuck = bool(c.execute(text(STUCK)).scalar())
    return {
        row.name: Known(
            cursor=cursor_of(row.uid_validity, row.uid_next, row.messages, row.highest_modseq),
            known=counts.get(row.id, 0),
            relink=bool(row.relink),
            stamp=None if row.stamp is None else load_stamp(row.stamp),
            stuck=stuck and bool(row.read_only),
        )
        for row in c.execute(text("SELECT * FROM mailboxes"))
    }


def cursor_of(
    uid_validity: int | None, uid_next: int | None, messages: int | None, modseq: int | None
) -> Cursor | None:
    if uid_validity is None or uid_next is None or messages is None:
        return None
    return Cursor(
        UIDValidity(uid_validity), uid_next, messages, None if modseq is None else ModSeq(modseq)
    )


# -- what became of one ------------------------------------------------------------------------


def mailbox_made(c: Connection, box: MailboxId, side: Side, wire_name: bytes | None) -> None:
    c.execute(_MADE[side], {"box": box, "wire_name": wire_name})


def expect_mailbox(c: Connection, name: MailboxName, selected: bool) -> None:
    found = c.execute(text("SELECT id FROM mailboxes WHERE name = :name"), {"name": name})
    if found.first() is None:
        c.execute(
            text("INSERT INTO mailboxes (name, selected) VALUES (:name, :selected)"),
            {"name": name, "selected": selected},
        )


def mailbox_gone(c: Connection, box: MailboxId, side: Side) -> None:
    c.execute(_ROWS_GONE[side], {"box": box})
    c.execute(_GONE[side], {"box": box})


def renamed_by_moves(c: Connection, box: MailboxId, new: MailboxId) -> None:
    mailbox_gone(c, box, Side.LOCAL)  # its files are in the other one
    c.execute(BACK, {"box": box})
    c.execute(_RENAMED, {"box": box, "new": new})


def forget_mailbox(c: Connection, box: MailboxId) -> None:
    bound = {"box": box}
    c.execute(_NOT_RENAMED, bound)
    c.execute(_FORGET_ROWS, bound)
    for statement in _FORGET_REST:
        c.execute(statement, bound)
    c.execute(_FORGET, bound)


def forget_gone(c: Connection) -> None:
    """What was on neither side at the last look: one of that name is a new one from now on."""
    for box in c.execute(_GONE_ON_BOTH).scalars().all():
        forget_mailbox(c, box)
    c.execute(_NEVER_SYNCED)


def mailbox_trouble(c: Connection, box: MailboxId, error: str, next_try: float) -> None:
    c.execute(_TROUBLE, {"box": box, "error": printable(error), "next_try": next_try})


def mark_synced(c: Connection, boxes: Iterable[MailboxId], now: float) -> None:
    for box in boxes:
        c.execute(_SYNCED, {"box": box, "now": now})
        c.execute(_TROUBLE_OVER, {"box": box, "now": now})
        nothing_left(c, box)
        c.execute(_KEYWORDS, {"box": box})


def in_scope(
    c: Connection, box: MailboxId, max_size: int | None, since: int | None
) -> tuple[int, int]:
    bound = {"box": box, "max_size": max_size, "since": since}
    server, local = c.execute(_IN_SCOPE, bound).one()
    return server, local
