"""The disk with the Maildir is taken away at an awkward moment: nothing is written in its place,
and nothing is deleted on the server (rule 5)."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator

import pytest
from sim.steps import Crash, Steps
from support.storied import Story


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("unmounted") as s:
        s.server.create("Empty")
        for ghost in "abc":
            s.serve("INBOX", ghost)
        assert s.tell().exit == 0
        yield s


def unmount(story: Story) -> None:
    story.fs.rename("/mail", "/away")
    story.fs.sync_dir("/")


def empty_place(story: Story) -> None:
    unmount(story)
    story.fs.mkdir("/mail")
    story.fs.sync_dir("/")


def mount(story: Story) -> None:
    if "mail" in dict(story.fs.list("/")):
        assert list(story.fs.list("/mail")) == []
        story.fs.rmdir("/mail")
    story.fs.rename("/away", "/mail")
    story.fs.sync_dir("/")


@pytest.mark.parametrize("how", ["new UIDVALIDITY", "rolled back", "all expunged"])
def test_after_a_run_that_was_killed_while_nothing_was_paired(story: Story, how: str) -> None:
    kept = story.state / "kept.db"
    shutil.copy(story.state / "cache.db", kept)
    story.serve("INBOX", "d")
    assert story.tell().exit == 0
    after, steps = "a b c d", Steps()
    if how == "new UIDVALIDITY":
        story.server.new_uidvalidity("INBOX", 10)
        steps.before("cache.store_server.done", steps.crash)
    elif how == "rolled back":
        shutil.copy(kept, story.state / "cache.db")
        steps.before("cache.begin_relink.done", steps.crash)
    else:
        for ghost in after.split():
            story.expunge("INBOX", ghost)
        after = ""
        steps.before("cache.store_server.done", steps.crash)
    story.pass_time(60)
    with pytest.raises(Crash):
        story.sync(steps)
    unmount(story)
    assert story.tell().exit == 3
    assert story.fs.files(under="/mail") == {}
    mount(story)
    assert story.tell().exit == 0
    story.agree({"INBOX": after})


@pytest.mark.parametrize("taken", [unmount, empty_place])
def test_between_two_attempts_of_a_run(story: Story, taken: object) -> None:
    """As by a laptop that was suspended: the connection is lost, and the disk too."""
    assert callable(taken)
    story.serve("INBOX", "d")
    story.file("INBOX", "e")
    steps = Steps()

    def gone() -> None:
        story.server.fault("*", "BYE Suspended")
        taken(story)

    steps.before("cache.begin_intents.done", gone)
    ran = story.tell(steps)
    assert b"Empty" in story.server.boxes
    assert story.fs.files(under="/mail") == {}
    assert ran.exit == 3
    mount(story)
    assert story.tell().exit == 0
    story.agree({"INBOX": "a b c d e"})


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
@pytest.mark.parametrize("at", ["unlink", "sync_dir"])
def test_a_marker_that_cannot_be_written_for_a_moment_is_not_another_one(
    story: Story, at: str, number: int
) -> None:
    """The next attempt of the run goes on, where the one before was cut off."""
    story.serve("INBOX", "d")
    left = [at]

    def refuse(call: str, path: str) -> None:
        if call in left and path in ("/mail/.mailsync.new", "/mail/."):
            left.remove(call)
            raise OSError(number, "too many", path)

    story.refuse = refuse
    ran = story.tell()
    story.refuse = None
    assert left == []
    assert ran.exit == 0, ran.text
    story.agree({"INBOX": "a b c d"})
