"""(l) A copy made on the server, then one of the two deleted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, dovecot, plain, strict_qresync
from support.client import canonical
from support.storied import Story
from support.wired import Wired, message

from mailsync.model.settings import Deletions

PROFILES = [strict_qresync, dovecot, plain]


@pytest.fixture(params=PROFILES)
def story(request: pytest.FixtureRequest) -> Story:
    """a is in INBOX and, copied by another client and synced, in Work."""
    profile: Callable[[], Profile] = request.param
    with Story("l", profile()) as made:
        made.server.create("Work")
        made.serve("INBOX", "a", "\\Seen")
        made.serve("INBOX", "b")
        made.tell()
        made.server.copy("INBOX", made.uid_of("INBOX", "a"), "Work")
        ran = made.tell()
        # By EMAILID the copy is made of the file that is here.
        assert (ran.exit, ran.fetched) == (0, 0 if made.server.profile.objectid else 1)
        yield made


@pytest.mark.parametrize(("box", "after"), [("INBOX", "Work"), ("Work", "INBOX")])
def test_story_l_deleted_on_the_server(story: Story, box: str, after: str) -> None:
    story.server.expunge(box, story.uid_of(box, "a"))
    ran = story.tell()
    assert (ran.exit, ran.total.removed, ran.total.moved) == (0, 1, 0)
    assert (ran.fetched, ran.stored) == (0, 0)
    assert list(story.undo().values()) == [story.oracle.bodies["a"]]
    views = {"INBOX": "b", "Work": ""}
    views[after] += " a:S"
    story.agree(views)


@pytest.mark.parametrize(("box", "after"), [("INBOX", "Work"), ("Work", "INBOX")])
def test_story_l_deleted_in_the_maildir(story: Story, box: str, after: str) -> None:
    story.fs.unlink(story.path_of(box, "a"))
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.total.moved) == (0, 1, 0)
    assert (ran.fetched, ran.stored) == (0, 0)
    views = {"INBOX": "b", "Work": ""}
    views[after] += " a:S"
    story.agree(views)


def test_story_l_both_deleted(story: Story) -> None:
    """One here, one there: both are gone, and none is taken for the other's move."""
    story.oracle.deleted.add("a")
    story.server.expunge("INBOX", story.uid_of("INBOX", "a"))
    story.fs.unlink(story.path_of("Work", "a"))
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored, ran.total.moved) == (0, 0, 0, 0)
    assert (ran.total.removed, ran.total.expunged) == (1, 1)
    story.agree({"INBOX": "b"})


@pytest.mark.parametrize("profile", PROFILES)
def test_story_l_the_copy_is_new_when_the_file_goes(profile: Callable[[], Profile]) -> None:
    """Copied there and deleted here between two runs: the copy stays."""
    with Story("l", profile()) as story:
        story.server.create("Work")
        story.serve("INBOX", "a")
        story.serve("INBOX", "b")
        story.tell()
        story.server.copy("INBOX", story.uid_of("INBOX", "a"), "Work")
        story.fs.unlink(story.path_of("INBOX", "a"))
        ran = story.tell()
        assert (ran.exit, ran.stored, ran.total.expunged) == (0, 0, 1)
        story.agree({"INBOX": "b", "Work": "a"})


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("here", [True, False])
def test_story_l_in_one_mailbox(profile: Callable[[], Profile], here: bool) -> None:
    """Twins: exactly the one that was deleted goes."""
    with Story("l", profile()) as story:
        story.serve("INBOX", "a")
        story.tell()
        story.server.copy("INBOX", story.uid_of("INBOX", "a"), "INBOX")
        story.tell()
        first, second = (message.uid for message in story.server.messages("INBOX"))
        story.server.set_flags("INBOX", second, ["\\Flagged"])
        story.tell()
        flagged = next(path for path in story.mail() if path.endswith(":2,F"))
        if here:
            story.fs.unlink(flagged)
        else:
            story.server.expunge("INBOX", second)
        ran = story.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
        assert ran.total.removed + ran.total.expunged == 1
        assert [message.uid for message in story.server.messages("INBOX")] == [first]
        story.agree({"INBOX": "a"})


@pytest.mark.parametrize("profile", PROFILES)
def test_story_l_a_copy_in_the_trash(profile: Callable[[], Profile]) -> None:
    """What the \\Trash mailbox already holds is expunged where it was deleted (rule 7)."""
    with Story("l", profile(), deletions=Deletions.TRASH, trash="Trash") as story:
        story.serve("INBOX", "a")
        story.serve("INBOX", "b")
        story.tell()
        story.server.copy("INBOX", story.uid_of("INBOX", "a"), "Trash")
        story.tell()
        story.fs.unlink(story.path_of("INBOX", "a"))
        ran = story.tell()
        assert (ran.exit, ran.total.expunged, ran.fetched, ran.stored) == (0, 1, 0, 0)
        story.agree({"INBOX": "b", "Trash": "a"})


@pytest.mark.dovecot
@pytest.mark.parametrize("gone", ["INBOX", "Work"])
@pytest.mark.parametrize("here", [True, False])
def test_story_l_on_dovecot(wired: Wired, gone: str, here: bool) -> None:
    wired.fill(2)
    with wired.client() as client:
        client.create("Work")
        wired.settle()
        client.copy([1], "INBOX", "Work")
        wired.settle()
        one = next(p for p in wired.files(gone) if p.read_bytes() == canonical(message(0)))
        if here:
            one.unlink()
        else:
            client.expunge([1], gone)
    report = wired.settle()
    total = report.total()
    assert (total.removed, total.expunged, total.moved) == (int(not here), int(here), 0)
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    assert len(wired.files("INBOX")) == (1 if gone == "INBOX" else 2)
    assert len(wired.files("Work")) == (0 if gone == "Work" else 1)
    wired.idle()
