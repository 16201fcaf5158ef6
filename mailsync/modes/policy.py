"""The policy of one plan: what the configuration says, and what this run could see."""

from __future__ import annotations

from difflib import get_close_matches

from mailsync.executor import Run
from mailsync.model.errors import ConfigError
from mailsync.model.ids import MailboxId
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Presence, Role
from mailsync.model.settings import Deletions
from mailsync.planner import Policy


def planned_by(run: Run, only: frozenset[MailboxName]) -> Policy:
    """`only`: the mailboxes of `sync A/M`; empty: all."""
    account = run.account
    return Policy(
        direction=account.direction,
        deletions=account.deletions,
        expunge_deleted=account.expunge_deleted,
        guard=account.guard,
        trash=trash_of(run),
        only=_ids(run, only) if only else None,
        has_uidplus=run.server.has_uidplus,
        has_move=run.server.has_move,
        unseen_server=_ids(run, run.unseen_server) | _parked(run),
        unseen_local=_ids(run, run.unseen_local) | _parked(run),
    )


def _ids(run: Run, names: frozenset[MailboxName] | set[MailboxName]) -> frozenset[MailboxId]:
    return frozenset(box.id for box in run.mailboxes.values() if box.name in names)


def _parked(run: Run) -> frozenset[MailboxId]:
    """Their rows are not due, so it is not told what came there."""
    return frozenset(box.id for box in run.mailboxes.values() if box.parked and box.selected)


def trash_of(run: Run) -> MailboxId | None:
    """The \\Trash mailbox on the server.

    Raises ConfigError when `trash` names a mailbox that is nowhere: what should be moved there
    would be expunged, for a slip of the pen.
    """
    trash = run.by_role(Role.TRASH)
    if trash is None and run.account.trash:
        boxes = {box.name.casefold(): box for box in run.mailboxes.values()}
        named = [box for box in boxes.values() if box.name == run.account.trash]
        if not named and run.account.deletions is Deletions.TRASH:
            near = get_close_matches(run.account.trash.casefold(), boxes, n=1)
            hint = f', did you mean "{boxes[near[0]].name}"?' if near else "."
            raise ConfigError(
                f'trash = "{run.account.trash}": there is no such mailbox on either side{hint} '
                'Create it, or set deletions = "expunge"'
            )
        trash = named[0] if named else None
    if trash is not None and trash.server is not Presence.THERE:
        trash = None
    return None if trash is None else trash.id
