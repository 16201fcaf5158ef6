"""A server and a Maildir that do to mailboxes what they are told, and note it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from mailsync.executor import boxes
from mailsync.local import Listing
from mailsync.model.errors import MailsyncError, Refused
from mailsync.model.ids import ModSeq, UIDValidity
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, ServerObservation
from mailsync.model.rows import Mailbox, Presence
from mailsync.server import Ask
from support.bare import Bare
from support.storied import Story

Said = tuple[object, ...]


@dataclass
class Server:
    """Does what it is told, and notes it."""

    said: list[Said] = field(default_factory=list)
    refusal: Refused | None = None
    validity: UIDValidity | None = None
    there: bool = False  # what is to be made is there already
    empty: bool = True  # what is to be deleted
    below: Sequence[tuple[str, str]] = ()  # names that go along with a RENAME
    shows: dict[str, ServerObservation | MailsyncError] = field(default_factory=dict)
    asked: list[Ask] = field(default_factory=list)

    def know(self, keywords: Keywords) -> None:
        self.said.append(("know", len(keywords.names)))

    async def create(self, name: MailboxName, had: bytes | None) -> tuple[bytes, bool]:
        self.said.append(("create", name, had))
        if self.refusal is not None:
            raise self.refusal
        return had or name.encode(), self.there

    async def rename(self, old: MailboxName, new: MailboxName) -> tuple[bytes, UIDValidity | None]:
        self.said.append(("rename", old, new))
        if self.refusal is not None:
            raise self.refusal
        return new.encode(), self.validity

    async def delete(self, name: MailboxName) -> bool:
        self.said.append(("delete", name))
        return self.empty

    async def subscribe(self, name: MailboxName) -> None:
        self.said.append(("subscribe", name))

    def carried(self, old: bytes, new: bytes) -> list[tuple[MailboxName, MailboxName, bytes]]:
        self.said.append(("carried", old, new))
        return [(MailboxName(a), MailboxName(b), b.encode()) for a, b in self.below]

    async def observe(
        self, asks: Sequence[Ask]
    ) -> AsyncIterator[ServerObservation | tuple[MailboxName, MailsyncError]]:
        for ask in asks:
            self.asked.append(ask)
            shown = self.shows[ask.name]
            yield shown if isinstance(shown, ServerObservation) else (ask.name, shown)


@dataclass
class Maildir:
    """Does what it is told, unless `works` says no, and notes it."""

    works: bool = True
    said: list[Said] = field(default_factory=list)
    shows: dict[str, Listing] = field(default_factory=dict)

    def know(self, keywords: Keywords) -> None:
        self.said.append(("know", len(keywords.names)))

    def entries(self, name: MailboxName, read_only: bool, *, without_new: bool) -> Listing | None:
        assert without_new
        self.said.append(("entries", name, read_only))
        return self.shows.get(name)

    def create(self, *names: MailboxName) -> None:
        self.said.append(("create", *names))

    def remove(self, name: MailboxName) -> bool:
        self.said.append(("remove", name))
        return self.works

    def rename(self, old: MailboxName, new: MailboxName) -> bool:
        self.said.append(("rename", old, new))
        return self.works


class Rig(Bare):
    def __init__(self, story: Story) -> None:
        self.server, self.maildir = Server(), Maildir()
        super().__init__(story, self.server, self.maildir)

    def side(self, name: str) -> tuple[Presence, Presence] | None:
        """Where it is: on the server, here."""
        found = [box for box in self.cache.mailboxes(self.now) if box.name == name]
        return (found[0].server, found[0].local) if found else None

    def known(self, name: str) -> Mailbox:
        """As the run knows it."""
        return next(box for box in self.run.mailboxes.values() if box.name == name)

    def said(self) -> list[Said]:
        return [one for one in self.server.said if one[0] != "know"]

    def did(self) -> list[Said]:
        return [one for one in self.maildir.said if one[0] != "know"]


def shown(rig: Rig, name: str, validity: int, messages: int = 0, uid_next: int = 1) -> None:
    """What the server shows of it from now on."""
    cursor = Cursor(UIDValidity(validity), uid_next, messages, ModSeq(1))
    rig.server.shows[name] = ServerObservation(MailboxName(name), cursor)


def refreshed(rig: Rig) -> bool:
    """What the run knows is what the cache knows; and every room has the keywords again."""
    known = {box.id: box for box in rig.cache.mailboxes(rig.now)}
    told = ("know", 1) in rig.maildir.said and ("know", 1) in rig.server.said
    return rig.run.mailboxes == known and rig.run.keywords.names == ("Later",) and told


@contextmanager
def rigged() -> Iterator[Rig]:
    """A with a message, A/C, Empty, and New, which is nowhere yet."""
    with Story("boxes") as s:
        for name in ("A", "A/C", "Empty"):
            s.server.create(name)
        s.serve("A", "a")
        s.serve("A/C", "c", "Later")
        s.tell()
        with Rig(s) as made:
            made.cache.expect_mailbox(MailboxName("New"), True)
            other = made.box("Drafts").id  # it says whether the moment is right
            made.cache.mailbox_trouble(other, "not now", made.now + 600)
            made.do(boxes.refresh(made.run))
            made.maildir.said.clear()
            made.server.said.clear()
            made.run.keywords = Keywords()
            yield made
