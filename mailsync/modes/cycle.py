"""The story of one sync: observe → store → plan → guard → execute → commit (architecture.md).

Everything is observed before anything is planned, on both sides and in all mailboxes, because
only so are moves, renames and accidents told apart (semantics.md, rule 2).
"""

from __future__ import annotations

from collections.abc import Sequence

from mailsync.config.patterns import rules_of
from mailsync.executor import Run, execute, resolve, wait_and_resolve
from mailsync.executor.boxes import refresh
from mailsync.model.actions import (
    Action,
    Defer,
    DeferMailbox,
    Download,
    Forget,
    Pair,
    Plan,
    RenameLocalMailbox,
    RenameMailbox,
    Upload,
    lines,
)
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import ServerMailbox
from mailsync.model.report import Target
from mailsync.model.rows import Presence
from mailsync.modes.again import look_for_shifted, look_there, look_within, looked_again
from mailsync.modes.finish import finish
from mailsync.modes.names import Selector, observe_names
from mailsync.modes.observe import asks, observe_local, observe_server
from mailsync.modes.ownership import Ownership
from mailsync.modes.planning import make_plan
from mailsync.modes.policy import trash_may_open, trash_of
from mailsync.modes.scope import check_asked, policy_of, since, unsubscribed
from mailsync.planner import (
    NEW_VERSION_OUT,
    NO_GMAIL_TRASH,
    TRASH_CLOSED,
    UNSENT_MOVES,
)
from mailsync.server import Ask

ROUNDS = 8  # planning rounds in one run; every round strictly lowers what is open (I4)
LOOKS = 3  # again, before one plan; what a look shows may ask for another


async def cycle(
    run: Run,
    ownership: Ownership,
    listed: Sequence[ServerMailbox],
    selected: Selector,
    only: frozenset[MailboxName],
    *,
    no_wait: bool,
) -> None:
    """One sync of one account, from its listings to quiescence."""
    run.tallies.troubles.clear()  # of an earlier attempt: all is looked at again
    await observe(run, listed, selected, only)
    await rounds(run, ownership, only)
    while await wait_and_resolve(run, no_wait=no_wait):
        await rounds(run, ownership, only)
    if run.changed or run.below_nothing:
        await look_again(run)
        await rounds(run, ownership, only)
    await finish(run, only)


async def dry_cycle(
    run: Run,
    listed: Sequence[ServerMailbox],
    selected: Selector,
    only: frozenset[MailboxName],
) -> tuple[str, ...]:
    """What a sync would do, on a copy of the cache."""
    await observe(run, listed, selected, only)
    made = await make_plan(run, only)
    if in_the_way(run) and not untried(run, made):
        run.unhidden = True
        await look_there(run)
        made = await make_plan(run, only)
    names = {box.id: box.name for box in run.mailboxes.values()}
    return tuple(lines(made, names, run.keywords))


async def observe(
    run: Run,
    listed: Sequence[ServerMailbox],
    selected: Selector,
    only: frozenset[MailboxName],
) -> None:
    """Both sides into the cache."""
    shown = await observe_names(run, listed, selected)
    if only:
        roles = {box.name: box.role for box in run.mailboxes.values()}
        left_out = unsubscribed(run.account, listed)
        check_asked(Target(run.account, tuple(sorted(only))), roles, left_out)
    await heed_policy(run)
    await heed_limits(run)
    known = await run.stored(run.cache.cursors)
    audits = await run.stored(run.cache.audits, run.now())
    wanted = asks(run.mailboxes.values(), shown, known, audits, run.server.has_condstore)
    await observe_server(run, wanted)
    await refresh(run)  # the UIDVALIDITY of new mailboxes: names of files are held against it
    known = await run.stored(run.cache.cursors)  # a new UIDVALIDITY began a relink: list again
    await observe_local(run, known, audits)
    for mailbox, audit in audits.items():
        if run.name(mailbox) in run.seen_server and run.name(mailbox) in run.seen_local:
            await run.stored(run.cache.audited, mailbox, audit.next_uid, run.now())
    await refresh(run)
    await end_waits(run)


async def heed_policy(run: Run) -> None:
    """What waits by another direction or deletions than a mailbox has now, by its section or its
    name, is held."""
    await trash_of(run)  # an error in that is said before it counts as what was run with
    if await run.stored(run.cache.ran_with, policy_of(run.account)):
        text = (
            "direction or deletions changed: deletions that waited are held, see `mailsync status`"
        )
        if text not in run.tallies.errors:
            run.tallies.errors.append(text)


async def end_waits(run: Run) -> None:
    """What one message waits for may be over without any change of it or of its mailbox."""
    await run.stored(run.cache.version_gone, NEW_VERSION_OUT)
    await run.stored(run.cache.move_over, UNSENT_MOVES)
    if await trash_may_open(run):
        await run.stored(run.cache.trash_open, (NO_GMAIL_TRASH, TRASH_CLOSED))


async def heed_limits(run: Run) -> None:
    """What was too old by a clock that was wrong is not; out of scope nothing is to be decided."""
    for box in run.mailboxes.values():
        rules = rules_of(run.account, box.name)
        limits = rules.max_size, since(rules, run.now())
        if limits != (None, None) and box.selected:
            await run.stored(run.cache.heed_limits, box.id, *limits)


async def look_again(run: Run) -> None:
    """See our own changes on the server, so that the next run finds the cursor where it is.

    Only where a delta tells them; without CONDSTORE every run lists all flags anyway.  And see
    parents that the server made by itself.
    """
    known = await run.stored(run.cache.cursors)
    wire = await run.stored(run.cache.wire_names)
    wanted: list[Ask] = []
    for mailbox in sorted(run.changed):
        box = run.mailboxes.get(mailbox)
        had = None if box is None else known.get(box.name)
        if box is None or had is None or had.cursor is None or not run.server.has_condstore:
            continue
        if box.server is Presence.THERE and had.cursor.highest_modseq is not None:
            wanted.append(Ask(box.name, wire[box.name], had.cursor, known=had.known))
    run.changed.clear()
    await observe_server(run, wanted)
    await refresh(run)
    if run.below_nothing:
        run.below_nothing = False
        await look_there(run)


async def rounds(run: Run, ownership: Ownership, only: frozenset[MailboxName]) -> None:
    """Plan and execute until nothing is due; what an execution adds is planned in the next.

    What is due even then, where others change things as fast as they are synced, is said: another
    sync has to see to it.

    After every look at the server intents come first: what is new there may be what we sent, and
    would be fetched as another message.
    """
    run.restless.clear()
    for _ in range(ROUNDS):
        run.new_round()
        await resolve(run)
        made = await make_plan(run, only)
        for _ in range(LOOKS):
            if not await looked_again(run, made):
                break
            await resolve(run)
            made = await make_plan(run, only)
        made = await renamed_first(run, ownership, only, made)
        if made.actions:
            await ownership.raise_generation()
            if run.progress is not None:
                announce(run, made)
            await execute(run, made)
            await refresh(run)
        elif not run.shifted:
            return
        await look_for_shifted(run)
    run.restless = {run.name(action.mailbox) for action in (await make_plan(run, only)).actions}


async def renamed_first(
    run: Run, ownership: Ownership, only: frozenset[MailboxName], made: Plan
) -> Plan:
    """Renames go before all else is planned: until then what is in those mailboxes is in no plan,
    and a message that moved between them and others would be taken for deleted and new.  A name
    that another mailbox of the server has by now is seen when it is free here, or cannot be."""
    while (renames := untried(run, made)) or in_the_way(run):
        if renames:
            await ownership.raise_generation()
            await execute(run, Plan(renames))
            await heed_policy(run)  # another name may be of another section
            await refresh(run)
            await look_within(run, renames)
        else:
            run.unhidden = True
        if run.hidden:
            await look_there(run)
        made = await make_plan(run, only)
    return made


def in_the_way(run: Run) -> bool:
    """Whether a mailbox here keeps another one from being seen, and this run is not asked to leave
    renames to the next one."""
    if any(RenameLocalMailbox.__name__ in verbs for verbs in run.left.values()):
        return False
    here = {box.name for box in run.mailboxes.values() if box.local is Presence.THERE}
    return not here.isdisjoint(run.hidden)


def untried(run: Run, made: Plan) -> tuple[Action, ...]:
    """Each once: one that is refused holds up nothing."""
    found = tuple(
        action
        for action in made.actions
        if isinstance(action, RenameMailbox | RenameLocalMailbox)
        and action.mailbox not in run.rename_tried
    )
    run.rename_tried.update(action.mailbox for action in found)
    return found


def announce(run: Run, made: Plan) -> None:
    """Tell the progress display how much there is to do on either side."""
    work = [a for a in made.actions if not isinstance(a, Pair | Forget | Defer | DeferMailbox)]
    messages = sum(len(getattr(action, "rows", ())) for action in work)
    mailboxes = {action.mailbox for action in work if getattr(action, "rows", ())}
    bodies = [
        row for action in work if isinstance(action, Download | Upload) for row in action.rows
    ]
    sizes = [row.wire_size or row.file_size if row.size is None else row.size for row in bodies]
    known = [size for size in sizes if size is not None]
    size = sum(known) if len(known) == len(sizes) else None
    assert run.progress is not None
    run.progress.start(run.account.name, len(mailboxes), messages, size)
