"""The rules that a plan obeys, and what they allow in each mailbox."""

from __future__ import annotations

from dataclasses import dataclass

from mailsync.model.ids import MailboxId
from mailsync.model.settings import Deletions, Direction, Guard


@dataclass(frozen=True, slots=True)
class Policy:
    """`trash` is the \\Trash mailbox on the server, None: the account has none.

    `has_uidplus`, `has_move` and `dry` change how a plan is executed, never what it says.
    """

    direction: Direction = Direction.BOTH
    deletions: Deletions = Deletions.TRASH
    expunge_deleted: bool = False
    guard: Guard = Guard()
    trash: MailboxId | None = None
    gmail: bool = False
    has_uidplus: bool = True
    has_move: bool = True
    dry: bool = False
