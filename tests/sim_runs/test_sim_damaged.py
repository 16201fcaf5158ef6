"""A file of a synced message that has no bytes any more, as a power cut or a full disk leaves it,
is damage and no edit: the message is fetched again, and not deleted where it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sim.oracle import body_of
from sim.server_profile import Profile, plain_no_uidplus, strict_qresync
from support.storied import Story

DAY = 86400.0


@pytest.fixture(params=[strict_qresync, plain_no_uidplus])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    profile: Callable[[], Profile] = request.param
    with Story("damaged", profile()) as s:
        for box in ("INBOX", "Drafts"):
            for ghost in "ab":
                s.serve(box, f"{box[0]}{ghost}")
        s.file("INBOX", "r", ":2,S")
        s.tell()
        s.tell()
        yield s


def empty(s: Story, box: str, ghost: str) -> str:
    path = s.path_of(box, ghost)
    node = s.disk.find(path)
    node.data.clear()
    node.mtime_ns += 1
    node.sync_data()
    s.pass_time(2 * DAY)  # the audit sees it, where nothing else does
    return path


@pytest.mark.parametrize("ghost", ["Ia", "r"])
def test_it_is_fetched_again(story: Story, ghost: str) -> None:
    path = empty(story, "INBOX", ghost)
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.total.expunged) == (1, 1, 0)
    assert "the file is empty" in ran.text
    assert story.path_of("INBOX", ghost) != path
    assert sorted(story.server.ghosts("INBOX")) == ["Ia", "Ib", "r"]
    story.fs.unlink(path)  # as a person does who reads that
    story.fs.sync_dir(path.rpartition("/")[0])
    assert story.tell().exit == 0
    story.agree({"INBOX": "Ia Ib r:S", "Drafts": "Da Db"})


def test_all_files_of_a_mailbox(story: Story) -> None:
    for ghost in ("Ia", "Ib", "r"):
        empty(story, "INBOX", ghost)
    assert story.tell().total.downloaded == 3
    assert sorted(story.server.ghosts("INBOX")) == ["Ia", "Ib", "r"]
    assert story.path_of("INBOX", "r")


def test_expunged_on_the_server_meanwhile(story: Story) -> None:
    """Nothing is left of it, and nothing is sent."""
    empty(story, "INBOX", "Ia")
    story.expunge("INBOX", "Ia")
    ran = story.tell()
    assert (ran.exit, ran.stored) == (1, 0)
    assert sorted(story.server.ghosts("INBOX")) == ["Ib", "r"]


def test_a_draft_that_an_editor_is_about_to_write(story: Story) -> None:
    """Its old version goes when the new one was sent."""
    path = empty(story, "Drafts", "Da")
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.total.expunged) == (1, 0, 0)
    assert sorted(story.server.ghosts("Drafts")) == ["Da", "Db"]
    story.oracle.born("n", body := body_of("n"))
    story.oracle.deleted.add("Da")
    node = story.disk.find(path)
    story.disk.write(node, body)
    node.sync_data()
    story.pass_time(DAY)
    story.tell()
    assert story.tell().exit == 0
    story.agree({"INBOX": "Ia Ib r:S", "Drafts": "Db n"})
