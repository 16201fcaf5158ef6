"""A message moved into a mailbox that is gone on the other side: held, and decided both ways.

`accept` lets the mailbox go and the message be where the other side has it; `reject` makes the
mailbox again, and the move goes through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sim.server_profile import plain, strict_qresync
from support.storied import Story
from support.wired import Wired, message

from mailsync.model.settings import Guard


@dataclass(frozen=True)
class Case:
    story: Story
    here: bool  # Work is gone in the Maildir, and the message was moved on the server


@pytest.fixture(params=[(here, make) for here in (True, False) for make in (plain, strict_qresync)])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    here, profile = request.param
    with Story("held moves", profile(), guard=Guard()) as story:
        story.server.create("Work")
        for ghost in "abc":
            story.serve("INBOX", ghost, *(["\\Flagged"] if ghost == "a" else []))
        for ghost in "wxy":
            story.serve("Work", ghost)
        story.tell()
        gone(story, here)
        if here:
            uid = story.uid_of("INBOX", "a")
            story.server.set_flags("INBOX", uid, [], ["\\Flagged"])
            story.server.move("INBOX", uid, "Work")
        else:
            story.flag("INBOX", "a", "")
            story.move_file("INBOX", "a", "Work")
        ran = story.tell()
        assert (ran.exit, ran.total.removed, ran.total.expunged) == (3, 0, 0)
        assert "accept" in ran.text
        story.idle(exit=3)
        yield Case(story, here)


def gone(story: Story, here: bool) -> None:
    """Work, with its three messages."""
    if not here:
        story.server.delete("Work")
        return
    for path in story.mail():
        if path.startswith("/mail/Work/"):
            story.fs.unlink(path)
    for folder in ("cur", "new", "tmp"):
        story.fs.rmdir(f"/mail/Work/{folder}")
    story.fs.rmdir("/mail/Work")
    story.fs.sync_dir("/mail")


@pytest.mark.parametrize("named", [(), ("Work",)])
def test_accepted(case: Case, named: tuple[str, ...]) -> None:
    story = case.story
    assert story.accept(*named) > 0
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.report
    assert ran.total.removed + ran.total.expunged == 3
    story.oracle.deleted |= {"w", "x", "y"}
    assert len(story.undo()) == (0 if case.here else 3)
    assert b"Work" not in story.server.boxes
    story.agree({"INBOX": "a b c"})


def test_accepted_where_it_came_from(case: Case) -> None:
    """Only the move is decided: the mailbox is held as before."""
    story = case.story
    assert story.accept("INBOX") > 0
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (3, 0, 0), ran.report
    assert ran.total.removed + ran.total.expunged == 0
    assert {m.ghost for m in story.server.contents("INBOX")} == {"a", "b", "c"}
    assert story.path_of("INBOX", "a")
    story.idle(exit=3)
    story.reject("Work")
    assert story.tell().exit == 0
    story.agree({"INBOX": "a b c", "Work": "w x y"})


@pytest.mark.parametrize("named", [(), ("Work",)])
def test_rejected(case: Case, named: tuple[str, ...]) -> None:
    story = case.story
    assert story.reject(*named) > 0
    ran = story.tell()
    assert ran.exit == 0, ran.report
    assert ran.total.removed + ran.total.expunged == 0
    story.agree({"INBOX": "b c", "Work": "w x y a"})


@pytest.mark.parametrize("named", [(), ("Work",)])
def test_accepted_then_rejected(case: Case, named: tuple[str, ...]) -> None:
    """Before the sync: as if it had been rejected at once."""
    story = case.story
    assert story.accept() > 0
    assert story.reject(*named) > 0
    assert story.reject("Work") == 0
    ran = story.tell()
    assert ran.exit == 0, ran.report
    assert ran.total.removed + ran.total.expunged == 0
    story.agree({"INBOX": "b c", "Work": "w x y a"})


def test_the_mailbox_is_there_again(case: Case) -> None:
    """By itself, after it was accepted: the move goes through, nothing is deleted."""
    story = case.story
    assert story.accept() > 0
    if case.here:
        story.make("Work")
        for number, ghost in enumerate("wxy"):
            body = story.oracle.bodies[ghost]
            story.write(f"/mail/Work/cur/{ghost}.back:2,", body, 1_700_000_004 + number)
    else:
        story.server.create("Work")
        for number, ghost in enumerate("wxy"):
            body = story.oracle.bodies[ghost].replace(b"\n", b"\r\n")
            story.server.deliver("Work", body, (), 1_700_000_004 + number)
    ran = story.tell()
    assert ran.exit == 0, ran.report
    assert ran.total.removed + ran.total.expunged == 0
    story.agree({"INBOX": "b c", "Work": "w x y a"})


@pytest.mark.dovecot
@pytest.mark.parametrize("decision", ["accept", "reject"])
@pytest.mark.parametrize("here", [True, False])
def test_on_dovecot(wired: Wired, here: bool, decision: str) -> None:
    with wired.client() as client:
        client.create("Work")
        for number in range(3):
            client.append(message(number))
            client.append(message(f"w{number}"), "Work")
        wired.settle()
        if here:
            for path in sorted(wired.box("Work").rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
            wired.box("Work").rmdir()
            client.move(client.uids()[:1], "INBOX", "Work")
        else:
            client.select("INBOX")
            client.delete("Work")
            path = wired.files()[0]
            path.rename(wired.box("Work") / "cur" / path.name)
    assert wired.sync().exit == 3
    wired.idle(exit=3)
    assert getattr(wired, decision)() > 0
    wired.settle()
    if decision == "accept":
        assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
        assert wired.local_boxes() == ["INBOX"]
        assert len(wired.files()) == 3
    else:
        assert (len(wired.files()), len(wired.files("Work"))) == (2, 4)
    wired.idle()
