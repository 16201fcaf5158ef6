"""(m) A mailbox renamed on either side, with mailboxes below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from sim.server_profile import Profile, condstore, dovecot, plain, strict_qresync
from support.storied import Story
from support.wired import Wired, message

PROFILES = [strict_qresync, dovecot, condstore, plain]
COUNT = 12  # enough for the guard to hold them all, if they were taken for deleted


@pytest.fixture(params=PROFILES)
def story(request: pytest.FixtureRequest) -> Story:
    profile: Callable[[], Profile] = request.param
    with Story("m", profile()) as made:
        for box in ("Work", "Work/2026", "Work/2026/Q1"):
            made.server.create(box)
        for number in range(COUNT):
            made.serve("Work", f"w{number}")
            made.serve("Work/2026", f"y{number}")
        made.serve("Work/2026/Q1", "q")
        made.serve("INBOX", "a")
        made.tell()
        yield made


def views(top: str) -> dict[str, str]:
    return {
        top: " ".join(f"w{number}" for number in range(COUNT)),
        f"{top}/2026": " ".join(f"y{number}" for number in range(COUNT)),
        f"{top}/2026/Q1": "q",
        "INBOX": "a",
    }


def rename_here(story: Story, old: str, new: str) -> None:
    story.fs.rename(f"/mail/{old}", f"/mail/{new}")
    story.fs.sync_dir("/mail")


def nothing_transferred(story: Story, commands: dict[str, int]) -> None:
    since = len(story.server.executed)
    ran = story.tell()
    assert ran.exit == 0, ran.report
    assert (ran.fetched, ran.stored) == (0, 0)
    assert ran.total.removed == ran.total.expunged == ran.total.held == 0
    done = Counter(one.name for one in story.server.changing(since) if one.done)
    assert {name: n for name, n in done.items() if "SUBSCRIBE" not in name} == commands
    assert story.undo() == {}


def test_story_m_on_the_server(story: Story) -> None:
    story.server.rename("Work", "Job")
    story.server.set_flags("Job/2026/Q1", story.uid_of("Job/2026/Q1", "q"), ["\\Flagged"])
    nothing_transferred(story, {})
    story.agree(views("Job") | {"Job/2026/Q1": "q:F"})


def test_story_m_in_the_maildir(story: Story) -> None:
    rename_here(story, "Work", "Job")
    story.flag("Job/2026/Q1", "q", "S")
    nothing_transferred(story, {"RENAME": 1, "UID STORE": 1})
    story.agree(views("Job") | {"Job/2026/Q1": "q:S"})


def test_story_m_one_below(story: Story) -> None:
    story.server.rename("Work/2026", "Work/2027")
    nothing_transferred(story, {})
    story.agree(
        {
            "INBOX": "a",
            "Work": views("Work")["Work"],
            "Work/2027": views("Work")["Work/2026"],
            "Work/2027/Q1": "q",
        }
    )


def test_story_m_with_new_mail(story: Story) -> None:
    """New mail on both sides of the mailbox that is renamed there."""
    story.server.rename("Work", "Job")
    story.serve("Job", "there")
    story.file("Work", "here")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 1, 1)
    assert ran.total.removed == ran.total.expunged == ran.total.held == 0
    expected = views("Job")
    story.agree(expected | {"Job": expected["Job"] + " there here"})


def test_story_m_to_the_same_name_on_both_sides(story: Story) -> None:
    story.server.rename("Work", "Job")
    rename_here(story, "Work", "Job")
    nothing_transferred(story, {})
    story.agree(views("Job"))


def test_story_m_to_two_names(story: Story) -> None:
    """Work is Job there and Office here: both are kept, made from each other."""
    story.server.rename("Work", "Job")
    rename_here(story, "Work", "Office")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
    assert ran.total.removed == ran.total.expunged == ran.total.held == 0
    story.agree(views("Job") | views("Office"))


@pytest.mark.dovecot
def test_story_m_on_dovecot(wired: Wired) -> None:
    with wired.client() as client:
        for box in ("Work", "Work/2026", "Home"):
            client.create(box)
            for number in range(COUNT):
                client.append(message(f"{box} {number}"), box)
        wired.settle()
        client.rename("Work", "Job")
    report = wired.settle()
    assert wired.local_boxes() == ["Home", "INBOX", "Job", "Job/2026"]
    assert report.total().removed == report.total().held == 0
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    wired.idle()
    (wired.box("Job")).rename(wired.box("Office"))
    (wired.box("Home")).rename(wired.box("House"))
    report = wired.settle()
    assert wired.local_boxes() == ["House", "INBOX", "Office", "Office/2026"]
    assert report.total().expunged == report.total().held == 0
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    assert wired.traffic.commands["CREATE"] == 0
    wired.idle()


@pytest.mark.dovecot
def test_story_m_and_the_name_used_again_on_dovecot(wired: Wired) -> None:
    """A year's mail gets another name, and the next one begins under the old one."""
    with wired.client() as client:
        for box in ("Sent", "Sent/Sub"):
            client.create(box)
            for number in range(COUNT):
                client.append(message(f"{box} {number}"), box)
        wired.settle()
        client.rename("Sent", "Sent-2025")
        for box in ("Sent", "Sent/Sub"):
            client.create(box)
            client.append(message(f"new {box}"), box)
        report = wired.settle()
        assert report.total().removed == report.total().held == 0
        assert (wired.traffic.bodies, wired.traffic.commands["APPEND"]) == (2, 0)
        for box in ("Sent", "Sent/Sub"):
            assert len(wired.files(box)) == 1
        for box in ("Sent-2025", "Sent-2025/Sub"):
            assert len(wired.files(box)) == COUNT
        wired.idle()

        # And here, where what lies below is made anew.
        wired.box("Sent-2025").rename(wired.box("Old"))
        for folder in ("tmp", "new", "cur"):
            (wired.box("Sent-2025/Sub") / folder).mkdir(parents=True)
        wired.put(message("newest"), "Sent-2025/Sub")
        report = wired.settle()
        assert report.total().expunged == report.total().held == 0
        assert (wired.traffic.bodies, wired.traffic.commands["APPEND"]) == (0, 1)
        assert len(client.uids("Sent-2025/Sub")) == 1
        assert len(client.uids("Old/Sub")) == COUNT
    wired.idle()
