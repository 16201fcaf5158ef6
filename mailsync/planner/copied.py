"""What a COPY in place of a MOVE left where it was, and is to be expunged (rule 7).

Until then other devices see the message twice, and may do something to the one that is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.rows import Row
from mailsync.planner.ladder import (
    MOVED_NAME,
    SERVER_MOVES,
    Match,
    Step,
    climb,
    elsewhere,
    met_later,
)
from mailsync.planner.policy import Ground
from mailsync.planner.scene import Scene


def _later_first(steps: Sequence[Step]) -> list[Step]:
    """What was there before the message itself is a twin; unless that got another UID since, and
    is met anew (rule 4)."""
    return [*map(met_later, steps), *steps]


_ELSEWHERE = [elsewhere(step) for step in SERVER_MOVES]
BY_CONTENT = _later_first(_ELSEWHERE)
BY_NAME = _later_first([MOVED_NAME, *_ELSEWHERE])


@dataclass(frozen=True, slots=True)
class Carried:
    """What was done since to the flags of one that is left: the copy gets and loses them, too."""

    copy: Row
    add: Flags
    remove: Flags

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)


def kept(scene: Scene, expunged: Sequence[Row]) -> list[Match]:
    """Those whose copy is among the `expunged`.  Who saw both and deleted the new one kept this
    one: as good as moved back."""
    if not scene.copied:
        return []
    found = climb(BY_CONTENT, [(scene.in_order(scene.copied), _copies(scene, expunged))])
    gone = {row.id for row in expunged}
    return [one for one in found if one.right.id in gone]


def carried(
    scene: Scene, trash: MailboxId | None, grounds: Mapping[MailboxId, Ground]
) -> dict[RowId, Carried]:
    """By the row that is left.  Its copy is one under the name that its file had, else one in
    \\Trash before one elsewhere, which may be a twin."""
    changed = [row for row in scene.copied if row.synced not in (None, row.server_flags)]
    if not changed:
        return {}
    changed = scene.in_order(changed)
    there = _copies(scene)
    in_trash = [row for row in there if row.mailbox == trash]
    others = [row for row in there if row.mailbox != trash]
    return {
        one.left.id: _changed(one.left, one.right, grounds[one.right.mailbox])
        for one in climb(BY_NAME, [(changed, in_trash), (changed, others)])
    }


def _copies(scene: Scene, more: Sequence[Row] = ()) -> list[Row]:
    """The last that was met first."""
    return sorted((*scene.paired, *scene.server_only, *more), key=lambda row: -row.id)


def _changed(row: Row, copy: Row, ground: Ground) -> Carried:
    assert row.synced is not None
    sendable = ground.sendable & ~Flags.DELETED  # which is of the one that is left alone
    agreed = copy.server_flags & (copy.synced or Flags.NONE)
    add, remove = row.server_flags & ~row.synced, row.synced & ~row.server_flags
    return Carried(copy, add & ~copy.server_flags & sendable, remove & agreed & sendable)
