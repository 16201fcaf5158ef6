"""Makes a plan happen: order, retry, report.  It does not know why an action was planned."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Sequence
from typing import assert_never

from mailsync.executor.boxes import (
    create_local_mailbox,
    create_mailbox,
    remove_local_mailbox,
    remove_mailbox,
    rename_local_mailbox,
    rename_mailbox,
)
from mailsync.executor.download import download
from mailsync.executor.files import entry_of
from mailsync.executor.flags import set_local_flags, store_flags
from mailsync.executor.moves import copy, copy_local, move, move_local
from mailsync.executor.remove import expunge, remove_local
from mailsync.executor.resolve import resolve, wait_and_resolve
from mailsync.executor.run import Run, Tallies, spoils_all
from mailsync.executor.upload import upload
from mailsync.model.actions import (
    CacheOnly,
    Copy,
    CopyLocal,
    CreateLocalMailbox,
    CreateMailbox,
    Download,
    Expunge,
    Move,
    MoveLocal,
    Pair,
    Plan,
    RemoveLocal,
    RemoveLocalMailbox,
    RemoveMailbox,
    RenameLocalMailbox,
    RenameMailbox,
    SetLocalFlags,
    Step,
    StoreFlags,
    Upload,
    describe,
)
from mailsync.model.errors import Help, MailsyncError
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import LocalEntry
from mailsync.model.rows import Row

log = logging.getLogger("mailsync.sync")

__all__ = ["Run", "Tallies", "execute", "resolve", "wait_and_resolve"]


async def execute(run: Run, plan: Plan) -> None:
    """Every action in the plan's order.

    An action that fails for its mailbox alone is noted there and the next one goes on; an error
    that reaches the account comes out, and what was done until then stays done.  What only time
    or a person can help is not tried a second time in this attempt.
    """
    if relied := _relied_on(run, plan):
        await run.disk(run.maildir.make_lasting, relied)
    await run.stored(run.cache.apply, [a for a in plan.actions if isinstance(a, CacheOnly)])
    run.files_by_body = _unsent(plan)
    unmade: set[MailboxId] = set()
    run.renumbered.clear()
    run.paired.clear()  # a row that is made later may have the number of one that was merged
    run.marked.clear()
    run.expunges = Counter(one.mailbox for one in plan.actions if isinstance(one, Expunge))
    names = {box.id: box.name for box in run.mailboxes.values()}
    for action in plan.actions:
        if log.isEnabledFor(logging.INFO):
            log.info("%s: %s", run.account.name, describe(action, names, run.keywords))
        kind = (type(action), action.mailbox)
        touched = {action.mailbox, getattr(action, "target", action.mailbox)}
        if isinstance(action, CacheOnly):
            continue
        if kind in run.futile or touched & (unmade | run.renumbered):
            run.passed_over(run.mailboxes[action.mailbox], type(action))
            continue
        try:
            await _step(run, action)
        except MailsyncError as error:
            if spoils_all(error):
                raise
            if isinstance(action, CreateMailbox | CreateLocalMailbox):
                unmade.add(action.mailbox)
            if error.help is not Help.RETRY:
                run.futile.add(kind)
            await run.mailbox_trouble(run.mailboxes[action.mailbox], type(action), error)


def _relied_on(run: Run, plan: Plan) -> dict[MailboxName, list[LocalEntry]]:
    """What a power cut must not take back once the server or the cache has it: files that will
    count as synced, which would look removed, and removals, which would look like new files.

    Mail readers and delivery agents rarely wait for the disk; neither did a run of our own that was
    killed in the middle of a delivery."""
    found: defaultdict[MailboxName, list[LocalEntry]] = defaultdict(list)
    for action in plan.actions:
        match action:
            case Pair():
                rows: Sequence[Row] = [action.file]
            case Upload():
                rows = action.rows
            case Download():
                rows = action.maybe
            case Move():
                rows = action.joins
                found[run.name(action.mailbox)] += []  # what left it
            case Copy():
                rows = action.joins
            case Expunge():
                rows = action.after
                found[run.name(action.mailbox)] += []
            case StoreFlags():
                rows = ()
                found[run.name(action.mailbox)] += []  # the names that show them
            case _:
                continue
        for row in rows:
            if row.name is not None:
                found[run.name(row.mailbox)].append(entry_of(row))
    return found


def _unsent(plan: Plan) -> dict[tuple[MailboxId, bytes], list[Row]]:
    """The files, each once, of which a Download may find that they are its message."""
    found: dict[tuple[MailboxId, bytes], dict[RowId, Row]] = {}
    for action in plan.actions:
        if isinstance(action, Upload | Download):
            for row in action.rows if isinstance(action, Upload) else action.maybe:
                if row.body is not None:
                    found.setdefault((action.mailbox, row.body), {})[row.id] = row
    return {key: list(rows.values()) for key, rows in found.items()}


def _step(run: Run, action: Step) -> Awaitable[None]:
    match action:
        case CreateMailbox():
            return create_mailbox(run, action)
        case CreateLocalMailbox():
            return create_local_mailbox(run, action)
        case RenameMailbox():
            return rename_mailbox(run, action)
        case RenameLocalMailbox():
            return rename_local_mailbox(run, action)
        case RemoveMailbox():
            return remove_mailbox(run, action)
        case RemoveLocalMailbox():
            return remove_local_mailbox(run, action)
        case Move():
            return move(run, action)
        case Copy():
            return copy(run, action)
        case MoveLocal():
            return move_local(run, action)
        case CopyLocal():
            return copy_local(run, action)
        case StoreFlags():
            return store_flags(run, action)
        case SetLocalFlags():
            return set_local_flags(run, action)
        case Download():
            return download(run, action)
        case Upload():
            return upload(run, action)
        case RemoveLocal():
            return remove_local(run, action)
        case Expunge():
            return expunge(run, action)
        case _:
            assert_never(action)
