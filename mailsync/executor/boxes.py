"""Mailboxes made, renamed and removed, and one observed again because an action needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from mailsync.executor.retry import repeated
from mailsync.executor.run import Run
from mailsync.local import Listing
from mailsync.model.actions import (
    CreateLocalMailbox,
    CreateMailbox,
    RemoveLocalMailbox,
    RemoveMailbox,
    RenameLocalMailbox,
    RenameMailbox,
    uid_of,
    uids_of,
)
from mailsync.model.errors import (
    Help,
    MailsyncError,
    Reach,
    Refused,
    ServerDefect,
    StorageError,
)
from mailsync.model.ids import UID, MailboxId
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, ServerItem, is_another
from mailsync.model.rows import Mailbox, Presence, Row, Side
from mailsync.model.settings import Direction
from mailsync.server import Ask

USED_AGAIN = "the server gives UIDs a second time (was it restored from a backup?)"


async def refresh(run: Run) -> None:
    """Read the mailboxes, their totals and the keywords again."""
    boxes = await run.stored(run.cache.mailboxes, run.now())
    run.mailboxes = {box.id: box for box in boxes}
    await know(run)


async def know(run: Run) -> None:
    """Every room speaks of keywords by the account's table."""
    run.keywords = await run.stored(run.cache.keywords)
    run.server.know(run.keywords)
    run.maildir.know(run.keywords)


async def cursor_of(run: Run, box: Mailbox) -> Cursor | None:
    """As last observed."""
    return (await run.stored(run.cache.cursors))[box.name].cursor


async def observe_again(run: Run, box: Mailbox, *, full: bool = False) -> Mailbox:
    """SELECT one mailbox and store what it shows; raises what the server says against it, and
    ServerDefect where that does not add up: nothing is known of it then.

    Under another UIDVALIDITY what the plan at hand says of its UIDs means nothing any more."""
    had = run.mailboxes[box.id].uid_validity
    cursor = None if full else await cursor_of(run, box)
    # What does not add up is no proof of anything: list in full.
    if not await _look(run, box, cursor) and not await _look(run, box, None):
        text = f"what the server lists in {box.name} does not add up"
        raise ServerDefect(text, reach=Reach.MAILBOX, help=Help.WAIT)
    await refresh(run)
    if had is not None and run.mailboxes[box.id].uid_validity != had:
        run.renumbered.add(box.id)
    return run.mailboxes[box.id]


async def make_sure(run: Run, box: Mailbox, rows: tuple[Row, ...]) -> Mapping[UID, ServerItem]:
    """That the UIDs on the server are the messages that the rows stand for, right before these are
    taken away: after a restore from a backup as many may have come as there were before, so that
    nothing which is counted tells it.  What the server shows of them.

    If not, no UID of the account is believed before all is listed; the attempt ends."""
    shown = await run.server.shown(box.name, uids_of(rows), uid_validity=box.uid_validity)
    if not any(is_another(row, shown[uid_of(row)]) for row in rows if row.uid in shown):
        return shown
    await run.stored(run.cache.begin_relink, None, {Side.SERVER})
    raise MailsyncError(f"{box.name}: {USED_AGAIN}", reach=Reach.ACCOUNT, help=Help.RETRY)


async def _look(run: Run, box: Mailbox, cursor: Cursor | None) -> bool:
    """Whether what the server showed could be stored."""
    wire = (await run.stored(run.cache.wire_names))[box.name]
    ask = Ask(name=box.name, wire_name=wire, cursor=cursor, full=cursor is None)
    stored = True
    async for seen in run.server.observe([ask]):
        if isinstance(seen, tuple):
            raise seen[1]
        stored = (await run.stored(run.cache.store_server, seen, run.now())).ok
    return stored


async def ensure_observed(run: Run, mailbox: MailboxId) -> Mailbox:
    """The mailbox with a UIDVALIDITY; one that was made in this run is observed now."""
    box = run.mailboxes[mailbox]
    if box.server is Presence.THERE and box.uid_validity is not None:
        return box
    if box.server is not Presence.THERE:
        raise MailsyncError(
            f"{box.name} is not on the server", reach=Reach.MAILBOX, help=Help.RETRY
        )
    return await observe_again(run, box)


async def create_mailbox(run: Run, action: CreateMailbox) -> None:
    box = run.mailboxes[action.mailbox]
    # One that was there before comes back as it was called there.
    had = (await run.stored(run.cache.wire_names)).get(box.name)
    wire, there = await repeated(run.world.rand, lambda: run.server.create(box.name, had))
    await run.stored(run.cache.mailbox_made, box.id, Side.SERVER, wire)
    await refresh(run)
    _note_parents(run, box.name)
    if there or run.mailboxes[box.id].uid_validity is not None:
        # It was there before: what its UIDs meant is forgotten before any is given again.
        await observe_again(run, run.mailboxes[box.id], full=True)
        # Nor does the plan go on: what it deletes is another message, whatever the UIDVALIDITY, and
        # what it sends may be there.
        run.renumbered.add(box.id)


def _note_parents(run: Run, made: MailboxName) -> None:
    """Cyrus makes the parents of a new name by itself, by CREATE and by RENAME."""
    there = {box.name for box in run.mailboxes.values() if box.server is Presence.THERE}
    parents = {made[:at] for at, letter in enumerate(made) if letter == "/"}
    run.below_nothing = run.below_nothing or not parents <= there


async def create_local_mailbox(run: Run, action: CreateLocalMailbox) -> None:
    box = run.mailboxes[action.mailbox]
    there: Listing | None = None
    with suppress(StorageError):  # what is in the way says `create`
        there = await run.disk(partial(run.maildir.entries, box.name, True, without_new=True))
    await run.disk(run.maildir.create, box.name)
    await run.stored(run.cache.mailbox_made, box.id, Side.LOCAL)
    await refresh(run)
    if there is not None and there.entries:
        # It was not seen, and is no new one: what would be fetched may be in it.
        run.renumbered.add(box.id)
        run.shifted.add(box.id)


def _by_now(run: Run, name: MailboxName, new: MailboxName) -> MailboxName:
    """Where a mailbox is that went along with its parent, unless that is where it shall be."""
    found = name
    for old, target in run.renamed:
        if found.startswith(f"{old}/"):
            found = MailboxName(f"{target}{found[len(old) :]}")
    return name if found == new else found


async def rename_mailbox(run: Run, action: RenameMailbox) -> None:
    """Where the server lists the new name as none that can be selected, and refuses, everything
    is moved instead: the next plan makes a mailbox of that name."""
    box, new = run.mailboxes[action.mailbox], run.mailboxes[action.new]
    old = _by_now(run, box.name, new.name)
    had = (await run.stored(run.cache.wire_names))[box.name]
    await run.stored(run.cache.renaming, box.id, new.id)
    try:
        wire, validity = await run.server.rename(old, new.name)
    except Refused as error:
        await run.stored(run.cache.renaming, box.id, None)
        if new.name not in run.not_selectable or error.help is not Help.ASK:
            raise
        await run.stored(run.cache.renamed_by_moves, box.id, new.id)
        await refresh(run)
        return
    run.renamed.append((box.name, new.name))
    await run.stored(run.cache.mailbox_renamed, box.id, new.id, Side.SERVER, wire)
    run.tallies.count(new.name, "renamed")
    await refresh(run)
    _note_parents(run, new.name)
    await _follow(run, run.server.carried(had, wire))
    went = [box.id, *_below_on_both(run, new.name)]
    if validity is not None and validity != run.mailboxes[box.id].uid_validity:
        # Courier does so.  What is planned for them speaks of UIDs that have another meaning now.
        run.renumbered.update(went)
        for renamed in [run.mailboxes[one] for one in went]:
            await observe_again(run, renamed)
            run.seen_server.add(renamed.name)


def _below_on_both(run: Run, name: MailboxName) -> list[MailboxId]:
    return [
        box.id
        for box in run.mailboxes.values()
        if box.name.startswith(f"{name}/") and box.server is box.local is Presence.THERE
    ]


async def _follow(run: Run, carried: Sequence[tuple[MailboxName, MailboxName, bytes]]) -> None:
    """What lay below on the server went along (RFC 9051 §6.3.6); what is still here under its old
    name (a reader of layout maildir++ renames one directory after the other) goes there too."""
    said = [run.account.direction, *(one.rules.direction for one in run.account.sections)]
    if run.narrow.push or Direction.PUSH in said:
        return
    for name, target, wire in carried:
        boxes = {box.name: box for box in run.mailboxes.values()}
        box = boxes.get(name)
        if box is None or not box.server is box.local is Presence.THERE or target in boxes:
            continue
        await run.stored(run.cache.expect_mailbox, target, box.selected)
        await refresh(run)
        row = next(one.id for one in run.mailboxes.values() if one.name == target)
        await run.stored(run.cache.renaming, box.id, row)
        went = await run.disk(run.maildir.rename, name, target)
        if went:
            await run.stored(run.cache.mailbox_renamed, box.id, row, Side.LOCAL, wire)
            run.renamed.append((name, target))
            run.tallies.count(target, "renamed")
        else:
            await run.stored(run.cache.renaming, box.id, None)
            await run.stored(run.cache.forget_mailbox, row)
        await refresh(run)
        if went and run.account.subscribed_only:
            await run.server.subscribe(target)


async def rename_local_mailbox(run: Run, action: RenameLocalMailbox) -> None:
    box, new = run.mailboxes[action.mailbox], run.mailboxes[action.new]
    await run.stored(run.cache.renaming, box.id, new.id)
    if not await run.disk(run.maildir.rename, box.name, new.name):
        await run.stored(run.cache.renaming, box.id, None)
        run.note(box.id, f"cannot rename {box.name} to {new.name}: that name is taken")
        return
    await run.stored(run.cache.mailbox_renamed, box.id, new.id, Side.LOCAL)
    run.tallies.count(new.name, "renamed")
    await refresh(run)


async def remove_mailbox(run: Run, action: RemoveMailbox) -> None:
    """DELETE, only while SELECT shows that it is empty, and STATUS a moment later (semantics.md,
    rule 10).

    The cache's total does not say that: it has the files of a directory that is gone.
    """
    box = run.mailboxes[action.mailbox]
    await observe_again(run, box)
    known = (await run.stored(run.cache.cursors))[box.name]
    empty = not (known.known or (known.cursor is not None and known.cursor.messages))
    if not (empty and await run.server.delete(box.name)):
        run.note(box.id, "not removed: there are messages in it by now")
        return
    await run.stored(run.cache.mailbox_gone, box.id, Side.SERVER)
    await refresh(run)


async def remove_local_mailbox(run: Run, action: RemoveLocalMailbox) -> None:
    box = run.mailboxes[action.mailbox]
    if not await run.disk(run.maildir.remove, box.name):
        run.note(box.id, "not removed: there are messages or other files in it by now")
        run.not_removed.add(box.id)
        run.shifted.add(box.id)
        return
    await run.stored(run.cache.mailbox_gone, box.id, Side.LOCAL)
    await refresh(run)
