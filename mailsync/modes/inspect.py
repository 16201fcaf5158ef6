"""Looking, never changing: status, mailboxes."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Sequence

from mailsync.cache import Cache, Matter
from mailsync.cache import Report as CacheReport
from mailsync.model.errors import Exit, MailsyncError
from mailsync.model.layout import directories
from mailsync.model.mailboxname import MailboxName
from mailsync.model.report import (
    IN_DOUBT,
    AccountStatus,
    MailboxLine,
    MailboxStatus,
    Remark,
    StatusReport,
    SyncOptions,
    Target,
)
from mailsync.model.rows import Mailbox
from mailsync.model.settings import Account
from mailsync.modes.full import exits_of, in_doubt
from mailsync.modes.job import LAST_SUCCESS, Job, has_cache, last_failure
from mailsync.modes.limits import Limits
from mailsync.modes.scope import UNSUBSCRIBED, maildir_of, unsubscribed
from mailsync.modes.world import production_world
from mailsync.system.seams import Clock

KINDS = {
    Matter.HELD: "held",
    Matter.PARKED: "parked",
    Matter.UNSENT: "unsent",
    Matter.KEPT: "kept",
    Matter.OUT: "out of scope",
    Matter.INTENT: IN_DOUBT,
}


def status(accounts: Sequence[Account]) -> StatusReport:
    """From the cache alone; asks neither the server nor the Maildir."""
    with production_world() as world:
        clock = world.clock
    return StatusReport(tuple(_status(account, clock) for account in accounts))


def _status(account: Account, clock: Clock) -> AccountStatus:
    now = clock.wall()
    try:
        if not has_cache(account):
            return AccountStatus(account.name, errors=("never synced",))
    except MailsyncError as error:
        return AccountStatus(account.name, errors=(str(error),), exits=frozenset({error.exit}))
    try:
        last: float | None = os.stat(account.state / LAST_SUCCESS).st_mtime
    except OSError:
        last = None
    age = _age(last, now)
    ended = last_failure(account.state)
    early = f"the last sync ended early: {ended[1]}" if ended else ""
    if waits := Limits(account, clock).said:
        ended, early = (Exit.TEMPORARY, waits), waits
    try:
        boxes, reports = _read(account, now)
    except MailsyncError as error:
        return AccountStatus(
            account.name, last, age, errors=(str(error),), exits=frozenset({error.exit})
        )
    by_name: defaultdict[MailboxName, list[CacheReport]] = defaultdict(list)
    for one in reports:
        by_name[one.mailbox].append(one)
    return AccountStatus(
        name=account.name,
        last_success=last,
        age=age,
        mailboxes=tuple(
            MailboxStatus(
                name=box.name,
                messages=box.messages,
                last_success=_succeeded(box, last),
                age=_age(_succeeded(box, last), now),
                selected=box.selected,
                remarks=tuple(
                    Remark(KINDS[one.matter], one.count, _reason(one), one.side)
                    for one in by_name.get(box.name, ())
                ),
            )
            for box in sorted(boxes, key=lambda box: box.name)
            if box.selected or by_name.get(box.name)
        ),
        errors=(early,) if early else (),
        exits=frozenset({*exits_of(reports), *([ended[0]] if ended else [])}),
    )


def _reason(one: CacheReport) -> str:
    return in_doubt(one) if one.matter is Matter.INTENT else one.reason


def _age(last: float | None, now: float) -> float | None:
    return None if last is None else max(0.0, now - last)


def _succeeded(box: Mailbox, last: float | None) -> float | None:
    """A run of the whole account with nothing to do counts for every mailbox without trouble."""
    known = [at for at in (box.succeeded, None if box.troubled else last) if at is not None]
    return max(known, default=None)


def _read(account: Account, now: float) -> tuple[list[Mailbox], list[CacheReport]]:
    """The cache's word; a status must neither wait for a sync nor change a byte."""
    cache = Cache.look(str(account.state))
    try:
        return cache.mailboxes(now), cache.reports(out=True)
    finally:
        cache.close()


def mailboxes(
    account: Account, *, interactive: bool = False
) -> tuple[list[MailboxLine], list[str]]:
    """What is on each side, and what would be synced and why (asks the server); and notices about
    directories that are no mailboxes."""
    return asyncio.run(_mailboxes(account, interactive))


async def _mailboxes(account: Account, interactive: bool) -> tuple[list[MailboxLine], list[str]]:
    from mailsync.config.patterns import selected

    with production_world() as world:
        job = Job.of(Target(account), SyncOptions(dry_run=True, interactive=interactive), world)
        server = job.server()
        try:
            await server.connect()
            listed = {box.name: box for box in await server.mailboxes()}
        finally:
            await server.close()
        maildir = maildir_of(account, world)
        local, notices = maildir.mailboxes() if maildir.exists() else ([], [])
    lines: list[MailboxLine] = []
    left_out = unsubscribed(account, listed.values())
    for name in sorted({*listed, *local}):
        shown = listed.get(name)
        wanted, why = selected(account.mailboxes, name, shown.role if shown else None)
        if name in left_out:
            wanted, why = False, UNSUBSCRIBED
        if shown is not None and not shown.selectable:
            wanted, why = False, "the server says it holds no messages (\\Noselect)"
        cursor = shown.cursor if shown else None
        try:
            called = server.called(name)
        except ValueError as error:
            called, wanted, why = name, False, str(error)
        lines.append(
            MailboxLine(
                name=name,
                server=shown is not None,
                local=name in local,
                selected=wanted,
                why=why,
                messages=None if cursor is None else cursor.messages,
                server_name="" if called == name else called,
                directory=_directory(account, name),
            )
        )
    return lines, notices


def _directory(account: Account, name: MailboxName) -> str:
    try:
        found = (directories(account.layout, name) or ["."])[-1]
    except ValueError:
        return ""
    return "" if found == name else found
