"""Stops deletions that look like an accident (semantics.md, rule 10; I12)."""

from __future__ import annotations

from mailsync.model.rows import Mailbox, Role, Row, Side
from mailsync.model.settings import Guard

SMALL = 10  # a mailbox with fewer messages may lose them all
UNGUARDED = frozenset({Role.TRASH, Role.JUNK, Role.DRAFTS})


def beyond_view(box: Mailbox, row: Row, trash: bool) -> str | None:
    """Why a message that is missing on the server may be there still, or None.

    Where the newest so many are shown, each that arrives pushes out the oldest: one by one, so
    `stops` would let them go."""
    if box.lowest is None or row.uid is None or row.uid > box.lowest or _free(box, trash):
        return None
    return (
        f"the server shows {box.on_server.there} messages, and none that is older: it may show no "
        "more than the newest"
    )


def stops(box: Mailbox, side: Side, planned: int, guard: Guard, trash: bool) -> str | None:
    """Why `planned` deletions on `side` of `box` are held, or None: they may go.

    `trash`: the mailbox is where deleted messages go, by the server's or the user's word.
    """
    if planned == 0 or _free(box, trash):
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


def _free(box: Mailbox, trash: bool) -> bool:
    return trash or (box.role in UNGUARDED and not box.guessed)
