"""Bodies on their way into files: what is written and committed together, and what is not taken."""

from __future__ import annotations

import asyncio
import gc
import importlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from support.bare import Bare
from support.storied import Story

from mailsync.cache import Deletion, DeletionId, DeliveredRow, NewDeletion
from mailsync.executor.download import Batch, download, fetch
from mailsync.local import Delivered, Message
from mailsync.model.actions import Download, Pair, Rung
from mailsync.model.content import digest
from mailsync.model.errors import Disconnected, MailsyncError, Reach, Refused, StorageError
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UIDValidity, UniqueName
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import FileFacts, LocalEntry
from mailsync.model.rows import Mailbox, Presence, Row
from mailsync.model.uidset import UIDSet
from mailsync.server import FetchedBody

module = importlib.import_module("mailsync.executor.download")  # there is a function of that name

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
        self, box: MailboxName, uids: Sequence[UID], *, one_by_one: int = 0
    ) -> AsyncIterator[FetchedBody]:
        assert box == INBOX
        self.asked.append(list(uids))
        self.careful = one_by_one
        for body in self.bodies_said:
            await asyncio.sleep(self.pause)
            yield body
        if self.error is not None:
            raise self.error

    async def alive(self, box: MailboxName, uids: UIDSet) -> UIDSet:
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


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Story("bodies") as s, Rig(s) as made:
        yield made


# -- batches -------------------------------------------------------------------------------------


def test_what_comes_becomes_a_file_and_is_told_to_the_cache(rig: Rig) -> None:
    rows = [row(1, 4), row(2, None), row(3, 900)]
    rig.says(came(3, b"third"), came(2, b"no"), came(1))
    rig.fetch(*rows)
    assert rig.server.asked == [[3, 2, 1]]  # the newest first
    assert rig.server.expected == [904]
    assert rig.disk.messages == [
        Message(INBOX, UniqueName(f"u{uid}"), Flags(uid), 1000 + uid, data)
        for uid, data in ((3, b"third"), (2, b"no"), (1, b"body"))
    ]
    assert rig.told.items == [
        [
            DeliveredRow(
                RowId(100 + uid),
                entry(f"u{uid}"),
                FileFacts(len(data), 5, digest(data)),
                Flags(uid),
            )
            for uid, data in ((3, b"third"), (2, b"no"), (1, b"body"))
        ]
    ]
    assert rig.run.tallies.done == {INBOX: {"downloaded": 3}}
    assert rig.counted == 1
    assert rig.failed == []
    assert rig.server.looked_for == [UIDSet()]
    assert rig.server.careful == 0


def test_bytes_are_counted_as_the_plan_counted_them(rig: Rig) -> None:
    shown: list[tuple[int, int, str]] = []

    class Shown:
        def advance(self, messages: int, size: int, place: str) -> None:
            shown.append((messages, size, place))

    rig.run.progress = Shown()  # type: ignore[assignment]
    rig.says(came(2, b"no size"), came(1))
    rig.fetch(row(1, 900), row(2, None))
    assert shown == [(2, 907, "test/INBOX")]


@pytest.mark.parametrize(
    ("limits", "sizes", "pieces", "commits"),
    [
        ({}, [1, 1, 1], [3], [3]),
        ({"PIECE_FILES": 2}, [1, 1, 1], [2, 1], [3]),
        ({"PIECE_BYTES": 4}, [2, 2, 4, 3, 1], [2, 1, 2], [5]),
        ({"BATCH_FILES": 2}, [1, 1, 1], [2, 1], [2, 1]),
        ({"BATCH_FILES": 3, "PIECE_FILES": 2}, [1] * 7, [2, 1, 2, 1, 1], [3, 3, 1]),
        ({"BATCH_BYTES": 4}, [2, 2, 4, 3, 1, 1], [2, 1, 2, 1], [2, 1, 2, 1]),
        ({"BATCH_BYTES": 4, "PIECE_FILES": 1}, [2, 2, 1], [1, 1, 1], [2, 1]),
    ],
)
def test_what_is_written_and_committed_together(
    rig: Rig,
    monkeypatch: pytest.MonkeyPatch,
    limits: dict[str, int],
    sizes: list[int],
    pieces: list[int],
    commits: list[int],
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(module, name, value)
    uids = range(len(sizes), 0, -1)
    rig.says(*(came(uid, b"x" * size) for uid, size in zip(uids, sizes, strict=True)))
    rig.fetch(*(row(uid) for uid in uids))
    assert [len(piece) for piece in rig.disk.pieces] == pieces
    assert sorted(len(one) for one in rig.disk.commits) == sorted(commits)
    assert sorted(len(items) for items in rig.told.items) == sorted(commits)
    assert sorted(rig.known) == sorted(uids)
    assert rig.counted == len(commits)


@pytest.mark.parametrize(
    ("rows", "waiting", "size", "full"),
    [
        (499, 0, 0, False),
        (500, 0, 0, True),
        (250, 250, 0, True),
        (0, 0, 1 << 24, True),
        (1, 1, (1 << 24) - 1, False),
    ],
)
def test_when_a_batch_is_full(rig: Rig, rows: int, waiting: int, size: int, full: bool) -> None:
    """500 files or 16 MiB."""
    batch = Batch(rig.disk.delivery(), size=size)  # type: ignore[arg-type]
    assert (batch.size, batch.waiting_size) == (size, 0)
    message = Message(INBOX, UniqueName("u"), Flags.NONE, None, b"")
    batch.rows = [row(1)] * rows
    batch.waiting = [(row(1), message)] * waiting
    assert batch.full is full


# -- what is not taken ---------------------------------------------------------------------------


def test_what_was_not_asked_for_or_comes_twice_is_not_taken(rig: Rig) -> None:
    rig.says(came(7), came(None), came(2), came(2), came(1))
    rig.fetch(row(1), row(2))
    assert rig.known == [2, 1]
    assert rig.failed == []


NIL = "the server answered without the message's text (NIL)"
EMPTY = "the server answered with no text, and says it has 4 bytes"
LISTED = "the server lists the message and gives no text for it"


@pytest.mark.parametrize(
    ("body", "size", "failed"),
    [
        (came(1, None), 4, f"UID 1: {NIL}"),
        (came(1, b""), 4, f"UID 1: {EMPTY}"),
        (came(1, b""), 0, None),
        (came(1, b"x"), 0, None),
    ],
)
def test_no_text(rig: Rig, body: FetchedBody, size: int, failed: str | None) -> None:
    """It is parked; an empty message is one where the server says so."""
    rig.says(came(2), body)
    rig.fetch(row(1, size), row(2))
    assert rig.known == ([2] if failed else [2, 1])
    assert rig.failed == ([(1, failed)] if failed else [])
    assert rig.server.looked_for == [UIDSet()]


def test_what_is_left_out_is_trouble_where_it_is_listed(rig: Rig) -> None:
    rig.server.alive_there = {1, 2, 3}
    rig.says(came(2))
    rig.fetch(row(1), row(2), row(3), row(4))
    assert rig.server.looked_for == [UIDSet(UID(uid) for uid in (1, 3, 4))]
    assert sorted(rig.failed) == [(1, LISTED), (3, LISTED)]
    assert rig.known == [2]


def test_what_is_too_large_is_not_asked_for(rig: Rig) -> None:
    rig.fetch(row(1, 1001))
    assert (rig.server.asked, rig.server.expected) == ([], [])
    assert [uid for uid, _ in rig.failed] == [1]


def test_messages_that_the_disk_refuses_are_parked(rig: Rig) -> None:
    """One that it does not write, one that it does not rename; the others keep their own rows."""
    rig.disk.refused, rig.disk.misnamed = {"u4"}, {"u2"}
    rig.says(*(came(uid, b"%d" % uid) for uid in (4, 3, 2, 1)))
    rig.fetch(*(row(uid) for uid in (1, 2, 3, 4)))
    assert [(item.row - 100, item.entry.name) for item in rig.told.items[0]] == [
        (3, "u3"),
        (1, "u1"),
    ]
    assert sorted(rig.failed) == [(2, "not this one"), (4, "not this one")]
    assert rig.run.tallies.done == {INBOX: {"downloaded": 2, "failed": 2}}


def test_a_late_twin_is_said(rig: Rig) -> None:
    rig.told.late = [UID(1)]
    rig.says(came(1))
    rig.fetch(row(1))
    (said,) = rig.run.tallies.notices[INBOX]
    assert said.startswith("UID 1 is a second copy")


# -- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "careful"),
    [(Disconnected("cut"), True), (Refused("not you"), False)],
)
def test_what_came_whole_is_not_fetched_again(
    rig: Rig, error: MailsyncError, careful: bool
) -> None:
    rig.says(came(3), came(2))
    rig.server.error = error
    with pytest.raises(type(error), match=str(error)):
        rig.fetch(row(1), row(2), row(3))
    assert rig.known == [3, 2]
    assert (rig.run.tallies.careful == {INBOX}) is careful
    assert rig.failed == []
    assert rig.server.looked_for == []
    assert rig.disk.drops[-1].discarded
    rig.server.error = None
    rig.fetch(row(1))
    assert rig.server.careful == (module_in_flight() if careful else 0)


def module_in_flight() -> int:
    return int(importlib.import_module("mailsync.executor.suspects").IN_FLIGHT)


def test_the_one_that_was_asked_for_and_did_not_come_is_blamed(rig: Rig) -> None:
    """Of those that are left the first, the second time: it is parked at the third."""
    rig.server.error = Disconnected("cut")
    for _ in range(3):
        rig.server.bodies_said = [came(3)]
        with pytest.raises(Disconnected):
            rig.fetch(row(1), row(2), row(3))
    assert [(uid, "fails at this message" in text) for uid, text in rig.failed] == [(2, True)]


@pytest.mark.parametrize("files", [1, 500])
@pytest.mark.parametrize("pause", [0, 1])
def test_a_full_disk_ends_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, files: int, pause: float
) -> None:
    """At a commit in between, at two of them, or at the last: the cache is told nothing of it,
    nothing is left in tmp/, and no error of a commit is left for asyncio to print."""
    monkeypatch.setattr(module, "BATCH_FILES", files)
    rig.disk.full, rig.server.pause = True, pause
    rig.says(*(came(uid) for uid in (5, 4, 3, 2, 1)))

    async def said() -> str:
        try:
            await fetch(rig.run, rig.inbox, [row(uid) for uid in (1, 2, 3, 4, 5)])
        except StorageError as error:
            return str(error)
        return ""

    async def main() -> str:
        text = await said()
        gc.collect()
        return text

    assert rig.do(main()) == "the disk is full"
    assert (rig.known, rig.failed) == ([], [])
    assert [drop.added for drop in rig.disk.drops if not drop.discarded] == []
    assert rig.run.tallies.careful == set()


def test_a_batch_of_which_nothing_is_left_is_dropped(rig: Rig) -> None:
    """With what the disk holds open for it."""
    rig.disk.refused = {"u1"}
    rig.says(came(1))
    rig.fetch(row(1))
    assert rig.disk.commits == []
    assert all(drop.discarded for drop in rig.disk.drops)


# -- streams -------------------------------------------------------------------------------------


def test_a_large_one_goes_straight_to_its_file(rig: Rig) -> None:
    """In the order in which they came."""
    rig.says(came(3), Streaming(2, b"two ", b"pieces"), came(1))
    rig.fetch(row(1), row(2), row(3))
    assert rig.disk.pieces == [["u3"], ["u1"]]
    assert rig.disk.commits == [["u3", "u2", "u1"]]
    assert rig.known == [3, 2, 1]
    (pipe,) = rig.disk.drops[0].pipes
    assert (pipe.written, pipe.args) == ([b"two ", b"pieces"], (INBOX, Flags(2), 1002))
    assert not pipe.dropped


def test_streams_fill_a_batch(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 4)
    rig.says(Streaming(3, b"123", b"4"), Streaming(2, b"12"), Streaming(1, b"1"))
    rig.fetch(row(1), row(2), row(3))
    assert sorted(rig.disk.commits) == [["u2", "u1"], ["u3"]]


def test_one_whose_uid_comes_behind_it_is_kept_until_then(rig: Rig) -> None:
    rig.says(Streaming(2, b"two ", b"pieces", late=True), Streaming(7, b"whose?", late=True))
    rig.says(came(1))
    rig.fetch(row(1), row(2))
    assert [(one.unique, one.data) for one in rig.disk.messages] == [
        ("u2", b"two pieces"),
        ("u1", b"body"),
    ]
    assert rig.known == [2, 1]
    assert rig.failed == []


def test_one_that_is_too_large_for_that_is_parked(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 4)
    rig.says(Streaming(2, b"1234", late=True), Streaming(1, b"1234", b"5", b"6", late=True))
    rig.fetch(row(1), row(2))
    assert rig.known == [2]
    text = "the server tells only after its text whose it is, and it is too large"
    assert rig.failed == [(1, f"a message in INBOX: {text}")]


@pytest.mark.parametrize("at", [b"two ", b"pieces", b""])
def test_one_that_the_disk_refuses_holds_up_no_other(rig: Rig, at: bytes) -> None:
    """At a piece, or at its end; what is left of it is read over."""
    rig.disk.breaks["u2", at] = BAD
    rig.says(Streaming(2, b"two ", b"pieces"), came(1))
    rig.fetch(row(1), row(2))
    assert rig.known == [1]
    assert rig.failed == [(2, "not this one")]


@pytest.mark.parametrize("at", [b"two ", b""])
def test_a_full_disk_ends_a_stream(rig: Rig, at: bytes) -> None:
    rig.disk.breaks["u2", at] = FULL
    rig.says(came(3), Streaming(2, b"two ", b"pieces"), came(1))
    with pytest.raises(StorageError, match="full"):
        rig.fetch(row(1), row(2), row(3))
    assert (rig.known, rig.failed) == ([], [])
    assert rig.disk.drops[-1].discarded


def test_a_stream_that_breaks_off_is_no_message(rig: Rig) -> None:
    rig.says(came(3), Streaming(2, b"half", then=Disconnected("cut")))
    with pytest.raises(Disconnected):
        rig.fetch(row(2), row(3))
    assert rig.known == [3]
    (pipe,) = rig.disk.drops[0].pipes
    assert pipe.dropped


def test_a_stream_that_nobody_asked_for_is_no_message(rig: Rig) -> None:
    rig.says(came(2), Streaming(2, b"again"), Streaming(7, b"whose?"))
    rig.fetch(row(1), row(2))
    assert rig.disk.commits == [["u2"]]
    assert rig.failed == []


# -- files that are there already ----------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True])
def test_a_file_that_waits_for_these_very_bytes_is_paired(rig: Rig, streamed: bool) -> None:
    """Each once: a second message with these bytes is another one."""
    first, second = Keywords(["One", "Two"]).flag("One"), Keywords(["One", "Two"]).flag("Two")
    rig.inbox = replace(rig.inbox, lettered=first)
    files = [Row(RowId(1), BOX, local_flags=first), Row(RowId(2), BOX)]
    other = Row(RowId(3), MailboxId(2))
    rig.run.files_by_body = {
        (BOX, digest(b"same bytes").body): list(files),
        (MailboxId(2), digest(b"else").body): [other],
    }
    agreed = Flags.SEEN | first | second
    rows = {uid: row(uid, synced=agreed) for uid in (1, 2, 3, 4, 5)}
    for uid, data in ((5, b"same bytes"), (4, b"same bytes"), (3, b"else"), (2, b"same bytes")):
        rig.says(Streaming(uid, data[:4], data[4:]) if streamed else came(uid, data))
    rig.says(came(1))
    rig.fetch(*rows.values())
    assert rig.told.pairs == [
        Pair(BOX, rows[uid], file, Rung.BODY, synced)  # as for a file with letters, and without
        for uid, file, synced in ((5, files[0], Flags.SEEN | first), (4, files[1], Flags.SEEN))
    ]
    assert rig.run.paired == {1, 2}
    assert rig.known == [3, 2, 1]
    assert all(pipe.dropped is (pipe.name in ("u5", "u4")) for pipe in rig.disk.drops[0].pipes)


# -- what lies in undo -----------------------------------------------------------------------------


def gone(number: int, body: bytes | None = None, email_id: str | None = None) -> Deletion:
    """A file that was removed, as `f<number>` in undo."""
    new = NewDeletion(None, INBOX, entry("x"), body, f"f{number}")
    return Deletion(DeletionId(number), new, 0.0, True, email_id)


X, Y = b"x" * 16, b"y" * 16


def back(rig: Rig, *rows: Row) -> None:
    """All that is in undo is there."""
    rig.disk.undo |= {f"{rig.run.undo}/{one.new.undo}" for one in rig.told.undone}
    rig.do(download(rig.run, Download(BOX, rows, "back")))


@pytest.mark.parametrize(
    ("undone", "rows", "taken"),
    [
        ([gone(1, X)], [row(1, body=X, undo=True)], {1: "f1"}),
        ([gone(1, X)], [row(1, body=X)], {}),  # the cache says that there is none
        ([gone(1, X)], [row(1, body=Y, undo=True)], {}),
        ([gone(1, Y, "e")], [row(1, body=None, email_id="e", undo=True)], {1: "f1"}),
        ([gone(1, None, None)], [row(1, undo=True)], {}),  # nothing tells
        # twins: each a file of its own, as long as there are some
        (
            [gone(1, X), gone(2, X)],
            [row(uid, body=X, undo=True) for uid in (1, 2, 3)],
            {1: "f1", 2: "f2"},
        ),
        # told by its bytes before its EMAILID
        (
            [gone(1, Y, "e"), gone(2, X, "d")],
            [row(1, body=X, email_id="e", undo=True), row(2, body=Y, undo=True)],
            {1: "f2", 2: "f1"},
        ),
    ],
)
def test_what_lies_in_undo_is_not_fetched(
    rig: Rig, undone: list[Deletion], rows: list[Row], taken: dict[int, str]
) -> None:
    rig.told.undone = undone
    left = [one for one in rows if one.uid not in taken]
    rig.says(*(came(one.uid) for one in reversed(left)))
    back(rig, *rows)
    assert rig.server.asked == ([[one.uid for one in reversed(left)]] if left else [])
    restored = {item.row - 100: item.undo for items in rig.told.items for item in items}
    assert {uid: name for uid, name in restored.items() if name is not None} == taken
    assert sorted(restored) == sorted(one.uid for one in rows if one.uid is not None)
    names = [taken[uid] for uid in sorted(taken)]
    assert rig.disk.purged == ([(rig.run.undo, names)] if taken else [])
    assert rig.disk.restored == [
        (f"{rig.run.undo}/{taken[uid]}", Flags(uid), 1000 + uid) for uid in sorted(taken)
    ]
    assert rig.told.forgotten == []
    assert rig.run.tallies.done[INBOX]["downloaded"] == len(rows)


def test_what_is_in_undo_no_more_is_fetched_and_forgotten(rig: Rig) -> None:
    """A run took it out and died before it told the cache; another is refused by the disk, and
    one cannot get its name."""
    rig.told.undone = [gone(number, bytes([number]) * 16) for number in (1, 2, 3, 4)]
    rows = [row(uid, body=bytes([uid]) * 16, undo=True) for uid in (1, 2, 3, 4)]
    rig.disk.undo = {f"{rig.run.undo}/f{number}" for number in (2, 3, 4)}
    rig.disk.refused, rig.disk.misnamed = {"u2"}, {"u3"}
    rig.says(came(1))
    rig.do(download(rig.run, Download(BOX, tuple(rows), "back")))
    assert rig.told.forgotten == [1]
    assert rig.disk.purged == [(rig.run.undo, ["f4"])]
    told = {item.row - 100: item.undo for items in rig.told.items for item in items}
    assert told == {4: "f4", 1: None}
    assert (3, "not this one") in rig.failed
    assert rig.server.asked == [[2, 1]]


def looks(rig: Rig) -> Callable[[], list[Deletion]]:
    def deletions() -> list[Deletion]:
        raise AssertionError("nothing is asked of undo")

    return deletions


def test_where_no_row_is_said_to_be_in_undo_it_is_not_asked(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rig.told, "deletions", looks(rig))
    rig.says(came(1))
    back(rig, row(1, body=X))
    assert rig.known == [1]
