"""A server that says bodies, a Maildir that takes them and a cache that notes it: for one mailbox
and `executor.download`, without a whole sync."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace

from mailsync.cache import Deletion, DeletionId, DeliveredRow
from mailsync.executor.download import fetch
from mailsync.local import Delivered, Message
from mailsync.model.actions import Pair
from mailsync.model.content import digest
from mailsync.model.errors import MailsyncError, Reach, StorageError
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UIDValidity, UniqueName
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import FileFacts, LocalEntry
from mailsync.model.rows import Mailbox, Presence, Row
from mailsync.model.uidset import UIDSet
from mailsync.server import FetchedBody
from support.bare import Bare
from support.storied import Story

BOX = MailboxId(1)
BAD = StorageError("not this one", reach=Reach.MESSAGE)
FULL = StorageError("the disk is full")


def row(uid: int, size: int | None = 4, **more: object) -> Row:
    made = Row(RowId(100 + uid), BOX, uid=UID(uid), server=Presence.THERE, size=size)
    return replace(made, server_flags=Flags(uid), internal_date=1000 + uid, **more)  # type: ignore[arg-type]


def entry(name: str) -> LocalEntry:
    return LocalEntry(UniqueName(name), "new", "", Flags.NONE)


def came(uid: int | None, data: bytes | None = b"body") -> FetchedBody:
    return FetchedBody(UID(uid) if uid is not None else None, data=data)


class Streaming:
    """A message that comes in pieces; its UID may be told only after them, and `then` happens."""

    def __init__(
        self, uid: int, *pieces: bytes, late: bool = False, then: MailsyncError | None = None
    ) -> None:
        self.uid, self.pieces, self.then = uid, pieces, then
        self.body = FetchedBody(None if late else UID(uid), chunks=self._chunks())

    async def _chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.then is not None:
            raise self.then
        self.body.uid = UID(self.uid)


@dataclass
class Pipe:
    """A pending file: `breaks` at a piece or at its end."""

    to: Drop
    name: str
    args: tuple[object, ...]
    written: list[bytes] = field(default_factory=list)
    dropped: bool = False

    def write(self, piece: bytes) -> None:
        if error := self.to.disk.breaks.get((self.name, piece)):
            raise error
        self.written.append(piece)

    def done(self) -> None:
        if error := self.to.disk.breaks.get((self.name, b"")):
            raise error
        data = b"".join(self.written)
        self.to.added.append((self.name, data))

    def drop(self) -> None:
        self.dropped = True


@dataclass
class Drop:
    """A delivery."""

    disk: Disk
    added: list[tuple[str, bytes]] = field(default_factory=list)
    pipes: list[Pipe] = field(default_factory=list)
    discarded: bool = False
    committed: bool = False

    def add_all(self, messages: Sequence[Message]) -> list[tuple[Message, StorageError]]:
        self.disk.pieces.append([message.unique for message in messages])
        self.disk.messages += messages
        bad = [one for one in messages if one.unique in self.disk.refused]
        self.added += [(one.unique, one.data) for one in messages if one not in bad]
        return [(one, BAD) for one in bad]

    def begin(self, box: MailboxName, name: UniqueName, flags: Flags, date: int | None) -> Pipe:
        pipe = Pipe(self, name, (box, flags, date))
        self.pipes.append(pipe)
        return pipe

    def restore(
        self, path: str, box: MailboxName, name: UniqueName, flags: Flags, date: int | None
    ) -> bool:
        assert box == INBOX
        if name in self.disk.refused:
            raise BAD
        there = path in self.disk.undo
        self.disk.restored.append((path, flags, date))
        if there:
            self.added.append((name, b"back"))
        return there

    def commit(self) -> list[Delivered | StorageError]:
        if self.disk.full:
            raise StorageError(str(FULL))  # its own: what it holds is freed with it
        self.committed = True
        self.disk.commits.append([name for name, _ in self.added])
        return [
            BAD
            if name in self.disk.misnamed
            else Delivered(INBOX, entry(name), FileFacts(len(data), 5, digest(data)))
            for name, data in self.added
        ]

    def discard(self) -> None:
        self.discarded = True


@dataclass
class Disk:
    """The Maildir; names are those of the UIDs.  `refused` are not written, `misnamed` not
    renamed, and it may be full."""

    refused: set[str] = field(default_factory=set)
    misnamed: set[str] = field(default_factory=set)
    breaks: dict[tuple[str, bytes], StorageError] = field(default_factory=dict)
    full: bool = False
    undo: set[str] = field(default_factory=set)
    pieces: list[list[str]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    commits: list[list[str]] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    restored: list[tuple[str, Flags, int | None]] = field(default_factory=list)
    purged: list[tuple[str, list[str]]] = field(default_factory=list)

    def delivery(self) -> Drop:
        self.drops.append(Drop(self))
        return self.drops[-1]

    def own_name(
        self, box: MailboxName, validity: UIDValidity, uid: UID, date: int | None
    ) -> UniqueName:
        assert (box, validity) == (INBOX, 9)
        assert date == 1000 + uid
        return UniqueName(f"u{uid}")

    def purge(self, undo: str, files: list[str]) -> None:
        self.purged.append((undo, files))


@dataclass
class Server:
    """Says `bodies` in that order, then breaks off by `error`."""

    bodies_said: list[FetchedBody] = field(default_factory=list)
    error: MailsyncError | None = None
    alive_there: set[int] = field(default_factory=set)
    body_limit: int = 1000
    asked: list[list[int]] = field(default_factory=list)
    expected: list[int] = field(default_factory=list)
    looked_for: list[UIDSet] = field(default_factory=list)
    careful: int = 0
    pause: float = 0  # seconds before each

    async def expect(self, size: int) -> None:
        self.expected.append(size)

    async def bodies(
        self,
        box: MailboxName,
        uids: Sequence[UID],
        *,
        uid_validity: UIDValidity,
        one_by_one: int = 0,
    ) -> AsyncIterator[FetchedBody]:
        assert box == INBOX
        self.asked.append(list(uids))
        self.careful = one_by_one
        for body in self.bodies_said:
            await asyncio.sleep(self.pause)
            yield body
        if self.error is not None:
            raise self.error

    async def alive(self, box: MailboxName, uids: UIDSet, *, uid_validity: UIDValidity) -> UIDSet:
        assert box == INBOX
        self.looked_for.append(uids)
        return UIDSet(uid for uid in uids if uid in self.alive_there)


@dataclass
class Cache:
    """Notes what it is told."""

    late: list[UID] = field(default_factory=list)
    undone: list[Deletion] = field(default_factory=list)
    items: list[list[DeliveredRow]] = field(default_factory=list)
    troubles: list[tuple[list[RowId], str]] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    forgotten: list[DeletionId] = field(default_factory=list)

    def delivered(self, items: Sequence[DeliveredRow]) -> list[UID]:
        self.items.append(list(items))
        return self.late

    def trouble(self, rows: Iterable[RowId], text: str, next_try: float) -> None:
        self.troubles.append((list(rows), text))

    def apply(self, actions: Sequence[Pair]) -> None:
        self.pairs += actions

    def deletions(self) -> list[Deletion]:
        return self.undone

    def forget_deletions(self, ids: Iterable[DeletionId]) -> None:
        self.forgotten += ids

    def close(self) -> None:
        """There is no file."""


class Rig(Bare):
    def __init__(self, story: Story) -> None:
        self.server, self.disk, self.told = Server(), Disk(), Cache()
        super().__init__(story, self.server, self.disk)
        self.cache.close()
        self.cache = self.run.cache = self.told  # type: ignore[assignment]
        self.inbox = Mailbox(BOX, INBOX, Presence.THERE, Presence.THERE)
        self.inbox = replace(self.inbox, uid_validity=UIDValidity(9))
        self.run.mailboxes = {BOX: self.inbox}
        self.counted = 0
        self.run.count = self._count

    def _count(self) -> None:
        self.counted += 1

    def fetch(self, *rows: Row) -> None:
        self.do(fetch(self.run, self.inbox, rows))

    def says(self, *bodies: FetchedBody | Streaming) -> None:
        said = [one.body if isinstance(one, Streaming) else one for one in bodies]
        self.server.bodies_said += said

    @property
    def known(self) -> list[int]:
        """The UIDs of which the cache was told that they are files."""
        return [item.row - 100 for items in self.told.items for item in items]

    @property
    def failed(self) -> list[tuple[int, str]]:
        return [(number - 100, text) for ids, text in self.told.troubles for number in ids]
