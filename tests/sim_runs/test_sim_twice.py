"""What lacks a file is listed twice, and what happens in between is seen by the next run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from support.storied import Story


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("twice") as s:
        s.server.create("Work")
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.serve("Work", "w")
        for _ in range(3):
            s.tell()
        yield s


def between(s: Story, act: Callable[[], None]) -> None:
    """One sync, of which INBOX lacks a file, so that it is listed again after Work."""
    s.unlink("INBOX", "a")
    s.file("Work", "n")
    did: list[str] = []

    def mislist(path: str, names: list[str]) -> list[str]:
        if path == "/mail/Work/cur" and not did:
            did.append(path)
            act()
            s.pass_time(5)  # the stamp of the second listing is old enough to be trusted
        return names

    s.mislist = mislist
    assert s.tell().exit == 0
    assert did
    s.mislist = None
    assert s.tell().exit == 0


def test_a_file_that_is_removed_in_between(story: Story) -> None:
    between(story, lambda: story.unlink("INBOX", "b"))
    story.agree({"INBOX": "c", "Work": "w n"})


def test_a_file_that_is_moved_in_between(story: Story) -> None:
    between(story, lambda: story.move_file("INBOX", "b", "Work"))
    story.agree({"INBOX": "c", "Work": "w n b"})


def test_a_file_that_is_renamed_in_between(story: Story) -> None:
    between(story, lambda: story.flag("INBOX", "b", "F"))
    story.agree({"INBOX": "b:F c", "Work": "w n"})
