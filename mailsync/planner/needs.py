"""What must be looked at before pairing and moves can be decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailsync.model.ids import MailboxId
from mailsync.model.rows import Mailbox, Row


@dataclass(frozen=True, slots=True)
class Needs:
    """`headers`: server rows whose header is wanted; `digests`: files whose bytes are wanted."""

    headers: dict[MailboxId, tuple[Row, ...]] = field(default_factory=dict)
    digests: dict[MailboxId, tuple[Row, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.headers or self.digests)


def needs(rows: Sequence[Row], candidates: Sequence[Row], mailboxes: Sequence[Mailbox]) -> Needs:
    """Ask again after the answers are stored, until nothing is needed: sizes come with digests."""
    raise NotImplementedError
