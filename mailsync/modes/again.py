"""What is looked at once more before a plan is believed (semantics.md, rules 2 and 3).

Mailboxes are observed one after the other, so what is moved meanwhile is gone from the one that is
looked at last and in the other not yet, or it is in both.  Only where the plan would make something
of that, and only where the same date and size show that it may be so, is a second look taken.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from mailsync.executor import Run
from mailsync.executor.boxes import observe_again, refresh
from mailsync.executor.run import LOOK_THERE
from mailsync.model.actions import (
    Action,
    Copy,
    CopyLocal,
    Defer,
    Download,
    Expunge,
    Move,
    Plan,
    RenameMailbox,
    Upload,
)
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.rows import Presence
from mailsync.modes.names import observe_new_names, told_twice, without_exchanged
from mailsync.modes.observe import asks, observe_local, observe_server
from mailsync.modes.scope import selector


@dataclass(slots=True)
class Doubts:
    """Rows of a plan that a second look may show otherwise."""

    put_back: set[RowId] = field(default_factory=set)  # gone on the server, and to be sent again
    arrived: set[RowId] = field(default_factory=set)  # new on the server
    filed: set[RowId] = field(default_factory=set)  # new in the Maildir
    deleted: set[RowId] = field(default_factory=set)  # gone from the Maildir

    @classmethod
    def of(cls, made: Plan) -> Doubts:
        found = cls()
        for action in made.actions:
            match action:
                case Upload(rows=rows) | Copy(joins=rows):
                    for row in rows:
                        back = row.server is Presence.GONE
                        (found.put_back if back else found.filed).add(row.id)
                case Download(rows=rows) | CopyLocal(joins=rows):
                    found.arrived.update(row.id for row in rows if row.synced is None)
                    found.deleted.update(row.id for row in rows if row.local is Presence.GONE)
                case Expunge(rows=rows) | Move(rows=rows, joins=()) | Defer(rows=rows):
                    found.deleted.update(row.id for row in rows if row.local is Presence.GONE)
        return found


async def looked_again(run: Run, made: Plan) -> bool:
    """Whether anything was looked at; each row asks for it once in a run."""
    if run.dry or not any(box.synced for box in run.mailboxes.values()):
        return False
    doubts = Doubts.of(made)
    asked = [doubts.put_back, doubts.arrived, doubts.filed, doubts.deleted]
    for rows, before in zip(asked, run.doubted, strict=True):
        rows.difference_update(before)
        before.update(rows)
    looked = await _here(run, doubts)
    moved = False
    if doubts.arrived:
        moved = await run.stored(run.cache.may_have_left, doubts.arrived)
    if doubts.put_back or moved:
        await look_there(run)
        looked = True
    return looked


async def look_there(run: Run) -> None:
    """All that changed on the server since it was listed."""
    shown = await told_twice(run, await run.server.mailboxes())
    listed = [box for box in shown if box.name not in run.left_out]
    listed = without_exchanged(run, listed, await run.stored(run.cache.uncounted, run.now()))
    await run.stored(run.cache.see_mailboxes, listed, None, selector(run.account, listed))
    await refresh(run)
    there = {box.name: box for box in listed}
    known = await run.stored(run.cache.cursors)
    wanted = asks(run.mailboxes.values(), there, known, {}, run.server.has_condstore)
    await observe_server(run, wanted)
    await refresh(run)


async def _here(run: Run, doubts: Doubts) -> bool:
    """A file that is gone may have gone anywhere: all mailboxes whose stamp is no more what it was,
    and those that are new.  One that is new may have come from where files are like it."""
    among: set[MailboxId] | None = None
    if doubts.deleted:
        await observe_new_names(run)
    elif doubts.filed:
        among = await run.stored(run.cache.may_have_held, doubts.filed)
    else:
        among = set()
    if among is not None and not among:
        return False
    await _list_again(run, among)
    return True


async def _list_again(run: Run, among: Collection[MailboxId] | None) -> None:
    """The Maildir's mailboxes of these (None: of all) whose stamp is no more what it was."""
    await observe_local(run, await run.stored(run.cache.cursors), {}, among)
    await refresh(run)


async def look_for_shifted(run: Run) -> None:
    """Where messages were not what the plan took them for: others are at work there, and the same
    plan would fail in every round."""
    vanished, run.vanished = run.vanished, set()
    for box in [box for box in run.mailboxes.values() if box.id in vanished]:
        async with run.only_trouble(box, LOOK_THERE):
            await observe_again(run, box)
    if run.shifted:
        among, run.shifted = run.shifted, set()
        await _list_again(run, among)


async def look_within(run: Run, renames: Sequence[Action]) -> None:
    """What was removed from a directory before it got another name is seen gone only now: under
    the old name nothing was proven, under the new one nothing was known.  So with what went along
    with it."""
    names = {name for pair in run.renamed for name in pair}
    moved = {action.mailbox for action in renames if isinstance(action, RenameMailbox)}
    moved |= {
        box.id
        for box in run.mailboxes.values()
        if any(f"{box.name}/".startswith(f"{name}/") for name in names)
    }
    if moved and not run.dry:
        await _list_again(run, moved)
