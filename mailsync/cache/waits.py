# ruff: noqa: S608 (the statements are put together from constants of this room)
"""What waits or is held, and when that is over: another policy, or what it waited for is there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from mailsync.cache.quick import PolicyOf
from mailsync.cache.schema import ALIKE, DATED, DELETED, FLAGGED, MARKED, OPEN
from mailsync.cache.sql import NO_TROUBLE, NO_WAIT, many
from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId

_REASON = "'direction or deletions changed'"
# What was \\Deleted on both sides; on the server it may be off by now, by us (cache/intents).
_MEANT = f"""({FLAGGED} AND synced IS local_flags AND (synced IS server_flags
    OR (accepted_until IS NOT NULL AND synced = server_flags | {Flags.DELETED:d})))"""
# What waits to be put back waits for the other side, and goes at once.
_HOLD_WAITING = text(f"""
    UPDATE messages SET
        wait = 1, wait_policy = NULL, wait_reason = {_REASON}, settled = 0,
        wait_side = CASE WHEN server = 1 THEN 'server' ELSE 'local' END
    WHERE mailbox = :box AND (wait IN (2, 3) OR settled = 2) AND settled NOT IN (1, 3)
        AND (settled = 2 OR wait_side IS CASE WHEN server = 1 THEN 'server' ELSE 'local' END)
        AND synced IS NOT NULL AND ((server = 1) <> (local = 1) OR {_MEANT})""")
_FREE_WAITING = text(f"""
    UPDATE messages SET {NO_WAIT},
        settled = CASE WHEN settled = 2 THEN 0 ELSE settled END
    WHERE mailbox = :box AND (wait IN (2, 3) OR settled = 2)""")
_VOID_WAITS = text(f"""
    UPDATE messages SET {NO_WAIT}
    WHERE mailbox = :box AND wait <> 0 AND settled <> 2 AND wait_policy <> :digest""")
# The same guard held it: another limit decides nothing about that, though with what has come since
# it would not be all of the mailbox any more.  But see `_LEFT_OUT`.
_STILL_HELD = text("""
    UPDATE messages SET wait_policy = :digest
    WHERE mailbox = :box AND wait = 1 AND wait_policy <> :digest AND (server = 1) <> (local = 1)""")
# It failed under another policy, by which it may be nothing that is to be done.
_TRIED_ANEW = text(f"""
    UPDATE messages SET {NO_TROUBLE} WHERE mailbox = :box AND next_try IS NOT NULL AND {ALIKE}""")
# Both sides agree since the server keeps other flags: nothing is left to wait or be tried for.
_NOTHING_LEFT = text(f"""
    UPDATE messages SET {NO_WAIT}, {NO_TROUBLE}
    WHERE {OPEN} AND +mailbox = :box AND (wait <> 0 OR next_try IS NOT NULL)
        AND {ALIKE} AND NOT {DELETED} AND NOT {MARKED}""")
# Messages only grow older: these were left out by a clock that was wrong.
_YOUNG_AGAIN = text(f"""
    UPDATE messages SET {NO_WAIT}
    WHERE {OPEN} AND wait = 4 AND +mailbox = :box
        AND coalesce(internal_date, mtime_ns / 1000000000) >= :since""")
# Out of scope nothing is to be decided.
_LEFT_OUT = text(f"""
    UPDATE messages SET {NO_WAIT}
    WHERE {OPEN} AND wait = 1 AND wait_policy IS NOT NULL AND +mailbox = :box
        AND (coalesce(size, wire_size, file_size) > :max_size
            OR coalesce(internal_date, mtime_ns / 1000000000) < :since)""")
_RAN_WITH = text("""
    UPDATE mailboxes SET direction = :direction, deletions = :deletions, policy = :digest
    WHERE id = :box""")
# What is held may be freed by a change of its flags alone, and is no decision then either.
_WHOLE_AGAIN = text(f"""
    UPDATE mailboxes SET returned = NULL
    WHERE id = :box AND returned IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM messages WHERE messages.mailbox = :box AND {OPEN} AND messages.wait = 1)""")
# The \\Trash mailbox of the account is where it can be moved to by now.
_TRASH_OPEN = text(f"""
    UPDATE messages SET {NO_WAIT}
    WHERE {OPEN} AND wait = 2 AND wait_reason IN :reasons""").bindparams(
    bindparam("reasons", expanding=True)
)
# The new version of a draft was the one thing that kept the old one (planner/deletions).
_VERSION_GONE = text(f"""
    UPDATE messages SET {NO_WAIT}
    WHERE {OPEN} AND wait = 2 AND wait_reason = :reason AND NOT EXISTS (
        SELECT 1 FROM messages AS new
        WHERE new.mailbox = messages.mailbox AND new.server = 0 AND new.local = 1 AND new.wait = 4
            AND (new.origin = messages.uid
                OR (new.message_id <> '' AND new.message_id = messages.message_id)))""")

_MOVED = text(f"""
    SELECT id, wait_reason, server = 1, local = 1, synced IS NOT NULL,
        name, body, email_id, {DATED}, header, server_header
    FROM messages WHERE {OPEN} AND wait = 2 AND wait_reason IN :reasons""").bindparams(
    bindparam("reasons", expanding=True)
)
_FREED = f"UPDATE messages SET {NO_WAIT} WHERE id = ?1"


def ran_with(c: Connection, policy: PolicyOf) -> bool:
    held = 0
    found = c.execute(
        text("SELECT id, name, direction, deletions, policy FROM mailboxes WHERE selected")
    )
    for box, name, had_direction, had_deletions, had_digest in found.all():
        direction, deletions, digest = policy(name)
        said = {"box": box, "direction": direction, "deletions": deletions, "digest": digest}
        if (had_direction, had_deletions, had_digest) == (direction, deletions, digest):
            continue
        if had_direction is not None and (had_direction, had_deletions) != (direction, deletions):
            held += c.execute(_HOLD_WAITING, said).rowcount
            c.execute(_FREE_WAITING, said)
        elif had_digest is not None and _guard_of(had_digest) == _guard_of(digest):
            c.execute(_STILL_HELD, said)
        if had_direction is not None:
            c.execute(_VOID_WAITS, said)
            c.execute(_TRIED_ANEW, said)
        c.execute(_RAN_WITH, said)
    return held > 0


def _guard_of(digest: str) -> list[str]:
    """It begins with the guard's share and floor."""
    return digest.split(", ")[:2]


def nothing_left(c: Connection, box: MailboxId) -> None:
    c.execute(_NOTHING_LEFT, {"box": box})


def heed_limits(c: Connection, box: MailboxId, max_size: int | None, since: int | None) -> None:
    bound = {"box": box, "max_size": max_size, "since": since}
    c.execute(_YOUNG_AGAIN, bound)
    c.execute(_LEFT_OUT, bound)


def whole_again(c: Connection, boxes: Iterable[MailboxId]) -> None:
    for box in boxes:
        c.execute(_WHOLE_AGAIN, {"box": box})


def trash_open(c: Connection, reasons: Collection[str]) -> None:
    c.execute(_TRASH_OPEN, {"reasons": list(reasons)})


def version_gone(c: Connection, reason: str) -> None:
    c.execute(_VERSION_GONE, {"reason": reason})


def move_over(c: Connection, reasons: Collection[str]) -> None:
    rows = c.execute(_MOVED, {"reasons": list(reasons)}).all()
    there = {(*row[1:4], *trait) for row in rows for trait in _traits(row)}
    many(
        c,
        _FREED,
        [
            (row.id,)
            for row in rows
            if row[4]
            and not any((row[1], not row[2], not row[3], *t) in there for t in _traits(row))
        ],
    )


def _traits(row: Row[Any]) -> Iterator[tuple[int, object]]:
    """What a message is told by where it went, and waits there for the same reason; of its two
    headers either."""
    for at in range(5, len(row)):
        if row[at] is not None:
            yield min(at, 9), row[at]
