"""The cache of one account: a thin class over the functions of this room."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from mailsync.cache.words import (
    Deletion,
    DeletionId,
    DeliveredRow,
    Held,
    Intent,
    Known,
    Linked,
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
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import (
    LocalEntry,
    LocalObservation,
    ServerMailbox,
    ServerObservation,
)
from mailsync.model.rows import Mailbox, Role, Row, Settled, Side
from mailsync.model.settings import Deletions, Direction


class Cache:
    """One file, one connection, one thread.

    Each method is one transaction: it happened as a whole and is durable, or it raised and
    nothing happened.  Raises StorageError (disk full, read-only, I/O) and CacheError (the file
    is damaged: the next `open` checks it and moves it aside).  Times `now`, `next_try`, `until`
    are wall time in seconds.

    `recovered`: where a file that could not be used was moved to, None when all was well.
    `network`: the file lies on a network file system, so WAL is not used.
    """

    recovered: str | None
    network: bool
    uuid: str
    account_uuid: str
    generation: int

    @classmethod
    def open(cls, directory: str, account: str, new_uuid: Callable[[], str] | None = None) -> Cache:
        """Open, make or upgrade `directory`/cache.db.

        A newer schema raises CacheError that names both revisions.  A file that is not a sound
        cache is moved aside to cache.db.corrupt-<n> and a fresh one made.
        """
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def set_generation(self, generation: int) -> None:
        raise NotImplementedError

    def set_account_uuid(self, uuid: str) -> None:
        """Take over the account UUID of a marker that is ours (rule 5)."""
        raise NotImplementedError

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
        raise NotImplementedError

    def mailboxes(self, now: float) -> list[Mailbox]:
        """All of them, selected or not, with their tallies."""
        raise NotImplementedError

    def wire_names(self) -> dict[MailboxName, bytes]:
        """Of every mailbox that has ever been on the server."""
        raise NotImplementedError

    def cursors(self) -> dict[MailboxName, Known]:
        raise NotImplementedError

    def mailbox_made(self, mailbox: MailboxId, side: Side, wire_name: bytes | None = None) -> None:
        raise NotImplementedError

    def mailbox_renamed(self, mailbox: MailboxId, new: MailboxId, side: Side) -> None:
        """`side` was renamed by us: `mailbox` has the name of `new` and swallows its rows.

        Both cursors are forgotten, so that the next observation lists in full.
        """
        raise NotImplementedError

    def mailbox_gone(self, mailbox: MailboxId, side: Side) -> None:
        """We removed it there: its rows are gone there, too."""
        raise NotImplementedError

    def forget_mailbox(self, mailbox: MailboxId) -> None:
        """The mailbox with its rows leaves the cache; rows with an intent keep it."""
        raise NotImplementedError

    def hold_mailbox(self, mailbox: MailboxId, side: Side, reason: str) -> None:
        raise NotImplementedError

    def mailbox_trouble(self, mailbox: MailboxId, error: str, next_try: float) -> None:
        raise NotImplementedError

    def mark_synced(self, mailboxes: Iterable[MailboxId]) -> None:
        """End of a run: those that are there on both sides were synced; keywords seen by now
        are the base for rule 6; trouble of the mailboxes is over."""
        raise NotImplementedError

    def ran_with(self, direction: Direction, deletions: Deletions, digest: str = "") -> bool:
        """Call before planning.  True: some selected mailbox ran with another policy before.

        On a change of `direction` or `deletions` waiting and kept deletions are HELD until
        accept or reject, unsent flags and files are due (rule 9).  On a change of `digest` (of
        the rest of the policy) every other wait is void.
        """
        raise NotImplementedError

    # -- observations --------------------------------------------------------------------------

    def store_server(self, obs: ServerObservation, now: float) -> Stored:
        """One mailbox as the server shows it, with its cursor, in one transaction (I14, I15)."""
        raise NotImplementedError

    def unknown_names(
        self, mailbox: MailboxName, entries: Sequence[LocalEntry]
    ) -> list[LocalEntry]:
        """Those whose file the cache does not have as there: `inspect` them."""
        raise NotImplementedError

    def lacks(self, mailbox: MailboxName, names: Collection[UniqueName]) -> bool:
        """Some file that was there is not among `names`: a second listing is wanted (rule 3)."""
        raise NotImplementedError

    def store_local(self, obs: LocalObservation) -> None:
        """One mailbox of the Maildir.  An unknown name without facts is left out.

        A name whose facts differ from those stored: its row loses the file, a new row gets it.
        """
        raise NotImplementedError

    def begin_relink(self, mailbox: MailboxId | None, sides: Collection[Side]) -> None:
        """The `sides` of all rows are UNKNOWN until seen again; everything is listed in full.
        None: the whole account, with mailboxes that are yet to be seen."""
        raise NotImplementedError

    def end_relink(self, mailbox: MailboxId | None) -> None:
        raise NotImplementedError

    def facts(self, rows: Mapping[RowId, Digest]) -> None:
        """What reading the files told."""
        raise NotImplementedError

    def headers(self, rows: Mapping[RowId, bytes | None]) -> None:
        """Header hashes (`content.header_hash`) of the messages on the server; None is ignored."""
        raise NotImplementedError

    # -- reading -------------------------------------------------------------------------------

    def due(self, now: float, expunge_deleted: bool = False) -> list[Row]:
        """Open rows of selected mailboxes that nothing holds back, newest UID first.

        `expunge_deleted`: closed rows on which both sides agree that they are \\Deleted, too.
        Rows with an intent are among them, marked.
        """
        raise NotImplementedError

    def open_rows(self) -> list[Row]:
        """Every open row, waiting, parked and unselected ones too."""
        raise NotImplementedError

    def candidates(self, rows: Sequence[Row]) -> list[Row]:
        """Other rows that share body or header hash, EMAILID, name or own-name UID with `rows`,
        and all that are held."""
        raise NotImplementedError

    def rows(self, ids: Iterable[RowId]) -> list[Row]:
        """In ascending order of id; those that are no more are left out."""
        raise NotImplementedError

    def row_of_uid(self, mailbox: MailboxId, uids: Iterable[UID]) -> dict[UID, Row]:
        raise NotImplementedError

    def reports(self) -> list[Report]:
        raise NotImplementedError

    def totals(self) -> Totals:
        raise NotImplementedError

    # -- outcomes ------------------------------------------------------------------------------
    # In each, synced takes every flag on which both sides of a touched row now agree (rule 6);
    # what changed the Maildir drops the stamps of its mailboxes (rule 3).

    def apply(self, actions: Sequence[Pair | Forget | Defer | DeferMailbox]) -> None:
        """Rows with an intent are not forgotten."""
        raise NotImplementedError

    def delivered(self, items: Sequence[DeliveredRow]) -> None:
        """Files are there; deletions that they were taken from are dropped."""
        raise NotImplementedError

    def delivered_pair(self, row: RowId, file_row: RowId) -> None:
        """A downloaded body proved equal to the file of `file_row`, which `row` swallows."""
        raise NotImplementedError

    def stored_flags(
        self, mailbox: MailboxId, rows: Collection[RowId], add: Flags, remove: Flags
    ) -> None:
        """The server took the flags."""
        raise NotImplementedError

    def renamed(self, items: Sequence[tuple[RowId, LocalEntry]]) -> None:
        """Files have new names for new flags, or another folder."""
        raise NotImplementedError

    def removed(self, rows: Collection[RowId], now: float, counted: bool = True) -> None:
        """Their files are in undo/ (or unlinked).  `counted`: the guard counts them."""
        raise NotImplementedError

    def expunged(self, rows: Collection[RowId], now: float, counted: bool = True) -> None:
        """Their UIDs are expunged.  Rows settled as COPIED never count."""
        raise NotImplementedError

    def settle(self, rows: Collection[RowId], settled: Settled) -> None:
        raise NotImplementedError

    def lost_file(self, rows: Collection[RowId]) -> None:
        """ENOENT: nothing is proven; their mailboxes are listed again."""
        raise NotImplementedError

    def moved_local(self, items: Sequence[MovedFile]) -> None:
        """`row` takes the mailbox and the server side of `join`, which is no more."""
        raise NotImplementedError

    def trouble(self, rows: Collection[RowId], error: str, next_try: float) -> None:
        raise NotImplementedError

    # -- intents -------------------------------------------------------------------------------

    def begin_intents(self, intents: Sequence[NewIntent], run: str, now: float) -> list[IntentId]:
        """Durable when it returns; ids in the order given."""
        raise NotImplementedError

    def intents(self) -> list[Intent]:
        raise NotImplementedError

    def linked(self, items: Sequence[Linked], now: float) -> None:
        """The intents are fulfilled; a row that was observed under such a UID is swallowed.

        MOVE: the source row is no more (its synced goes on in the row).  MOVE_BY_COPY: it is
        settled as COPIED.  Without a row (\\Trash): a new row in the target, the source's UID
        gone, and the guard counts it.
        """
        raise NotImplementedError

    def dropped(self, intents: Collection[IntentId]) -> None:
        """Proven not executed."""
        raise NotImplementedError

    def intents_repeated(self, intents: Collection[IntentId], run: str, now: float) -> None:
        """They are sent once more, by this run, now."""
        raise NotImplementedError

    # -- deletions and the guard ---------------------------------------------------------------

    def record_deletions(self, items: Sequence[NewDeletion], now: float) -> list[DeletionId]:
        """Durable when it returns, before the files are renamed into undo/ (rule 9)."""
        raise NotImplementedError

    def deletions(self, since: float | None = None) -> list[Deletion]:
        """Oldest first."""
        raise NotImplementedError

    def deletions_done(self, ids: Collection[DeletionId]) -> None:
        raise NotImplementedError

    def forget_deletions(self, ids: Collection[DeletionId]) -> None:
        """The rename did not happen, or the file was taken out or purged."""
        raise NotImplementedError

    def expired_deletions(self, before: float) -> list[Deletion]:
        """Those whose files may be purged: unlink them, then `forget_deletions`."""
        raise NotImplementedError

    def accept(self, mailbox: MailboxId | None, until: float) -> int:
        """Release exactly what is held now until that time; how many messages and mailboxes."""
        raise NotImplementedError

    def reject(self, mailbox: MailboxId | None) -> int:
        """Forget that what is held was ever synced, so that what is missing is fetched or sent
        again; how many messages and mailboxes."""
        raise NotImplementedError

    def held(self, mailbox: MailboxId | None = None) -> list[Held]:
        raise NotImplementedError
