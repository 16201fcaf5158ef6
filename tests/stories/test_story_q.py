"""(q) 12 of 12 INBOX messages archived on a phone: moves, not held, under the default guard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, dovecot, plain, strict_qresync
from support.storied import Story
from support.wired import Wired

from mailsync.model.settings import Guard

COUNT = 12
ALL = " ".join(f"m{number}:S" for number in range(COUNT))
PROFILES = [strict_qresync, dovecot, plain]


@pytest.fixture(params=PROFILES)
def story(request: pytest.FixtureRequest) -> Story:
    profile: Callable[[], Profile] = request.param
    with Story("q", profile(), guard=Guard()) as made:
        for number in range(COUNT):
            made.serve("INBOX", f"m{number}", "\\Seen")
        made.tell()
        yield made


def archive_there(story: Story) -> None:
    story.server.create("Archive")
    story.server.move("INBOX", [one.uid for one in story.server.messages("INBOX")], "Archive")


def moved(story: Story, *, there: bool) -> None:
    ran = story.tell()
    assert (ran.exit, ran.total.moved, ran.total.held) == (0, COUNT, 0), ran.report
    assert (ran.fetched, ran.stored) == (0, 0)
    assert ran.total.removed == ran.total.expunged == 0
    if there:
        assert ran.commands["UID MOVE"] == (1 if story.server.profile.move else 0)
    assert story.undo() == {}


def test_story_q(story: Story) -> None:
    archive_there(story)
    moved(story, there=False)
    story.agree({"Archive": ALL})


def test_story_q_with_flags(story: Story) -> None:
    """Flagged here and answered there on the way."""
    for number in range(COUNT):
        story.flag("INBOX", f"m{number}", "FS")
    archive_there(story)
    uids = [one.uid for one in story.server.messages("Archive")]
    story.server.set_flags("Archive", uids, ["\\Answered"])
    moved(story, there=False)
    story.agree({"Archive": ALL.replace(":S", ":FRS")})


def test_story_q_archived_in_the_maildir(story: Story) -> None:
    for number in range(COUNT):
        story.move_file("INBOX", f"m{number}", "Archive")
    moved(story, there=True)
    story.agree({"Archive": ALL})


def test_story_q_archived_in_the_maildir_under_other_names(story: Story) -> None:
    for number in range(COUNT):
        story.move_file("INBOX", f"m{number}", "Archive", unique=f"{number}.archived.reader")
    moved(story, there=True)
    story.agree({"Archive": ALL})


def test_story_q_out_of_sight(story: Story) -> None:
    """Archived to where nothing is synced, it looks like an accident: held."""
    story.change(mailboxes=("*", "!Archive"))
    archive_there(story)
    ran = story.tell()
    assert (ran.exit, ran.total.held) == (3, COUNT)
    assert f"all {COUNT} messages" in ran.text
    story.idle(exit=3)
    # Once the archive is synced they are told to be moves.
    story.change(mailboxes=("*",))
    moved(story, there=False)
    story.agree({"Archive": ALL})


@pytest.mark.dovecot
def test_story_q_on_dovecot(wired: Wired) -> None:
    wired.changes["guard"] = Guard()
    wired.fill(COUNT)
    wired.settle()
    with wired.client() as client:
        client.create("Archive")
        client.move(client.uids(), "INBOX", "Archive")
    report = wired.settle()
    assert (report.total().moved, report.total().held) == (COUNT, 0)
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    assert [len(wired.files(box)) for box in ("INBOX", "Archive")] == [0, COUNT]
    wired.idle()
    for path in wired.files("Archive"):
        path.rename(wired.box() / "cur" / path.name)
    report = wired.settle()
    assert (report.total().moved, report.total().held) == (COUNT, 0)
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    assert wired.traffic.commands["UID MOVE"] == 1
    wired.idle()
