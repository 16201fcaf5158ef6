"""`mailsync adopt`: take over the Maildir of another program, with what that program knew.

Only the cache and the marker are written: no message is fetched, sent, renamed or deleted.  First
the former state's pairs, each held against both sides; then pairing by content, as a sync does.
What the former program had on both sides and one side lacks is held.  An interrupted run is
completed by the next one: what is paired is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

from mailsync.cache import Cache, Missing
from mailsync.executor import Run, Tallies
from mailsync.executor.files import digested
from mailsync.local.former import Asked, Former, Places, has_number, number_of
from mailsync.model.actions import Pair, Rung
from mailsync.model.errors import Exit
from mailsync.model.former import AdoptedMailbox, Adoption, FormerMailbox
from mailsync.model.ids import UID, RowId
from mailsync.model.report import Progress, SyncOptions, Target
from mailsync.model.rows import Mailbox, Presence, Row
from mailsync.model.settings import Account
from mailsync.model.uidset import UIDSet
from mailsync.modes.adopted import Counts, told
from mailsync.modes.cycle import observe
from mailsync.modes.finish import on_both
from mailsync.modes.full import copy_cache, exits_of, place_for_copy
from mailsync.modes.job import Job, locked
from mailsync.modes.misplaced import other_names, put_in_place
from mailsync.modes.ownership import Ownership
from mailsync.modes.planning import learn_headers, make_plan
from mailsync.modes.policy import bounds_of
from mailsync.modes.scope import login_of, maildir_of, selector
from mailsync.modes.world import production_world
from mailsync.planner import former as claimed
from mailsync.server import Server

ALONE = (
    "another program kept it the same with a mailbox that has another name on the server, or is "
    "gone there; a sync would make it there and send all of it: rename the directory to that name, "
    'say it in mailbox-names, or leave it out ("!…" in mailboxes)'
)
ROUNDS = 3  # of pairing by content: each learns more headers


def adopt(
    account: Account,
    places: Places,
    renamed: Mapping[str, str] | None = None,
    *,
    dry: bool = False,
    rename: bool = False,
    interactive: bool = False,
    progress: Progress | None = None,
) -> Adoption:
    """`renamed`: mailboxes that have another name here by the former configuration, by that name.
    `rename`: those, and directories that have the former program's form of a name get ours.

    Raises MailsyncError: what was taken over until then stays.
    """
    return asyncio.run(_adopt(account, places, renamed or {}, dry, rename, interactive, progress))


async def _adopt(
    account: Account,
    places: Places,
    renamed: Mapping[str, str],
    dry: bool,
    rename: bool,
    interactive: bool,
    progress: Progress | None,
) -> Adoption:
    async with AsyncExitStack() as stack:
        if not dry:
            stack.enter_context(locked(account))
        world = stack.enter_context(production_world())
        options = SyncOptions(dry_run=dry, interactive=interactive, progress=progress)
        job = Job.of(Target(account), options, world)
        server = job.server()
        stack.push_async_callback(server.close)
        await server.connect()
        listed = await server.mailboxes()
        maildir = maildir_of(account, world)
        await world.pool.disk(put_in_place, account, maildir, listed, renamed, rename and not dry)
        directory = str(account.state)
        if dry:
            directory = stack.enter_context(place_for_copy(directory))
            await world.pool.disk(copy_cache, str(account.state), directory)
        cache = await world.pool.cache(Cache.open, directory, account.name, world.clock.boot)
        stack.push_async_callback(world.pool.cache, cache.close)
        run = _run(job, server, cache)
        ownership = Ownership(account, world, maildir, cache)
        if notice := await ownership.verify(dry=dry):
            run.tallies.errors.append(notice)
        await run.stored(cache.set_login, login_of(account))
        await observe(run, listed, selector(account, listed), frozenset())
        if not dry:
            await ownership.raise_generation()
        return await _take_over(run, Former(places))


def _run(job: Job, server: Server, cache: Cache) -> Run:
    account, world = job.target.account, job.world
    maildir = maildir_of(account, world)
    run = Run(account, world, server, maildir, cache, Tallies(), "adopt", job.options.progress)
    run.dry, run.still = job.options.dry_run, True
    return run


async def _take_over(run: Run, former: Former) -> Adoption:
    counts: dict[str, Counts] = {}
    for box in sorted(run.mailboxes.values(), key=lambda box: box.name):
        if box.selected:
            counts[box.name] = await _by_state(run, box, former)
    await _by_content(run)
    boxes: list[AdoptedMailbox] = []
    for box in sorted(run.mailboxes.values(), key=lambda box: box.name):
        if box.selected:
            rows = await run.stored(run.cache.rows_of, box.id)
            said = (*run.tallies.notices.get(box.name, ()), *run.tallies.said(box.name))
            boxes.append(told(box, rows, counts.get(box.name, Counts()), said, bounds_of(run, box)))
    if not run.dry:
        sound = [box.id for box in run.mailboxes.values() if box.selected and _looked_at(run, box)]
        await run.stored(run.cache.mark_synced, sound, run.now())
    exits = run.tallies.exits | {trouble.exit for trouble in run.tallies.troubles.values()}
    exits |= exits_of(await run.stored(run.cache.reports))
    return Adoption(run.account.name, tuple(boxes), tuple(run.tallies.errors), frozenset(exits))


def _looked_at(run: Run, box: Mailbox) -> bool:
    """Both sides are in the cache as they are: what is not there is gone."""
    unseen = run.unseen_server | run.unseen_local | run.closed | run.tallies.troubled
    return on_both(box) and not box.parked and box.name not in unseen and not run.blind


# -- by the former state -----------------------------------------------------------------------


async def _by_state(run: Run, box: Mailbox, former: Former) -> Counts:
    rows = await run.stored(run.cache.rows_of, box.id)
    counts = Counts(before=sum(_paired(row) for row in rows))
    if box.server is Presence.NONE and any(has_number(row.info) for row in rows):
        run.note(box.id, ALONE)
        run.tallies.exits.add(Exit.FAILED)
    if not _looked_at(run, box) or box.uid_validity is None:
        return counts
    wire = (await run.stored(run.cache.wire_names))[box.name].decode("utf-8", "surrogateescape")
    asked = Asked(
        run.maildir.directory(box.name), other_names(box.name, wire), wire, box.uid_validity
    )
    state, notices = await run.disk(former.state, asked)
    for notice in notices:
        run.note(box.id, notice)
    if state is None:
        return counts

    number = partial(_number, state)
    true = await _true_claims(run, box, rows, state)
    pairs = [
        Pair(box.id, keep=one.message, file=one.file, rung=Rung.FORMER, synced=one.synced)
        for one in true
    ]
    paired = {row.id for one in true for row in (one.message, one.file)}
    missing = [
        Missing(one.row.id, one.side, one.synced, one.reason)
        for one in claimed.gone(rows, state, number, paired)
    ]
    await run.stored(run.cache.adopt, pairs, missing)
    counts.known, counts.expired = len(pairs), claimed.expired(rows, state, paired)
    counts.rewritten = sum(not claimed.alike(one) for one in true)
    counts.doubted = claimed.doubted(rows, state, number, paired)
    counts.program = state.program
    return counts


def _number(state: FormerMailbox, row: Row) -> int | None:
    return number_of(state, row.info)


async def _true_claims(
    run: Run, box: Mailbox, rows: Sequence[Row], state: FormerMailbox
) -> list[claimed.Claim]:
    """Each message and each file once."""

    made = claimed.claims(rows, state, partial(_number, state))
    unread = {one.file.id: one.file for one in made if one.file.body is None}
    await digested(run, box, list(unread.values()))
    shown = await run.server.identify(box.name, UIDSet(_uids(made)), uid_validity=box.uid_validity)
    made = await _again(run, made)
    asked: list[claimed.Claim] = []
    true: list[claimed.Claim] = []
    for one in made:
        seen = shown.get(one.message.uid) if one.message.uid is not None else None
        if seen is None or one.file.body is None:  # it went away just now
            continue
        holds = claimed.holds(one, seen.message_id)
        if holds:
            true.append(one)
        elif holds is None:
            asked.append(one)
    if asked:
        await learn_headers(run, box, [one.message for one in asked])
        true += [one for one in await _again(run, asked) if claimed.same_header(one)]
    taken: set[RowId] = set()
    once: list[claimed.Claim] = []
    for one in true:
        if taken.isdisjoint((one.message.id, one.file.id)):
            taken.update((one.message.id, one.file.id))
            once.append(one)
    return once


def _uids(made: Sequence[claimed.Claim]) -> list[UID]:
    return [one.message.uid for one in made if one.message.uid is not None]


async def _again(run: Run, made: Sequence[claimed.Claim]) -> list[claimed.Claim]:
    """The same claims, with what was learned of their rows."""
    ids = {row.id for one in made for row in (one.message, one.file)}
    rows = {row.id: row for row in await run.stored(run.cache.rows, ids)}
    return [
        one._replace(message=rows[one.message.id], file=rows[one.file.id])
        for one in made
        if one.message.id in rows and one.file.id in rows
    ]


# -- by content --------------------------------------------------------------------------------


async def _by_content(run: Run) -> None:
    """The pairs of a sync's plan, and nothing else of it."""
    for _ in range(ROUNDS):
        made = await make_plan(run, frozenset(), bodies=False)
        pairs = [action for action in made.actions if isinstance(action, Pair)]
        if not pairs:
            return
        await run.stored(run.cache.apply, pairs)


def _paired(row: Row) -> bool:
    return row.server is Presence.THERE and row.local is Presence.THERE
