"""Intents of unknown outcome: found, waited for, and only then dropped (semantics.md, rule 8)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from mailsync.cache import Intent, IntentKind
from mailsync.executor.boxes import ensure_observed, observe_again
from mailsync.executor.outcome import is_hidden, look_up, went_on
from mailsync.executor.run import RESOLVE, Run
from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId
from mailsync.model.rows import Mailbox, Presence, Row

SENT_AT_MOST = 2  # before the message is parked
NOT_THERE = "it was sent, and the server neither has it nor says why not"
HIDDEN = "it was sent; the server lists a new message that may be it, and does not show it"


async def resolve(run: Run) -> list[Intent]:
    """Look for every unresolved intent on the server; returns those that were not found."""
    missed: list[Intent] = []
    left: list[Intent] = []
    run.veiled.clear()
    unresolved = await run.stored(run.cache.intents)
    await _see_marks(run, unresolved)
    for mailbox, intents in _by_target(unresolved).items():
        box = run.mailboxes.get(mailbox)
        if box is None or box.server is not Presence.THERE:
            # Its mailbox is gone, and whatever was put into it.
            await run.stored(run.cache.dropped, [intent.id for intent in intents])
            continue
        async with run.only_trouble(box, RESOLVE):
            missed += await _resolve_in(run, box, intents)
            run.tallies.troubles.pop((RESOLVE, box.name), None)
    # Last: what is new elsewhere may be what was sent there.
    for mailbox, intents in _by_target(missed).items():
        async with run.only_trouble(run.mailboxes[mailbox], RESOLVE):
            left += await went_on(run, run.mailboxes[mailbox], intents)
    if left and run.doubt_since is None:
        run.doubt()  # another process's: the server may still be executing what it had sent
    return left


def _by_target(intents: Sequence[Intent]) -> dict[MailboxId, list[Intent]]:
    groups: defaultdict[MailboxId, list[Intent]] = defaultdict(list)
    for intent in intents:
        groups[intent.new.mailbox].append(intent)
    return groups


async def _resolve_in(run: Run, box: Mailbox, intents: Sequence[Intent]) -> list[Intent]:
    box = await ensure_observed(run, box.id)
    left = await look_up(run, box, intents)
    # A MOVE that has not happened may be sent again at once: a UID can leave only once.  Where its
    # file has gone on, something else would be planned, and be crossed by the one that comes late.
    moves = [intent for intent in left if intent.new.kind is IntentKind.MOVE]
    files = [intent.new.row for intent in moves if intent.new.row is not None]
    now = await run.stored(run.cache.rows, files)
    wanted = {None, *(row.id for row in now if row.local is Presence.THERE)}
    harmless = [i for i in moves if i.new.row in wanted and i.id not in run.answered]
    harmless = await _not_moved_unseen(run, box, harmless)
    if harmless:
        await run.stored(run.cache.dropped, [intent.id for intent in harmless])
    return [intent for intent in left if intent not in harmless]


async def _not_moved_unseen(run: Run, box: Mailbox, moves: Sequence[Intent]) -> list[Intent]:
    """Without those that may well have happened: the UID has left, and there is something new that
    the server lists and does not show."""
    sources = [one.new.source for one in moves if one.new.source is not None]
    now = await run.stored(run.cache.rows, sources)
    left = {row.id for row in now if row.server is not Presence.THERE}
    return [
        one for one in moves if one.new.source not in left or not await is_hidden(run, box, one)
    ]


async def _see_marks(run: Run, intents: Sequence[Intent]) -> None:
    """Of what is on its way to \\Trash because it was \\Deleted on both sides: has the server
    taken that off, as it was told to?  Asked first, as a look may show what an intent speaks of."""
    trashed = [i.new.source for i in intents if i.new.row is None and i.new.source is not None]
    if not trashed:
        return
    rows = await run.stored(run.cache.rows, trashed)
    for mailbox in sorted({row.mailbox for row in rows if row.local_flags & Flags.DELETED}):
        box = run.mailboxes[mailbox]
        if box.server is Presence.THERE:  # else nothing of it is left to be seen
            async with run.only_trouble(box, RESOLVE):
                await observe_again(run, box)
                run.tallies.troubles.pop((RESOLVE, box.name), None)


async def wait_and_resolve(run: Run, *, no_wait: bool) -> bool:
    """At the end of the run: wait until the server cannot have it any more, look once again.

    What is still not there is given up: the message is planned anew, once; then it is parked.
    False: nothing more can be known in this run.
    """
    left = await run.stored(run.cache.intents)
    if not left or no_wait:
        return False
    loop = asyncio.get_running_loop()
    since = run.doubt_since if run.doubt_since is not None else loop.time()
    pause = since + run.account.append_wait - loop.time()
    if pause > 0:
        if run.progress is not None:
            run.progress.note(f"waiting {pause:.0f} s: the server may still store {len(left)}")
        await asyncio.sleep(pause)
    run.doubt_since = None
    await _give_up(run, await _not_hidden(run, await resolve(run)))
    return not await run.stored(run.cache.intents)


async def _not_hidden(run: Run, intents: Sequence[Intent]) -> list[Intent]:
    """Those that the server cannot have.  The others wait for another run: there is something new
    that the server lists and does not show, and to send them again might double them."""
    absent: list[Intent] = []
    hidden: list[Intent] = []
    for intent in intents:
        box = run.mailboxes[intent.new.mailbox]
        async with run.only_trouble(box, RESOLVE):
            (hidden if await is_hidden(run, box, intent) else absent).append(intent)
    for mailbox, rows in (await _rows_of(run, hidden)).items():
        await run.trouble(mailbox, rows, HIDDEN)
    return absent


async def _rows_of(run: Run, intents: Sequence[Intent]) -> dict[MailboxId, list[Row]]:
    """What was to be sent, by the mailbox where it is."""
    sent = [intent.new.row or intent.new.source for intent in intents]
    found: defaultdict[MailboxId, list[Row]] = defaultdict(list)
    for row in await run.stored(run.cache.rows, [row for row in sent if row is not None]):
        found[row.mailbox].append(row)
    return found


async def _give_up(run: Run, intents: Sequence[Intent]) -> None:
    """`attempts` of a row counts how often it was sent in vain, whichever run did it."""
    possible = await _with_sources(run, intents)  # first: the marks that were taken off are seen
    await run.stored(run.cache.dropped, [intent.id for intent in intents], run.now())
    for mailbox, rows in (await _rows_of(run, possible)).items():
        again = [row for row in rows if row.attempts + 1 < SENT_AT_MOST]
        await run.stored(run.cache.trouble, [row.id for row in again], NOT_THERE, run.now())
        await run.trouble(mailbox, [row for row in rows if row not in again], NOT_THERE)


async def _with_sources(run: Run, intents: Sequence[Intent]) -> list[Intent]:
    """Those that could be done.  A COPY or MOVE of a UID that another client took out before is OK
    and does nothing (RFC 9051 §6.4.9): what is where is seen now, and planned anew."""
    sources = [intent.new.source for intent in intents if intent.new.source is not None]
    from_where = {row.mailbox for row in await run.stored(run.cache.rows, sources)}
    for mailbox in sorted(from_where):
        box = run.mailboxes[mailbox]
        async with run.only_trouble(box, RESOLVE):
            await observe_again(run, box)
    now = await run.stored(run.cache.rows, sources)
    there = {None, *(row.id for row in now if row.server is Presence.THERE)}
    return [intent for intent in intents if intent.new.source in there]
