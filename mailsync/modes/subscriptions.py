"""`subscribed-only`: a mailbox that was made on the server, and not subscribed to yet."""

from __future__ import annotations

from collections.abc import Sequence

from mailsync.executor.boxes import refresh
from mailsync.executor.run import Run
from mailsync.model.observation import ServerMailbox
from mailsync.model.rows import Presence
from mailsync.modes.scope import unsubscribed


async def without_unfinished(run: Run, listed: Sequence[ServerMailbox]) -> Sequence[ServerMailbox]:
    """`listed` but for mailboxes that are made for new ones here: a run was cut off before it
    subscribed to them, or that was refused.  They would be out of scope, unseen; as if they were
    not there yet, they are made (which does no harm) and subscribed to."""
    left_out = unsubscribed(run.account, listed)
    if not left_out:
        return listed
    await refresh(run)
    run.left_out |= {
        box.name
        for box in run.mailboxes.values()
        if box.local is Presence.THERE and box.server is Presence.NONE and box.selected
    } & left_out
    return [box for box in listed if box.name not in run.left_out]
