"""One run may do less than the configuration allows: what it leaves stays open for the next one.

The plan is made as ever, so that moves are still told from deletions, and what waits for a
decision is still noted; then actions are taken out of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailsync.model.actions import (
    Action,
    Copy,
    CopyLocal,
    CreateLocalMailbox,
    CreateMailbox,
    Download,
    Expunge,
    Move,
    MoveLocal,
    Plan,
    RemoveLocal,
    RemoveLocalMailbox,
    RemoveMailbox,
    RenameLocalMailbox,
    RenameMailbox,
    SetLocalFlags,
    StoreFlags,
    Upload,
)
from mailsync.planner.verdict import FOLLOWS, MOVED_ON

LEFT_BEHIND = "moved on the server, and its file with it"

ON_SERVER = (
    Copy,
    CreateMailbox,
    Expunge,
    Move,
    RemoveMailbox,
    RenameMailbox,
    StoreFlags,
    Upload,
)
IN_MAILDIR = (
    CopyLocal,
    CreateLocalMailbox,
    Download,
    MoveLocal,
    RemoveLocal,
    RemoveLocalMailbox,
    RenameLocalMailbox,
    SetLocalFlags,
)


@dataclass(frozen=True, slots=True)
class Narrow:
    """What this run is asked to leave: `pull` changes the Maildir only, `push` the server only;
    with `no_delete` no message and no mailbox is deleted on either side."""

    pull: bool = False
    push: bool = False
    no_delete: bool = False

    def __bool__(self) -> bool:
        return self.pull or self.push or self.no_delete

    @property
    def words(self) -> str:
        """As on the command line."""
        given = (("--pull", self.pull), ("--push", self.push), ("--no-delete", self.no_delete))
        return " ".join(word for word, said in given if said)


def narrowed(plan: Plan, narrow: Narrow) -> tuple[Plan, tuple[Action, ...]]:
    """What is left of the plan, and what was taken out of it."""
    left = tuple(action for action in plan.actions if _left(action, narrow))
    done = tuple(action for action in plan.actions if not _left(action, narrow))
    return Plan(done), left


def _left(action: Action, narrow: Narrow) -> bool:
    if narrow.pull and isinstance(action, ON_SERVER):
        return True
    if narrow.push and isinstance(action, IN_MAILDIR):
        return True
    return narrow.no_delete and _deletes(action)


def _deletes(action: Action) -> bool:
    """The end of a move that was begun deletes nothing: the message is elsewhere by now."""
    match action:
        case Expunge():
            return action.reason != MOVED_ON.reason
        case RemoveLocal():
            return action.reason != LEFT_BEHIND
        case Move():
            return not action.joins and action.reason != FOLLOWS.reason
        case RemoveMailbox() | RemoveLocalMailbox():
            return True
        case _:
            return False
