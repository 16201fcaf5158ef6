"""`mailsync sync`: every account once, each on its own, one report.

A run with nothing to do must not pay for what it does not need: this module and what it imports
stay free of SQLAlchemy (architecture.md, decision 4); `modes.full` is loaded when there is work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack

from mailsync.cache import quick
from mailsync.model.errors import Exit, MailsyncError
from mailsync.model.observation import ServerMailbox
from mailsync.model.report import (
    DONE,
    AccountReport,
    MailboxReport,
    Report,
    SyncOptions,
    Target,
)
from mailsync.model.settings import Account, Event
from mailsync.modes.job import Job, failed, locked, succeeded
from mailsync.modes.scope import (
    check_asked,
    login_of,
    policy_of,
    unchanged_on_disk,
    unchanged_on_server,
    unsubscribed,
)
from mailsync.modes.world import production_world
from mailsync.server import Server


def sync(targets: Sequence[Target], options: SyncOptions) -> Report:
    """Bring every target to agreement.  Never raises for one account's trouble: it is reported."""
    report = asyncio.run(_sync(targets, options))
    if options.dry_run or not any(called_for(report, targets)):
        return report
    from mailsync.modes.hooks import after

    return after(report, targets)


def called_for(
    report: Report, targets: Sequence[Target]
) -> Iterator[tuple[Event, AccountReport, Account]]:
    """The hooks that what happened calls for, each with its account."""
    for one, target in zip(report.accounts, targets, strict=True):
        total = one.total()
        changed = any(getattr(total, name) for name in DONE)
        happened = {
            Event.NEW_MAIL: total.downloaded > 0,
            Event.CHANGE: changed,
            Event.ERROR: one.exit is not Exit.OK,
        }
        for event, so in happened.items():
            if so and target.account.hook(event):
                yield event, one, target.account


async def _sync(targets: Sequence[Target], options: SyncOptions) -> Report:
    async def one(target: Target) -> AccountReport:
        # A pool of its own: one thread owns the only connection to the account's cache.
        with production_world() as world:
            return await sync_account(Job.of(target, options, world))

    done = await asyncio.gather(*(one(target) for target in targets), return_exceptions=True)
    reports: list[AccountReport] = []
    for result in done:
        if isinstance(result, BaseException):
            raise result  # a crash, which is none of the others' business: they are done
        reports.append(result)
    return Report(tuple(reports))


async def sync_account(job: Job) -> AccountReport:
    """One account under its lock (decision 9)."""
    account, options = job.target.account, job.options
    with ExitStack() as stack:
        try:
            if not options.dry_run:
                stack.enter_context(locked(account))
                stack.push(lambda kind, error, trace: _note(job, error))
            return await _under_lock(job)
        except MailsyncError as error:
            return AccountReport(
                name=account.name, errors=(str(error),), exits=frozenset({error.exit})
            )


def _note(job: Job, error: BaseException | None) -> None:
    if isinstance(error, MailsyncError):
        job.limits.heed(error)
        failed(job, error)


async def _under_lock(job: Job) -> AccountReport:
    server = job.server()
    try:
        listed: list[ServerMailbox] | None = None
        seen = None if job.options.dry_run else _look(job)
        notices = (
            None if seen is None else await unchanged_on_disk(job.target.account, seen, job.world)
        )
        if seen is not None and notices is not None:
            await server.connect()
            listed = await server.mailboxes()
            known = job.only <= seen.mailboxes.keys()
            if known and unchanged_on_server(job.target.account, seen, listed):
                left_out = unsubscribed(job.target.account, listed)
                check_asked(job.target, {box.name: box.role for box in listed}, left_out)
                job.limits.heed(None)
                succeeded(job)
                return idle(job, seen, (*notices, *server.notices))
        return await _full(job, server, listed)
    finally:
        await server.close()


def _look(job: Job) -> quick.Quick | None:
    account = job.target.account
    seen = quick.look(
        job.cache_path, job.world.clock.wall(), account.expunge_deleted, policy_of(account)
    )
    return seen if seen is not None and seen.login == login_of(account) else None


async def _full(job: Job, server: Server, listed: list[ServerMailbox] | None) -> AccountReport:
    """The cycle; its modules load beside the network's first round trips."""

    def load() -> Callable[..., Awaitable[AccountReport]]:
        from mailsync.modes.full import sync_fully

        return sync_fully

    sync_fully = await job.world.pool.disk(load)
    return await sync_fully(job, server, listed)


def idle(job: Job, seen: quick.Quick, notices: tuple[str, ...]) -> AccountReport:
    """Nothing to do; what is held, failed or parked is said all the same (rule 11)."""
    exits: set[Exit] = set()
    boxes: list[MailboxReport] = []
    for name, waits in seen.waiting.items():
        if waits.held:
            exits.add(Exit.HELD)
        if waits.parked:
            exits.add(Exit.FAILED)
        boxes.append(
            MailboxReport(
                name=name,
                held=waits.held,
                parked=waits.parked,
                unsent=waits.unsent,
                notices=waits.reasons,
            )
        )
    return AccountReport(
        name=job.target.account.name,
        mailboxes=tuple(boxes),
        errors=notices,
        exits=frozenset(exits),
    )
