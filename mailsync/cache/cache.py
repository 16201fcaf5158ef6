"""The cache of one account: a thin class over the functions of this room.

Past 400 lines because it is one list of signatures with their meaning; there is nothing to split.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, select, update

from mailsync.cache import (
    audits,
    deletions,
    former,
    intents,
    keywords,
    mailboxes,
    observe,
    observe_local,
    outcomes,
    pairing,
    read,
    relink,
    rename,
    reports,
    waits,
)
from mailsync.cache.open import Opened, close, open_file, open_to_read, translated
from mailsync.cache.quick import PolicyOf
from mailsync.cache.tables import account
from mailsync.cache.words import (
    Audit,
    Deletion,
    DeletionId,
    DeliveredRow,
    Held,
    Intent,
    Known,
    Linked,
    Missing,
    Moment,
    MovedFile,
    NewDeletion,
    NewIntent,
    Report,
    Stored,
    Totals,
)
from mailsync.model.actions import Defer, DeferMailbox, Forget, Pair
from mailsync.model.content import Digest
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, IntentId, MailboxId, RowId, UniqueName
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import (
    LocalEntry,
    LocalObservation,
    ServerMailbox,
    ServerObservation,
)
from mailsync.model.rows import Mailbox, Role, Row, Settled, Side

_FACTS = select(account.c.uuid, account.c.account_uuid, account.c.generation, account.c.login)

Boot = Callable[[], tuple[str, float]]


class Cache:
    """One file, one connection, one thread.

    Each method is one transaction: it happened as a whole and is durable, or it raised and
    nothing happened.  Raises StorageError (disk full, read-only, I/O, or the file is damaged:
    the next `open` checks it and moves it aside).  Times `now`, `next_try`, `until` are wall
    time in seconds.

    `recovered`: where a file that could not be used was moved to, None when all was well.
    `network`: the file lies on a network file system, so WAL is not used.
    """

    recovered: str | None
    network: bool
    uuid: str
    account_uuid: str
    generation: int
    login: str | None

    def __init__(self, opened: Opened, boot: Boot | None = None) -> None:
        self._boot = boot
        self._connection = opened.connection
        self._path = opened.path
        self._now = 0.0  # of the last `due` or `mailboxes`: by it `accepted` has expired
        self.recovered = opened.recovered
        self.network = opened.network

    def _moment(self, now: float) -> Moment:
        boot_id, boot = ("", now) if self._boot is None else self._boot()
        return Moment(now, boot_id, boot)

    @contextmanager
    def _tx(self) -> Iterator[Connection]:
        with translated(self._path), self._connection.begin():
            yield self._connection

    @classmethod
    def open(
        cls,
        directory: str,
        account_name: str,
        boot: Boot | None = None,
        new_uuid: Callable[[], str] | None = None,
    ) -> Cache:
        """Open, make or upgrade `directory`/cache.db.

        A newer schema raises CacheError that names both revisions.  A file that is not a sound
        cache is moved aside to cache.db.corrupt-<n> and a fresh one made.  `boot` tells boot id
        and seconds since boot; without it the guard's hour goes by wall time.
        """
        return cls._of(open_file(directory, account_name, new_uuid), boot)

    @classmethod
    def look(cls, directory: str) -> Cache:
        """`directory`/cache.db for methods that only read and take no rows: mailboxes, reports,
        totals, held, deletions.  It neither waits for a sync nor changes a byte."""
        return cls._of(open_to_read(directory))

    @classmethod
    def _of(cls, opened: Opened, boot: Boot | None = None) -> Cache:
        made = cls(opened, boot)
        try:
            with made._tx() as c:
                facts = c.execute(_FACTS).one()
            made.uuid, made.account_uuid, made.generation, made.login = facts
        except BaseException:
            made.close()
            raise
        return made

    def close(self) -> None:
        with translated(self._path):
            close(self._connection)

    def set_generation(self, generation: int) -> None:
        with self._tx() as c:
            c.execute(update(account).values(generation=generation))
        self.generation = generation

    def set_account_uuid(self, uuid: str) -> None:
        """Take over the account UUID of a marker that is ours (rule 5)."""
        with self._tx() as c:
            c.execute(update(account).values(account_uuid=uuid))
        self.account_uuid = uuid

    def set_login(self, login: str) -> bool:
        """`user@host` of this run.  True: it was another, whose UIDs mean nothing here; the
        account is relinked, and its mailboxes are to be seen as new ones on the server."""
        changed = self.login not in (None, login)
        with self._tx() as c:
            if changed:
                relink.doubt_account(c)
            c.execute(update(account).values(login=login))
        self.login = login
        return changed

    # -- mailboxes -----------------------------------------------------------------------------

    def see_mailboxes(
        self,
        server: Sequence[ServerMailbox] | None,
        local: Sequence[MailboxName] | None,
        selected: Callable[[MailboxName, Role | None], bool],
    ) -> None:
        """Store both listings; None: that side was not listed.

        One that was there and is not listed is GONE on that side.  A mailbox that comes back
        into scope is relinked on both sides.
        """
        with self._tx() as c:
            if server is not None:
                rename.finish(c, server, local)
            mailboxes.see_mailboxes(c, server, local, selected)

    def has_more(self, side: Side, names: Iterable[MailboxName]) -> bool:
        """Whether a mailbox was on that side that is not among `names`."""
        with self._tx() as c:
            return mailboxes.has_more(c, side, names)

    def mailboxes(self, now: float) -> list[Mailbox]:
        """All of them, selected or not, with their tallies."""
        self._now = now
        with self._tx() as c:
            return mailboxes.mailboxes(c, self._moment(now))

    def uncounted(self, now: float) -> list[Mailbox]:
        """As `mailboxes`, which counts every message, without their tallies and children."""
        with self._tx() as c:
            return mailboxes.uncounted(c, self._moment(now))

    def wire_names(self) -> dict[MailboxName, bytes]:
        """Of every mailbox that has ever been on the server."""
        with self._tx() as c:
            return mailboxes.wire_names(c)

    def cursors(self) -> dict[MailboxName, Known]:
        with self._tx() as c:
            return mailboxes.cursors(c)

    def audits(self, now: float) -> dict[MailboxId, Audit]:
        """Of the selected mailboxes that are there on both sides: those whose last one was a day
        ago (semantics.md, rule 3)."""
        with self._tx() as c:
            return audits.due(c, now)

    def audited(self, mailbox: MailboxId, next_uid: int, now: float) -> None:
        """The range below `next_uid` was compared in full; 1 at the end of a mailbox."""
        with self._tx() as c:
            audits.audited(c, mailbox, next_uid, now)

    def expect_mailbox(self, name: MailboxName, selected: bool) -> None:
        """One that is on neither side, and may be made in this run; `forget_gone` forgets it."""
        with self._tx() as c:
            mailboxes.expect_mailbox(c, name, selected)

    def mailbox_made(self, mailbox: MailboxId, side: Side, wire_name: bytes | None = None) -> None:
        with self._tx() as c:
            mailboxes.mailbox_made(c, mailbox, side, wire_name)

    def mailbox_renamed(
        self, mailbox: MailboxId, new: MailboxId, side: Side, wire_name: bytes | None = None
    ) -> None:
        """`side` was renamed by us: `mailbox` has the name of `new` and swallows its rows.

        Both cursors are forgotten, so that the next observation lists in full.
        """
        with self._tx() as c:
            rename.mailbox_renamed(c, mailbox, new, side, wire_name)

    def renaming(self, mailbox: MailboxId, new: MailboxId | None) -> None:
        """It is about to get the name of `new` on the side where it has not that (None: that was
        refused); if the run ends in between, the next listing tells what became of it."""
        with self._tx() as c:
            rename.renaming(c, mailbox, new)

    def renamed_by_moves(self, mailbox: MailboxId, new: MailboxId) -> None:
        """Renamed in the Maildir to `new`, where the server cannot RENAME: all goes there."""
        with self._tx() as c:
            mailboxes.renamed_by_moves(c, mailbox, new)

    def mailbox_gone(self, mailbox: MailboxId, side: Side) -> None:
        """We removed it there: its rows are gone there, too."""
        with self._tx() as c:
            mailboxes.mailbox_gone(c, mailbox, side)

    def forget_mailbox(self, mailbox: MailboxId) -> None:
        """The mailbox with its rows leaves the cache; rows with an intent keep it."""
        with self._tx() as c:
            mailboxes.forget_mailbox(c, mailbox)

    def forget_gone(self) -> None:
        """Mailboxes that are on neither side any more leave it, too."""
        with self._tx() as c:
            mailboxes.forget_gone(c)

    def mailbox_trouble(self, mailbox: MailboxId, error: str, next_try: float) -> None:
        with self._tx() as c:
            mailboxes.mailbox_trouble(c, mailbox, error, next_try)

    def mark_synced(self, boxes: Iterable[MailboxId], now: float) -> None:
        """End of a run: those that are there on both sides were synced; keywords seen by now
        are the base for rule 6; trouble that was due by `now` is over."""
        with self._tx() as c:
            mailboxes.mark_synced(c, boxes, now)

    def whole_again(self, boxes: Iterable[MailboxId]) -> None:
        """Mailboxes that were gone and are back: what is missing in them was judged, and nothing
        of it is held any more.  What is deleted from now on is a decision."""
        with self._tx() as c:
            waits.whole_again(c, boxes)

    def trash_open(self, reasons: Collection[str]) -> None:
        """What is unsent for one of these reasons, because it could not go to \\Trash, is due."""
        with self._tx() as c:
            waits.trash_open(c, reasons)

    def version_gone(self, reason: str) -> None:
        """What is unsent for this reason is due where its mailbox has no new version of it any
        more that is out of scope."""
        with self._tx() as c:
            waits.version_gone(c, reason)

    def move_over(self, reasons: Collection[str]) -> None:
        """What is unsent for one of these reasons, because it moved to where it may not follow, is
        due when it is not there any more."""
        with self._tx() as c:
            waits.move_over(c, reasons)

    def ran_with(self, policy: PolicyOf) -> bool:
        """Call before planning, with direction, deletions and a digest of the rest by the name of
        the mailbox.  True: something is held from now on.

        On a change of `direction` or `deletions` waiting and kept deletions are HELD until
        accept or reject, unsent flags and files are due (rule 9).  On a change of `digest` (of
        the rest of the policy) every other wait is void.
        """
        with self._tx() as c:
            return waits.ran_with(c, policy)

    def in_scope(
        self, mailbox: MailboxId, max_size: int | None, since: int | None
    ) -> tuple[int, int]:
        """How many messages are there on the server and in the Maildir that have been on both
        sides and are within these limits (bytes; seconds since 1970; None: without)."""
        with self._tx() as c:
            return mailboxes.in_scope(c, mailbox, max_size, since)

    def heed_limits(self, mailbox: MailboxId, max_size: int | None, since: int | None) -> None:
        """Limits in bytes and in seconds since 1970; None: without.  What waits there because it
        was too old and is not is judged anew: the clock was wrong.  So is what is held and is
        beyond a limit: out of scope nothing is to be decided."""
        with self._tx() as c:
            waits.heed_limits(c, mailbox, max_size, since)

    # -- keywords ------------------------------------------------------------------------------

    def keywords(self) -> Keywords:
        """The account's table."""
        with self._tx() as c:
            return keywords.table(c)

    def learn_keywords(self, names: Iterable[str]) -> Keywords:
        """The table, which has these from now on, as far as there is room."""
        with self._tx() as c:
            return keywords.learn(c, names)

    def refuse_keywords(self, mailbox: MailboxId, flags: Flags) -> None:
        """The server does not keep these in that mailbox; until its PERMANENTFLAGS change each
        side has its own."""
        with self._tx() as c:
            keywords.refuse(c, mailbox, flags)

    def letters_found(self, mailbox: MailboxId, flags: Flags) -> None:
        """These have letters in the mailbox by now: names that do not show them are to (somebody
        else was writing its table before, or a run was cut off there)."""
        with self._tx() as c:
            keywords.letters_found(c, mailbox, flags)

    # -- observations --------------------------------------------------------------------------

    def store_server(self, obs: ServerObservation, now: float) -> Stored:
        """One mailbox as the server shows it, with its cursor, in one transaction (I14, I15)."""
        try:
            with self._tx() as c:
                return observe.store_server(c, obs, now)
        except observe.DoesNotAddUp:
            return Stored(ok=False)

    def unknown_names(
        self, mailbox: MailboxName, entries: Sequence[LocalEntry]
    ) -> list[LocalEntry]:
        """Those whose file the cache does not have as there: `inspect` them."""
        with self._tx() as c:
            return observe_local.unknown_names(c, mailbox, entries)

    def come_back(self, mailbox: MailboxName, entries: Sequence[LocalEntry]) -> list[LocalEntry]:
        """Those that were gone or in doubt while their message was not gone: they count as synced
        at once."""
        with self._tx() as c:
            return observe_local.come_back(c, mailbox, entries)

    def lacks(self, mailbox: MailboxName, names: Collection[UniqueName]) -> bool:
        """Some file that was there is not among `names`: a second listing is wanted (rule 3)."""
        with self._tx() as c:
            return observe_local.lacks(c, mailbox, names)

    def in_new(self, mailbox: MailboxName) -> int:
        """How many files are known to lie in its new/."""
        with self._tx() as c:
            return observe_local.in_new(c, mailbox)

    def store_local(self, obs: LocalObservation, ask: bool = False) -> list[LocalEntry]:
        """One mailbox of the Maildir.  An unknown name without facts is left out.

        A name whose facts differ from those stored: its row loses the file, a new row gets it;
        unless only the mtime differs, and the bytes that were read do not.  `ask`: where some
        should be read for that, nothing is stored, and they are returned.
        """
        with self._tx() as c:
            return observe_local.store_local(c, obs, ask)

    def begin_relink(
        self, mailbox: MailboxId | None, sides: Collection[Side], older: bool = False
    ) -> None:
        """The `sides` of all rows are UNKNOWN until seen again; everything is listed in full.
        None: the whole account, with mailboxes that are yet to be seen.

        `older`: the Maildir is a copy of former times; flags that its files lack were not
        removed there."""
        with self._tx() as c:
            relink.begin_relink(c, mailbox, sides, older)

    def end_relink(self, mailbox: MailboxId) -> None:
        """Both sides of it were listed in full; the account's is over with that of the last."""
        with self._tx() as c:
            relink.end_relink(c, mailbox)

    def facts(self, rows: Mapping[RowId, Digest]) -> None:
        """What reading the files, or whole messages on the server, told."""
        with self._tx() as c:
            outcomes.facts(c, rows)

    def headers(
        self, rows: Mapping[RowId, bytes | None], message_ids: Mapping[RowId, str] | None = None
    ) -> None:
        """Header hashes (`content.header_hash`) of the messages on the server; None is ignored.
        A Message-ID is taken where none is known."""
        with self._tx() as c:
            outcomes.headers(c, rows, message_ids or {})

    # -- reading -------------------------------------------------------------------------------

    def due(self, now: float, expunge_deleted: bool = False) -> list[Row]:
        """Open rows of selected mailboxes that nothing holds back, newest UID first.

        `expunge_deleted`: closed rows on which both sides agree that they are \\Deleted, too.
        Rows with an intent are among them, marked.
        """
        self._now = now
        with self._tx() as c:
            return read.due(c, now, expunge_deleted)

    def open_rows(self) -> list[Row]:
        """Every open row, waiting, parked and unselected ones too."""
        with self._tx() as c:
            return read.open_rows(c, self._now)

    def candidates(self, rows: Sequence[Row], unseen: Collection[MailboxId] = ()) -> list[Row]:
        """Other rows that share body or header hash, EMAILID, name or own-name UID with `rows`,
        and all that are held or parked; in the mailboxes `unseen`, which could not be looked at,
        also those with the same date and size."""
        with self._tx() as c:
            return read.candidates(c, rows, self._now, unseen)

    def rows(self, ids: Iterable[RowId]) -> list[Row]:
        """In ascending order of id; those that are no more are left out."""
        with self._tx() as c:
            return read.rows(c, ids, self._now)

    def may_have_left(self, ids: Collection[RowId]) -> bool:
        """Some message that both sides agreed on is on the server with the date and size of one
        of these: it may have been moved, and not be seen gone yet."""
        with self._tx() as c:
            return read.may_have_left(c, ids)

    def may_have_held(self, ids: Collection[RowId]) -> set[MailboxId]:
        """The mailboxes with such a file that has the time and size of one of these."""
        with self._tx() as c:
            return read.may_have_held(c, ids)

    def rows_of(self, mailbox: MailboxId) -> list[Row]:
        """Every row of one mailbox: for an audit, never for a plan."""
        with self._tx() as c:
            return read.rows_of(c, mailbox, self._now)

    def row_of_uid(self, mailbox: MailboxId, uids: Iterable[UID]) -> dict[UID, Row]:
        with self._tx() as c:
            return read.row_of_uid(c, mailbox, uids, self._now)

    def reports(self, out: bool = False) -> list[Report]:
        """What waits and why; `out`: also what is out of scope by max-size or max-age."""
        with self._tx() as c:
            return reports.reports(c, out)

    def totals(self) -> Totals:
        with self._tx() as c:
            return reports.totals(c)

    # -- outcomes ------------------------------------------------------------------------------
    # In each, synced takes every flag on which both sides of a touched row now agree (rule 6);
    # what changed the Maildir drops the stamps of its mailboxes (rule 3).

    def apply(self, actions: Sequence[Pair | Forget | Defer | DeferMailbox]) -> None:
        """Rows with an intent are not forgotten."""
        with self._tx() as c:
            pairing.apply(c, actions)

    def adopt(self, pairs: Sequence[Pair], missing: Sequence[Missing]) -> None:
        """What another program knew of a mailbox; a row of which that side was ever seen is left
        as it is."""
        with self._tx() as c:
            former.adopt(c, pairs, missing)

    def delivered(self, items: Sequence[DeliveredRow]) -> list[UID]:
        """Files are there; deletions that they were taken from are dropped.

        The UIDs of late twins: an earlier command, given up since, was executed after all.
        """
        with self._tx() as c:
            return outcomes.delivered(c, items)

    def stored_flags(self, rows: Collection[RowId], add: Flags, remove: Flags) -> None:
        """The server took the flags."""
        with self._tx() as c:
            outcomes.stored_flags(c, rows, add, remove)

    def mark(self, rows: Collection[RowId]) -> None:
        """\\Deleted is about to be set on them by us; durable when it returns.  It is ours until
        the UID is gone, or the flag taken back (`stored_flags`)."""
        with self._tx() as c:
            outcomes.mark(c, rows)

    def try_marked(self, mailbox: MailboxId) -> int:
        """What we marked there and could not expunge is due again; how many messages."""
        with self._tx() as c:
            return outcomes.try_marked(c, mailbox)

    def renamed(
        self,
        items: Sequence[tuple[RowId, LocalEntry]],
        add: Flags = Flags.NONE,
        remove: Flags = Flags.NONE,
    ) -> None:
        """Files have new names for new flags, or another folder; keywords of `add` that a name
        does not show are kept here."""
        with self._tx() as c:
            outcomes.renamed(c, items, add, remove)

    def removed(self, rows: Collection[RowId], now: float, counted: bool = True) -> None:
        """Their files are in undo/ (or unlinked).  `counted`: the guard counts them."""
        with self._tx() as c:
            outcomes.removed(c, rows, self._moment(now), counted)

    def expunged(self, rows: Collection[RowId], now: float, counted: bool = True) -> None:
        """Their UIDs are expunged.  Rows settled as COPIED never count."""
        with self._tx() as c:
            outcomes.expunged(c, rows, self._moment(now), counted)

    def settle(self, rows: Collection[RowId], settled: Settled) -> None:
        with self._tx() as c:
            outcomes.settle(c, rows, settled)

    def lost_file(self, rows: Collection[RowId]) -> None:
        """ENOENT: nothing is proven; their mailboxes are listed again."""
        with self._tx() as c:
            outcomes.lost_file(c, rows)

    def departed(self, items: Sequence[tuple[RowId, UniqueName]]) -> int:
        """Messages without a file, to which files were delivered under these names that have gone
        on since, before the cache was told; how many were not known to be so."""
        with self._tx() as c:
            return outcomes.departed(c, items)

    def moved_local(self, items: Sequence[MovedFile]) -> None:
        """`row` takes the mailbox and the server side of `join`, which is no more."""
        with self._tx() as c:
            outcomes.moved_local(c, items)

    def trouble(self, rows: Collection[RowId], error: str, next_try: float) -> None:
        with self._tx() as c:
            outcomes.trouble(c, rows, error, next_try)

    # -- intents -------------------------------------------------------------------------------

    def begin_intents(self, new: Sequence[NewIntent], run: str, now: float) -> list[IntentId]:
        """Durable when it returns; ids in the order given."""
        with self._tx() as c:
            return intents.begin_intents(c, new, run, now)

    def intents(self) -> list[Intent]:
        with self._tx() as c:
            return intents.read(c)

    def linked(self, items: Sequence[Linked], now: float) -> None:
        """The intents are fulfilled; a row that was observed under such a UID is swallowed.

        MOVE: the source row is no more (its synced goes on in the row).  MOVE_BY_COPY: it is
        settled as COPIED.  Without a row (\\Trash): a new row in the target, the source's UID
        gone, and the guard counts it.
        """
        with self._tx() as c:
            intents.linked(c, items, self._moment(now))

    def dropped(self, ids: Collection[IntentId], given_up: float | None = None) -> None:
        """Proven not executed; or, with the wall time, `given_up`: the server may still do it,
        and what comes of that is a twin to be reported (rule 8)."""
        with self._tx() as c:
            intents.dropped(c, ids, given_up)

    def went_on(self, ids: Collection[IntentId]) -> None:
        """Executed, and what came of it has left its mailbox since: it is seen elsewhere."""
        with self._tx() as c:
            intents.went_on(c, ids)

    # -- deletions and the guard ---------------------------------------------------------------

    def record_deletions(self, items: Sequence[NewDeletion], now: float) -> list[DeletionId]:
        """Durable when it returns, before the files are renamed into undo/ (rule 9)."""
        with self._tx() as c:
            return deletions.record(c, items, now)

    def deletions(self, since: float | None = None) -> list[Deletion]:
        """Oldest first."""
        with self._tx() as c:
            return deletions.read(c, since)

    def deletions_done(self, ids: Collection[DeletionId]) -> None:
        with self._tx() as c:
            deletions.done(c, ids)

    def forget_deletions(self, ids: Collection[DeletionId]) -> None:
        """The rename did not happen, or the file was taken out or purged."""
        with self._tx() as c:
            deletions.forget(c, ids)

    def forget_repeated(self, before: float) -> None:
        """Twins of what was sent again before that time are not expected any more."""
        with self._tx() as c:
            intents.forget_repeated(c, before)

    def expired_deletions(self, before: float) -> list[Deletion]:
        """Those whose files may be purged: unlink them, then `forget_deletions`."""
        with self._tx() as c:
            return deletions.read(c, None, before)

    def accept(self, mailbox: MailboxId | None, until: float) -> int:
        """Release exactly what is held now until that time; how many messages and mailboxes."""
        with self._tx() as c:
            return deletions.accept(c, mailbox, until)

    def reject(self, mailbox: MailboxId | None, now: float) -> int:
        """Forget that what is held, or was accepted and is not done yet, was ever synced, so that
        what is missing is fetched or sent again, and what was moved goes there; how many messages
        and mailboxes."""
        with self._tx() as c:
            return deletions.reject(c, mailbox, now)

    def accepted(self, now: float) -> list[Held]:
        """What was accepted and is not done yet."""
        with self._tx() as c:
            return deletions.accepted(c, now)

    def held(self, mailbox: MailboxId | None = None) -> list[Held]:
        with self._tx() as c:
            return deletions.held(c, mailbox)
