"""What only a person may decide: accept, reject, undelete."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from mailsync.cache import Cache, Deletion, DeletionId, Held
from mailsync.executor.undo import adopt, forgotten
from mailsync.local import Delivery, Maildir, with_flags
from mailsync.model.errors import Changed, ConfigError, NotOurs, Reach, StorageError
from mailsync.model.flags import SYSTEM, Flags
from mailsync.model.ids import MailboxId, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts
from mailsync.model.report import HeldLine, Target, Undeleted
from mailsync.model.rows import Presence, Side
from mailsync.model.settings import Account
from mailsync.modes.job import has_cache, locked
from mailsync.modes.observe import NO_NEW
from mailsync.modes.ownership import MARKER, Ownership
from mailsync.modes.scope import check_asked, maildir_of
from mailsync.modes.world import production_world
from mailsync.system.seams import World

ACCEPTED_FOR = 24 * 3600.0  # seconds
BATCH = 500


@contextmanager
def _opened(account: Account) -> Iterator[tuple[World, Cache]]:
    if not _is_known(account):
        raise ConfigError("never synced: there is nothing to decide")
    with production_world() as world, locked(account):
        cache = Cache.open(str(account.state), account.name)
        try:
            yield world, cache
        finally:
            cache.close()


def synced(accounts: Iterable[Account]) -> list[Account]:
    """Without those that were never synced: there nothing waits, and nothing was removed."""
    return [account for account in accounts if _is_known(account)]


def _is_known(account: Account) -> bool:
    """What lies in undo outlives a lost cache (I21)."""
    return has_cache(account) or (account.state / "undo").is_dir()


def _waiting(targets: Sequence[Target]) -> list[Target]:
    return [target for target in targets if has_cache(target.account)]


def held(targets: Sequence[Target], *, accepted: bool = False) -> list[HeldLine]:
    """What waits for a decision, an unproven Maildir first.

    `accepted`: also what was accepted and is not done yet, which may still be rejected; a Maildir
    that is not proven ours cannot be.  Raises NotOurs where it has to be accepted before one
    mailbox can be.
    """
    lines: list[HeldLine] = []
    for target in _waiting(targets):
        with _opened(target.account) as (world, cache):
            check_asked(target, {box.name: box.role for box in cache.mailboxes(world.clock.wall())})
            lines += _lines(target, world, cache, accepted)
    return lines


def _lines(target: Target, world: World, cache: Cache, accepted: bool) -> list[HeldLine]:
    if not accepted and target.mailboxes:
        _verify_now(target.account, world, maildir_of(target.account, world), cache)
    elif not accepted and (refused := _refused(target.account, world, cache)) is not None:
        return [refused]  # all is paired again, and what is held is found anew or not at all
    released = cache.accepted(world.clock.wall()) if accepted else []
    name = target.account.name
    return [
        HeldLine(name, one.name, one.side, one.count, one.reason, one.uids, one.names)
        for one in (*cache.held(), *released)
        if not target.mailboxes or one.name in target.mailboxes
    ]


def _check_shown(
    target: Target, world: World, cache: Cache, shown: Sequence[HeldLine] | None, accepted: bool
) -> None:
    """A sync may have held more while a person thought about it.  Raises Changed, NotOurs."""
    if shown is not None and not set(_lines(target, world, cache, accepted)) <= set(shown):
        raise Changed(
            f"{target.account.name}: what is held changed meanwhile; nothing was decided about it: "
            "look again"
        )


def _refused(account: Account, world: World, cache: Cache) -> HeldLine | None:
    """The whole account, when the Maildir is not proven ours: how much of it is there."""
    maildir = maildir_of(account, world)
    try:
        _verify_now(account, world, maildir, cache)
    except NotOurs:
        known = cache.totals().files
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
    ownership.judge(marker, cache.totals().files)


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


def accept(targets: Sequence[Target], shown: Sequence[HeldLine] | None = None) -> int:
    """Release exactly what is held now for 24 hours; how many messages and mailboxes.

    `shown`: what `held` said of it.  Raises Changed where there is more by now."""
    count = 0
    for target in _waiting(targets):
        with _opened(target.account) as (world, cache):
            _check_shown(target, world, cache, shown, False)
            files = None if target.mailboxes else _accept_maildir(target.account, world, cache)
            if files is not None:
                count += files
                continue
            until = world.clock.wall() + ACCEPTED_FOR
            for mailbox in _chosen(target, cache.held()):
                count += cache.accept(mailbox, until)
    return count


def _accept_maildir(account: Account, world: World, cache: Cache) -> int | None:
    """Make the Maildir ours and pair everything again by content: the number of its files; None
    where it is proven ours."""
    maildir = maildir_of(account, world)
    try:
        _verify_now(account, world, maildir, cache)
    except NotOurs:
        known = cache.totals().files
        cache.begin_relink(None, {Side.LOCAL, Side.SERVER}, _may_be_older(maildir))
        maildir.create()
        _remember_former_name(account, maildir)
        maildir.write_marker(Ownership(account, world, maildir, cache).marker(cache.generation))
        return known
    return None


def _may_be_older(maildir: Maildir) -> bool:
    """No marker says of which time it is: it may be out of a backup that has no dotfiles."""
    with suppress(NotOurs):
        return maildir.read_marker() is None
    return True


def _remember_former_name(account: Account, maildir: Maildir) -> None:
    """An account that was renamed has another state directory, named after it; its files still say
    by their names which messages they had: what was expunged since is not new."""
    with suppress(NotOurs):  # no marker that could be understood
        marker = maildir.read_marker()
        if marker is not None and (name := Path(marker.state).name) != account.name:
            maildir.formerly = name


def reject(targets: Sequence[Target], shown: Sequence[HeldLine] | None = None) -> int:
    """Forget that what is held, or was accepted and is not done yet, was ever synced, so that it
    is fetched or sent again.  `shown`: as for `accept`."""
    count = 0
    for target in _waiting(targets):
        with _opened(target.account) as (world, cache):
            _check_shown(target, world, cache, shown, True)
            now = world.clock.wall()
            there = [*cache.held(), *cache.accepted(now)]
            _put_back(target, world, cache, there)
            for mailbox in _chosen(target, there):
                count += cache.reject(mailbox, now)
    return count


def _put_back(target: Target, world: World, cache: Cache, there: Sequence[Held]) -> None:
    """Files that a sync had put into undo, as accepted, when it was killed: the cache does not know
    that they went.  Raises NotOurs, StorageError: then nothing is rejected."""
    account = target.account
    maildir, undo = maildir_of(account, world), str(account.state / "undo")
    files = maildir.undo_files(undo)
    removed = [one for one in cache.deletions() if one.new.undo in files]
    boxes = {
        one.name: one.mailbox
        for one in there
        if not target.mailboxes or one.name in target.mailboxes
    }
    known = {
        name: {
            (row.id, row.name) for row in cache.rows_of(boxes[name]) if row.local is Presence.THERE
        }
        for name in {one.new.mailbox for one in removed} & boxes.keys()
    }
    wanted = [
        one
        for one in removed
        if (one.new.row, one.new.entry.name) in known.get(one.new.mailbox, ())
    ]
    if wanted:
        _verify_now(account, world, maildir, cache)
        # A power cut may have left one under both names.
        here = {name: _names_in(maildir, name) for name in {one.new.mailbox for one in wanted}}
        away = [one for one in wanted if one.new.entry.name not in here[one.new.mailbox]]
        back = Back(maildir, cache, undo, files, expunges=False)
        back.restore(back.once_each(away))
        for _, error in back.refused:
            raise error


def _names_in(maildir: Maildir, name: MailboxName) -> set[UniqueName]:
    listing = maildir.entries(name, True)
    return {entry.name for entry in listing.entries} if listing is not None else set()


def _chosen(target: Target, there: Sequence[Held]) -> list[MailboxId | None]:
    if not target.mailboxes:
        return [None]
    found = {one.name: one.mailbox for one in there}
    return [found[name] for name in found if name in target.mailboxes]


def undelete(account: Account, since: float | None, dry: bool) -> Undeleted:
    """Put files that mailsync removed back where they were, as they were.

    They come back as new messages: the next sync uploads them.
    """
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
        back = Back(maildir, cache, undo, there, expunges=account.expunge_deleted)
        wanted = back.once_each(found)
        if dry:
            return Undeleted(tuple(map(told, wanted)))
        back.restore(wanted)
        refused = {one.id for one, _ in back.refused}
        known = {one.id for one in wanted}
        back.drop([one for one in found if one.id not in known])
        return Undeleted(
            tuple(told(one) for one in wanted if one.id not in refused),
            tuple(f"{told(one)}: {error}" for one, error in back.refused),
            frozenset(error.exit for _, error in back.refused),
        )


def told(one: Deletion) -> str:
    return f"{one.new.mailbox}/{one.new.entry.name}"


class Back:
    """Files on their way out of undo; each leaves it only when it is durable in the Maildir.

    `expunges`: what is \\Deleted would be removed again, so it comes back without that flag."""

    def __init__(
        self,
        maildir: Maildir,
        cache: Cache,
        undo: str,
        files: Mapping[str, FileFacts],
        *,
        expunges: bool,
    ) -> None:
        self.maildir, self.cache, self.undo, self.files = maildir, cache, undo, files
        self.expunges = expunges
        self.refused: list[tuple[Deletion, StorageError]] = []  # they stay in undo

    def once_each(self, found: Sequence[Deletion]) -> list[Deletion]:
        """A removal that a crash cut off was made again by the next run, and what an undelete that
        was killed brought back may have been removed since: that is one file.  The later one
        counts, it has the flags."""
        origin = {self._unique(one): one for one in found}  # by the name that it comes back under
        by_place: defaultdict[tuple[str, str], list[Deletion]] = defaultdict(list)
        for one in found:
            first = one
            while (
                earlier := origin.get(first.new.entry.name)
            ) is not None and earlier.id < first.id:
                first = earlier
            by_place[first.new.mailbox, first.new.entry.name].append(one)
        doubles: set[DeletionId] = set()
        for same in by_place.values():
            last: dict[bytes, Deletion] = {}
            for one in same if len(same) > 1 else ():
                earlier = last.pop(bytes_of := self._bytes(one), None)
                if earlier is not None:
                    doubles.add(earlier.id)
                last[bytes_of] = one
        return [one for one in found if one.id not in doubles]

    def _bytes(self, one: Deletion) -> bytes:
        return self.maildir.undo_hash(self.undo, one.new.undo)

    def restore(self, wanted: Sequence[Deletion]) -> None:
        """One mailbox after the other: where one is refused the others come back."""
        by_box: defaultdict[MailboxName, list[Deletion]] = defaultdict(list)
        for one in wanted:
            by_box[one.new.mailbox].append(one)
        for name, items in by_box.items():
            for at in range(0, len(items), BATCH):
                batch = items[at : at + BATCH]
                try:
                    self._batch(name, batch)
                except StorageError as error:
                    if error.reach is Reach.ACCOUNT:
                        raise
                    self.refused += [(one, error) for one in batch]

    def _batch(self, name: MailboxName, batch: Sequence[Deletion]) -> None:
        if self.maildir.lacks_new(name) and (count := self.cache.in_new(name)):
            # Made anew it would be empty, and what was in it deleted on the server.
            raise StorageError(NO_NEW.format(name=name, count=count), reach=Reach.MAILBOX)
        self.maildir.create(name)
        there = _names_in(self.maildir, name)
        delivery = self.maildir.delivery()
        # An undelete that was killed had brought these, and may not have waited for the disk.
        back = [one for one in batch if self._unique(one) in there]
        if back:
            self.maildir.settle([name])
        given: list[Deletion] = []
        for one in batch:
            if self._unique(one) in there:
                continue
            try:
                if self._give(delivery, one):
                    given.append(one)
            except StorageError as error:
                if error.reach is not Reach.MESSAGE:
                    delivery.discard()
                    raise
                self.refused.append((one, error))
        for one, done in zip(given, delivery.commit(), strict=True):
            if isinstance(done, StorageError):
                self.refused.append((one, done))
            else:
                back.append(one)
        self.drop(back)

    def _give(self, delivery: Delivery, one: Deletion) -> bool:
        entry, date = one.new.entry, one.internal_date
        if date is None:
            date = self.files[one.new.undo].mtime_ns // 10**9
        if self.expunges and entry.flags & Flags.DELETED:
            flags = entry.flags & ~Flags.DELETED
            entry = replace(entry, flags=flags, info=with_flags(entry.info, flags & SYSTEM))
        path, unique = f"{self.undo}/{one.new.undo}", self._unique(one)
        return delivery.restore(path, one.new.mailbox, unique, entry.flags, date, entry)

    def _unique(self, one: Deletion) -> UniqueName:
        return self.maildir.undeleted_name(one.new.undo, one.at)

    def drop(self, items: Sequence[Deletion]) -> None:
        """A row without its file is harmless; a file without its row would never be purged."""
        self.maildir.purge(self.undo, [one.new.undo for one in items])
        self.cache.forget_deletions([one.id for one in items])
