"""What only a person may decide: accept, reject, undelete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from mailsync.cache import Cache, Deletion
from mailsync.executor.undo import adopt, forgotten
from mailsync.local import Maildir
from mailsync.model.errors import ConfigError, NotOurs
from mailsync.model.ids import MailboxId
from mailsync.model.observation import FileFacts
from mailsync.model.report import HeldLine, Target
from mailsync.model.rows import Side
from mailsync.model.settings import Account
from mailsync.modes.job import LOCK, has_cache
from mailsync.modes.ownership import MARKER, Ownership
from mailsync.modes.scope import check_asked, maildir_of
from mailsync.modes.world import production_world
from mailsync.system.lock import Lock
from mailsync.system.seams import World

ACCEPTED_FOR = 24 * 3600.0  # seconds
BATCH = 500


@contextmanager
def _opened(account: Account) -> Iterator[tuple[World, Cache]]:
    if not has_cache(account):
        raise ConfigError(f"{account.name} was never synced: there is nothing to decide")
    with production_world() as world, Lock(str(account.state / LOCK)):
        cache = Cache.open(str(account.state), account.name)
        try:
            yield world, cache
        finally:
            cache.close()


def held(targets: Sequence[Target]) -> list[HeldLine]:
    """What waits for a decision, an unproven Maildir first."""
    lines: list[HeldLine] = []
    for target in targets:
        if not has_cache(target.account):
            continue
        with _opened(target.account) as (world, cache):
            check_asked(target, {box.name: box.role for box in cache.mailboxes(world.clock.wall())})
            refused = _refused(target.account, world, cache)
            if refused is not None:
                lines.append(refused)
            for one in cache.held():
                if not target.mailboxes or one.name in target.mailboxes:
                    lines.append(
                        HeldLine(target.account.name, one.name, one.side, one.count, one.reason)
                    )
    return lines


def _refused(account: Account, world: World, cache: Cache) -> HeldLine | None:
    """The whole account, when the Maildir is not proven ours: how much of it is there."""
    maildir = maildir_of(account, world)
    try:
        _verify_now(account, world, maildir, cache)
    except NotOurs:
        known = cache.totals().paired
        there = _files_there(maildir, cache)
        return HeldLine(
            account.name,
            "",
            Side.LOCAL,
            known,
            f"{account.maildir} is not proven to be this account's Maildir; {there:,} of {known:,} "
            "files that the cache knows are there",
        )
    return None


def _verify_now(account: Account, world: World, maildir: Maildir, cache: Cache) -> None:
    ownership = Ownership(account, world, maildir, cache)
    marker = maildir.read_marker()
    ownership.judge(marker, cache.totals().paired)


def _files_there(maildir: Maildir, cache: Cache) -> int:
    if not maildir.exists():
        return 0
    there = 0
    for name in maildir.mailboxes()[0]:
        listing = maildir.entries(name, True)
        if listing is not None:
            unknown = {entry.name for entry in cache.unknown_names(name, listing.entries)}
            there += sum(entry.name not in unknown for entry in listing.entries)
    return there


def accept(targets: Sequence[Target]) -> int:
    """Release exactly what is held now for 24 hours; how many messages and mailboxes."""
    count = 0
    for target in targets:
        with _opened(target.account) as (world, cache):
            if not target.mailboxes:
                count += _accept_maildir(target.account, world, cache)
            until = world.clock.wall() + ACCEPTED_FOR
            for mailbox in _chosen(target, cache):
                count += cache.accept(mailbox, until)
    return count


def _accept_maildir(account: Account, world: World, cache: Cache) -> int:
    """Make the Maildir ours and pair everything again by content."""
    maildir = maildir_of(account, world)
    try:
        _verify_now(account, world, maildir, cache)
    except NotOurs:
        known = cache.totals().paired
        cache.begin_relink(None, {Side.LOCAL, Side.SERVER})
        maildir.create()
        maildir.write_marker(Ownership(account, world, maildir, cache).marker(cache.generation))
        return known
    return 0


def reject(targets: Sequence[Target]) -> int:
    """Forget that what is held was ever synced, so that it is fetched or sent again."""
    count = 0
    for target in targets:
        with _opened(target.account) as (_, cache):
            for mailbox in _chosen(target, cache):
                count += cache.reject(mailbox)
    return count


def _chosen(target: Target, cache: Cache) -> list[MailboxId | None]:
    if not target.mailboxes:
        return [None]
    found = {one.name: one.mailbox for one in cache.held()}
    return [found[name] for name in found if name in target.mailboxes]


def undelete(account: Account, since: float | None, dry: bool) -> list[str]:
    """Put files that mailsync removed back where they were; a line for each.

    They come back as new messages: the next sync uploads them.
    """
    lines: list[str] = []
    with _opened(account) as (world, cache):
        maildir = maildir_of(account, world)
        _verify_now(account, world, maildir, cache)
        marker = maildir.read_marker()
        if marker is None:
            raise NotOurs(
                f"{account.maildir} has no {MARKER} file: is it mounted, or the right directory? "
                "Nothing was changed"
            )
        undo = str(account.state / "undo")
        there = maildir.undo_files(undo)
        if marker.cache_uuid != cache.uuid or marker.generation > cache.generation:
            noted = {one.new.undo for one in cache.deletions()}  # the cache is another, or older
            adopt(cache, forgotten(maildir, undo, noted, world.clock.wall()))
        found = [one for one in cache.deletions(since) if one.new.undo in there]
        wanted = _once_each(found, there)
        lines = [f"{one.new.mailbox}/{one.new.entry.name}" for one in wanted]
        if dry:
            return lines
        for at in range(0, len(wanted), BATCH):
            _restore(maildir, cache, undo, there, wanted[at : at + BATCH])
        known = {one.id for one in wanted}
        _drop(maildir, cache, undo, [one for one in found if one.id not in known])
    return lines


def _once_each(found: Sequence[Deletion], there: Mapping[str, FileFacts]) -> list[Deletion]:
    """A removal that a crash cut off was made again by the next run: that is one file."""
    last = {
        (one.new.mailbox, one.new.entry.name, one.new.body, there[one.new.undo].size): one
        for one in found
    }
    return list(last.values())


def _restore(
    maildir: Maildir,
    cache: Cache,
    undo: str,
    files: Mapping[str, FileFacts],
    batch: Sequence[Deletion],
) -> None:
    boxes = {one.new.mailbox for one in batch}
    maildir.create(*boxes)
    listings = {name: maildir.entries(name, True) for name in boxes}
    there = {
        (name, entry.name)
        for name, listing in listings.items()
        if listing is not None
        for entry in listing.entries
    }
    delivery = maildir.delivery()
    for one in batch:
        mailbox, entry = one.new.mailbox, one.new.entry
        name = maildir.undeleted_name(one.new.undo, one.at)
        if (mailbox, name) not in there:  # else an undelete that was killed had brought it
            path = f"{undo}/{one.new.undo}"
            date = one.internal_date
            if date is None:
                date = files[one.new.undo].mtime_ns // 10**9
            delivery.restore(path, mailbox, name, entry.flags, date)
    delivery.commit()
    _drop(maildir, cache, undo, batch)


def _drop(maildir: Maildir, cache: Cache, undo: str, batch: Sequence[Deletion]) -> None:
    cache.forget_deletions([one.id for one in batch])
    maildir.purge(undo, [one.new.undo for one in batch])
