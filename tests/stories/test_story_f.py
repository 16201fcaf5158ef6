"""(f) Cache lost, 50 expunged meanwhile: held, nothing re-uploaded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, plain, strict_qresync
from support.client import canonical
from support.storied import Story
from support.wired import Wired, message, text_of

COUNT, GONE = 300, 50
LEFT = " ".join(f"m{number}" for number in range(GONE, COUNT))
ALL = " ".join(f"m{number}" for number in range(COUNT))


def lost(story: Story) -> None:
    """Both sides have 300; 50 are expunged, one new comes on each side, the cache is lost."""
    for number in range(COUNT):
        story.serve("INBOX", f"m{number}")
    story.tell()
    for number in range(GONE):
        story.server.expunge("INBOX", story.uid_of("INBOX", f"m{number}"))
    story.serve("INBOX", "there")
    story.file("INBOX", "here")
    for path in story.state.glob("cache.db*"):
        path.unlink()
    ran = story.tell()
    assert (ran.exit, ran.total.held) == (3, GONE)
    assert "the cache was lost" in ran.text
    assert "mailsync accept" in ran.text
    assert "mailsync reject" in ran.text
    assert (ran.fetched, ran.stored) == (1, 1)
    assert ran.total.removed == ran.total.expunged == 0
    story.idle(exit=3)


@pytest.mark.parametrize("profile", [strict_qresync, plain])
def test_story_f_accepted(profile: Callable[[], Profile]) -> None:
    with Story("f", profile()) as story:
        lost(story)
        assert story.accept() == GONE
        story.oracle.deleted |= {f"m{number}" for number in range(GONE)}
        ran = story.tell()
        assert (ran.exit, ran.total.removed, ran.fetched, ran.stored) == (0, GONE, 0, 0)
        assert len(story.undo()) == GONE
        story.agree({"INBOX": f"{LEFT} there here"})


@pytest.mark.parametrize("profile", [strict_qresync, plain])
def test_story_f_rejected(profile: Callable[[], Profile]) -> None:
    with Story("f", profile()) as story:
        lost(story)
        assert story.reject() == GONE
        ran = story.tell()
        assert (ran.exit, ran.total.uploaded, ran.fetched, ran.stored) == (0, GONE, 0, GONE)
        story.agree({"INBOX": f"{ALL} there here"})


def test_story_f_removed_here_meanwhile() -> None:
    """Nothing can tell it from mail that never came: it is fetched again, once."""
    with Story("f") as story:
        for number in range(COUNT):
            story.serve("INBOX", f"m{number}")
        story.tell()
        for number in range(GONE):
            story.unlink("INBOX", f"m{number}")
        for path in story.state.glob("cache.db*"):
            path.unlink()
        ran = story.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, GONE, 0)
        story.agree({"INBOX": ALL})


@pytest.mark.dovecot
def test_story_f_on_dovecot(wired: Wired) -> None:
    wired.fill(COUNT)
    wired.settle()
    with wired.client() as client:
        client.expunge(client.uids()[:GONE])
    wired.lose_cache()
    report = wired.sync()
    assert (report.exit, report.total().held) == (3, GONE), report
    assert "the cache was lost" in text_of(report)
    assert "mailsync accept" in text_of(report)
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    assert len(wired.files()) == COUNT
    wired.idle(exit=3)
    assert wired.accept("INBOX") == GONE
    report = wired.settle()
    assert report.total().removed == GONE
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    undo = {path.read_bytes() for path in (wired.state / "undo").iterdir()}
    assert undo == {canonical(message(number)) for number in range(GONE)}
    wired.idle()


@pytest.mark.dovecot
def test_story_f_rejected_on_dovecot(wired: Wired) -> None:
    wired.fill(COUNT)
    wired.settle()
    with wired.client() as client:
        client.expunge(client.uids()[:GONE])
    wired.lose_cache()
    assert wired.sync().exit == 3
    assert wired.reject("INBOX") == GONE
    report = wired.settle()
    assert report.total().uploaded == GONE
    assert (wired.traffic.bodies, wired.traffic.commands["APPEND"]) == (0, 1)
    assert len(wired.files()) == COUNT
    wired.idle()
