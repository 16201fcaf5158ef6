"""(p) Patterns narrowed and widened: out of scope is never deleted, and what happened meanwhile
is found when it comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, plain, strict_qresync
from support.client import canonical
from support.storied import Story
from support.wired import Wired, message, text_of

COUNT = 12


@pytest.fixture(params=[strict_qresync, plain])
def story(request: pytest.FixtureRequest) -> Story:
    """Work was synced, and is out of scope by now."""
    profile: Callable[[], Profile] = request.param
    with Story("p", profile()) as made:
        made.server.create("Work")
        made.serve("INBOX", "a")
        for number in range(COUNT):
            made.serve("Work", f"w{number}")
        made.tell()
        made.change(mailboxes=("*", "!Work"))
        before = made.mail()
        ran = made.tell()
        assert ran.exit == 0
        assert ran.total.removed == ran.total.expunged == ran.total.held == 0
        assert made.mail() == before
        made.idle()
        yield made


def widened(story: Story, exit: int, fetched: int, stored: int, held: int = 0) -> None:
    story.change(mailboxes=("*",))
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (exit, fetched, stored), ran.report
    assert ran.total.held == held
    assert ran.total.removed == ran.total.expunged == ran.total.moved == 0


def all_but(*gone: int) -> str:
    return " ".join(f"w{number}" for number in range(COUNT) if number not in gone)


def test_story_p_nothing_happened(story: Story) -> None:
    widened(story, 0, 0, 0)
    story.agree({"INBOX": "a", "Work": all_but()})


def test_story_p_flags_and_new_mail(story: Story) -> None:
    story.server.set_flags("Work", story.uid_of("Work", "w0"), ["\\Seen"])
    story.flag("Work", "w1", "F")
    story.server.set_flags("Work", story.uid_of("Work", "w2"), ["\\Seen"])
    story.flag("Work", "w2", "F")
    story.serve("Work", "there")
    story.file("Work", "here")
    story.tell()
    story.idle()
    widened(story, 0, 1, 1)
    story.agree({"INBOX": "a", "Work": f"w0:S w1:F w2:FS {all_but(0, 1, 2)} there here"})


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_story_p_expunged_meanwhile(story: Story, decision: str) -> None:
    """Nobody saw it happen, so a person decides."""
    for number in (0, 1):
        story.server.expunge("Work", story.uid_of("Work", f"w{number}"))
    story.tell()
    widened(story, 3, 0, 0, held=2)
    story.idle(exit=3)
    assert getattr(story, decision)("Work") == 2
    ran = story.tell()
    assert ran.exit == 0
    if decision == "accept":
        story.oracle.deleted |= {"w0", "w1"}
        assert (ran.total.removed, ran.stored) == (2, 0)
        story.agree({"INBOX": "a", "Work": all_but(0, 1)})
    else:
        assert (ran.total.uploaded, ran.stored) == (2, 2)
        story.agree({"INBOX": "a", "Work": all_but()})


def test_story_p_removed_meanwhile(story: Story) -> None:
    """A file that is not found again is fetched: that is never wrong."""
    for number in (0, 1):
        story.fs.unlink(story.path_of("Work", f"w{number}"))
    story.tell()
    widened(story, 0, 2, 0)
    story.agree({"INBOX": "a", "Work": all_but()})


def test_story_p_moved_out_of_scope(story: Story) -> None:
    """A file moved into a mailbox that is not synced counts as deleted (rule 9)."""
    story.oracle.deleted.add("a")
    story.move_file("INBOX", "a", "Work")
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.stored) == (0, 1, 0)
    assert story.path_of("Work", "a")
    widened(story, 0, 0, 1)
    story.agree({"Work": f"a {all_but()}"})


def test_story_p_the_mailbox_went_meanwhile(story: Story) -> None:
    """Deleted on the server while nobody looked: held like any mailbox that is gone."""
    story.server.delete("Work")
    story.tell()
    story.idle()
    story.change(mailboxes=("*",))
    ran = story.tell()
    assert (ran.exit, ran.stored, ran.total.removed) == (3, 0, 0)
    assert ran.total.held == COUNT + 1  # and the mailbox itself
    story.idle(exit=3)
    assert story.reject() > 0
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, COUNT)
    story.agree({"INBOX": "a", "Work": all_but()})


@pytest.mark.dovecot
def test_story_p_on_dovecot(wired: Wired) -> None:
    with wired.client() as client:
        client.create("Work")
        for number in range(COUNT):
            client.append(message(number), "Work")
        wired.settle()
        wired.changes["mailboxes"] = ("*", "!Work")
        before = wired.snapshot()
        report = wired.sync()
        assert report.exit == 0, report
        assert wired.snapshot() == before
        wired.idle()

        by_body = {path.read_bytes(): path for path in wired.files("Work")}
        client.expunge([1], "Work")
        client.store([2], "+FLAGS (\\Seen)", "Work")
        client.append(message("there"), "Work")
        assert len(client.uids("Work")) == COUNT
        by_body[canonical(message(2))].unlink()
        wired.put(message("here"), "Work", ":2,F")
        assert wired.sync().exit == 0
        wired.idle()

        wired.changes["mailboxes"] = ("*",)
        report = wired.sync()
        assert (report.exit, report.total().held) == (3, 1), report
        assert "mailsync accept" in text_of(report)
        assert (wired.traffic.bodies, wired.traffic.commands["APPEND"]) == (2, 1)
        assert report.total().removed == report.total().expunged == 0
        wired.idle(exit=3)
        assert wired.accept("Work") == 1
        wired.settle()
        assert len(client.uids("Work")) == COUNT + 1
    wired.idle()
