"""No more bodies in a day than the budget has: the newest first, the rest stays open.

As with `narrow`, the plan is made as ever and then bodies are taken out of it.  What costs none
(flags, deletions, moves, what comes out of undo) goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailsync.model.actions import Action, Download, Plan, Upload
from mailsync.model.ids import RowId
from mailsync.model.rows import Row
from mailsync.model.usage import Ration

FRESH = 2 * 86400.0  # seconds: what is younger may use the reserve
USUAL = 75_000  # bytes of a message whose size nobody says


def rationed(
    plan: Plan, down: Ration | None, up: Ration | None, now: float
) -> tuple[Plan, tuple[Action, ...]]:
    """What of the plan may be done, and what of it waits; None: there is no limit.

    A message begins as long as anything is left: one that is larger than what is left, or than
    the whole budget, would else never come, or hold up all behind it.
    """
    if down is None and up is None:
        return plan, ()
    taken: set[RowId] = set()
    for kind, ration in ((Download, down), (Upload, up)):
        rows = [row for one in plan.actions if isinstance(one, kind) for row in one.rows]
        taken |= {row.id for row in rows} if ration is None else _within(rows, ration, now)
    done: list[Action] = []
    left: list[Action] = []
    for action in plan.actions:
        if not isinstance(action, Download | Upload):
            done.append(action)
            continue
        rows = [row for row in action.rows if row.id in taken]
        rest = [row for row in action.rows if row.id not in taken]
        if rows:
            done.append(replace(action, rows=tuple(rows)))
        if rest:
            left.append(replace(action, rows=tuple(rest)))
    return Plan(tuple(done)), tuple(left)


def _within(rows: Sequence[Row], ration: Ration, now: float) -> set[RowId]:
    """Over all mailboxes by their dates, the newest first."""
    taken: set[RowId] = set()
    used = 0
    for row in sorted(rows, key=lambda row: (-_date(row), row.mailbox, -(row.uid or 0), row.id)):
        cost = _cost(row)
        fresh = _date(row) >= now - FRESH
        if cost == 0 or used < (ration.left if fresh else ration.left - ration.reserve):
            taken.add(row.id)
            used += cost
    return taken


def _date(row: Row) -> int:
    date = row.mtime if row.internal_date is None else row.internal_date
    return date or 0


def _cost(row: Row) -> int:
    """Bytes on the wire, as far as anybody says."""
    if row.undo:
        return 0
    size = row.wire_size or row.file_size if row.size is None else row.size
    return USUAL if size is None else size
