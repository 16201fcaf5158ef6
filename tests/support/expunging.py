"""A server that marks and expunges in INBOX, and a log of what it and the cache are told."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from mailsync.executor.remove import expunge
from mailsync.executor.run import Run
from mailsync.model.actions import Expunge
from mailsync.model.errors import MailsyncError, Refused
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, ModSeq, RowId, UIDValidity
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import ServerItem
from mailsync.model.rows import Mailbox, Presence, Row
from mailsync.model.uidset import UIDSet
from mailsync.server import Stored
from support.bare import Bare
from support.storied import Story

remove = importlib.import_module("mailsync.executor.remove")

DELETED, NONE = Flags.DELETED, Flags.NONE
Said = tuple[object, ...]


def uids(*numbers: int) -> UIDSet:
    return UIDSet(UID(number) for number in numbers)


@dataclass
class Server:
    """Notes what it is told, in `log`; `changed` were flagged meanwhile, `refused` cannot go;
    `flags`: shown in the answer to a STORE that is not silent."""

    log: list[Said]
    has_uidplus: bool = True
    has_condstore: bool = True
    changed: UIDSet = field(default_factory=UIDSet)
    flags: dict[UID, Flags] = field(default_factory=dict)
    refused: UIDSet = field(default_factory=UIDSet)
    refusal: MailsyncError = field(default_factory=lambda: Refused("not that one", code="CANNOT"))
    marked: UIDSet = field(default_factory=UIDSet)
    no_expunge: Refused | None = None
    items: dict[UID, ServerItem] = field(default_factory=dict)  # what a listing shows
    shows: list[UIDSet] = field(default_factory=list)  # and of which it was asked for

    async def shown(
        self, box: MailboxName, which: UIDSet, *, uid_validity: UIDValidity | None
    ) -> dict[UID, ServerItem]:
        assert (box, uid_validity) == (INBOX, 1)
        self.shows.append(which)
        return {uid: item for uid, item in self.items.items() if uid in which}

    async def store(
        self,
        box: MailboxName,
        which: UIDSet,
        add: Flags,
        remove: Flags,
        *,
        unchanged_since: ModSeq | None,
        uid_validity: UIDValidity | None,
        shown: bool,
    ) -> Stored:
        assert (box, add, remove, uid_validity) == (INBOX, DELETED, NONE, 1)
        assert shown == (unchanged_since is None), "one of them tells what was changed meanwhile"
        self.log.append(("store", which, unchanged_since))
        if self.refused & which:
            raise self.refusal
        return Stored(self.changed & which, self.flags if shown else {})

    async def expunge(
        self, box: MailboxName, which: UIDSet, *, uid_validity: UIDValidity | None
    ) -> None:
        assert (box, uid_validity) == (INBOX, 1)
        self.log.append(("expunge", which))

    async def deleted(self, box: MailboxName) -> UIDSet:
        assert box == INBOX
        self.log.append(("deleted",))
        return self.marked

    async def plain_expunge(self, box: MailboxName, *, uid_validity: UIDValidity | None) -> None:
        assert (box, uid_validity) == (INBOX, 1)
        self.log.append(("plain expunge",))
        if self.no_expunge is not None:
            raise self.no_expunge


class Rig(Bare):
    """`log`: what the server and the cache were told, and looks at the mailbox."""

    def __init__(self, story: Story, patch: pytest.MonkeyPatch) -> None:
        self.log: list[Said] = []
        self.server = Server(self.log)
        super().__init__(story, self.server)
        self.patch = patch
        self.gone: UIDSet = UIDSet()  # found at the next look
        self.inbox = replace(self.box("INBOX"), uid_validity=UIDValidity(1))
        self.run.mailboxes[self.inbox.id] = self.inbox
        self.six = tuple(self.rows("INBOX"))
        for name in ("mark", "stored_flags", "expunged", "removed", "lost_file", "try_marked"):
            self._noted(name)
        patch.setattr(remove, "observe_again", self._look)

    def _noted(self, name: str) -> None:
        call = getattr(self.cache, name)

        def noted(*args: object, **options: object) -> object:
            self.log.append((name, *args, *options.items()))
            return call(*args, **options)

        self.patch.setattr(self.cache, name, noted)

    async def _look(self, run: Run, box: Mailbox) -> None:
        assert (run, box) == (self.run, self.inbox)
        self.log.append(("look",))
        real = self.cache.rows

        def rows(ids: Sequence[RowId]) -> list[Row]:
            found = real(ids)
            return [
                replace(row, server=Presence.GONE) if row.uid in self.gone else row for row in found
            ]

        self.patch.setattr(self.cache, "rows", rows)

    def ids(self, *numbers: int) -> list[RowId]:
        return [self.six[number - 1].id for number in numbers]

    def some(self, *numbers: int) -> tuple[Row, ...]:
        return tuple(self.six[number - 1] for number in numbers)

    def expunge(self, *actions: tuple[Row, ...]) -> None:
        """One plan."""
        self.log.clear()
        self.run.marked.clear()
        self.run.expunges[self.inbox.id] = len(actions)
        for rows in actions:
            self.do(expunge(self.run, Expunge(self.inbox.id, rows, "why")))

    @property
    def since(self) -> ModSeq:
        cursor = self.cache.cursors()[INBOX].cursor
        assert cursor is not None
        assert cursor.highest_modseq is not None
        return cursor.highest_modseq

    @property
    def commands(self) -> list[str]:
        return [str(one[0]) for one in self.log]


@contextmanager
def rigged(patch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Six messages, UID 1 to 6."""
    with Story("expunge") as s:
        for ghost in "abcdef":
            s.serve("INBOX", ghost)
        s.tell()
        with Rig(s, patch) as made:
            yield made
