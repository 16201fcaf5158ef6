"""At which message does the server fail?  It is parked, so that it blocks no other.

Some servers close the connection at one corrupt message, some send what no client can take.  The
first time it is only known that it was one of those in flight; from then on these are asked for
one by one, and the oldest unanswered one is it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mailsync.executor.run import Run
from mailsync.model.actions import uid_of
from mailsync.model.errors import MailsyncError, Reach, ServerDefect
from mailsync.model.rows import Mailbox, Row

IN_FLIGHT = 400  # messages that may have been asked for at once (server.bodies)
CULPRIT_AFTER = 2  # connections lost at one message before it is parked


async def to_ask(run: Run, box: Mailbox, rows: Iterable[Row]) -> list[Row]:
    """Newest first, without those that are larger than what is taken from any server: parked."""
    limit = run.server.body_limit
    asked: list[Row] = []
    for row in sorted(rows, key=uid_of, reverse=True):
        if row.size is not None and row.size > limit:
            text = f"UID {row.uid}: it has {row.size} bytes, and at most {limit} are taken"
            if not row.parked:
                await run.trouble(box.id, [row], text)
        else:
            asked.append(row)
    return asked


def one_by_one(run: Run, box: Mailbox) -> int:
    """How many of the next messages are to be asked for each by itself."""
    return IN_FLIGHT if box.name in run.tallies.careful else 0


async def blamed(
    run: Run, box: Mailbox, unanswered: Sequence[Row], error: MailsyncError
) -> MailsyncError:
    """After `error` closed the connection: the error to raise, which reaches the account."""
    certain = error.reach is Reach.MESSAGE
    if box.name not in run.tallies.careful:
        run.tallies.careful.add(box.name)
    elif unanswered:
        row = unanswered[0]
        run.tallies.suspects[row.id] += 1
        if certain or run.tallies.suspects[row.id] >= CULPRIT_AFTER:
            text = f"UID {row.uid}: the server fails at this message: {error}"
            await run.trouble(box.id, [row], text)
    return ServerDefect(str(error)) if certain else error
