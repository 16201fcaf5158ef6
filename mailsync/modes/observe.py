"""Observe what is in the mailboxes of both sides into the cache, everything first (semantics.md,
rules 2 and 3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from mailsync.cache import Audit, Known
from mailsync.executor.boxes import USED_AGAIN, know
from mailsync.executor.files import inspected, read_again
from mailsync.executor.run import LOOK_HERE, LOOK_THERE, Run, Trouble
from mailsync.local import Listing
from mailsync.model.errors import Exit, Reach, Refused, StorageError
from mailsync.model.ids import MailboxId, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry, LocalObservation, ServerMailbox
from mailsync.model.rows import Mailbox, Presence, Role, Side
from mailsync.model.uidset import UIDSet
from mailsync.server import Ask

NONE: frozenset[UniqueName] = frozenset()
NO_NEW = (
    "{name}/new is missing, and {count} messages were in it: put it back, or make an empty "
    "directory of that name if they are to be deleted"
)
SHORT = "the server lists fewer or other messages than it counts; tried again later"
RESTLESS = "files were renamed while they were looked at: tried again later"
UNSEEN = (
    "could not be looked at: what is missing elsewhere may be in here by now, so nothing is "
    "deleted until it can be"
)


async def observe_in_full(
    run: Run, listed: Sequence[ServerMailbox] | None, sides: Collection[Side]
) -> None:
    """Every mailbox and file on these sides, whatever cursors and stamps say: what differs is a
    change like any other.  A file that a user deleted is not doubted, it is gone."""
    known = await run.stored(run.cache.cursors)
    if Side.LOCAL in sides:
        audits: dict[MailboxId, Audit] = {}
        for box in run.mailboxes.values():
            names = {row.name for row in await run.stored(run.cache.rows_of, box.id)}
            audits[box.id] = Audit(UIDSet(), frozenset(n for n in names if n is not None), 1)
        await observe_local(run, known, audits)
    if Side.SERVER in sides:
        shown = {box.name: box for box in listed or ()}
        run.dry = False  # what an EXAMINE says of flags is not to be stored
        wanted = asks(run.mailboxes.values(), shown, known, {}, has_condstore=False)
        await observe_server(run, [full(ask) for ask in wanted])


# -- the server ----------------------------------------------------------------------------------


def asks(
    boxes: Collection[Mailbox],
    listed: dict[MailboxName, ServerMailbox],
    known: dict[MailboxName, Known],
    audits: Mapping[MailboxId, Audit],
    has_condstore: bool,
) -> list[Ask]:
    """The mailboxes that may have changed on the server, INBOX first."""
    found: list[Ask] = []
    for box in boxes:
        shown, had = listed.get(box.name), known.get(box.name)
        if not box.selected or box.server is not Presence.THERE or shown is None:
            continue
        if not shown.selectable:
            continue
        cursor = None if had is None or had.relink else had.cursor
        # Without CONDSTORE equal cursors say nothing about flags: every run lists them (rule 2).
        covered = has_condstore and cursor is not None and cursor.highest_modseq is not None
        audit = audits[box.id].uids if box.id in audits else UIDSet()
        stuck = had is not None and had.stuck
        if covered and shown.cursor == cursor and not audit and not stuck:
            continue
        found.append(
            Ask(
                name=box.name,
                wire_name=shown.wire_name,
                cursor=cursor,
                full=cursor is None,
                known=had.known if had is not None else 0,
                audit=audit,
            )
        )
    return sorted(found, key=lambda ask: (ask.name != "INBOX", ask.name))


async def observe_server(run: Run, wanted: Sequence[Ask]) -> None:
    """Store what the server shows, each mailbox with its cursor in one transaction (I14).

    A server that was restored was so as a whole, and nothing that is counted tells it of a mailbox
    into which as many messages came since as had come before: all are listed."""
    await _observe_twice(run, wanted)
    if run.reused and not run.relisted:
        run.relisted = True
        await _observe_twice(run, await _others(run))
    await know(run)  # what was seen there for the first time has a number now


async def _others(run: Run) -> list[Ask]:
    """Than those which told it, and were listed in full for that."""
    wire = await run.stored(run.cache.wire_names)
    known = await run.stored(run.cache.cursors)
    return [
        Ask(box.name, wire[box.name], known[box.name].cursor, full=True)
        for box in run.mailboxes.values()
        if box.selected
        and box.server is Presence.THERE
        and box.name in known
        and box.name not in run.reused | run.not_selectable | run.closed
    ]


async def _observe_twice(run: Run, wanted: Sequence[Ask]) -> None:
    run.unseen_server.update(ask.name for ask in wanted)
    short = await _observe(run, wanted)
    if short:
        # A delta that does not add up to EXISTS is no proof of anything: list in full.
        again = [ask for ask in wanted if ask.name in short]
        still = await _observe(run, [full(ask) for ask in again])
        for name in still:
            run.tallies.troubles[LOOK_THERE, name] = Trouble(SHORT, Exit.SERVER)
    _say_unseen(run, run.unseen_server, LOOK_THERE)


def _say_unseen(run: Run, names: Collection[MailboxName], step: str) -> None:
    for name in names:
        run.tallies.note(name, UNSEEN)
        run.tallies.troubles.setdefault((step, name), Trouble(UNSEEN, Exit.TEMPORARY))


def full(ask: Ask) -> Ask:
    """The same question, with everything to be listed."""
    return Ask(name=ask.name, wire_name=ask.wire_name, cursor=ask.cursor, full=True, known=0)


async def _observe(run: Run, wanted: Sequence[Ask]) -> set[MailboxName]:
    """The mailboxes whose observation did not add up; nothing of it was stored."""
    short: set[MailboxName] = set()
    if not wanted:
        return short
    ids = {box.name: box for box in run.mailboxes.values()}
    async for seen in run.server.observe(wanted, read_only=run.dry):
        if run.progress is not None:
            place = seen[0] if isinstance(seen, tuple) else seen.mailbox
            run.progress.look(f"{run.account.name}/{place}")
        if isinstance(seen, tuple):
            name, error = seen
            async with run.only_trouble(ids[name], LOOK_THERE):
                raise error
            if isinstance(error, Refused) and error.code == "NOPERM":
                run.unseen_server.discard(name)  # what went there is gone for us
                run.closed.add(name)
            continue
        stored = await run.stored(run.cache.store_server, seen, run.now())
        if not stored.ok:
            short.add(seen.mailbox)
            continue
        run.seen_server.add(seen.mailbox)
        run.tallies.troubles.pop((LOOK_THERE, seen.mailbox), None)
        run.unseen_server.discard(seen.mailbox)
        run.closed.discard(seen.mailbox)
        if stored.reused:
            run.reused.add(seen.mailbox)
        if stored.relinked or stored.reused:
            why = "new UIDVALIDITY" if stored.relinked else USED_AGAIN
            run.tallies.note(seen.mailbox, f"{why}: messages are paired again by content")
    return short


# -- the Maildir ---------------------------------------------------------------------------------


async def observe_local(
    run: Run,
    known: dict[MailboxName, Known],
    audits: Mapping[MailboxId, Audit],
    among: Collection[MailboxId] | None = None,
) -> None:
    """List what has no valid stamp; what lacks a known file a second time, after all the rest, and
    what is in relink, too: which files it should have nobody knows there, and one that a listing
    passes over would be fetched, and be another message when it is seen.

    `among` None: all mailboxes.  One that the disk refuses is left as it was, and said.
    """
    audited = {run.name(box): audit.names for box, audit in audits.items()}
    boxes = [
        box
        for box in run.mailboxes.values()
        if box.selected and box.local is Presence.THERE and (among is None or box.id in among)
    ]
    first: list[tuple[Mailbox, Listing]] = []
    for box in boxes:
        async with run.only_trouble(box, LOOK_HERE):
            listing = await _listing(run, box, known.get(box.name), box.id in audits)
            if listing is not None:
                first.append((box, listing))
    lacking: list[tuple[Mailbox, Listing]] = []
    for box, listing in first:
        had, names = known.get(box.name), [entry.name for entry in listing.entries]
        if (had is not None and had.relink) or await run.stored(run.cache.lacks, box.name, names):
            lacking.append((box, listing))
            continue
        async with run.only_trouble(box, LOOK_HERE):
            await _store_listing(run, box, listing, audited.get(box.name, NONE))
    for box, listing in lacking:
        async with run.only_trouble(box, LOOK_HERE):
            second = await _entries(run, box.name)
            if second is None:  # the directory went away: that proves nothing
                continue
            # The later sighting of a name is the one to act on.
            union = {entry.name: entry for entry in (*listing.entries, *second.entries)}
            parted = listing.parted | second.parted
            both = replace(second, entries=tuple(union.values()), parted=parted)
            if len(union) > len(second.entries):
                both = replace(both, stamp=None)  # taken after what only the first one showed went
            await _store_listing(run, box, both, audited.get(box.name, NONE))
    _say_unseen(run, run.unseen_local, LOOK_HERE)


async def _listing(run: Run, box: Mailbox, had: Known | None, audit: bool) -> Listing | None:
    """None: nothing has changed there, or the directory went away, which proves nothing."""
    run.unseen_local.add(box.name)
    if had is not None and had.stamp is not None and not had.relink:
        stamp = await run.disk(run.maildir.stamp, box.name)
        if stamp == had.stamp and box.role is not Role.DRAFTS and not audit:
            run.unseen_local.discard(box.name)
            return None
    listing = await _entries(run, box.name)
    if listing is None and await run.disk(run.maildir.lacks_new, box.name):
        # An empty directory is lost easily (git, an archive, a careless copy); one with mail in
        # it is not, and what was in it is not known to be deleted.
        count = await run.stored(run.cache.in_new, box.name)
        if count:
            raise StorageError(NO_NEW.format(name=box.name, count=count), reach=Reach.MAILBOX)
        if not (run.dry or run.still):
            await run.disk(run.maildir.create, box.name)
        listing = await _entries(run, box.name, without_new=run.dry or run.still)
    return listing


async def _entries(run: Run, name: MailboxName, *, without_new: bool = False) -> Listing | None:
    """A listing in which every keyword is named that the mailbox's own table explains."""
    look = partial(run.maildir.entries, name, run.dry or run.still, without_new=without_new)
    listing = await run.disk(look)
    if listing is not None and listing.untold:
        await run.stored(run.cache.learn_keywords, listing.untold)
        await know(run)
        listing = await run.disk(look)
    return listing


async def _store_listing(
    run: Run, box: Mailbox, listing: Listing, audited: frozenset[UniqueName]
) -> None:
    name, entries = box.name, listing.entries
    unknown = await run.stored(run.cache.unknown_names, name, entries)
    # A file edited in place changes no stamp; drafts are, so they are compared every run, and
    # other files when it is their turn in the daily audit.  Of two with one name either may have
    # been there before.
    if box.role is Role.DRAFTS:
        look = list(entries)
    else:
        doubtful = (audited | listing.parted) - {entry.name for entry in unknown}
        look = unknown + [entry for entry in entries if entry.name in doubtful]
    facts, failed = await inspected(run, box, look)
    gone = {entry.name for entry in unknown} - facts.keys()
    if vanished := gone - {entry.name for entry, _ in failed}:
        more, renamed = await _look_again(run, box, vanished)
        facts, entries = {**facts, **more}, (*entries, *renamed)
        gone -= more.keys()
        entries = tuple({entry.name: entry for entry in entries}.values())
    unread = run.still and bool(listing.doubles)  # they are left to a run that may rename them
    seen = LocalObservation(
        mailbox=name,
        entries=tuple(entry for entry in entries if entry.name not in gone),
        proven=not run.blind,
        facts=facts,
        stamp=listing.stamp if not (failed or gone or vanished or unread) else None,
        notices=listing.notices,
        lettered=listing.lettered,
        exact=listing.exact,
    )
    for notice in listing.notices:
        run.tallies.note(name, notice)
    # Nothing is planned of a file that comes back: it is relied on as soon as it is stored.
    if unknown and not run.dry and (back := await run.stored(run.cache.come_back, name, unknown)):
        await run.disk(run.maildir.make_lasting, {name: back})
    if touched := await run.stored(run.cache.store_local, seen, True):
        read = await read_again(run, box, touched, facts)
        await run.stored(run.cache.store_local, replace(seen, facts={**facts, **read}))
    run.seen_local.add(name)
    if failed:
        raise StorageError(f"{failed[0][1]}" + _more(len(failed)), reach=Reach.MAILBOX)
    run.unseen_local.discard(name)


async def _look_again(
    run: Run, box: Mailbox, names: Collection[UniqueName]
) -> tuple[dict[UniqueName, FileFacts], list[LocalEntry]]:
    """Files that were renamed between the listing and the look: new flags, mostly.  While one is
    listed and not to be looked at, nothing new in the mailbox is told from what it was."""
    listing = await _entries(run, box.name)
    entries = [] if listing is None else [one for one in listing.entries if one.name in names]
    facts, failed = await inspected(run, box, entries)
    found = [entry for entry in entries if entry.name in facts]
    if failed or len(found) < len(entries):
        run.untold.add(box.name)
        run.tallies.troubles[LOOK_HERE, box.name] = Trouble(RESTLESS, Exit.TEMPORARY)
    return facts, found


def _more(count: int) -> str:
    return f" (and {count - 1} more files)" if count > 1 else ""
