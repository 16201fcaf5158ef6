# ruff: noqa: S608 (the statements are put together from constants of this room)
"""Is there nothing to do?  Asked of the cache by stdlib sqlite3, read-only, in a few ms.

`import sqlalchemy` costs 0.2 s, which a no-op must not pay.  The literal SELECTs here are held
against the tables by a test.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from mailsync.cache.schema import (
    APPLICATION_ID,
    AUDIT_DUE,
    DUE,
    DUE_DELETED,
    HEAD,
    IN_SCOPE,
    OPEN,
    STUCK,
    is_parked,
    read_only,
)
from mailsync.model.flags import Flags
from mailsync.model.ids import ModSeq, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, LocalEntry, Stamp
from mailsync.model.rows import Presence, Wait

PolicyOf = Callable[[MailboxName], tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class QuickMailbox:
    """`server`, `local`: it is there on that side.

    `drafts`: the files in \\Drafts with size and mtime_ns, because one edited in place changes
    no stamp (semantics.md, rule 3).
    """

    wire_name: bytes | None
    cursor: Cursor | None
    stamp: Stamp | None
    selected: bool
    server: bool
    local: bool
    role: str | None = None
    mailbox_id: str | None = None
    drafts: tuple[tuple[LocalEntry, int, int], ...] = ()


@dataclass(slots=True)
class Waits:
    """What is left in one mailbox, for report and exit status (rule 11); messages, but a held
    or parked mailbox counts as one."""

    held: int = 0
    parked: int = 0
    unsent: int = 0
    kept: int = 0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quick:
    """A cache in which nothing is due: only a change on either side can make work."""

    uuid: str
    account_uuid: str
    generation: int
    login: str | None
    mailboxes: dict[MailboxName, QuickMailbox]
    waiting: dict[MailboxName, Waits] = field(default_factory=dict)

    @property
    def held(self) -> int:
        return sum(waits.held for waits in self.waiting.values())

    @property
    def failed(self) -> int:
        return sum(waits.parked for waits in self.waiting.values())


# One row: uuid, account_uuid, generation, and 0 where nothing stands against the quick path.
FACTS = """
    SELECT uuid, account_uuid, generation, login, relink OR EXISTS (SELECT 1 FROM intents)
        OR EXISTS (SELECT 1 FROM mailboxes WHERE relink AND selected)
    FROM account"""
ANY_DUE = f"""
    SELECT EXISTS (
        SELECT 1 FROM messages CROSS JOIN mailboxes ON mailboxes.id = messages.mailbox
            AND {IN_SCOPE} WHERE {DUE})"""
ANY_DELETED_DUE = f"""
    SELECT EXISTS (
        SELECT 1 FROM messages CROSS JOIN mailboxes ON mailboxes.id = messages.mailbox
            AND {IN_SCOPE} WHERE {DUE_DELETED})"""
ANY_AUDIT_DUE = f"SELECT EXISTS (SELECT 1 FROM mailboxes WHERE {AUDIT_DUE})"
MAILBOXES = """
    SELECT name, wire_name, uid_validity, uid_next, messages, highest_modseq, stamp, selected,
        server, local, held, wait_reason, next_try, error, direction, deletions, policy,
        role, mailbox_id
    FROM mailboxes"""
DRAFTS = """
    SELECT mailboxes.name, messages.name, folder, info, file_size, mtime_ns
    FROM mailboxes CROSS JOIN messages ON messages.mailbox = mailboxes.id
    WHERE mailboxes.role = '\\Drafts' AND messages.local = 1"""
WAITING = f"""
    SELECT mailboxes.name, messages.wait, messages.next_try IS NOT NULL,
        coalesce(messages.wait_reason, messages.error), count(*)
    FROM messages CROSS JOIN mailboxes ON mailboxes.id = messages.mailbox AND mailboxes.selected
    WHERE {OPEN} AND messages.wait < {Wait.OUT:d} GROUP BY 1, 2, 3, 4"""


def look(
    path: str,
    now: float,
    expunge_deleted: bool = False,
    policy: PolicyOf | None = None,
) -> Quick | None:
    """None: something is due, in doubt or not to be read this way; take the full path.

    `policy`: direction, deletions and digest as for `ran_with`; a mailbox that last ran with
    others needs the full path.
    """
    if not os.path.isfile(path) or any(
        os.path.exists(path + suffix) and os.path.getsize(path + suffix) > 0
        for suffix in ("-wal", "-journal")
    ):
        return None
    if os.path.exists(path + ".doubt"):
        return None
    try:
        # Immutable: the caller holds the lock, so nobody writes; and no -wal is left behind.
        raw = sqlite3.connect(f"{read_only(path)}&immutable=1", uri=True)
    except sqlite3.Error:
        return None
    try:
        raw.execute("PRAGMA trusted_schema = OFF")
        return _look(raw, now, expunge_deleted, policy)
    except (sqlite3.Error, ValueError, TypeError):  # not what a cache holds: the full path says
        return None
    finally:
        raw.close()


def names(path: str) -> list[MailboxName]:
    """The mailboxes that the cache has, on either side and in scope or not; none where there is
    no cache or it cannot be read."""
    if not os.path.isfile(path):
        return []
    try:
        with closing(sqlite3.connect(read_only(path), uri=True)) as raw:
            raw.execute("PRAGMA trusted_schema = OFF")
            return [name for (name,) in raw.execute("SELECT name FROM mailboxes ORDER BY name")]
    except sqlite3.Error:
        return []


def _look(
    raw: sqlite3.Connection, now: float, expunge_deleted: bool, policy: PolicyOf | None
) -> Quick | None:
    if raw.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        return None
    if raw.execute("SELECT version_num FROM alembic_version").fetchall() != [(HEAD,)]:
        return None
    uuid, account_uuid, generation, login, against = raw.execute(FACTS).fetchone()
    questions = [ANY_DUE, ANY_AUDIT_DUE, STUCK] + ([ANY_DELETED_DUE] if expunge_deleted else [])
    if against or any(raw.execute(one, {"now": now}).fetchone()[0] for one in questions):
        return None
    boxes: dict[MailboxName, QuickMailbox] = {}
    waiting: dict[MailboxName, Waits] = {}
    for row in raw.execute(MAILBOXES):
        if _due(row, now, policy):
            return None
        boxes[row[0]] = _mailbox(row)
        held, reason, next_try, error = row[10:14]
        if row[7] and (held or next_try is not None):
            waiting[row[0]] = Waits(
                held=int(held),
                parked=int(next_try is not None),
                reasons=tuple(text for text in (reason, error) if text),
            )
    for name, file, folder, info, size, mtime in raw.execute(DRAFTS):
        one = (LocalEntry(file, folder, info, Flags.NONE), size, mtime)
        boxes[name] = replace(boxes[name], drafts=(*boxes[name].drafts, one))
    for name, wait, parked, reason, count in raw.execute(WAITING):
        _add(waiting.setdefault(name, Waits()), wait, parked, reason, count)
    return Quick(uuid, account_uuid, generation, login, boxes, waiting)


def _due(row: tuple[Any, ...], now: float, policy: PolicyOf | None) -> bool:
    """Whether the planner may have something to do for the mailbox itself."""
    selected, server, local, held, next_try = row[7], row[8], row[9], bool(row[10]), row[12]
    direction: str | None = row[14]
    if not selected:
        return False
    if policy is not None and (direction, *row[15:17]) != policy(row[0]):
        return True
    if isinstance(next_try, float):
        return not is_parked(next_try, now)
    if held or (server == local == Presence.THERE):
        return False
    # One that is on one side only is due, unless `direction` forbids to make it on the other.
    if server == Presence.NONE and local == Presence.THERE:
        return direction != "pull"
    if local == Presence.NONE and server == Presence.THERE:
        return direction != "push"
    return True


def _mailbox(row: tuple[object, ...]) -> QuickMailbox:
    _, wire_name, validity, uid_next, messages, modseq, stamp, selected, server, local = row[:10]
    role, mailbox_id = row[17:19]
    cursor = None
    if isinstance(validity, int) and isinstance(uid_next, int) and isinstance(messages, int):
        cursor = Cursor(
            UIDValidity(validity),
            uid_next,
            messages,
            ModSeq(modseq) if isinstance(modseq, int) else None,
        )
    made = None
    if isinstance(stamp, str):
        (a, b, c), (d, e, f) = json.loads(stamp)
        made = Stamp(new=(a, b, c), cur=(d, e, f))
    return QuickMailbox(
        wire_name=wire_name if isinstance(wire_name, bytes) else None,
        cursor=cursor,
        stamp=made,
        selected=bool(selected),
        server=server == Presence.THERE,
        local=local == Presence.THERE,
        role=role if isinstance(role, str) else None,
        mailbox_id=mailbox_id if isinstance(mailbox_id, str) else None,
    )


def _add(waits: Waits, wait: int, parked: bool, reason: str | None, count: int) -> None:
    if wait == Wait.HELD:
        waits.held += count
    elif wait == Wait.UNSENT:
        waits.unsent += count
    elif wait == Wait.KEPT:
        waits.kept += count
    elif parked:
        waits.parked += count
    if reason and reason not in waits.reasons and len(waits.reasons) < 5:
        waits.reasons += (reason,)
