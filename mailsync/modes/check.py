"""`mailsync check`: is the Maildir what the server has?  Read-only, on a copy of the cache.

What differs is looked at twice: what a sync at work, or a mail reader, put right meanwhile is no
difference.  Neither side and not the cache is changed, but for `repair`, which changes the cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import replace

from mailsync.cache import Cache
from mailsync.executor import Run, Tallies
from mailsync.executor.boxes import know
from mailsync.model.checked import AccountCheck, CheckOptions, Difference, MailboxCheck
from mailsync.model.errors import Exit
from mailsync.model.report import Progress, SyncOptions, Target
from mailsync.model.settings import Account
from mailsync.modes.compare import Comparison, Found
from mailsync.modes.contents import read_data
from mailsync.modes.full import copy_cache, place_for_copy
from mailsync.modes.job import Job, has_cache, locked
from mailsync.modes.observe import observe_in_full
from mailsync.modes.ownership import Ownership
from mailsync.modes.scope import maildir_of, selector
from mailsync.modes.world import production_world
from mailsync.server import Server


def check(
    account: Account, options: CheckOptions, progress: Progress | None = None
) -> AccountCheck:
    """Raises MailsyncError where the account could not be looked at: that proves nothing."""
    return asyncio.run(_check(account, options, progress))


async def _check(
    account: Account, options: CheckOptions, progress: Progress | None
) -> AccountCheck:
    if not has_cache(account):
        told = ("never synced: there is nothing to compare",)
        return AccountCheck(account.name, errors=told, exits=frozenset({Exit.FAILED}))
    with ExitStack() as stack:
        if options.repair:
            stack.enter_context(locked(account))
        world = stack.enter_context(production_world())
        asked = SyncOptions(
            dry_run=not options.repair, interactive=options.interactive, progress=progress
        )
        job = Job.of(Target(account), asked, world)
        server = job.server()
        try:
            if options.server:
                await server.connect()
            first = await _look(job, server, options, None)
            differing = {box.name for box in first.mailboxes if box.differences}
            if options.repair or not differing:
                return first
            plain = replace(options, read_data=False)
            return _in_both(first, await _look(job, server, plain, differing))
        finally:
            await server.close()


async def _look(
    job: Job, server: Server, options: CheckOptions, only: Collection[str] | None
) -> AccountCheck:
    account, world, pool = job.target.account, job.world, job.world.pool
    with ExitStack() as stack:
        directory = str(account.state)
        if not options.repair:  # whatever looking changes, it changes a copy
            directory = stack.enter_context(place_for_copy(str(account.state)))
            copy_cache(str(account.state), directory)
        cache = await pool.cache(Cache.open, directory, account.name)
        try:
            maildir = maildir_of(account, world)
            doubt = await Ownership(account, world, maildir, cache).doubt()
            if cache.recovered:
                doubt = "the cache is damaged: it is moved aside, and messages are paired again"
            if doubt:
                told = (f"{doubt} by the next sync: nothing can be compared before",)
                return AccountCheck(account.name, errors=told, exits=frozenset({Exit.FAILED}))
            run = Run(account, world, server, maildir, cache, Tallies(), "check", dry=True)
            run.progress = job.options.progress
            return await _compare(run, options, only)
        finally:
            await pool.cache(cache.close)


async def _compare(run: Run, options: CheckOptions, only: Collection[str] | None) -> AccountCheck:
    boxes = await run.stored(run.cache.mailboxes, run.now())
    run.mailboxes = {box.id: box for box in boxes}
    await know(run)
    listed = await run.server.mailboxes() if options.server else None
    comparison = Comparison(run, listed, selector(run.account, listed), only)
    compared = await comparison.found()
    if options.read_data and options.server:
        _announce(run, compared)
        for one in compared:
            await read_data(run, one)
    stale = {side for one in compared for found in one.differences for side in found.stale}
    if options.repair and stale:
        await observe_in_full(run, listed, stale)
    errors = [error for one in compared for error in one.errors]
    notices = run.server.notices if options.server else []
    return AccountCheck(
        run.account.name,
        tuple(one.done() for one in compared),
        (*map(str, errors), *comparison.notices, *notices),
        frozenset({*(error.exit for error in errors), *([Exit.FAILED] if notices else [])}),
        asked=options.server,
        repaired=options.repair,
    )


def _announce(run: Run, compared: Collection[Found]) -> None:
    pairs = [row for one in compared for row, *_ in one.pairs.values()]
    sizes = [row.size or row.wire_size or 0 for row in pairs]
    if run.progress is not None:
        boxes = sum(bool(one.pairs) for one in compared)
        run.progress.start(run.account.name, boxes, len(pairs), sum(sizes))


def _in_both(first: AccountCheck, second: AccountCheck) -> AccountCheck:
    """Of the first look what the second one found too; bytes were only compared in the first."""
    again = {box.name: box for box in second.mailboxes}

    def still(box: MailboxCheck) -> MailboxCheck:
        seen = again.get(box.name)
        if seen is None:  # it is gone from all sides, or there was nothing to look at twice
            return box if not box.differences else replace(box, differences=())
        left = {_mark(one) for one in seen.differences}
        kept = tuple(one for one in box.differences if one.data or _mark(one) in left)
        return replace(box, differences=kept)

    return replace(
        first,
        mailboxes=tuple(still(box) for box in first.mailboxes),
        errors=tuple(dict.fromkeys((*first.errors, *second.errors))),
        exits=first.exits | second.exits,
    )


def _mark(one: Difference) -> tuple[str, int | None, str]:
    return one.what, one.uid, one.file
