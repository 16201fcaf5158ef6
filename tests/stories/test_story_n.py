"""(n) The marker removed: nothing is written on either side, exit 3, accept relinks."""

from __future__ import annotations

import json

import pytest
from support.storied import Story
from support.wired import CHANGING, Wired, message, text_of

from mailsync.model.report import Target
from mailsync.modes import decide

MARKER = "/mail/.mailsync"


@pytest.fixture
def story() -> Story:
    """Pairs on both sides, and work of every kind waiting."""
    with Story("n") as made:
        for ghost in "abcdef":
            made.serve("INBOX", ghost)
        made.tell()
        made.serve("INBOX", "there")
        made.file("INBOX", "here")
        made.flag("INBOX", "a", "F")
        made.server.set_flags("INBOX", made.uid_of("INBOX", "b"), ["\\Seen"])
        made.unlink("INBOX", "c")
        made.expunge("INBOX", "d")
        yield made


def refused(story: Story, *words: str) -> None:
    """Twice: nothing is written anywhere, and the person is told."""
    files = story.fs.files()
    served = story.oracle.server_views(story.server)
    for _ in range(2):
        since = len(story.server.executed)
        ran = story.tell()
        assert ran.exit == 3
        assert "mailsync accept test" in ran.text
        for word in words:
            assert word in ran.text
        assert story.server.changing(since) == []
        assert (ran.fetched, ran.stored) == (0, 0)
        assert story.fs.files() == files
        assert story.oracle.server_views(story.server) == served


def accepted(story: Story) -> None:
    assert story.accept() == 6
    ran = story.tell()
    assert (ran.fetched, ran.stored) == (2, 1)
    assert ran.total.removed == ran.total.expunged == 0
    # d was expunged while nothing could be told for sure: that is for a person to decide.
    assert (ran.exit, ran.total.held) == (3, 1)
    story.idle(exit=3)
    assert story.accept() == 1
    assert story.tell().exit == 0
    story.agree({"INBOX": "a:F b:S c e f there here"})


def test_story_n(story: Story) -> None:
    story.fs.unlink(MARKER)
    refused(story, "has no .mailsync file", "6 messages were synced")
    accepted(story)


def test_story_n_the_marker_comes_back(story: Story) -> None:
    """The right disk was mounted: all goes on as if nothing had been."""
    story.fs.rename(MARKER, "/marker")
    refused(story)
    story.fs.rename("/marker", MARKER)
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 1, 1)
    story.agree({"INBOX": "a:F b:S e f there here"})


def test_story_n_another_machine(story: Story) -> None:
    """Two machines on one Maildir."""
    marker = json.loads(story.fs.files()[MARKER])
    marker["machine"] = "another"
    story.fs.unlink(MARKER)
    story.write(MARKER, json.dumps(marker).encode(), 1_700_000_000)
    refused(story, "another machine")
    accepted(story)


def test_story_n_an_empty_directory(story: Story) -> None:
    """The disk is not mounted: what accept would do is said before."""
    for path in story.fs.files(under="/mail/"):
        story.fs.unlink(path)
    refused(story, "is it mounted")


def test_story_n_what_accept_shows(story: Story) -> None:
    story.fs.unlink(MARKER)
    assert story.tell().exit == 3
    with story._deciding():
        (line,) = decide.held([Target(story.account)])
    assert (line.mailbox, line.count) == ("", 6)
    assert "5 of 6 files" in line.reason


@pytest.mark.dovecot
def test_story_n_on_dovecot(wired: Wired) -> None:
    wired.fill(30)
    wired.settle()
    (wired.maildir / ".mailsync").unlink()
    wired.put(message("here"))
    wired.files()[3].unlink()
    wired.fill(1, first=100)
    before = wired.snapshot()
    for _ in range(2):
        report = wired.sync()
        assert report.exit == 3, report
        assert "mailsync accept test" in text_of(report)
        assert not CHANGING & wired.traffic.commands.keys()
        assert wired.traffic.bodies == 0
        assert wired.snapshot() == before
        assert not (wired.maildir / ".mailsync").exists()
    (line,) = decide.held([Target(wired.account)])
    assert "29 of 30 files" in line.reason
    assert wired.accept() == 30
    report = wired.settle()
    # What was removed meanwhile cannot be told from what never came: it is fetched again.
    assert (wired.traffic.bodies, wired.traffic.commands["APPEND"]) == (2, 1)
    assert report.total().removed == report.total().expunged == 0
    assert len(wired.files()) == 32
    wired.idle()
