"""Bodies on their way into files: what is written and committed together, and what is not taken."""

from __future__ import annotations

import asyncio
import gc
import importlib
from collections.abc import Iterator

import pytest
from support.bodies import BOX, FULL, Rig, Streaming, came, entry, row
from support.storied import Story

from mailsync.cache import DeliveredRow
from mailsync.executor.download import Batch, fetch
from mailsync.executor.run import Run
from mailsync.executor.suspects import IN_FLIGHT
from mailsync.local import Message
from mailsync.model.content import digest
from mailsync.model.errors import Disconnected, MailsyncError, Refused, StorageError
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, RowId, UniqueName
from mailsync.model.mailboxname import INBOX
from mailsync.model.observation import FileFacts
from mailsync.model.rows import Mailbox
from mailsync.model.uidset import UIDSet
from mailsync.server import FetchedBody

module = importlib.import_module("mailsync.executor.download")  # there is a function of that name


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
EMPTY = "the server answered with no text"
LISTED = "the server lists the message and gives no text for it"


@pytest.mark.parametrize(
    ("body", "size", "failed"),
    [
        (came(1, None), 4, f"UID 1: {NIL}"),
        (came(1, b""), 4, f"UID 1: {EMPTY}, and says it has 4 bytes"),
        (came(1, b""), None, f"UID 1: {EMPTY}"),
        (came(1, b""), 0, None),
        (came(1, b"x"), 0, None),
    ],
)
def test_no_text(rig: Rig, body: FetchedBody, size: int | None, failed: str | None) -> None:
    """It is parked; an empty message is one where the server says so."""
    rig.says(came(2), body)
    rig.fetch(row(1, size), row(2))
    assert rig.known == ([2] if failed else [2, 1])
    assert rig.failed == ([(1, failed)] if failed else [])
    assert rig.server.looked_for == [UIDSet()]


@pytest.mark.parametrize("alive", [{1, 2, 3}, {1, 3, 4}])
def test_what_is_left_out_is_trouble_where_it_is_listed(rig: Rig, alive: set[int]) -> None:
    rig.server.alive_there = alive
    rig.says(came(2))
    rig.fetch(row(1), row(2), row(3), row(4))
    assert rig.server.looked_for == [UIDSet(UID(uid) for uid in (1, 3, 4))]
    assert sorted(rig.failed) == [(uid, LISTED) for uid in sorted(alive - {2})]
    assert rig.known == [2]
    assert rig.run.vanished == ({BOX} if 4 not in alive else set())


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
    assert rig.server.careful == (IN_FLIGHT if careful else 0)


def test_a_full_disk_is_told_before_a_cut_connection(rig: Rig) -> None:
    """Nobody is blamed for it."""
    rig.says(came(2))
    rig.server.error, rig.disk.full = Disconnected("cut"), True
    with pytest.raises(StorageError, match="full"):
        rig.fetch(row(1), row(2))
    assert (rig.known, rig.run.tallies.careful) == ([], set())


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


class Slow:
    """Commits that take so many seconds each; those in `bad` fail then."""

    def __init__(self, *seconds: float, bad: tuple[int, ...] = ()) -> None:
        self.seconds, self.bad = seconds, bad
        self.begun: list[float] = []
        self.ended: set[int] = set()

    async def commit(self, run: Run, box: Mailbox, batch: Batch) -> None:
        number, time = len(self.begun), asyncio.get_running_loop().time
        self.begun.append(time())
        await asyncio.sleep(self.seconds[number])
        self.ended.add(number)  # not when it is cancelled
        if number in self.bad:
            raise StorageError(f"commit {number}")


def slow(rig: Rig, patch: pytest.MonkeyPatch, commits: Slow, files: int = 1) -> list[float]:
    """Fetch as many batches of so many messages, one in the last; when each commit began."""
    patch.setattr(module, "BATCH_FILES", files)
    patch.setattr(module, "commit", commits.commit)
    uids = range((len(commits.seconds) - 1) * files + 1, 0, -1)
    rig.says(*(came(uid) for uid in uids))
    before = rig.stack.server.time.now
    rig.fetch(*(row(uid) for uid in uids))
    return [begun - before for begun in commits.begun]


def test_two_commits_at_most_are_in_flight(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next begins when one of them has ended; in the end all have."""
    commits = Slow(100, 10, 5, 50)
    assert slow(rig, monkeypatch, commits) == [0, 0, 10, 15]
    assert commits.ended == {0, 1, 2, 3}
    assert rig.stack.server.time.now >= 1100


@pytest.mark.parametrize("bad", [(0,), (0, 1), (1,)])
@pytest.mark.parametrize("files", [1, 2])
def test_where_a_commit_fails_the_other_ends_before_it_is_told(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, files: int, bad: tuple[int, ...]
) -> None:
    commits = Slow(10, 100, bad=bad)
    with pytest.raises(StorageError, match="commit"):
        slow(rig, monkeypatch, commits, files)
    assert commits.ended == {0, 1}


@pytest.mark.parametrize("bad", [(), (0,)])
def test_commits_end_before_another_error_is_told(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, bad: tuple[int, ...]
) -> None:
    """What they raise is not told instead of it."""
    commits = Slow(10, bad=bad)
    rig.disk.breaks["u1", b"piece"] = FULL
    rig.says(came(2), Streaming(1, b"piece"))
    monkeypatch.setattr(module, "BATCH_FILES", 1)
    monkeypatch.setattr(module, "commit", commits.commit)
    with pytest.raises(StorageError, match="full"):
        rig.fetch(row(1), row(2))
    assert commits.ended == {0}
    assert rig.stack.server.time.now >= 1010


def test_a_batch_of_which_nothing_is_left_is_dropped(rig: Rig) -> None:
    """With what the disk holds open for it."""
    rig.disk.refused = {"u1"}
    rig.says(came(1))
    rig.fetch(row(1))
    assert rig.disk.commits == []
    assert all(drop.discarded for drop in rig.disk.drops)
