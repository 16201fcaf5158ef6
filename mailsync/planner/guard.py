"""Stops deletions that look like an accident (semantics.md, rule 10; I12)."""

from __future__ import annotations

from mailsync.model.rows import Mailbox, Role, Side
from mailsync.model.settings import Guard

SMALL = 10  # a mailbox with fewer messages may lose them all
UNGUARDED = frozenset({Role.TRASH, Role.JUNK, Role.DRAFTS})


def stops(box: Mailbox, side: Side, planned: int, guard: Guard, trash: bool) -> str | None:
    """Why `planned` deletions on `side` of `box` are held, or None: they may go.

    `trash`: the mailbox is where deleted messages go, by the server's or the user's word.
    """
    free = trash or (box.role in UNGUARDED and not box.guessed)
    if planned == 0 or free:
        return None
    if box.returned is not None and box.returned is not side:
        back = "in the Maildir" if box.returned is Side.LOCAL else "on the server"
        return f"the mailbox was gone {back} and is back, without {planned} of its messages"
    if guard.share is None:
        return None
    tally = box.on_server if side is Side.SERVER else box.on_local
    total = tally.executed + planned + tally.held
    count = tally.there + tally.executed
    where = "on the server" if side is Side.SERVER else "in the Maildir"
    if total > max(guard.floor, guard.share * count):
        return f"{total} of {count} messages would be deleted {where} within an hour"
    if count >= SMALL and total >= count:
        return f"all {count} messages would be deleted {where}"
    return None
