"""What a COPY in place of a MOVE left where it was, and is to be expunged (rule 7).

Until then other devices see the message twice, and may do something to the one that is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence

from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.rows import Row
from mailsync.planner.flags import saves
from mailsync.planner.ladder import SERVER_MOVES, is_draft
from mailsync.planner.policy import Ground, Policy
from mailsync.planner.scene import Scene

Carried = tuple[Row, Flags, Flags]  # the copy, and the flags that it gets and loses


def uncopied(scene: Scene) -> list[Row]:
    """Those of which no copy is seen.  Who saw both and deleted the new one kept this one: as good
    as moved back."""
    seen = copies_seen(scene)
    return [row for row in scene.in_order(scene.copied) if row.id not in seen]


def copies_seen(scene: Scene) -> dict[RowId, list[Row]]:
    """What may be their copies, as far as the planner was given it."""
    if not scene.copied:
        return {}
    known: defaultdict[Hashable, dict[RowId, Row]] = defaultdict(dict)
    for row in scene.in_order((*scene.paired, *scene.server_only)):
        for key in _keys(row):
            known[key][row.id] = row
    found: dict[RowId, list[Row]] = {}
    for row in scene.copied:
        alike = {other: one for key in _keys(row) for other, one in known.get(key, {}).items()}
        if alike:
            found[row.id] = list(alike.values())
    return found


def _keys(row: Row) -> Iterator[Hashable]:
    for number, step in enumerate(SERVER_MOVES):
        for key in step.left(row):
            yield number, key


def carried(
    row: Row, copies: Sequence[Row], grounds: Mapping[MailboxId, Ground], policy: Policy
) -> Carried | None:
    """What was changed of the flags of `row` since both sides agreed, where no copy shows it: it
    goes there before `row` is expunged."""
    copies = _that_may_get(copies, grounds, policy)
    if row.synced is None or not copies:
        return None
    add, remove = row.server_flags & ~row.synced, row.synced & ~row.server_flags
    for copy in copies:
        add &= ~copy.server_flags
        remove &= copy.server_flags & (copy.synced or Flags.NONE)
    copy = next((one for one in copies if one.name == row.name), copies[0])
    sendable = grounds[copy.mailbox].sendable & ~Flags.DELETED  # that is of this one alone
    add, remove = add & sendable, remove & sendable
    return (copy, add, remove) if add or remove else None


def is_kept(
    row: Row, copies: Sequence[Row], grounds: Mapping[MailboxId, Ground], policy: Policy
) -> bool:
    """Changed by what saves it from a deletion (I10), and no copy can have that: it may not be
    changed or is not known."""
    if row.synced is None or _that_may_get(copies, grounds, policy):
        return False
    if is_draft(row) and row.body is None:
        return False  # no copy of it could be told
    ground = grounds[row.mailbox]
    shared = ground.shared & ~Flags.DELETED
    was, now = row.synced & shared, row.server_flags & shared
    return ground.local_ok and saves(was, now, ground.quiet)


def _that_may_get(
    copies: Sequence[Row], grounds: Mapping[MailboxId, Ground], policy: Policy
) -> list[Row]:
    """Where it went to \\Trash, others are twins."""
    trashed = [copy for copy in copies if copy.mailbox == policy.trash]
    copies = trashed or copies
    return [copy for copy in copies if grounds[copy.mailbox].server_ok]
