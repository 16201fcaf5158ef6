"""Files into undo/: what is known of them, at whatever moment it ends; what a lost cache knew of
them, the notes beside them tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mailsync.cache import Cache, NewDeletion
from mailsync.executor.files import entry_of
from mailsync.executor.run import Run, Tallies
from mailsync.executor.undo import adopt, forgotten, into_undo, note_of, put_away_doubles
from mailsync.local import Maildir, Note
from mailsync.model.errors import Reach, StorageError
from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId, RowId, UniqueName
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import FileFacts, LocalEntry
from mailsync.model.rows import Mailbox, Presence, Row

NOW = 1_700_000_000.0
FACTS = FileFacts(5, 6)


class Kept:
    """What lies in undo, and the notes of it."""

    def __init__(self, files: str, *notes: Note) -> None:
        self.files, self.notes = files.split(), {note.undo: note for note in notes}

    def undo_files(self, undo: str) -> dict[str, FileFacts]:
        assert undo == "/undo"
        return dict.fromkeys(self.files, FACTS)

    def undo_notes(self, undo: str) -> dict[str, Note]:
        assert undo == "/undo"
        return self.notes


def found(kept: Kept, *known: str) -> dict[float, list[NewDeletion]]:
    return forgotten(cast(Maildir, kept), "/undo", set(known), NOW)


def removed(undo: str, body: bytes | None, row: RowId | None = None) -> NewDeletion:
    entry = LocalEntry(UniqueName("1.a.host"), "cur", ":2,FS", Flags.FLAGGED | Flags.SEEN)
    return NewDeletion(row, MailboxName("Work"), entry, body, undo)


@pytest.mark.parametrize("body", [None, bytes(range(16))])
def test_a_note_tells_all_but_the_row(body: bytes | None) -> None:
    note = note_of(removed("u", body, RowId(7)), NOW - 5)
    assert found(Kept("k u", note), "k") == {NOW - 5: [removed("u", body)]}
    assert found(Kept("k u", note), "k", "u") == {}


def test_a_clock_that_was_wrong_keeps_nothing_longer() -> None:
    assert list(found(Kept("u", note_of(removed("u", None), NOW + 5)))) == [NOW]


def test_a_file_without_a_note_was_in_inbox() -> None:
    """Those of one moment together, in the order of their names."""
    entries = [LocalEntry(UniqueName(name), "cur", "", Flags.NONE) for name in ("u", "v")]
    other = note_of(removed("w", None), NOW - 5)
    assert found(Kept("v w u", other)) == {
        NOW: [NewDeletion(None, INBOX, entry, None, entry.name) for entry in entries],
        NOW - 5: [removed("w", None)],
    }


# -- into undo -----------------------------------------------------------------------------------


@dataclass
class Disk:
    """Files of one mailbox, and what becomes of them; a cache that counts what it is told.

    `log` has what is done, in its order: a crash may come between any two.
    """

    gone: set[str] = field(default_factory=set)  # under that name
    edited: set[str] = field(default_factory=set)  # at the last moment
    refused: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    names: int = 0
    tallies: Tallies = field(default_factory=Tallies)
    notes: list[Note] = field(default_factory=list)
    new: list[NewDeletion] = field(default_factory=list)
    double: LocalEntry | None = None
    troubles: list[tuple[MailboxId, RowId, str]] = field(default_factory=list)

    @property
    def run(self) -> Run:
        async def call(what: Callable[..., object], *args: object) -> object:
            return what(*args)

        made = SimpleNamespace(
            maildir=self, cache=self, stored=call, disk=call, undo="/undo", now=lambda: NOW,
            last_synced=lambda: NOW - 60,
            file_trouble=self._file_trouble, tallies=self.tallies,
        )  # fmt: skip
        return cast(Run, made)

    async def _file_trouble(
        self, mailbox: MailboxId, failed: Sequence[tuple[Row, StorageError]]
    ) -> None:
        self.troubles += [(mailbox, row.id, str(error)) for row, error in failed]

    def undo_name(self) -> str:
        self.names += 1
        return f"u{self.names}"

    def record_deletions(self, new: Sequence[NewDeletion], now: float) -> list[int]:
        assert now == NOW
        self.new += new
        self.log.append("recorded")
        return [100 + at for at in range(len(new))]

    def note_undo(self, undo: str, notes: Sequence[Note]) -> None:
        assert (undo, bool(notes)) == ("/undo", True)
        self.notes += notes
        self.log.append("noted")

    def _at(self, box: MailboxName, entry: LocalEntry, undo: str) -> None:
        assert (box, undo) == (BOX.name, "/undo")
        if entry.name in self.refused:
            raise StorageError(f"not {entry.name}", reach=Reach.MESSAGE)

    def remove_to_undo(
        self, box: MailboxName, entry: LocalEntry, undo: str, file: str, seen: FileFacts | None
    ) -> str | None:
        self._at(box, entry, undo)
        self.log.append(f"{entry.name}{entry.info} to {file} {'' if seen is None else seen.size}")
        return None if entry.name in self.gone else f"{undo}/{file}"

    def back_if_edited(
        self, box: MailboxName, entry: LocalEntry, undo: str, file: str, seen: FileFacts
    ) -> bool:
        self._at(box, entry, undo)
        if entry.name in self.edited:
            self.log.append(f"{entry.name} back from {file} {seen.size}")
        return entry.name in self.edited

    def settle(self, boxes: Sequence[MailboxName], undo: str) -> None:
        assert (list(boxes), undo) == ([BOX.name], "/undo")
        self.log.append("durable")

    def deletions_done(self, ids: Sequence[int]) -> None:
        self.log.append(f"done {ids}")

    def forget_deletions(self, ids: Sequence[int]) -> None:
        self.log.append(f"forgotten {ids}")

    def doubles(
        self, box: MailboxName, entries: Sequence[LocalEntry]
    ) -> dict[UniqueName, list[LocalEntry]]:
        assert box == BOX.name
        self.log.append(f"doubles of {[entry.name for entry in entries]}")
        found = [self.double] if self.double is not None else []
        return {one.name: found for one in entries if one.name == "b"}


BOX = Mailbox(MailboxId(2), MailboxName("Work"), Presence.THERE, Presence.THERE)


def with_file(name: str) -> Row:
    number = ord(name)
    body = name.encode() * 16
    return Row(
        RowId(number), BOX.id, name=UniqueName(name), folder="cur", info=":2,", body=body,
        file_size=number, mtime_ns=5,
    )  # fmt: skip


def put_away(disk: Disk, names: str) -> tuple[str, str]:
    """Which are in undo, and which the disk refused."""
    items = [(row, entry_of(row)) for row in map(with_file, names)]
    done, refused = asyncio.run(into_undo(disk.run, BOX, items))
    return "".join(r.name or "" for r, _ in done), "".join(r.name or "" for (r, _), _ in refused)


def test_undelete_knows_every_file_before_it_goes() -> None:
    """Cache and note first; then durable; then both are told that it is so."""
    disk = Disk()
    assert put_away(disk, "ab") == ("ab", "")
    assert disk.log == [
        "recorded", "noted", "a:2, to u1 97", "b:2, to u2 98", "durable", "done [100, 101]",
    ]  # fmt: skip
    assert disk.new == [
        NewDeletion(row.id, BOX.name, entry_of(row), row.body, f"u{at}")
        for at, row in enumerate(map(with_file, "ab"), 1)
    ]
    assert disk.notes == [note_of(one, NOW) for one in disk.new]
    assert disk.tallies.put_away == {"u1", "u2"}, "that no clock makes it old in this run"


def test_what_was_not_removed_is_not_deleted() -> None:
    """One that has another name by now, one written over at the last moment, which is back, and
    two that the disk refuses to give or to look at."""
    disk = Disk(gone={"a"}, edited={"c"}, refused={"d"})
    assert put_away(disk, "abcd") == ("b", "d")
    assert disk.log == [
        "recorded", "noted", "a:2, to u1 97", "b:2, to u2 98", "c:2, to u3 99", "durable",
        "c back from u3 99", "durable", "done [101]", "forgotten [100, 102, 103]",
    ]  # fmt: skip


def test_one_that_cannot_be_looked_at_again_is_in_undo() -> None:
    disk = Disk()
    remove = disk.remove_to_undo

    def refuse_then(*args: Any) -> str | None:
        path = remove(*args)
        disk.refused.add("a")
        return path

    disk.remove_to_undo = refuse_then  # type: ignore[method-assign]
    assert put_away(disk, "a") == ("a", "a")
    assert disk.log[-1] == "done [100]"


def test_nothing_is_noted_of_nothing() -> None:
    disk = Disk()
    assert put_away(disk, "") == ("", "")
    assert disk.notes == []


@pytest.mark.parametrize("refused", [False, True])
def test_a_second_file_of_its_name_goes_before_it(refused: bool) -> None:
    """With the very same bytes; what it was last seen as is not known, so nothing is compared."""
    double = LocalEntry(UniqueName("b"), "cur", ":2,S", Flags.SEEN)
    disk = Disk(double=double, refused={"b"} if refused else set(), edited={"b"})
    rows = [with_file("a"), with_file("b")]
    assert asyncio.run(put_away_doubles(disk.run, BOX, rows)) is True
    assert [(one.row, one.entry) for one in disk.new] == [(None, double)]
    assert disk.log[0] == "doubles of ['a', 'b']"
    if refused:
        assert disk.troubles == [(BOX.id, rows[1].id, "not b")]
        assert disk.log[-1] == "forgotten [100]"
    else:
        assert disk.troubles == []
        assert disk.log[3:] == ["b:2,S to u1 ", "durable", "done [100]"]


def test_where_nothing_goes_nothing_is_looked_for() -> None:
    disk = Disk()
    assert asyncio.run(put_away_doubles(disk.run, BOX, [])) is False
    assert asyncio.run(put_away_doubles(disk.run, BOX, [with_file("a")])) is False
    assert disk.log == ["doubles of ['a']"]


def test_what_a_lost_cache_knew_is_recorded_by_its_time() -> None:
    """Oldest first, each as done: `undelete` brings back what was removed since a time."""
    told: list[object] = []

    def record(items: Sequence[NewDeletion], at: float) -> list[str]:
        told.append((at, [one.undo for one in items]))
        return [f"id of {one.undo}" for one in items]

    cache = SimpleNamespace(record_deletions=record, deletions_done=told.append)
    adopt(cast(Cache, cache), {9.0: [removed("u", None)], 5.0: [removed("v", None)]})
    assert told == [(5.0, ["v"]), ["id of v"], (9.0, ["u"]), ["id of u"]]
