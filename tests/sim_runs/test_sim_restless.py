"""Others change what a sync is about to do: it looks again and comes to rest in the same run, or
says that it did not."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
from sim.server_profile import plain, strict_qresync
from sim.steps import Steps
from support.storied import Story

RESTLESS = "is not at rest: sync again"


@pytest.fixture(params=[strict_qresync, plain], ids=["qresync", "plain"])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    with Story("restless", request.param()) as made:
        for ghost in ("a", "b"):
            made.serve("INBOX", ghost)
        made.tell()
        made.tell()
        yield made


@pytest.mark.parametrize("times", [1, 3, 100])
def test_a_reader_marks_what_is_about_to_be_removed(story: Story, times: int) -> None:
    """A file with a new name is another look at the same message, not the end of the run."""
    story.expunge("INBOX", "a")
    left = times

    def refuse(call: str, path: str) -> None:
        nonlocal left
        if call in {"rename", "link"} and ".m" not in path and "/INBOX/" in path and left:
            left -= 1
            story.refuse = None
            story.flag("INBOX", "a", "S" if left % 2 else "")
            story.refuse = refuse
            raise FileNotFoundError(errno.ENOENT, "gone", path)

    story.refuse = refuse
    ran = story.tell()
    story.refuse = None
    if times == 100:
        assert (ran.exit, RESTLESS in ran.text) == (75, True)
        ran = story.tell()
    assert (ran.exit, ran.total.removed, RESTLESS in ran.text) == (0, 1, False)
    story.idle()
    story.agree({"INBOX": "b"})
    assert len(story.undo()) == 1


def test_a_message_that_is_gone_is_asked_for_once(story: Story) -> None:
    story.serve("INBOX", "c")
    story.oracle.deleted.add("c")
    uid = story.uid_of("INBOX", "c")
    steps = Steps()
    steps.before("cache.set_generation", lambda: story.server.expunge("INBOX", uid))
    before = len(story.server.executed)
    ran = story.tell(steps)
    asked = [one for one in story.server.executed[before:] if b"BODY.PEEK[]" in one.text]
    assert (ran.exit, len(asked)) == (0, 1)
    story.idle()
    story.agree({"INBOX": "a b"})
