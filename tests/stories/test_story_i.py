"""(i) Deleted under `pull`, then `both`: held, however few; and the mirror image under `push`."""

from __future__ import annotations

import pytest
from support.client import canonical
from support.storied import Story
from support.wired import Wired, message, text_of

from mailsync.model.settings import Deletions, Direction, Guard

BOTH, PULL, PUSH = Direction.BOTH, Direction.PULL, Direction.PUSH


@pytest.fixture
def pulled() -> Story:
    """a and b were removed under pull, c got a flag, d is new: nothing of it went to the server."""
    with Story("i", direction=PULL, guard=Guard(), deletions=Deletions.TRASH) as story:
        for ghost in "abcef":
            story.serve("INBOX", ghost)
        story.tell()
        story.unlink("INBOX", "a")
        story.unlink("INBOX", "b")
        story.flag("INBOX", "c", "S")
        story.file("INBOX", "d")
        ran = story.tell()
        assert (ran.exit, ran.total.unsent) == (0, 4)
        assert (ran.fetched, ran.stored) == (0, 0)
        story.idle()
        # What happens on the server still comes, but a removed file stays removed.
        story.server.set_flags("INBOX", story.uid_of("INBOX", "a"), ["\\Flagged"])
        story.server.set_flags("INBOX", story.uid_of("INBOX", "c"), ["\\Answered"])
        ran = story.tell()
        assert (ran.exit, ran.fetched, ran.total.flags_local) == (0, 0, 1)
        assert story.path_of("INBOX", "c").endswith(":2,RS")
        story.idle()
        yield story


def held(story: Story) -> None:
    """Flags and files go at once, the deletions are held."""
    story.change(direction=BOTH)
    ran = story.tell()
    assert (ran.exit, ran.total.held, ran.total.unsent) == (3, 2, 0)
    assert "direction or deletions changed" in ran.text
    assert "mailsync accept" in ran.text
    assert (ran.fetched, ran.stored, ran.total.flags_server) == (0, 1, 1)
    assert ran.total.expunged == ran.total.moved == 0
    assert len(story.server.messages("INBOX")) == 6
    story.idle(exit=3)


def test_story_i_without_a_deletion() -> None:
    """What waits goes at once: nothing is held, and nothing said of it."""
    with Story("i", direction=PULL) as story:
        story.serve("INBOX", "a")
        story.tell()
        story.file("INBOX", "d")
        assert story.tell().total.unsent == 1
        story.change(direction=BOTH)
        ran = story.tell()
        assert (ran.exit, ran.total.held, ran.stored, ran.text) == (0, 0, 1, "")
        story.agree({"INBOX": "a d"})


def test_story_i_accepted(pulled: Story) -> None:
    held(pulled)
    assert pulled.accept() == 2
    ran = pulled.tell()
    assert (ran.exit, ran.total.moved, ran.stored) == (0, 2, 0)
    pulled.agree({"INBOX": "c:RS d e f", "Trash": "a:F b"})


def test_story_i_rejected(pulled: Story) -> None:
    held(pulled)
    assert pulled.reject() == 2
    ran = pulled.tell()
    assert (ran.exit, ran.total.downloaded, ran.fetched) == (0, 2, 2)
    pulled.agree({"INBOX": "a:F b c:RS d e f"})


def test_story_i_back_to_pull(pulled: Story) -> None:
    """Changed by mistake and changed back before anybody decided: still held, still nothing done.

    What was held stays so until accept or reject (rule 9)."""
    held(pulled)
    pulled.change(direction=PULL)
    ran = pulled.tell()
    assert ran.total.expunged == ran.total.moved == ran.total.downloaded == 0
    assert len(pulled.server.messages("INBOX")) == 6


@pytest.fixture
def pushed() -> Story:
    """a and b were expunged on the server under push, c got a flag there, d is new there."""
    with Story("i", direction=PUSH, guard=Guard()) as story:
        for ghost in "abcef":
            story.file("INBOX", ghost)
        assert story.tell().stored == 5
        story.expunge("INBOX", "a")
        story.expunge("INBOX", "b")
        story.server.set_flags("INBOX", story.uid_of("INBOX", "c"), ["\\Seen"])
        story.serve("INBOX", "d")
        ran = story.tell()
        assert (ran.exit, ran.total.unsent) == (0, 4)
        assert (ran.fetched, ran.stored) == (0, 0)
        story.idle()
        story.change(direction=BOTH)
        ran = story.tell()
        assert (ran.exit, ran.total.held, ran.total.unsent) == (3, 2, 0)
        assert (ran.fetched, ran.stored, ran.total.removed) == (1, 0, 0)
        story.idle(exit=3)
        yield story


def test_story_i_pushed_and_accepted(pushed: Story) -> None:
    assert pushed.accept("INBOX") == 2
    ran = pushed.tell()
    assert (ran.exit, ran.total.removed) == (0, 2)
    assert sorted(pushed.undo().values()) == sorted(pushed.oracle.bodies[g] for g in "ab")
    pushed.agree({"INBOX": "c:S d e f"})


def test_story_i_pushed_and_rejected(pushed: Story) -> None:
    assert pushed.reject("INBOX") == 2
    ran = pushed.tell()
    assert (ran.exit, ran.total.uploaded, ran.stored) == (0, 2, 2)
    pushed.agree({"INBOX": "a b c:S d e f"})


@pytest.mark.dovecot
@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_story_i_on_dovecot(wired: Wired, decision: str) -> None:
    wired.changes |= {"direction": PULL, "guard": Guard()}
    wired.fill(12)
    wired.settle()
    gone = wired.files()[:2]
    bodies = [path.read_bytes() for path in gone]
    for path in gone:
        path.unlink()
    report = wired.sync()
    assert (report.exit, report.total().unsent) == (0, 2), report
    wired.idle()
    wired.changes["direction"] = BOTH
    report = wired.sync()
    assert (report.exit, report.total().held) == (3, 2), report
    assert "direction or deletions changed" in text_of(report)
    wired.idle(exit=3)
    assert getattr(wired, decision)("INBOX") == 2
    report = wired.settle()
    there = {path.read_bytes() for path in wired.files()}
    if decision == "accept":
        assert (report.total().expunged, wired.traffic.bodies) == (2, 0)
        assert there == {canonical(message(n)) for n in range(12)} - set(bodies)
    else:
        assert (report.total().downloaded, wired.traffic.bodies) == (2, 2)
        assert there == {canonical(message(n)) for n in range(12)}
    wired.idle()
