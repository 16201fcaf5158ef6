"""An empty mailbox removed on one side goes on the other, if it is still empty there (rule 10)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sim.steps import Steps
from support.storied import Story


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("emptied") as s:
        s.server.create("Work")
        s.serve("INBOX", "a")
        s.tell()
        yield s


def test_in_the_maildir(story: Story) -> None:
    story.unmake("Work")
    assert story.tell().commands["DELETE"] == 1
    assert b"Work" not in story.server.boxes
    story.agree({"INBOX": "a"})


def test_on_the_server(story: Story) -> None:
    story.server.delete("Work")
    assert story.tell().exit == 0
    with pytest.raises(FileNotFoundError):
        story.fs.stat("/mail/Work")
    story.agree({"INBOX": "a"})


def test_mail_comes_on_the_server_meanwhile(story: Story) -> None:
    """It stays, and is held."""
    story.unmake("Work")
    steps = Steps()
    steps.before("cache.set_generation", lambda: story.serve("Work", "late"))
    ran = story.tell(steps)
    assert (ran.exit, ran.commands["DELETE"]) == (3, 0), ran.text
    assert story.server.ghosts("Work") == {"late": 1}
    story.idle(exit=3)
    story.reject()
    story.tell()
    story.agree({"INBOX": "a", "Work": "late"})


def test_mail_comes_in_the_maildir_meanwhile(story: Story) -> None:
    story.server.delete("Work")
    steps = Steps()
    steps.before("cache.set_generation", lambda: story.file("Work", "late"))
    ran = story.tell(steps)
    assert "messages or other files in it by now" in ran.text
    assert story.path_of("Work", "late")
    assert story.tell().exit == 3
    story.idle(exit=3)
    story.reject()
    story.tell()
    story.agree({"INBOX": "a", "Work": "late"})
