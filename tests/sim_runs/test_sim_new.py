"""A mailbox whose new/ is missing: a missing directory proves nothing (semantics.md, rule 3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from unittest import mock

import pytest
from sim.scenarios import six
from sim.stack import DATE, ROOT, Stack
from sim.steps import Steps
from sim.world import make_world
from support.storied import Story

from mailsync.model.errors import Exit
from mailsync.modes import decide

NEW = f"{ROOT}/INBOX/new"


@pytest.fixture
def stack() -> Iterator[Stack]:
    made = Stack("new")
    six(made)
    assert made.sync().exit == Exit.OK
    yield made
    made.close()


def test_an_empty_one_is_made_again(stack: Stack) -> None:
    for ghost in "ac":
        stack.flag("INBOX", ghost, "S")
    stack.pass_time(10)
    assert stack.sync().exit == Exit.OK
    stack.fs.rmdir(NEW)
    stack.fs.sync_dir(f"{ROOT}/INBOX")
    stack.unlink("INBOX", "a")
    stack.file("Work", "w")
    stack.write(f"{ROOT}/INBOX/cur/1.u.reader:2,S", b"X-Ghost: u\n\nx\n", 1_700_000_500)
    stack.pass_time(10)
    assert stack.sync().exit == Exit.OK
    assert stack.server.ghosts("INBOX") == dict.fromkeys(("b", "c", "u"), 1)
    assert stack.uid_of("Work", "w")
    executed = len(stack.server.executed)
    assert stack.sync().exit == Exit.OK
    assert not stack.server.changing(executed)


def test_one_that_held_mail_is_asked_for(stack: Stack) -> None:
    """Nothing is deleted and nothing is delivered there, the other mailboxes are synced."""
    away = {}
    for ghost in "ac":
        path = stack.path_of("INBOX", ghost)
        away[path] = stack.fs.files()[path]
        stack.fs.unlink(path)
    stack.fs.rmdir(NEW)
    stack.fs.sync_dir(f"{ROOT}/INBOX")
    stack.serve("INBOX", "x")
    stack.serve("Work", "y")
    stack.pass_time(10)
    for _ in range(2):
        report = stack.sync()
        assert report.exit == Exit.FAILED, report
        notices = "\n".join(n for box in report.mailboxes for n in box.notices)
        assert "INBOX/new is missing, and 2 messages were in it" in notices
        assert stack.server.ghosts("INBOX") == dict.fromkeys("abcx", 1)
        assert stack.path_of("Work", "y")
        assert "new" not in {name for name, _ in stack.fs.list(f"{ROOT}/INBOX")}
        stack.pass_time(10)
    stack.fs.mkdir(NEW)
    for path, data in away.items():
        date = DATE + 1 if "0000000001R" in path else DATE + 3
        stack.write(path, data, date)
    stack.pass_time(10)
    executed = len(stack.server.executed)
    assert stack.sync().exit == Exit.OK
    assert not stack.server.changing(executed)
    assert stack.server.ghosts("INBOX") == dict.fromkeys("abcx", 1)
    assert stack.path_of("INBOX", "x")


def test_undelete_does_not_make_one_that_held_mail() -> None:
    """What was in it would look deleted by the next sync."""
    with Story("undelete into new") as story:
        six(story)
        story.tell()
        for box, ghost in (("INBOX", "b"), ("Work", "d")):
            story.expunge(box, ghost)
        assert story.tell().total.removed == 2
        for ghost in "ac":
            story.fs.unlink(story.path_of("INBOX", ghost))
        story.fs.rmdir(NEW)
        story.fs.sync_dir(f"{ROOT}/INBOX")
        world = make_world(story.server, story.fs, "undelete", Steps())
        with mock.patch.object(decide, "production_world", return_value=nullcontext(world)):
            done = decide.undelete(story.account, None, False)
        assert (len(done.files), len(done.errors)) == (1, 1)
        assert "INBOX/new is missing, and 2 messages were in it" in done.errors[0]
        assert len(story.undo()) == 1
        assert story.path_of("Work", "d")
        for _ in range(2):
            assert story.tell().exit == Exit.FAILED
            assert sorted(story.server.ghosts("INBOX")) == ["a", "c"]
