"""Looks at files: the one that the disk refuses is parked, and the others are told as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from sim.oracle import body_of
from support.bare import Bare
from support.storied import Story

from mailsync.executor.files import (
    Failed,
    as_they_were,
    digested,
    each,
    entry_of,
    inspected,
    seen_as,
)
from mailsync.model.content import Digest, digest
from mailsync.model.errors import Reach, StorageError
from mailsync.model.flags import Flags
from mailsync.model.ids import UIDValidity, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry
from mailsync.model.rows import Presence

BAD = StorageError("not this one", reach=Reach.MESSAGE)
FULL = StorageError("the disk is full")
WORK = MailboxName("Work")
BYTES = b"Message-ID: <new@x>\n\nother bytes\n"


class Files:
    """A Maildir: what a look at the file of a name shows, or how it is refused; others are gone."""

    def __init__(self, shown: dict[str, FileFacts | StorageError | bytes]) -> None:
        self.shown = shown
        self.looked: list[str] = []

    def _look(self, box: MailboxName, entry: LocalEntry) -> FileFacts | bytes | None:
        assert box == WORK
        assert (entry.folder, entry.info) == ("cur", ":2,S")
        self.looked.append(entry.name)
        shown = self.shown.get(entry.name)
        if isinstance(shown, StorageError):
            raise shown
        return shown

    def inspect(
        self, box: MailboxName, entries: Iterable[LocalEntry], uid_validity: UIDValidity | None
    ) -> dict[UniqueName, FileFacts]:
        assert uid_validity is not None
        found = {entry.name: self._look(box, entry) for entry in entries}
        return {name: facts for name, facts in found.items() if isinstance(facts, FileFacts)}

    def digest(self, box: MailboxName, entry: LocalEntry) -> Digest | None:
        data = self._look(box, entry)
        return digest(data) if isinstance(data, bytes) else None


@pytest.fixture
def made() -> Iterator[Bare]:
    """Five messages in Work, UID 1 to 5."""
    with Story("files") as s:
        s.serve("INBOX", "x")
        s.tell()
        s.server.create("Work")
        for ghost in "abcde":
            s.serve("Work", ghost, "\\Seen")
        s.tell()
        s.tell()  # finds nothing new, and need not list the folders again
        with Bare(s) as one:
            yield one


def names(made: Bare) -> list[UniqueName]:
    return [row.name for row in made.rows("Work") if row.name is not None]


def listed_again(made: Bare) -> bool:
    return made.cache.cursors()[WORK].stamp is None


# -- one by one ----------------------------------------------------------------------------------


def test_each_goes_on_behind_the_one_that_is_refused() -> None:
    done: list[int] = []
    failed: Failed[int] = []

    def act(item: int) -> None:
        if item == 2:
            raise BAD
        done.append(item)

    each([1, 2, 3], act, failed)
    assert (done, failed) == ([1, 3], [(2, BAD)])


def test_a_full_disk_ends_it() -> None:
    failed: Failed[int] = []

    def act(item: int) -> None:
        raise FULL

    with pytest.raises(StorageError, match="full"):
        each([1], act, failed)
    assert failed == []


def test_the_file_of_a_row(made: Bare) -> None:
    row = replace(made.rows("Work")[0], info=":2,FS", local_flags=Flags.FLAGGED | Flags.SEEN)
    assert row.name is not None
    assert entry_of(row) == LocalEntry(row.name, "cur", ":2,FS", Flags.FLAGGED | Flags.SEEN)
    assert row.file_size is not None
    assert row.mtime_ns is not None
    assert seen_as(row) == FileFacts(row.file_size, row.mtime_ns)
    with pytest.raises(AssertionError, match=f"row {row.id} has no file"):
        entry_of(replace(row, name=None))


def test_what_is_looked_at_is_there_gone_or_refused(made: Bare) -> None:
    a, b, c, *_ = names(made)
    facts = FileFacts(7, 8)
    made.run.maildir = Files({a: facts, b: BAD})  # type: ignore[assignment]
    entries = [entry_of(row) for row in made.rows("Work")[:3]]
    found = made.do(inspected(made.run, made.box("Work"), entries))
    assert found == ({a: facts}, [(entries[1], BAD)])
    assert c not in found[0]


# -- read ----------------------------------------------------------------------------------------


def test_what_is_read_is_known_and_what_is_not_is_looked_for_again(made: Bare) -> None:
    rows = made.rows("Work")[:3]
    a, b, c, *_ = names(made)
    files = Files({a: BYTES, b: BAD})  # c is gone
    made.run.maildir = files  # type: ignore[assignment]
    found = made.do(digested(made.run, made.box("Work"), rows))
    assert found == [(rows[0], digest(BYTES))]
    assert files.looked == [a, b, c]
    assert made.troubles() == {2: ("not this one", 15)}
    assert made.run.tallies.done == {WORK: {"failed": 1}}
    assert listed_again(made)
    assert made.run.shifted == {made.box("Work").id}
    assert made.rows("Work")[0].body == digest(BYTES).body


def test_where_all_is_read_nothing_is_looked_for(made: Bare) -> None:
    made.run.maildir = Files(dict.fromkeys(names(made), BYTES))  # type: ignore[assignment]
    rows = made.rows("Work")
    assert len(made.do(digested(made.run, made.box("Work"), rows))) == 5
    assert not listed_again(made)
    assert made.troubles() == {}


# -- as they were ---------------------------------------------------------------------------------


def test_only_files_that_are_as_they_were_are_worked_on(made: Bare) -> None:
    """Another size, another mtime, none any more, and one that is refused."""
    rows = made.rows("Work")
    a, b, c, _, e = names(made)
    seen = [seen_as(row) for row in rows]
    files = Files(
        {
            a: seen[0],
            b: replace(seen[1], size=seen[1].size + 1),
            c: replace(seen[2], mtime_ns=seen[2].mtime_ns + 1),
            e: BAD,
        }
    )
    made.run.maildir = files  # type: ignore[assignment]
    same = made.do(as_they_were(made.run, made.box("Work"), rows))
    assert [row.uid for row in same] == [1]
    assert made.troubles() == {5: ("not this one", 15)}
    assert [row.local for row in made.rows("Work") if row.uid is not None] == [
        *(Presence.THERE, Presence.GONE, Presence.GONE, Presence.THERE, Presence.THERE)
    ]
    edited = {row.name: seen_as(row) for row in made.rows("Work") if row.uid is None}
    assert edited == {b: files.shown[b], c: files.shown[c]}


def test_where_none_is_edited_the_rows_come_back_in_their_order(made: Bare) -> None:
    rows = made.rows("Work")[::-1]
    shown = {row.name: seen_as(row) for row in rows if row.name is not None}
    made.run.maildir = Files(shown)  # type: ignore[arg-type, assignment]
    assert made.do(as_they_were(made.run, made.box("Work"), rows)) == tuple(rows)
    assert made.rows("Work") == rows[::-1]
    assert not listed_again(made)


class Touched(Files):
    """Of all that is here the mtime is another; `data` is what its file has by now."""

    def __init__(self, made: Bare, data: dict[str, bytes | StorageError]) -> None:
        rows = {row.name: seen_as(row) for row in made.rows("Work") if row.name in data}
        super().__init__(
            {
                name: replace(seen, mtime_ns=seen.mtime_ns + 7)
                for name, seen in rows.items()
                if name is not None
            }
        )
        self.data = data

    def digest(self, box: MailboxName, entry: LocalEntry) -> Digest | None:
        data = self.data[entry.name]
        if isinstance(data, StorageError):
            raise data
        return digest(data)


def test_a_file_of_another_time_is_told_by_its_bytes(made: Bare) -> None:
    """As after a copy of the whole Maildir; of one that cannot be read nothing is said."""
    rows = made.rows("Work")[:3]
    a, b, c, *_ = names(made)
    files = Touched(made, {a: body_of("a"), b: body_of("n"), c: BAD})
    made.run.maildir = files  # type: ignore[assignment]
    same = made.do(as_they_were(made.run, made.box("Work"), rows))
    assert [(row.uid, seen_as(row)) for row in same] == [(1, files.shown[a])]
    first, *others = [row for row in made.rows("Work") if row.uid in {1, 2, 3}]
    assert (first.name, seen_as(first)) == (a, files.shown[a]), "and is that from now on"
    assert [row.local for row in others] == [Presence.GONE, Presence.GONE]
    edited = {row.name: seen_as(row) for row in made.rows("Work") if row.uid is None}
    assert edited == {b: files.shown[b], c: files.shown[c]}
    assert made.troubles() == {}


def test_a_file_that_is_gone_is_looked_for_again(made: Bare) -> None:
    """Nothing is proven by that: it may have another name by now."""
    rows = made.rows("Work")[:1]
    made.run.maildir = Files({})  # type: ignore[assignment]
    assert made.do(as_they_were(made.run, made.box("Work"), rows)) == ()
    assert made.rows("Work")[:1] == rows
    assert listed_again(made)
    assert made.run.shifted == {made.box("Work").id}
