"""Large messages on their way, files that a body proves to be there, and what comes out of undo."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from support.bodies import BAD, BOX, FULL, Drop, Rig, Streaming, came, entry, row
from support.storied import Story

from mailsync.cache import Deletion, DeletionId, NewDeletion
from mailsync.executor.download import download
from mailsync.model.actions import Download, Pair, Rung
from mailsync.model.content import digest
from mailsync.model.errors import Disconnected, StorageError
from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId, RowId
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import INBOX
from mailsync.model.rows import Row

module = importlib.import_module("mailsync.executor.download")  # there is a function of that name


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Story("bodies") as s, Rig(s) as made:
        yield made


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


def test_small_ones_and_streams_fill_a_batch_together(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 4)
    rig.says(came(4, b"12"), Streaming(3, b"34"), Streaming(2, b"1"), came(1, b"2"))
    rig.fetch(*(row(uid) for uid in (1, 2, 3, 4)))
    assert sorted(rig.disk.commits) == [["u2", "u1"], ["u4", "u3"]]


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


def test_what_is_too_large_for_that_is_not_kept(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 4)
    stream = module.Streamed(module.Downloader(rig.run, rig.inbox, [row(1)]), None)

    async def pieces() -> None:
        for piece in (b"12", b"345", b"6"):
            await stream.take(piece)

    rig.do(pieces())
    assert stream.refused is not None
    assert (stream.spool, stream.size) == ([], 6)


@pytest.mark.parametrize("at", [b"two ", b"pieces", b""])
def test_one_that_the_disk_refuses_holds_up_no_other(rig: Rig, at: bytes) -> None:
    """At a piece, or at its end; what is left of it is read over."""
    rig.disk.breaks["u2", at] = BAD
    rig.says(Streaming(2, b"two ", b"pieces"), came(1))
    rig.fetch(row(1), row(2))
    assert rig.known == [1]
    assert rig.failed == [(2, "not this one")]
    (pipe,) = rig.disk.drops[0].pipes
    assert pipe.written == {b"two ": [], b"pieces": [b"two "], b"": [b"two ", b"pieces"]}[at]


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


def test_a_file_leaves_undo_when_it_is_durable_and_before_the_cache_is_told(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a crash in between leaves no file in undo that no row knows."""
    order: list[str] = []

    def noted(where: object, name: str) -> None:
        call = getattr(where, name)

        def noting(*args: object) -> object:
            order.append(name)
            return call(*args)

        monkeypatch.setattr(where, name, noting)

    for where, name in ((Drop, "commit"), (rig.disk, "purge"), (rig.told, "delivered")):
        noted(where, name)
    rig.told.undone = [gone(1, X)]
    back(rig, row(1, body=X, undo=True))
    assert order == ["commit", "purge", "delivered"]


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
