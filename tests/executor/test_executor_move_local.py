"""Files that go from one mailbox of the Maildir to another, or are copied there."""

from __future__ import annotations

import errno
import importlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest
from sim.oracle import body_of
from sim.stack import DATE
from sim.steps import Steps
from support.bare import Bare
from support.storied import Story

from mailsync.executor.files import seen_as
from mailsync.model.actions import MoveLocal
from mailsync.model.ids import UID, UIDValidity, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry
from mailsync.model.rows import Row

moves = importlib.import_module("mailsync.executor.moves")
DAY = 86_400.0


def moved_there(story: Story) -> None:
    for ghost in "abc":
        story.server.move("INBOX", story.uid_of("INBOX", ghost), "Work")


def test_a_file_that_goes_at_the_last_moment_is_looked_for(story: Story) -> None:
    """A mail reader moves it to a third mailbox between the last look and the rename: it is where
    he put it, and on the server, too."""
    moved_there(story)
    steps = Steps()
    steps.before("disk.rename_all", lambda: story.move_file("INBOX", "b", "Third"))
    ran = story.tell(steps)
    assert (ran.total.moved, ran.total.failed) == (2, 0)
    story.tell()
    ran = story.tell()
    assert (ran.exit, story.server.ghosts("Work")) == (0, {"a": 1, "b": 1, "c": 1, "w": 1})


def test_a_file_that_the_disk_does_not_move_holds_up_no_other(story: Story) -> None:
    moved_there(story)
    path = story.path_of("INBOX", "b")

    def step(name: str, where: str) -> None:
        if name == "rename" and where == path:
            raise OSError(errno.EINVAL, "not that one", where)

    story.refuse = step
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.total.moved, ran.total.parked) == (1, 0, 2, 1)
    assert ran.report.mailboxes[0].name == "INBOX"
    story.refuse = None
    ran = story.tell(pause=DAY)
    assert (ran.exit, ran.fetched, ran.total.moved) == (0, 0, 1)
    story.agree({"Work": "a b c w"})


def test_a_file_that_is_written_over_stays_as_another_message(story: Story) -> None:
    """Its text is not the message that has left: that is fetched where it is now."""
    moved_there(story)
    path = story.path_of("INBOX", "b")
    story.oracle.born("n", body_of("n"))

    def edit() -> None:
        story.fs.unlink(path)
        story.write(path, body_of("n"), DATE + 9)

    steps = Steps()
    steps.before("cache.apply", edit)
    assert story.tell(steps).total.moved == 2
    assert story.mail()[path] == body_of("n")
    story.tell()
    story.agree({"INBOX": "n", "Work": "a b c w"})


def test_files_go_back_when_their_new_directory_cannot_be_made_durable(story: Story) -> None:
    """Also past one whose old name cannot be had; the next observation finds that where it is."""
    moved_there(story)
    before, stuck = story.mail(), story.path_of("INBOX", "b")
    back: list[str] = []

    def step(name: str, where: str) -> None:
        if name == "sync_dir" and where.startswith("/mail/Work/"):
            raise OSError(errno.EACCES, "not durable", where)
        if name == "rename to" and where == stuck:
            back.append(where)
            raise OSError(errno.EACCES, "not that one", where)

    story.refuse = step
    ran = story.tell()
    assert (ran.exit, ran.total.moved, ran.fetched) == (1, 0, 0)
    assert back == [stuck]
    assert {path for path in before if "/INBOX/" in path} - story.mail().keys() == {stuck}
    story.refuse = None
    ran = story.tell(pause=DAY)
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
    story.agree({"Work": "a b c w"})


class Renames:
    """A Maildir whose files are as they were seen; then some of them have gone on."""

    def __init__(self, rows: Sequence[Row], gone: Sequence[Row]) -> None:
        self.facts = {row.name: seen_as(row) for row in rows}
        self.gone = {row.name for row in gone}

    def inspect(
        self, box: MailboxName, entries: Sequence[LocalEntry], uid_validity: UIDValidity | None
    ) -> dict[UniqueName, FileFacts]:
        return {entry.name: self.facts[entry.name] for entry in entries}

    def doubles(self, box: MailboxName, entries: Sequence[LocalEntry]) -> dict[str, object]:
        return {}

    def own_name(
        self, box: MailboxName, uid_validity: UIDValidity, uid: UID, date: int | None
    ) -> UniqueName:
        return UniqueName(f"{box} {uid}")

    def move(
        self, source: MailboxName, entry: LocalEntry, target: MailboxName, unique: UniqueName
    ) -> LocalEntry | None:
        return None if entry.name in self.gone else replace(entry, name=unique)

    def settle(self, boxes: Sequence[MailboxName]) -> None:
        assert boxes == ["Work", "INBOX"]


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_of_files_that_have_gone_on_none_counts_as_moved(
    story: Story, monkeypatch: pytest.MonkeyPatch, gone: int
) -> None:
    told: list[tuple[str, int]] = []
    with Bare(story) as made:
        rows, (join, *_) = made.rows("INBOX")[:2], made.rows("Work")
        made.run.maildir = Renames(rows, rows[:gone])  # type: ignore[assignment]
        for name in ("moved_local", "lost_file"):
            noted = partial(lambda name, what: told.append((name, len(what))), name)
            monkeypatch.setattr(made.cache, name, noted)
        inbox, work = made.box("INBOX").id, made.box("Work").id
        action = MoveLocal(inbox, work, tuple(rows), (join, replace(join, uid=UID(9))), "why")
        made.do(moves.move_local(made.run, action))
        moved = {"INBOX": {"moved": 2 - gone}} if gone < 2 else {}
        assert made.run.tallies.done == moved
        assert made.run.shifted == ({inbox} if gone else set())
    assert told == {
        0: [("moved_local", 2)], 1: [("moved_local", 1), ("lost_file", 1)], 2: [("lost_file", 2)]
    }[gone]  # fmt: skip


@pytest.mark.parametrize("copy", [False, True])
def test_a_file_is_named_by_where_it_is_now(story: Story, copy: bool) -> None:
    """After a loss of the cache its name tells which message it is (semantics.md, rule 4)."""
    act = story.server.copy if copy else story.server.move
    for ghost in "ab":
        act("INBOX", story.uid_of("INBOX", ghost), "Work")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.total.moved) == (0, 0, 0 if copy else 2)
    for path in story.state.glob("cache.db*"):
        path.unlink()
    for ghost, age in (("a", 1), ("b", 2)):
        assert story.path_of("Work", ghost).startswith(f"/mail/Work/new/{DATE + age}.")
    since = len(story.server.executed)
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
    asked = [one for one in story.server.executed[since:] if b"BODY.PEEK" in one.text]
    assert asked == []
    story.agree({"INBOX": "a b c" if copy else "c", "Work": "a b w"})


def test_a_copy_of_what_is_written_over_is_fetched(story: Story) -> None:
    """At the last moment: its text is another message's by then."""
    story.server.copy("INBOX", story.uid_of("INBOX", "a"), "Work")
    story.oracle.born("n", body_of("n"))
    path, over = story.path_of("INBOX", "a"), []

    def step(name: str, where: str) -> None:
        if name == "open" and where == path and not over:
            over.append(where)
            story.fs.unlink(path)
            story.write(path, body_of("n"), DATE + 9)

    story.refuse = step
    story.tell()
    story.tell()
    assert over
    assert story.server.ghosts("Work") == {"a": 1, "w": 1}
    here = story.oracle.local_views(story.mail())
    assert {ghost for ghost, _ in here["Work"]} == {"a", "w"}


def test_what_the_disk_does_not_copy_is_fetched(story: Story) -> None:
    story.server.copy("INBOX", story.uid_of("INBOX", "a"), "Work")
    path = story.path_of("INBOX", "a")

    def step(name: str, where: str) -> None:
        if name == "open" and where == path:
            raise OSError(errno.EACCES, "unreadable", where)

    story.refuse = step
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.total.downloaded) == (0, 1, 1)
    story.refuse = None
    story.agree({"INBOX": "a b c", "Work": "a w"})


def test_a_full_disk_leaves_nothing_of_the_copies_in_tmp(story: Story) -> None:
    """What was copied before it was full takes room, too."""
    for ghost in "ab":
        story.server.copy("INBOX", story.uid_of("INBOX", ghost), "Work")
    made: list[str] = []

    def step(name: str, where: str) -> None:
        if name == "create" and where.startswith("/mail/Work/tmp/"):
            made.append(where)
            if len(made) > 1:
                raise OSError(errno.ENOSPC, "full", where)

    story.refuse = step
    ran = story.tell()
    assert (ran.exit, ran.fetched, len(made)) == (75, 0, 2)
    assert story.fs.files(under="/mail/Work/tmp/") == {}
    story.refuse = None
    ran = story.tell()
    assert (ran.exit, ran.fetched) == (0, 0)
    story.agree({"INBOX": "a b c", "Work": "a b w"})
