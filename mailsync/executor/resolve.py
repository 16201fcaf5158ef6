"""Intents of unknown outcome: found, waited for, and only then dropped (semantics.md, rule 8)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from mailsync.cache import Intent, IntentKind
from mailsync.executor.boxes import ensure_observed
from mailsync.executor.run import Run
from mailsync.executor.upload import look_up
from mailsync.model.errors import Exit
from mailsync.model.ids import MailboxId
from mailsync.model.rows import Mailbox, Presence

REPEATS = 2  # how often an APPEND is sent again before the message is parked


async def resolve(run: Run) -> list[Intent]:
    """Look for every unresolved intent on the server; returns those that were not found."""
    left: list[Intent] = []
    for mailbox, intents in (await _by_target(run)).items():
        box = run.mailboxes.get(mailbox)
        if box is None or box.server is not Presence.THERE:
            # Its mailbox is gone, and whatever was put into it.
            await run.stored(run.cache.dropped, [intent.id for intent in intents])
            continue
        async with run.only_trouble(box):
            left += await _resolve_in(run, box, intents)
    if left and run.doubt_since is None:
        run.doubt()  # another process's: the server may still be executing what it had sent
    return left


async def _by_target(run: Run) -> dict[MailboxId, list[Intent]]:
    groups: defaultdict[MailboxId, list[Intent]] = defaultdict(list)
    for intent in await run.stored(run.cache.intents):
        groups[intent.new.mailbox].append(intent)
    return groups


async def _resolve_in(run: Run, box: Mailbox, intents: Sequence[Intent]) -> list[Intent]:
    box = await ensure_observed(run, box.id)
    left = await look_up(run, box, intents)
    # A MOVE that has not happened may be sent again at once: a UID can leave only once.
    harmless = [intent for intent in left if intent.new.kind is IntentKind.MOVE]
    if harmless:
        await run.stored(run.cache.dropped, [intent.id for intent in harmless])
    return [intent for intent in left if intent not in harmless]


async def wait_and_resolve(run: Run, *, no_wait: bool) -> None:
    """At the end of the run: wait until the server cannot have it any more, look once again.

    What is still not there was never executed: it is dropped, and the message is planned anew.
    """
    left = await run.stored(run.cache.intents)
    if not left:
        return
    if no_wait:
        run.tallies.exits.add(Exit.TEMPORARY)
        run.tallies.errors.append(
            f"{len(left)} uploads have an unknown outcome; run again without --no-wait"
        )
        return
    loop = asyncio.get_running_loop()
    since = run.doubt_since if run.doubt_since is not None else loop.time()
    pause = since + run.account.append_wait - loop.time()
    if pause > 0:
        if run.progress is not None:
            run.progress.note(f"waiting {pause:.0f} s: the server may still store {len(left)}")
        await asyncio.sleep(pause)
    left = await resolve(run)
    await run.stored(run.cache.dropped, [intent.id for intent in left], run.now())
    for intent in left:
        row = intent.new.row
        if row is None:
            continue
        run.tallies.repeated[row] += 1
        if run.tallies.repeated[row] >= REPEATS:
            rows = await run.stored(run.cache.rows, [row])
            text = "the server answers neither yes nor no to its upload"
            await run.trouble(intent.new.mailbox, rows, text)
