"""Files whose times are others and whose bytes are not, as after `cp -r` of the whole Maildir."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sim.fs import SimFs
from support.storied import Story

LATER = 10**12  # ns


@pytest.fixture
def story() -> Iterator[Story]:
    """`a` came from the server, `u` was sent there; both are of other times by now."""
    with Story("touched") as s:
        s.server.create("Work")
        s.serve("INBOX", "a")
        s.file("INBOX", "u", ":2,S")
        assert s.tell().exit == 0
        assert s.tell().exit == 0
        for ghost in "au":
            touch(s.fs, s.path_of("INBOX", ghost))
        yield s


def touch(fs: SimFs, path: str) -> None:
    node = fs.disk.find(path)
    node.mtime_ns += LATER
    node.dirty = True
    fs.disk.sync()


@pytest.mark.parametrize(("ghost", "left"), [("a", "u:S"), ("u", "a")])
def test_expunged_on_the_server(story: Story, ghost: str, left: str) -> None:
    """It is removed, not sent again as another message."""
    story.expunge("INBOX", ghost)
    ran = story.tell()
    assert (ran.exit, ran.total.removed, ran.stored) == (0, 1, 0), ran.text
    story.agree({"INBOX": left})
    assert len(story.undelete()) == 1


def test_expunged_on_the_server_when_the_audit_looks(story: Story) -> None:
    story.expunge("INBOX", "a")
    ran = story.tell(pause=2 * 86400)
    assert (ran.exit, ran.total.removed, ran.stored) == (0, 1, 0), ran.text
    story.agree({"INBOX": "u:S"})


def test_drafts(story: Story) -> None:
    """Which are looked at in every run."""
    for ghost in "de":
        story.serve("Drafts", ghost, "\\Draft")
    assert story.tell().exit == 0
    for ghost in "de":
        touch(story.fs, story.path_of("Drafts", ghost))
    story.expunge("Drafts", "d")
    ran = story.tell()
    assert (ran.exit, ran.total.removed, ran.fetched, ran.stored) == (0, 1, 0, 0), ran.text
    story.agree({"INBOX": "a u:S", "Drafts": "e:D"})


@pytest.mark.parametrize(("ghost", "left", "gone"), [("a", "u:S", "a"), ("u", "a", "u:S")])
@pytest.mark.parametrize("here", [True, False])
def test_moved(story: Story, ghost: str, left: str, gone: str, here: bool) -> None:
    if here:
        story.move_file("INBOX", ghost, "Work")
    else:
        story.server.move("INBOX", story.uid_of("INBOX", ghost), "Work")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
    story.agree({"INBOX": left, "Work": gone})


@pytest.mark.parametrize("size", ["same", "other"])
def test_other_bytes_are_another_message(story: Story, size: str) -> None:
    """Written over in place, and its message expunged: what was written is sent."""
    path = story.path_of("INBOX", "a")
    data = story.fs.files()[path].replace(b"Body", b"Text" if size == "same" else b"A text")
    story.expunge("INBOX", "a")
    story.fs.unlink(path)
    story.oracle.deleted.discard("a")
    story.oracle.born("a", data)
    story.write(path, data, 1_700_100_000)
    ran = story.tell()
    assert (ran.exit, ran.total.removed, ran.stored) == (0, 0, 1), ran.text
    assert story.server.ghosts("INBOX") == {"a": 1, "u": 1}
