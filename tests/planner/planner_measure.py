"""What every planning round lowers (I4): a sum over the rows that are due, and those that wait.

A weight is more than what the row can turn into: deleted into \\Trash it leaves a row on neither
side, to be forgotten, and a new message there; paired with what is on neither side a new message
becomes one to be deleted, and marked if that was.  So may one that waits, in a later round; a
message and a file that both wait may be paired then, and have flags to agree on.
"""

from __future__ import annotations

from typing import Any

from planner_parts import G, T

from mailsync.model.flags import Flags
from mailsync.model.rows import Row, Settled, Wait
from mailsync.planner.flags import merged

FORGET = 2
COPIED = 3
IN_TRASH = 4  # new or deleted there: it goes no further
ONE_SIDED = 10
DELETED = 8
LEFT = 5  # a file that lost its message
FLAGS = 1
MARKED = 12  # \Deleted where that deletes
WAITS = 1  # less than as if it were due, on one side


def measure(world: Any) -> int:
    waiting = (row for row in world.rows.values() if row.wait is not Wait.NO)
    one_sided = [row for row in waiting if (row.server is T) is not (row.local is T)]
    waits = sum(weight(world, row) - WAITS for row in one_sided)
    return waits + sum(weight(world, row) for row in world.due())


def weight(world: Any, row: Row) -> int:
    trash = world.policy.is_trash(world.boxes[row.mailbox].facts)
    if row.settled is Settled.COPIED and row.server is T:
        if row.local is T:
            return LEFT + 1
        marked = row.local_flags & ~row.server_flags & Flags.DELETED  # else it went along
        return COPIED + MARKED * bool(marked and world.policy.expunge_deleted)
    if row.server is T and row.local is T:
        return _flags(world, row)
    if row.server is T:
        kind = DELETED if row.local is G else ONE_SIDED
        return (IN_TRASH if trash else kind) + _marked(world, row)
    if row.local is T:
        return (LEFT if row.server is G else ONE_SIDED) + _marked(world, row)
    return FORGET + _marked(world, row)


def _flags(world: Any, row: Row) -> int:
    """On how many sides they are to change: one of the two may wait for the next round, and so
    may \\Deleted, which Gmail is never sent."""
    shared = world.boxes[row.mailbox].facts.permanent
    server, local = row.server_flags & shared, row.local_flags & shared
    wanted = merged(None if row.synced is None else row.synced & shared, server, local)
    deletes = world.policy.expunge_deleted and wanted & Flags.DELETED
    kept = Flags.DELETED if world.policy.gmail else Flags.NONE
    send = server ^ wanted
    parts = bool(send & ~kept) + bool(send & kept) + (local != wanted)
    return FLAGS * parts + MARKED * bool(deletes)


def _marked(world: Any, row: Row) -> int:
    if not world.policy.expunge_deleted:
        return 0
    agreed = row.server is G and row.synced is not None and row.synced & Flags.DELETED
    flags = (row.server_flags if row.server is T else 0) | row.local_flags
    return MARKED if flags & Flags.DELETED and not agreed else 0
