"""A sync that may have work to do: the cache is opened, the cycle runs, with retry."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack

from mailsync.cache import Cache, IntentKind, Matter
from mailsync.cache import Report as CacheReport
from mailsync.executor import Run, Tallies
from mailsync.executor.retry import retrying, worth_repeating
from mailsync.model.errors import Exit, MailsyncError, Reach
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import ServerMailbox
from mailsync.model.report import AccountReport, MailboxReport, SyncOptions
from mailsync.modes.cycle import cycle, dry_cycle
from mailsync.modes.job import CACHE, Job, failed, succeeded
from mailsync.modes.limits import LEAST
from mailsync.modes.names import told_twice
from mailsync.modes.ownership import Ownership
from mailsync.modes.scope import login_of, maildir_of, selector
from mailsync.modes.subscriptions import without_unfinished
from mailsync.planner import Narrow
from mailsync.server import Server
from mailsync.system.trouble import translated

log = logging.getLogger("mailsync.sync")

UNFINISHED = {Exit.TEMPORARY, Exit.AUTH, Exit.CONFIG, Exit.SERVER}
COPIES = 10  # attempts to copy a cache that is being written
SAID = {Matter.HELD, Matter.PARKED}
EXITS = {
    Matter.HELD: Exit.HELD,
    Matter.PARKED: Exit.FAILED,
    Matter.INTENT: Exit.TEMPORARY,
}


async def sync_fully(
    job: Job, server: Server, listed: Sequence[ServerMailbox] | None
) -> AccountReport:
    """One account to agreement; `server` may be connected already, with what it listed."""
    account, world = job.target.account, job.world
    async with AsyncExitStack() as stack:
        directory = str(account.state)
        if job.options.dry_run:
            directory = stack.enter_context(place_for_copy(str(account.state)))
            await world.pool.disk(copy_cache, str(account.state), directory)
        cache = await world.pool.cache(Cache.open, directory, account.name, world.clock.boot)
        stack.push_async_callback(world.pool.cache, cache.close)
        tallies = Tallies()
        if cache.recovered and job.options.dry_run:
            tallies.errors.append("the cache is damaged: a sync moves it aside and pairs anew")
        elif cache.recovered:
            tallies.errors.append(f"the cache was damaged; it was kept as {cache.recovered}")
        session = Session(job, server, listed, cache, tallies)
        stack.push_async_callback(session.close)
        try:
            await session.with_retry()
            if not job.options.dry_run:
                job.limits.heed(None)
        except MailsyncError as error:
            if not job.options.dry_run:
                job.limits.heed(error)
                failed(job, error)
            tallies.fail(error)
            session.failed = True
        return await session.report()


class Session:
    """The attempts of one run and what they share."""

    def __init__(
        self,
        job: Job,
        server: Server,
        listed: Sequence[ServerMailbox] | None,
        cache: Cache,
        tallies: Tallies,
    ) -> None:
        self.job, self.cache, self.tallies = job, cache, tallies
        self.server, self.listed = server, listed
        self.run_id = f"{job.world.rand.bits(64):016x}"
        self.maildir = maildir_of(job.target.account, job.world)
        self.plan: tuple[str, ...] = ()
        self.doubt_since: float | None = None
        self.last: Run | None = None
        self.tried = False
        self.failed = False  # an error ended the run of the whole account

    async def close(self) -> None:
        """The connection of the last attempt, which need not be the one that was handed in."""
        await self.server.close()

    async def with_retry(self) -> None:
        """Again from a new observation while that gets further; the cache kept every outcome."""
        ownership = Ownership(self.job.target.account, self.job.world, self.maildir, self.cache)
        notice = await ownership.verify(dry=self.job.options.dry_run)
        if notice:
            self.tallies.errors.append(notice)
        login = login_of(self.job.target.account)
        if await self.job.world.pool.cache(self.cache.set_login, login):
            self.tallies.errors.append(
                "user or host is another than before: messages are paired again by content"
            )
        while True:
            before = self.tallies.work
            try:
                async for attempt in retrying(self.job.world.rand, self._again):
                    with attempt:
                        await self._attempt(ownership)
                return
            except MailsyncError as error:
                if self.tallies.work == before or not worth_repeating(error):
                    raise

    def _again(self, error: MailsyncError, seconds: float) -> None:
        text = f"{error}; again in {seconds:.0f} s"
        log.info("%s: %s", self.job.target.account.name, text)
        progress = self.job.options.progress
        if progress is not None:
            progress.note(text)

    async def _attempt(self, ownership: Ownership) -> None:
        server, listed = self.server, self.listed
        self.listed = None
        if self.tried and not self.job.options.dry_run:
            await ownership.still()
        self.tried = True
        try:
            if listed is None:
                await server.connect()
                listed = await server.mailboxes()
            run = Run(
                account=self.job.target.account,
                world=self.job.world,
                server=server,
                maildir=self.maildir,
                cache=self.cache,
                tallies=self.tallies,
                id=self.run_id,
                progress=self.job.options.progress,
                narrow=narrow_of(self.job.options),
                rations=self.job.limits.rations,
                count=self.job.limits.count,
                dry=self.job.options.dry_run,
            )
            self.job.limits.allowed(server.allowance)
            if self.last is not None:
                run.doubt_since = self.last.doubt_since
            self.last = run
            only = self.job.only
            listed = await without_unfinished(run, await told_twice(run, listed))
            selected = selector(run.account, listed)
            if self.job.options.dry_run:
                self.plan = await dry_cycle(run, listed, selected, only)
                return
            await cycle(
                run,
                ownership,
                listed,
                selected,
                only,
                no_wait=self.job.options.no_wait,
            )
        except MailsyncError:
            await server.close()
            self.server = self.job.server()
            raise

    async def report(self) -> AccountReport:
        """What was done, and what waits at the end (semantics.md, rule 11)."""
        tallies = self.tallies
        exits = tallies.exits | {trouble.exit for trouble in tallies.troubles.values()}
        boxes: dict[MailboxName, MailboxReport] = {}
        waiting = await self.job.world.pool.cache(self.cache.reports)
        by_name: defaultdict[MailboxName, list[CacheReport]] = defaultdict(list)
        for one in waiting:
            by_name[one.mailbox].append(one)
        left = {} if self.last is None else self.last.left
        budget = {} if self.last is None else self.last.waiting
        names = {*tallies.done, *tallies.notices, *tallies.troubled, *by_name, *left, *budget}
        for name in sorted(names):
            waits = by_name.get(name, [])
            said = [*tallies.notices.get(name, []), *tallies.said(name)]
            if name in left:
                said.append(left_by(narrow_of(self.job.options), left[name]))
            later = sum(budget.get(name, {}).values())
            boxes[name] = mailbox_report(name, tallies.done.get(name, {}), waits, said, later)
            exits |= exits_of(waits)
        if budget:
            exits.add(Exit.TEMPORARY)
        options = self.job.options
        whole = not options.dry_run and not self.job.only and not narrow_of(options)
        if whole and not self.failed and not exits & UNFINISHED:
            succeeded(self.job)
        if not options.dry_run:
            self.job.limits.count(LEAST)
        short = self.job.limits.ended(budget, keep=not options.dry_run and not self.failed)
        return AccountReport(
            name=self.job.target.account.name,
            mailboxes=tuple(boxes.values()),
            errors=(*self.tallies.errors, *short),
            exits=frozenset(exits),
            plan=self.plan,
        )


def narrow_of(options: SyncOptions) -> Narrow:
    return Narrow(options.pull, options.push, options.no_delete)


def left_by(narrow: Narrow, left: Mapping[str, int]) -> str:
    """What a run left for the next one."""
    what = ", ".join(f"{verb} {count}" for verb, count in sorted(left.items()))
    return f"left to a sync without {narrow.words}: {what}"


def mailbox_report(
    name: MailboxName,
    done: Mapping[str, int],
    waits: Sequence[CacheReport],
    notices: list[str],
    waiting: int = 0,
) -> MailboxReport:
    """What was done in one mailbox, and what is left there; `waiting`: for the day's budget."""

    def count(matter: Matter) -> int:
        # A mailbox that is held or parked as a whole counts as one.
        return sum(max(1, one.count) for one in waits if one.matter is matter)

    counts = {what.replace("-", "_"): number for what, number in done.items()}
    if "failed" in counts:  # what failed and was done later is not left
        counts["failed"] = min(counts["failed"], count(Matter.PARKED))
    reasons = [*notices, *(one.reason for one in waits if one.matter in SAID)]
    for one in waits:
        if one.matter is Matter.INTENT:
            reasons.append(f"{one.count} {in_doubt(one)}")
    return MailboxReport(
        name=name,
        held=count(Matter.HELD),
        parked=count(Matter.PARKED),
        unsent=count(Matter.UNSENT),
        waiting=waiting,
        notices=tuple(dict.fromkeys(reasons)),
        **counts,
    )


def in_doubt(intents: CacheReport) -> str:
    """What is said, behind their number, of intents in a mailbox."""
    what = "uploads" if intents.reason == IntentKind.APPEND else "moves or copies"
    return f"{what} have an unknown outcome: the next sync looks"


def exits_of(waits: Sequence[CacheReport]) -> set[Exit]:
    """What is so at the end, on a no-op too (semantics.md, rule 11)."""
    matters = {one.matter for one in waits}
    return {EXITS[matter] for matter in matters if matter in EXITS}


@contextlib.contextmanager
def place_for_copy(state: str) -> Iterator[str]:
    """A directory for a copy of the cache; what is wrong with the copy is said of the original."""
    with tempfile.TemporaryDirectory(prefix="mailsync-copy-") as directory:
        try:
            yield directory
        except MailsyncError as error:
            error.args = (str(error).replace(directory, state),)
            raise


def copy_cache(state: str, directory: str) -> None:
    """The cache's files as they are, for a dry run; nothing of the original is touched.

    Beside a sync at work: the log may grow while it is copied, its end is cut off at a commit; but
    when SQLite moves it into the database meanwhile, both are copied anew.
    """
    source, target = os.path.join(state, CACHE), os.path.join(directory, CACHE)
    for _ in range(COPIES):
        with translated("read", source, Reach.ACCOUNT):
            before = _looks(source)
            for end in ("", "-wal"):
                try:
                    shutil.copyfile(source + end, target + end)
                except FileNotFoundError:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(target + end)
            if _looks(source) == before:
                return


def _looks(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
