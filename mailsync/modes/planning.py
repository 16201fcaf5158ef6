"""The plan for what is due, and the looks at files, headers and bodies that pairing asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from mailsync.cache import Intent
from mailsync.executor import Run
from mailsync.executor.files import digested
from mailsync.executor.identify import may_have_made
from mailsync.executor.run import LOOK_HERE, Trouble
from mailsync.executor.suspects import blamed, one_by_one, to_ask
from mailsync.model.actions import Action, Plan, RemoveLocalMailbox, uid_of
from mailsync.model.content import Digester
from mailsync.model.errors import Disconnected, Exit, ServerDefect
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Presence, Row
from mailsync.model.uidset import UIDSet
from mailsync.modes.again import look_for_shifted
from mailsync.modes.departed import learn_departed
from mailsync.modes.finish import on_both
from mailsync.modes.observe import RESTLESS
from mailsync.modes.policy import bounds_of, planned_by, unseen
from mailsync.planner import narrowed, needs, plan, rationed

QUESTIONS = 3  # looks at headers and files before one plan


async def make_plan(run: Run, only: frozenset[MailboxName], *, bodies: bool = True) -> Plan:
    """The plan for what is due, after looking at what pairing wants to know; without `bodies`
    no message is read on the server for it."""
    rows, candidates = await due(run)
    if await learn_departed(run, rows):
        rows, candidates = await due(run)
    bounds = {box.id: bounds_of(run, box) for box in run.mailboxes.values()}
    for _ in range(QUESTIONS):
        wants = needs(rows, candidates, await in_sight(run), bounds)
        if not (wants.digests or wants.headers or (bodies and wants.bodies)):
            break
        await ask(run, learn_digests, wants.digests)
        await ask(run, learn_headers, wants.headers)
        await ask(run, learn_bodies, wants.bodies if bodies else {})
        if run.shifted:  # renamed before they were read: without their bytes they would be new
            await look_for_shifted(run)
        rows, candidates = await due(run)
    else:
        _leave_unread(run, needs(rows, candidates, await in_sight(run), bounds).digests)
    policy = await planned_by(run, only)  # knows by now what was not told
    made, left = narrowed(
        plan(rows, candidates, await within_limits(run, await in_sight(run)), policy), run.narrow
    )
    run.left = counted(run, left)
    made, waiting = rationed(made, *run.rations(), run.now())
    run.waiting = counted(run, waiting)
    return replace(made, actions=tuple(one for one in made.actions if not in_vain(run, one)))


def _leave_unread(run: Run, files: Mapping[MailboxId, Sequence[Row]]) -> None:
    """Where files are renamed as fast as they are looked for, nothing new is told from them."""
    for mailbox, rows in files.items():
        if any(row.name is not None and not row.parked for row in rows):
            name = run.name(mailbox)
            run.untold.add(name)
            run.tallies.troubles[LOOK_HERE, name] = Trouble(RESTLESS, Exit.TEMPORARY)


def in_vain(run: Run, action: Action) -> bool:
    """Tried in this run, and nothing that the plan looks at has changed since."""
    return isinstance(action, RemoveLocalMailbox) and action.mailbox in run.not_removed


def counted(run: Run, actions: Sequence[Action]) -> dict[MailboxName, Counter[str]]:
    """Messages by mailbox and by what is done to them; what is done to a mailbox counts as one."""
    found: dict[MailboxName, Counter[str]] = {}
    for action in actions:
        verb, count = type(action).__name__, len(getattr(action, "rows", "1"))
        found.setdefault(run.name(action.mailbox), Counter())[verb] += count
    return found


async def in_sight(run: Run) -> list[Mailbox]:
    """The mailboxes to plan for.  One in relink that could not be observed on both sides is left
    out: its unknown rows say nothing yet."""
    known = await run.stored(run.cache.cursors)
    blind = {
        name
        for name, one in known.items()
        if one.relink and not (name in run.seen_server and name in run.seen_local)
    }
    return [
        replace(box, selected=False) if box.name in blind and on_both(box) else box
        for box in run.mailboxes.values()
    ]


async def within_limits(run: Run, boxes: Sequence[Mailbox]) -> list[Mailbox]:
    """What is beyond a limit is never deleted, so the guard does not count it: else all that can
    go of a mailbox would be a small part of it."""
    found: list[Mailbox] = []
    for box in boxes:
        limits = bounds_of(run, box)
        if limits.max_size is not None or limits.since is not None:
            server, local = await run.stored(
                run.cache.in_scope, box.id, limits.max_size, limits.since
            )
            box = replace(
                box,
                on_server=replace(box.on_server, there=server),
                on_local=replace(box.on_local, there=local),
            )
        found.append(box)
    return found


async def due(run: Run) -> tuple[list[Row], list[Row]]:
    """Rows that are due, and rows that share a trait with them.

    Of the whole account, also for `sync A/M`: a move that touches another mailbox is left open,
    not taken for a deletion (rule 9).
    """
    rows = await run.stored(run.cache.due, run.now(), run.account.expunge_deleted)
    candidates = await run.stored(run.cache.candidates, rows, unseen(run))
    # All of a mailbox that is gone on one side: was it renamed, and what moved out of it?
    for box in run.mailboxes.values():
        if box.selected and box.synced and not on_both(box):
            candidates += await run.stored(run.cache.rows_of, box.id)
    seen = {row.id for row in rows}
    if any(run.veiled.values()):
        intents = await run.stored(run.cache.intents)
        rows = [replace(row, intent=row.intent or _is_veiled(run, row, intents)) for row in rows]
    return rows, list({row.id: row for row in candidates if row.id not in seen}.values())


def _is_veiled(run: Run, row: Row, intents: Sequence[Intent]) -> bool:
    """New there, and perhaps what one of them made."""
    if row.local is not Presence.NONE or row.uid is None:
        return False
    uids = run.veiled.get(run.name(row.mailbox), UIDSet())
    return row.uid in uids and any(may_have_made(intent, row) for intent in intents)


Learn = Callable[[Run, Mailbox, Sequence[Row]], Awaitable[None]]


async def ask(run: Run, learn: Learn, wanted: Mapping[MailboxId, Sequence[Row]]) -> None:
    """What a mailbox refuses to tell is not asked a second time in this attempt.  What waits for
    the answer stays open: new mail there, and what may have moved there."""
    for mailbox, rows in wanted.items():
        box, question = run.mailboxes[mailbox], (learn, mailbox)
        if question in run.futile:
            run.passed_over(box, learn)
            continue
        run.futile.add(question)
        async with run.only_trouble(box, learn):
            await learn(run, box, rows)
            run.futile.remove(question)
        if question in run.futile:
            run.untold.add(box.name)
            (run.unseen_local if learn is learn_digests else run.unseen_server).add(box.name)


async def learn_digests(run: Run, box: Mailbox, rows: Sequence[Row]) -> None:
    """Read files, so that they can be told from others by content."""
    await digested(run, box, [row for row in rows if row.name is not None and not row.parked])


async def learn_headers(run: Run, box: Mailbox, rows: Sequence[Row]) -> None:
    """Fetch headers, so that messages can be told from files without their bodies."""
    by_uid = {row.uid: row.id for row in rows if row.uid is not None}
    heads = await run.server.headers(box.name, UIDSet(by_uid), uid_validity=box.uid_validity)
    told = {by_uid[uid]: head for uid, head in heads.items() if head is not None and uid in by_uid}
    hashes: dict[RowId, bytes | None] = {row: head.hash for row, head in told.items()}
    ids = {row: head.message_id for row, head in told.items()}
    await run.stored(run.cache.headers, hashes, ids)


async def learn_bodies(run: Run, box: Mailbox, rows: Sequence[Row]) -> None:
    """Read messages on the server without keeping them, a stream at a time."""
    left = {uid_of(row): row for row in await to_ask(run, box, rows) if not row.parked}
    careful = one_by_one(run, box)
    try:
        async for body in run.server.bodies(
            box.name, list(left), one_by_one=careful, uid_validity=box.uid_validity
        ):
            digester = Digester()
            if body.data is not None:
                digester.feed(body.data)
            elif body.chunks is not None:
                async for chunk in body.chunks:
                    digester.feed(chunk)
            row = left.pop(body.uid, None) if body.uid is not None else None
            if row is not None and (body.data is not None or body.chunks is not None):
                await run.stored(run.cache.facts, {row.id: digester.finish()})
    except (Disconnected, ServerDefect) as error:
        raise await blamed(run, box, list(left.values()), error) from error
