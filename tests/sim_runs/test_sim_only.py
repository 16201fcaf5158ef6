"""`sync A/M`: other mailboxes are seen and left alone; moves that touch them stay open (rule 9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sim.scenarios import six
from sim.stack import Stack

from mailsync.model.errors import Exit
from mailsync.model.settings import Deletions


@pytest.fixture(params=[Deletions.EXPUNGE, Deletions.TRASH])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    made = Stack(deletions=request.param)
    six(made)
    made.sync()
    made.pass_time(60)
    yield made
    made.close()


def settle(stack: Stack, **after: str) -> None:
    """A sync of everything makes the move, and nothing else."""
    executed = len(stack.server.executed)
    assert stack.sync().exit is Exit.OK
    assert "APPEND" not in stack.server.counts(executed)
    for box, ghosts in after.items():
        assert stack.server.ghosts(box) == dict.fromkeys(ghosts, 1), box
        local = stack.oracle.local_views(stack.fs.files()).get(box, {})
        assert sorted(ghost for ghost, _ in local) == sorted(ghosts), box


@pytest.mark.parametrize("only", [("INBOX",), ("Work",)])
def test_a_move_in_the_maildir_stays_open(stack: Stack, only: tuple[str, ...]) -> None:
    stack.move_file("INBOX", "a", "Work")
    executed = len(stack.server.executed)
    assert stack.sync(only=only).exit is Exit.OK
    assert stack.server.changing(executed) == []
    settle(stack, INBOX="bc", Work="dea", Trash="")


@pytest.mark.parametrize("only", [("INBOX",), ("Work",)])
def test_a_move_on_the_server_stays_open(stack: Stack, only: tuple[str, ...]) -> None:
    stack.server.move("INBOX", stack.uid_of("INBOX", "a"), "Work")
    files = stack.fs.files()
    assert stack.sync(only=only).exit is Exit.OK
    changed = stack.fs.files().keys() ^ files.keys()
    assert not [path for path in changed if "/.mailsync" not in path]
    settle(stack, INBOX="bc", Work="dea", Trash="")


def test_other_mailboxes_wait_with_all_they_have(stack: Stack) -> None:
    stack.file("Work", "f")
    stack.file("New", "g")
    stack.serve("INBOX", "h")
    stack.unlink("Work", "d")
    stack.expunge("Work", "e")
    report = stack.sync(only=("INBOX",))
    assert (report.exit, report.total().downloaded) == (Exit.OK, 1)
    assert stack.server.ghosts("Work") == {"d": 1}
    assert b"New" not in stack.server.boxes
    assert stack.path_of("Work", "e")
    assert stack.sync().exit is Exit.OK
    assert stack.server.ghosts("Work") == {"f": 1}
    assert stack.server.ghosts("New") == {"g": 1}


@pytest.mark.parametrize("changed", [False, True])
def test_a_mailbox_that_is_not_there(stack: Stack, changed: bool) -> None:
    stack.sync()
    if changed:
        stack.serve("INBOX", "f")
    report = stack.sync(only=("Wrok",))
    assert report.exit is Exit.CONFIG
    assert report.errors == (
        "test/Wrok: there is no such mailbox on either side; did you mean test/Work?",
    )
