"""Flags in the names of files: what cannot be renamed is parked, or looked for again."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from support.bare import Bare

from mailsync.executor.files import entry_of
from mailsync.executor.flags import set_local_flags
from mailsync.executor.run import Run
from mailsync.model.actions import SetLocalFlags
from mailsync.model.errors import Reach, StorageError
from mailsync.model.flags import Flags
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import LocalEntry
from mailsync.model.rows import Mailbox, Row

flags = importlib.import_module("mailsync.executor.flags")

WORDS = ("Later", "Todo", "Work")
TABLE = Keywords(WORDS)
LATER, TODO, _ = (TABLE.flag(word) for word in WORDS)
SEEN, FLAGGED = Flags.SEEN, Flags.FLAGGED
NONE = Flags.NONE


class Names:
    """A Maildir: some files are gone, one cannot be renamed; the others get letters."""

    def __init__(self, gone: str, bad: str) -> None:
        self.gone, self.bad = gone, bad
        self.asked: list[tuple[str, Flags, Flags]] = []
        self.settled: list[list[MailboxName]] = []

    def set_flags(
        self, box: MailboxName, entry: LocalEntry, add: Flags, remove: Flags
    ) -> LocalEntry | None:
        assert box == "INBOX"
        self.asked.append((entry.name, add, remove))
        if entry.name == self.bad:
            raise StorageError("no such name", reach=Reach.MESSAGE)
        return None if entry.name == self.gone else replace(entry, info=":2,S", flags=SEEN)

    def settle(self, boxes: list[MailboxName]) -> None:
        self.settled.append(boxes)

    def doubles(self, box: MailboxName, entries: list[LocalEntry]) -> dict[str, list[LocalEntry]]:
        assert (box, [one.name for one in entries]) == ("INBOX", [self.gone])
        return {}


def noted(told: list[tuple[object, ...]], call: Callable[..., object]) -> Callable[..., object]:
    """It is called, and what with is told."""

    def noting(*args: object) -> object:
        told.append((call.__name__, *args))
        return call(*args)

    return noting


def test_files_get_their_letters_with_the_keywords_that_they_have(
    made: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is gone is looked for again, one that is refused is parked."""
    rows = made.rows("INBOX")[:4]
    first = replace(rows[0], local_flags=LATER | TODO | FLAGGED)
    assert rows[1].name is not None
    assert rows[2].name is not None
    names = Names(rows[1].name, rows[2].name)
    made.run.maildir = names  # type: ignore[assignment]
    action = SetLocalFlags(made.box("INBOX").id, (first, *rows[1:]), SEEN, TODO | FLAGGED)
    told: list[tuple[object, ...]] = []
    for name in ("renamed", "lost_file"):
        monkeypatch.setattr(made.cache, name, noted(told, getattr(made.cache, name)))
    made.do(set_local_flags(made.run, action))
    removed = TODO | FLAGGED
    assert names.asked == [
        (first.name, SEEN | LATER, removed),
        *((row.name, SEEN, removed) for row in rows[1:]),
    ]
    assert names.settled == [["INBOX"]]
    assert made.troubles() == {3: ("no such name", 15)}
    assert made.run.tallies.done == {"INBOX": {"failed": 1, "flags-local": 2}}
    renamed = [
        (row.id, replace(entry_of(row), info=":2,S", flags=SEEN)) for row in (first, rows[3])
    ]
    assert told == [("renamed", renamed, SEEN, removed), ("lost_file", [rows[1].id])]
    assert made.run.shifted == {made.box("INBOX").id}
    assert [row.info for row in made.rows("INBOX")[:4]] == [":2,S", "", "", ":2,S"]


@pytest.mark.parametrize("doubles", [True, False])
@pytest.mark.parametrize("free", [True, False])
def test_a_name_that_a_double_had_is_free_when_that_is_put_away(
    made: Bare, monkeypatch: pytest.MonkeyPatch, doubles: bool, free: bool
) -> None:
    """It is tried once more; a file that is not there is looked for again."""
    first, second = made.rows("INBOX")[:2]
    assert second.name is not None
    names = Names(second.name, "")
    made.run.maildir = names  # type: ignore[assignment]

    async def put_away_doubles(run: Run, box: Mailbox, rows: Sequence[Row]) -> bool:
        assert (run, box.name, list(rows)) == (made.run, "INBOX", [second])
        if doubles and free:
            names.gone = ""
        return doubles

    monkeypatch.setattr(flags, "put_away_doubles", put_away_doubles)
    told: list[tuple[object, ...]] = []
    for name in ("renamed", "lost_file"):
        monkeypatch.setattr(made.cache, name, noted(told, getattr(made.cache, name)))
    action = SetLocalFlags(made.box("INBOX").id, (first, second), SEEN, NONE)
    made.do(set_local_flags(made.run, action))
    assert [name for name, *_ in names.asked] == [first.name, second.name, second.name][
        : 3 if doubles else 2
    ]
    last = "renamed" if doubles and free else "lost_file"
    assert [name for name, *_ in told] == ["renamed", last], "nothing is told of no file"
    assert made.run.tallies.done == {"INBOX": {"flags-local": 2 if doubles and free else 1}}
