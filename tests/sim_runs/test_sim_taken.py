"""A mailbox renamed in the Maildir onto a name that the server lists as \\Noselect: it refuses the
RENAME, so the name is made a mailbox and everything moves there (rule 10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from sim.server_profile import Profile, plain, strict_qresync
from support.storied import Story
from support.wired import Wired, message

from mailsync.model.settings import Guard

PROFILES = [strict_qresync, plain]
COUNT = 12  # enough for the guard to hold them all, if they were taken for deleted


@pytest.fixture(params=PROFILES)
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    """Old is only the parent of Old/Child; Work has mailboxes of its own below."""
    profile: Callable[[], Profile] = request.param
    with Story("taken", profile(), guard=Guard()) as made:
        for box in ("Old/Child", "Work", "Work/2026", "Work/Empty"):
            made.server.create(box)
        for number in range(COUNT):
            made.serve("Work", f"w{number}", *(["\\Flagged"] if number == 3 else []))
            made.serve("Work/2026", f"y{number}")
        made.serve("Old/Child", "o")
        made.serve("INBOX", "a")
        made.tell()
        yield made


def rename_here(story: Story, old: str, new: str) -> None:
    """As mail readers do where a directory of that name is there already: its three folders, and
    what lies below."""
    story.make(new)
    for part, _ in sorted(story.fs.list(f"/mail/{old}")):
        there = f"/mail/{new}/{part}"
        if part in ("cur", "new", "tmp"):
            story.fs.rmdir(there)
        if part in {name for name, _ in story.fs.list(f"/mail/{new}")}:
            rename_here(story, f"{old}/{part}", f"{new}/{part}")
        else:
            story.fs.rename(f"/mail/{old}/{part}", there)
    story.fs.rmdir(f"/mail/{old}")
    story.fs.sync_dir(f"/mail/{new}")
    story.fs.sync_dir("/mail")


def work(**changed: str) -> str:
    """What was in Work, with other letters or without some."""
    kept = {f"w{number}": "F" if number == 3 else "" for number in range(COUNT)} | changed
    return " ".join(f"{ghost}:{letters}" for ghost, letters in kept.items() if letters != "gone")


REST = {"INBOX": "a", "Old/Child": "o", "Old/2026": " ".join(f"y{n}" for n in range(COUNT))}


def test_everything_gets_there(story: Story) -> None:
    rename_here(story, "Work", "Old")
    story.flag("Old", "w5", "S")
    since = len(story.server.executed)
    ran = story.tell()
    assert ran.exit == 0, ran.report
    assert (ran.fetched, ran.stored) == (0, 0)
    assert ran.total.removed == ran.total.expunged == ran.total.held == 0
    done = Counter(one.name for one in story.server.changing(since) if one.done)
    assert (done["CREATE"], done["DELETE"]) == (1, 1)
    assert not any(name.startswith(b"Work") for name in story.server.boxes)
    assert story.server.boxes[b"Old"].selectable
    assert b"Old/Empty" in story.server.boxes
    story.agree(REST | {"Old": work(w5="S")})


def test_what_has_no_file_there_follows(story: Story) -> None:
    """New mail, a message deleted here and one deleted here that was flagged there since."""
    rename_here(story, "Work", "Old")
    story.serve("Work", "late", "\\Seen")
    story.unlink("Old", "w1")
    path = story.path_of("Old", "w2")
    story.fs.unlink(path)
    story.server.set_flags("Work", story.uid_of("Work", "w2"), ["\\Flagged"])
    story.file("Old", "mine")
    ran = story.tell()
    assert ran.exit == 0, ran.report
    assert ran.stored == 1
    assert ran.total.expunged == 1
    assert b"Work" not in story.server.boxes
    story.agree(REST | {"Old": work(w1="gone", w2="F") + " late:S mine"})


def test_what_moved_there_meanwhile_follows(story: Story) -> None:
    """Another client moves a message into the mailbox that has another name here."""
    rename_here(story, "Work", "Old")
    story.server.move("INBOX", story.uid_of("INBOX", "a"), "Work")
    ran = story.tell()
    assert ran.exit == 0, ran.report
    assert (ran.fetched, ran.stored) == (0, 0)
    assert b"Work" not in story.server.boxes
    story.agree(REST | {"INBOX": "", "Old": work() + " a"})


def test_a_leftover_without_children(story: Story) -> None:
    """The name alone is left, as after the deletion of the last mailbox below it."""
    story.server.create("Left").selectable = False
    rename_here(story, "Work/2026", "Left")
    ran = story.tell()
    assert ran.exit == 0, ran.report
    assert (ran.fetched, ran.stored) == (0, 0)
    story.agree(
        {"INBOX": "a", "Old/Child": "o", "Work": work(), "Left": " ".join(REST["Old/2026"].split())}
    )


def test_both_names_are_taken(story: Story) -> None:
    """The child's new name, too, is only a parent there."""
    story.server.create("Old/2026/Deep")
    story.tell()
    rename_here(story, "Work", "Old")
    ran = story.tell()
    assert ran.exit == 0, ran.report
    assert (ran.fetched, ran.stored) == (0, 0)
    assert not any(name.startswith(b"Work") for name in story.server.boxes)
    story.agree(REST | {"Old": work()})


def test_merged_into_one_that_was_there(story: Story) -> None:
    """No rename: what was moved moves, and the mailbox goes when it is empty."""
    for number in range(COUNT):
        story.move_file("Work/2026", f"y{number}", "INBOX")
    for part in ("cur", "new", "tmp"):
        story.fs.rmdir(f"/mail/Work/2026/{part}")
    story.fs.rmdir("/mail/Work/2026")
    story.fs.sync_dir("/mail/Work")
    ran = story.tell()
    assert ran.exit == 0, ran.report
    assert b"Work/2026" not in story.server.boxes
    story.agree({"INBOX": f"a {REST['Old/2026']}", "Old/Child": "o", "Work": work()})


def test_a_name_that_cannot_be_a_mailbox(story: Story) -> None:
    """CREATE is refused, too: nothing is lost, it is said every time, and works once it can."""
    rename_here(story, "Work", "Old")
    story.server.fault("CREATE", "NO [CANNOT] no", sticky=True)
    for _ in range(2):
        since = len(story.server.executed)
        ran = story.tell()
        assert ran.exit == 1, ran.report
        assert "Old" in ran.text
        done = {one.name for one in story.server.changing(since) if one.done}
        assert done <= {"RENAME", "SUBSCRIBE", "UNSUBSCRIBE"}  # of what lies below
    story.server.faults.clear()
    assert story.tell().exit == 0
    story.agree(REST | {"Old": work()})


def test_refused_for_another_reason(story: Story) -> None:
    """A name that is free is not made a mailbox because RENAME was refused."""
    rename_here(story, "Work", "Job")
    story.server.fault("RENAME", "NO [NOPERM] no", sticky=True)
    since = len(story.server.executed)
    ran = story.tell()
    assert ran.exit == 1, ran.report
    assert "CREATE" not in story.server.counts(since)
    story.server.faults.clear()
    assert story.tell().exit == 0
    story.agree({"INBOX": "a", "Old/Child": "o", "Job/2026": REST["Old/2026"], "Job": work()})


@pytest.mark.dovecot
def test_on_dovecot(wired: Wired) -> None:
    with wired.client() as client:
        for box in ("Old", "Old/Child", "Work", "Work/2026"):
            client.create(box)
            for number in range(COUNT):
                client.append(message(f"{box} {number}"), box)
        client.delete("Old")
    wired.settle()
    assert wired.local_boxes() == ["INBOX", "Old/Child", "Work", "Work/2026"]
    for part in ("cur", "new", "tmp", "2026"):
        (wired.box("Work") / part).rename(wired.box("Old") / part)
    wired.box("Work").rmdir()
    report = wired.settle()
    assert report.total().expunged == report.total().removed == report.total().held == 0
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    assert wired.local_boxes() == ["INBOX", "Old", "Old/2026", "Old/Child"]
    wired.idle()
    # The last mailbox below a name leaves it behind, empty.
    with wired.client() as client:
        client.create("Top/Leaf")
        client.delete("Top/Leaf")
    wired.settle()
    wired.box("Old/Child").rename(wired.box("Top"))
    wired.settle()
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    assert wired.local_boxes() == ["INBOX", "Old", "Old/2026", "Top"]
    wired.idle()
