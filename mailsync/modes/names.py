"""Which mailboxes there are on both sides, into the cache (semantics.md, rule 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mailsync.executor.boxes import refresh
from mailsync.executor.run import Run
from mailsync.model.errors import Exit, StorageError
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import ServerMailbox
from mailsync.model.rows import Mailbox, Presence, Role, Side
from mailsync.modes.scope import check_names, selector
from mailsync.planner import exchanged

Selector = Callable[[MailboxName, Role | None], bool]
RESPELT = (
    "; if that was renamed on the server, rename the directory {old} here, too: first to another "
    "name, then to {name}"
)


async def told_twice(run: Run, listed: Sequence[ServerMailbox]) -> Sequence[ServerMailbox]:
    """`listed` by the server; where one is missing that was there, or may not be selected any more,
    the server is asked once more: one is away for a moment while another client renames it, or the
    server repairs its list."""
    found = _selectable(listed)
    if not await run.stored(run.cache.has_more, Side.SERVER, found):
        return listed
    again = await run.server.mailboxes()
    both = {box.name: box for box in (*listed, *again)}
    return list((both | found | _selectable(again)).values())


def _selectable(listed: Sequence[ServerMailbox]) -> dict[MailboxName, ServerMailbox]:
    return {box.name: box for box in listed if box.selectable}


def without_exchanged(
    run: Run, listed: Sequence[ServerMailbox], boxes: Sequence[Mailbox]
) -> list[ServerMailbox]:
    """`listed` without names that another one of `boxes` has by now, until the one which had them
    got its new name here."""
    run.hidden = exchanged([] if run.unhidden else boxes, listed)
    return [box for box in listed if box.name not in run.hidden]


async def observe_names(
    run: Run, listed: Sequence[ServerMailbox], selected: Selector
) -> dict[MailboxName, ServerMailbox]:
    """Which mailboxes there are on both sides, into the cache.

    What may be in a directory that cannot be read is taken to be there: what was known, and, as
    a new cache knows nothing, what the server has: it is not made and filled a second time.  What
    is new there cannot be known, so no absence of a file is proven.  What was there and is missing
    is looked for a second time: a directory is away for a moment while a reader renames it.
    """
    local: list[MailboxName] = []
    notices: list[str] = []
    closed: dict[str, StorageError] = {}
    if not run.dry or await run.disk(run.maildir.exists):  # a first run makes it, a dry one not
        local, notices = await run.disk(run.maildir.mailboxes, closed)
        if await run.stored(run.cache.has_more, Side.LOCAL, local):
            again, _ = await run.disk(run.maildir.mailboxes, closed)
            local = sorted({*local, *again})
        listed, clashing = await _told_apart(run, listed, local, selected)
        notices = [*notices, *clashing]
    for notice in (*notices, *run.server.notices):
        if notice not in run.tallies.errors:
            run.tallies.errors.append(notice)
    if closed:
        run.blind = True
        for error in closed.values():
            run.tallies.fail(error)
        await refresh(run)
        there = {box.name for box in run.mailboxes.values() if box.local is Presence.THERE}
        there |= {box.name for box in listed if box.selectable}
        hidden = [name for name in there if any(f"{name}/".startswith(f"{p}/") for p in closed)]
        local = sorted({*local, *hidden})
    boxes = await run.stored(run.cache.uncounted, run.now())
    await _make_lasting(run, _new(local, boxes))
    check_names(await run.stored(run.cache.wire_names), local, listed)
    listed = without_exchanged(run, listed, boxes)
    run.not_selectable = {box.name for box in listed if not box.selectable}
    await run.stored(run.cache.see_mailboxes, listed, local, selected)
    await refresh(run)
    return {box.name: box for box in listed}


async def observe_new_names(run: Run) -> None:
    """Mailboxes that came here since they were listed, into the cache: one may have got another
    name, and what is under its own by now be another one."""
    local, _ = await run.disk(run.maildir.mailboxes, {})
    had = {box.name: box for box in run.mailboxes.values()}
    new = _new(local, had.values())
    if not new:
        return
    there = [name for name, box in had.items() if box.local is Presence.THERE]
    in_scope = selector(run.account, None)

    def selected(name: MailboxName, role: Role | None) -> bool:
        known = had.get(name)
        return in_scope(name, role) if known is None else known.selected

    await _make_lasting(run, new)
    await run.stored(run.cache.see_mailboxes, None, [*there, *new], selected)
    await refresh(run)


def _new(local: Iterable[MailboxName], boxes: Iterable[Mailbox]) -> list[MailboxName]:
    """Those of which the cache does not know that they are here."""
    had = {box.name for box in boxes if box.local is Presence.THERE}
    return [name for name in local if name not in had]


async def _make_lasting(run: Run, new: Sequence[MailboxName]) -> None:
    """What is put into a mailbox would go with it at a power cut: a user made it, or a run that
    failed."""
    if new and not (run.dry or run.still):
        await run.disk(run.maildir.make_mailboxes_lasting, new)


async def _told_apart(
    run: Run,
    listed: Sequence[ServerMailbox],
    local: Sequence[MailboxName],
    selected: Selector,
) -> tuple[Sequence[ServerMailbox], list[str]]:
    """Without those that would share a directory with another mailbox: two would become one.
    What is left out so is not synced, whatever else went well.

    One whose directory is spelt otherwise by now is none: it was renamed."""
    names = [box.name for box in listed if box.selectable and selected(box.name, box.role)]
    refused = await run.disk(run.maildir.clashes, local, names)
    if refused:
        await refresh(run)
        had = {box.name for box in run.mailboxes.values() if box.synced and box.messages}
        refused = {name: why for name, why in refused.items() if name not in had}
    if not refused:
        return listed, []
    run.tallies.exits.add(Exit.FAILED)
    run.left_out |= refused.keys()
    gone = sorted(had & {*local} - {box.name for box in listed})
    notices: list[str] = []
    for name, why in sorted(refused.items()):
        old = run.maildir.respelt(name, gone)
        more = "" if old is None else RESPELT.format(old=old, name=name)
        notices.append(f"mailbox {name} is left out: {why}{more}")
    return [box for box in listed if box.name not in refused], notices
