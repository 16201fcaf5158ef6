"""The policy of one plan: what the configuration says, and what this run could see."""

from __future__ import annotations

from difflib import get_close_matches

from mailsync.config.patterns import rules_of
from mailsync.executor import Run
from mailsync.executor.boxes import refresh
from mailsync.model.errors import ConfigError
from mailsync.model.ids import MailboxId
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Presence, Role
from mailsync.modes.scope import selector, since, uses_trash
from mailsync.planner import Bounds, Policy


async def planned_by(run: Run, only: frozenset[MailboxName]) -> Policy:
    """`only`: the mailboxes of `sync A/M`; empty: all."""
    account = run.account
    trash = await trash_of(run)
    return Policy(
        direction=account.direction,
        deletions=account.deletions,
        expunge_deleted=account.expunge_deleted,
        guard=account.guard,
        trash=None if trash is None else trash.id,
        trash_guessed=trash is not None and trash.guessed and trash.name != account.trash,
        gmail=run.server.is_gmail,
        only=_ids(run, only) if only else None,
        has_uidplus=run.server.has_uidplus,
        has_move=run.server.has_move,
        unseen_server=_ids(run, run.unseen_server) | _parked(run),
        unseen_local=_ids(run, run.unseen_local) | _parked(run),
        closed_server=_ids(run, run.closed),
        untold=_ids(run, run.untold),
        exchanged=_ids(run, run.hidden),
        bounds={box.id: bounds_of(run, box) for box in run.mailboxes.values()},
        quiet=run.keywords.quiet,
    )


async def trash_may_open(run: Run) -> bool:
    """Whether what is deleted can go where it has to: to the \\Trash mailbox, or nowhere."""
    trash = await trash_of(run)
    if trash is None:
        return not run.server.is_gmail
    return bounds_of(run, trash).server_may_change and not trash.read_only


def bounds_of(run: Run, box: Mailbox) -> Bounds:
    """What the configuration says of this mailbox, at this time."""
    rules = rules_of(run.account, box.name)
    return Bounds(rules.direction, rules.deletions, rules.max_size, since(rules, run.now()))


def unseen(run: Run) -> frozenset[MailboxId]:
    """Mailboxes of which at least one side could not be looked at."""
    return _ids(run, run.unseen_server | run.unseen_local | run.closed) | _parked(run)


def _ids(run: Run, names: frozenset[MailboxName] | set[MailboxName]) -> frozenset[MailboxId]:
    return frozenset(box.id for box in run.mailboxes.values() if box.name in names)


def _parked(run: Run) -> frozenset[MailboxId]:
    """Their rows are not due, so it is not told what came there."""
    return frozenset(box.id for box in run.mailboxes.values() if box.parked and box.selected)


def _trash_gone(run: Run) -> list[Mailbox]:
    boxes = run.mailboxes.values()
    return [box for box in boxes if box.role is Role.TRASH and box.server is Presence.GONE]


async def trash_of(run: Run) -> Mailbox | None:
    """The \\Trash mailbox: by the server's word, else by the user's, else by its name, else the one
    that was there at the last look: it is made again rather than that messages are expunged, for it
    may be that the server did not list it for once.

    One that the user named and that is nowhere is noted, so that a plan can make it.  Raises
    ConfigError where it looks like a slip of the pen.
    """
    name = MailboxName(run.account.trash)
    there = [box for box in run.mailboxes.values() if box.server is Presence.THERE]
    trashes = [box for box in there if box.role is Role.TRASH]
    told = [box for box in trashes if not box.guessed]
    if told or not name:
        return next(iter(told or trashes or _trash_gone(run)), None)
    if all(box.name != name for box in run.mailboxes.values()):
        if not uses_trash(run.account):
            return None
        boxes = {box.name.casefold(): box.name for box in run.mailboxes.values()}
        if near := get_close_matches(name.casefold(), boxes, n=1):
            raise ConfigError(
                f'trash = "{name}": there is no such mailbox on either side, did you mean '
                f'"{boxes[near[0]]}"? Else create it, or set deletions = "expunge"'
            )
        selected = selector(run.account, None)(name, None)
        await run.stored(run.cache.expect_mailbox, name, selected)
        await refresh(run)
    return next(box for box in run.mailboxes.values() if box.name == name)
