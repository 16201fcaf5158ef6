"""What one sync of one account carries from step to step."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from mailsync.cache import Cache
from mailsync.executor.retry import park_until
from mailsync.local import Maildir
from mailsync.model.errors import Exit, MailsyncError, Reach, StorageError
from mailsync.model.ids import IntentId, MailboxId, RowId
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.report import Progress
from mailsync.model.rows import Mailbox, Role, Row
from mailsync.model.settings import Account
from mailsync.model.uidset import UIDSet
from mailsync.model.usage import Ration
from mailsync.planner import Narrow
from mailsync.server import Server
from mailsync.system.seams import World

LOOK_THERE, LOOK_HERE, RESOLVE = "server", "Maildir", "intents"  # steps of a mailbox, as others
OBSERVING = {LOOK_THERE, LOOK_HERE, RESOLVE}

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a step failed for one mailbox."""

    text: str
    exit: Exit


@dataclass(slots=True)
class Tallies:
    """What was done and what went wrong, by mailbox; survives reconnects."""

    done: defaultdict[MailboxName, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    notices: defaultdict[MailboxName, list[str]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    exits: set[Exit] = field(default_factory=set)
    troubles: dict[tuple[object, MailboxName], Trouble] = field(default_factory=dict)  # by step
    careful: set[MailboxName] = field(default_factory=set)  # a connection was lost at its bodies
    put_away: set[str] = field(default_factory=set)  # names of files that go into undo
    suspects: Counter[RowId] = field(default_factory=Counter)  # connections lost at this message

    def count(self, name: MailboxName, what: str, number: int = 1) -> None:
        self.done[name][what] += number

    def note(self, name: MailboxName, text: str) -> None:
        if text not in self.notices[name]:
            self.notices[name].append(text)

    def fail(self, error: MailsyncError) -> None:
        self.exits.add(error.exit)
        if str(error) not in self.errors:
            self.errors.append(str(error))

    @property
    def troubled(self) -> set[MailboxName]:
        return {name for _, name in self.troubles}

    def said(self, name: MailboxName) -> list[str]:
        return [trouble.text for (_, box), trouble in self.troubles.items() if box == name]

    @property
    def work(self) -> int:
        """Grows with everything done: a repeat that gets further is worth another one."""
        return sum(sum(counts.values()) for counts in self.done.values())


@dataclass(frozen=True, slots=True)
class Room:
    """A message of `size` bytes was refused for the server's quota, as `text` says."""

    size: int
    text: str


Rations = tuple[Ration | None, Ration | None]


def _no_limit() -> Rations:
    return None, None


def _nothing() -> None:
    pass


@dataclass(slots=True)
class Run:
    """One attempt's tools, and what later steps must know of earlier ones."""

    account: Account
    world: World
    server: Server
    maildir: Maildir
    cache: Cache
    tallies: Tallies
    id: str  # names this process's run in intents
    progress: Progress | None = None
    mailboxes: dict[MailboxId, Mailbox] = field(default_factory=dict)
    paired: set[RowId] = field(default_factory=set)  # files that a download of this plan paired
    files_by_body: dict[tuple[MailboxId, bytes], list[Row]] = field(default_factory=dict)
    stopped: dict[MailboxId, str] = field(default_factory=dict)  # uploads: why
    room: dict[MailboxId, Room] = field(default_factory=dict)  # what the quota had none for
    doubt_since: float | None = None  # loop time of the latest unknown outcome, or of finding one
    earlier: dict[tuple[object, MailboxName], Trouble] = field(default_factory=dict)
    narrow: Narrow = field(default_factory=Narrow)  # what this run is to leave
    left: dict[MailboxName, Counter[str]] = field(default_factory=dict)  # by the last plan
    keywords: Keywords = field(default_factory=Keywords)  # the account's table
    dry: bool = False  # look only: EXAMINE, no rename of doubles
    still: bool = False  # no file is renamed, nothing is made: adopt
    blind: bool = False  # a directory that may hold mailboxes could not be listed
    seen_server: set[MailboxName] = field(default_factory=set)  # observed in this attempt
    seen_local: set[MailboxName] = field(default_factory=set)
    unseen_server: set[MailboxName] = field(default_factory=set)  # looked for in vain
    unseen_local: set[MailboxName] = field(default_factory=set)
    closed: set[MailboxName] = field(default_factory=set)  # the server does not let us read them
    reused: set[MailboxName] = field(default_factory=set)  # their UIDs are other messages' by now
    relisted: bool = False  # all others were listed for that
    untold: set[MailboxName] = field(default_factory=set)  # what pairing asked was not answered
    veiled: dict[MailboxName, UIDSet] = field(default_factory=dict)  # perhaps what was sent
    not_selectable: set[MailboxName] = field(default_factory=set)  # names listed, but no mailboxes
    left_out: set[MailboxName] = field(default_factory=set)  # not told from others by the disk
    hidden: frozenset[MailboxName] = frozenset()  # there: names of others until they are renamed
    unhidden: bool = False  # those could not be renamed: all is seen by its name
    waiting: dict[MailboxName, Counter[str]] = field(default_factory=dict)  # for the day's budget
    rations: Callable[[], Rations] = _no_limit  # left of it, down and up
    count: Callable[[], None] = _nothing  # what was transferred, lest this process dies now
    doubted: tuple[set[RowId], ...] = field(  # for each kind: a second look was taken for them
        default_factory=lambda: (set(), set(), set(), set())
    )
    expunges: Counter[MailboxId] = field(default_factory=Counter)  # that the plan still has
    marked: defaultdict[MailboxId, list[Row]] = field(  # to be expunged by the last of those
        default_factory=lambda: defaultdict(list)
    )
    spared: defaultdict[MailboxId, UIDSet] = field(  # marked, and flagged by others before that
        default_factory=lambda: defaultdict(UIDSet)
    )
    marks_tried: set[MailboxId] = field(default_factory=set)  # what waited there is due again
    rename_tried: set[MailboxId] = field(default_factory=set)
    not_removed: set[MailboxId] = field(default_factory=set)  # here: there is something in them
    renamed: list[tuple[MailboxName, MailboxName]] = field(default_factory=list)  # on the server
    renumbered: set[MailboxId] = field(default_factory=set)  # the plan means nothing there
    changed: set[MailboxId] = field(default_factory=set)  # on the server, by us
    shifted: set[MailboxId] = field(default_factory=set)  # here, by others: files were not there
    vanished: set[MailboxId] = field(default_factory=set)  # there: messages, since they were listed
    restless: set[MailboxName] = field(default_factory=set)  # due after the last round of all
    below_nothing: bool = False  # a mailbox was made there whose parent was none: it may be one now
    answered: set[IntentId] = field(default_factory=set)  # with OK, and what came of it is not seen
    futile: set[tuple[object, MailboxId]] = field(default_factory=set)  # steps that failed for good

    # -- the cache and the disk, each on its own thread --------------------------------------

    async def stored(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A method of the cache, on its thread."""
        return await self.world.pool.cache(call, *args, **kwargs)

    async def disk(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Work on the Maildir, on a disk thread."""
        return await self.world.pool.disk(call, *args, **kwargs)

    @property
    def undo(self) -> str:
        """Where removed files go (semantics.md, rule 9)."""
        return str(self.account.state / "undo")

    # -- words -------------------------------------------------------------------------------

    def name(self, mailbox: MailboxId) -> MailboxName:
        return self.mailboxes[mailbox].name

    def by_role(self, role: Role) -> Mailbox | None:
        return next((box for box in self.mailboxes.values() if box.role is role), None)

    def now(self) -> float:
        return self.world.clock.wall()

    def last_synced(self) -> float:
        """When the sync before this one ended, by its clock; 0: none did."""
        boxes = [box for box in self.mailboxes.values() if box.selected]
        return max((box.succeeded or 0.0 for box in boxes), default=0.0)

    def no_uploads(self, mailbox: MailboxId) -> str:
        """Why nothing more is to be uploaded there in this attempt; "" while nothing is known."""
        return self.stopped.get(mailbox, "")

    def doubt(self) -> None:
        """Something was sent whose outcome is not known: from now on the server may still do it."""
        self.doubt_since = asyncio.get_running_loop().time()

    # -- counting ----------------------------------------------------------------------------

    def done(self, mailbox: MailboxId, what: str, number: int = 1, size: int = 0) -> None:
        self.tallies.count(self.name(mailbox), what, number)
        if self.progress is not None:
            self.progress.advance(number, size, f"{self.account.name}/{self.name(mailbox)}")

    def note(self, mailbox: MailboxId, text: str) -> None:
        self.tallies.note(self.name(mailbox), text)

    async def trouble(self, mailbox: MailboxId, rows: Iterable[Row], error: str) -> None:
        """Park messages that failed; they block no other (exit status 1)."""
        failed = list(rows)
        if not failed:
            return
        for attempts, group in _by_attempts(failed).items():
            again = park_until(attempts + 1, self.now())
            await self.stored(self.cache.trouble, [row.id for row in group], error, again)
        self.tallies.count(self.name(mailbox), "failed", len(failed))

    async def file_trouble(
        self, mailbox: MailboxId, failed: Iterable[tuple[Row, StorageError]]
    ) -> None:
        """Park messages whose files the disk refuses, each with its own reason."""
        for row, error in failed:
            await self.trouble(mailbox, [row], str(error))

    async def files_lost(self, mailbox: MailboxId, rows: Sequence[RowId]) -> None:
        """Files are not where they were seen: the mailbox is listed again, before the next plan."""
        await self.stored(self.cache.lost_file, rows)
        self.shifted.add(mailbox)

    @asynccontextmanager
    async def only_trouble(self, mailbox: Mailbox, step: object) -> AsyncIterator[None]:
        """An error within that reaches no further than this mailbox is noted, and over."""
        try:
            yield
        except MailsyncError as error:
            if spoils_all(error):
                raise
            await self.mailbox_trouble(mailbox, step, error)

    async def mailbox_trouble(self, mailbox: Mailbox, step: object, error: MailsyncError) -> None:
        """A mailbox that failed stops neither the others nor the exit status from saying so."""
        again = self.now() if error.retry_after is None else self.now() + error.retry_after
        await self.stored(self.cache.mailbox_trouble, mailbox.id, str(error), again)
        self.tallies.troubles[step, mailbox.name] = Trouble(str(error), error.exit)

    def new_round(self) -> None:
        """What failed is planned anew, and then fails again, or was done, or is needed no more."""
        self.earlier = self.tallies.troubles
        self.tallies.troubles = {
            key: trouble for key, trouble in self.earlier.items() if key[0] in OBSERVING
        }

    def passed_over(self, mailbox: Mailbox, step: object) -> None:
        """A step that failed before is still to be done, and is not tried again."""
        before = self.earlier.get((step, mailbox.name))
        if before is not None:
            self.tallies.troubles[step, mailbox.name] = before


def _by_attempts(rows: Sequence[Row]) -> dict[int, list[Row]]:
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.attempts, []).append(row)
    return groups


def spoils_all(error: MailsyncError) -> bool:
    """Whether going on with other mailboxes makes no sense."""
    return error.reach is Reach.ACCOUNT
