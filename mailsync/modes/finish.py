"""The end of a sync: what it proved, and what expired (semantics.md, rules 9 and 11)."""

from __future__ import annotations

from mailsync.executor import Run
from mailsync.executor.run import LOOK_HERE
from mailsync.model.errors import Exit
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Presence
from mailsync.modes.policy import bounds_of, unseen

TWINS_EXPECTED = 7 * 86400.0  # seconds after an upload of unknown outcome was sent again
NAME_USED_AGAIN = "what has this name on the server by now is seen by the next sync"
NOT_AT_REST = "was changed again and again while it was synced, and is not at rest: sync again"


def on_both(box: Mailbox) -> bool:
    return box.server is Presence.THERE and box.local is Presence.THERE


async def finish(run: Run, only: frozenset[MailboxName]) -> None:
    """What this run proved: mailboxes that are on both sides are synced, relinks are over."""
    boxes = [box for box in run.mailboxes.values() if box.selected]
    both = [box for box in boxes if on_both(box)]
    await _spread_keywords(run)
    troubled = run.tallies.troubled
    if run.restless and not troubled:  # which says why, and has its exit status
        run.tallies.exits.add(Exit.TEMPORARY)
        for name in run.restless:
            run.tallies.note(name, NOT_AT_REST)
    for name in run.hidden if not run.left else ():
        run.tallies.exits.add(Exit.TEMPORARY)
        run.tallies.note(name, NAME_USED_AGAIN)
    sound = [b.id for b in boxes if b.name not in troubled and (not only or b.name in only)]
    await run.stored(run.cache.mark_synced, sound, run.now())
    if not unseen(run) and not run.restless:  # else not all that is missing was judged
        await run.stored(run.cache.whole_again, sound)
    await run.stored(run.cache.forget_gone)
    await _purge(run)
    for box in both:
        # Else not all of it could be paired, as is done in a relink only.
        told = box.id in sound and box.name not in run.untold
        if told and box.name in run.seen_server and box.name in run.seen_local:
            await run.stored(run.cache.end_relink, box.id)


async def _purge(run: Run) -> None:
    """Files that lay in undo for `undelete-days` (0: no undo) are gone for good."""
    await run.stored(run.cache.forget_repeated, run.now() - TWINS_EXPECTED)
    await _settle_undo(run)
    if run.narrow.no_delete:
        return
    days = run.account.undelete_days
    until = run.now()
    if days:  # by the clock of the sync before, too: one of a clock that is wrong makes nothing old
        until = min(until, run.last_synced())
    expired = await run.stored(run.cache.expired_deletions, until - days * 86400.0)
    if days:  # a clock that is set in the middle of a run makes nothing of it old
        expired = [one for one in expired if one.new.undo not in run.tallies.put_away]
    if expired:
        await run.disk(run.maildir.purge, run.undo, [one.new.undo for one in expired])
        await run.stored(run.cache.forget_deletions, [one.id for one in expired])


async def _settle_undo(run: Run) -> None:
    """Of files that a run which failed or was killed put into undo, it is not known whether they
    are there for good."""
    doubtful = [one for one in await run.stored(run.cache.deletions) if not one.done]
    if not doubtful:
        return
    there = await run.disk(run.maildir.undo_files, run.undo)
    done = [one.id for one in doubtful if one.new.undo in there]
    if done:  # else there may be no such directory: a power cut took it, or the user
        await run.disk(run.maildir.settle, (), run.undo)
        await run.stored(run.cache.deletions_done, done)
    gone = [one.id for one in doubtful if one.new.undo not in there]
    await run.stored(run.cache.forget_deletions, gone)


async def _spread_keywords(run: Run) -> None:
    """Every mailbox of the Maildir that may be changed has the account's table, so that other
    programs on it know what letters mean."""
    here = [
        box
        for box in run.mailboxes.values()
        if box.selected and box.local is Presence.THERE and not run.narrow.push
        if bounds_of(run, box).maildir_may_change
    ]
    for box in here if run.keywords.names else ():
        async with run.only_trouble(box, LOOK_HERE):
            lettered = await run.disk(run.maildir.spread_keywords, box.name)
            await run.stored(run.cache.letters_found, box.id, lettered)
