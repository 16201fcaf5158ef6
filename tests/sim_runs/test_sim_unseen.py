"""A mailbox that cannot be looked at: nothing that may have moved into it is deleted (rule 2)."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

import pytest
from sim.scenarios import SIX, six
from sim.server_profile import PRESETS, Profile
from support.storied import Story

PROFILES = [PRESETS[name] for name in ("plain", "condstore", "strict_qresync")]
BUSY = "NO [INUSE] busy"


@pytest.fixture(params=PROFILES)
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    profile: Callable[[], Profile] = request.param
    with Story("unseen", profile()) as made:
        six(made)
        made.tell()
        made.agree(SIX)
        yield made


def shut(story: Story, answer: str = BUSY) -> None:
    for command in ("SELECT", "EXAMINE"):
        story.server.fault(command, answer, sticky=True, mailbox="Work")


def open_again(story: Story) -> None:
    story.server.faults.clear()
    story.server.violations.clear()  # what was sent in one write with the SELECT


def test_moved_on_the_server_into_it(story: Story) -> None:
    """The file stays, and is moved once the mailbox can be looked at: nothing is fetched."""
    story.server.move("INBOX", story.uid_of("INBOX", "a"), "Work")
    story.serve("INBOX", "n")
    shut(story)
    ran = story.tell()
    assert (ran.exit, ran.total.removed, ran.total.downloaded) == (1, 0, 1)
    assert "nothing is deleted" in ran.text
    assert story.undo() == {}
    open_again(story)
    ran = story.tell()
    assert (ran.exit, ran.total.moved, ran.fetched) == (0, 1, 0)
    story.agree({"INBOX": "b:S c n", "Work": "a d e:F"})


def test_moved_into_it_and_changed_in_the_maildir(story: Story) -> None:
    """It is not put back where it was: that would be a double."""
    story.server.move("INBOX", story.uid_of("INBOX", "a"), "Work")
    story.flag("INBOX", "a", "F")
    shut(story)
    ran = story.tell()
    assert (ran.total.uploaded, ran.total.removed) == (0, 0)
    open_again(story)
    assert story.tell().total.moved == 1
    story.tell()
    story.agree({"INBOX": "b:S c", "Work": "a:F d e:F"})


def test_moved_into_it_on_both_sides(story: Story) -> None:
    """The new file in it may be a message that is there by now: it is not sent."""
    story.server.move("INBOX", story.uid_of("INBOX", "a"), "Work")
    story.move_file("INBOX", "a", "Work", unique="777.new.reader")
    shut(story)
    assert story.tell().total.uploaded == 0
    open_again(story)
    ran = story.tell()
    assert (ran.fetched, ran.stored) == (0, 0)
    story.agree({"INBOX": "b:S c", "Work": "a d e:F"})


def test_its_own_messages_are_not_deleted_by_what_it_showed_last(story: Story) -> None:
    """The file of d is deleted, but the message was flagged meanwhile: it comes back."""
    path = story.path_of("Work", "d")
    story.fs.unlink(path)
    story.server.set_flags("Work", story.uid_of("Work", "d"), ["\\Flagged"])
    shut(story)
    assert story.tell().total.expunged == 0
    open_again(story)
    assert story.tell().total.downloaded == 1
    story.agree({"INBOX": "a b:S c", "Work": "d:F e:F"})


def test_deletions_that_cannot_be_moves_go_on(story: Story) -> None:
    story.unlink("INBOX", "a")
    shut(story)
    assert story.tell().total.expunged == 1
    open_again(story)
    story.tell()
    story.agree({"INBOX": "b:S c", "Work": "d e:F"})


def test_one_that_may_not_be_read_at_all_holds_nothing_back(story: Story) -> None:
    story.expunge("INBOX", "a")
    shut(story, "NO [NOPERM] not for you")
    assert story.tell().total.removed == 1


# -- what may have come out of it ------------------------------------------------------------------


def test_moved_on_the_server_out_of_it(story: Story) -> None:
    """It is not fetched a second time, nor put back for its new flag: it is moved.  What cannot
    have been in there is fetched."""
    story.server.move("Work", story.uid_of("Work", "d"), "INBOX")
    story.flag("Work", "d", "F")
    story.serve("INBOX", "n")
    shut(story)
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded) == (1, 1)
    open_again(story)
    ran = story.tell()
    assert (ran.total.moved, ran.fetched, ran.stored) == (1, 0, 0)
    story.agree({"INBOX": "a b:S c d:F n", "Work": "e:F"})


def test_moved_out_of_one_that_may_not_be_read(story: Story) -> None:
    story.server.move("Work", story.uid_of("Work", "d"), "INBOX")
    story.flag("Work", "d", "F")
    shut(story, "NO [NOPERM] not for you")
    assert story.tell().total.downloaded == 0
    open_again(story)
    assert story.tell().total.moved == 1
    story.agree({"INBOX": "a b:S c d:F", "Work": "e:F"})


def refuse(story: Story, box: str) -> None:
    def refused(call: str, path: str) -> None:
        if path.startswith(f"/mail/{box}/cur"):
            raise PermissionError(errno.EACCES, "Permission denied", path)

    story.refuse = refused


@pytest.mark.parametrize("unique", ["", "777.new.reader"])
def test_a_file_moved_out_of_it(story: Story, unique: str) -> None:
    """It is not sent as new, nor fetched again for what was flagged meanwhile: it is moved."""
    story.move_file("Work", "d", "INBOX", unique=unique)
    story.server.set_flags("Work", story.uid_of("Work", "d"), ["\\Flagged"])
    story.file("INBOX", "n")
    refuse(story, "Work")
    ran = story.tell()
    assert (ran.exit, ran.total.uploaded, ran.stored) == (1, 1, 1)
    story.refuse = None
    ran = story.tell()
    assert (ran.total.moved, ran.fetched, ran.stored) == (1, 0, 0)
    story.agree({"INBOX": "a b:S c d:F n", "Work": "e:F"})


# -- a mailbox that is away for one run ------------------------------------------------------------


def test_a_directory_that_is_away_while_its_message_is_expunged(story: Story) -> None:
    """It does not come back with the directory."""
    story.rename("/mail/Work", "/mail/.away")
    story.expunge("Work", "d")
    assert story.tell().exit == 3
    story.rename("/mail/.away", "/mail/Work")
    assert story.tell().total.removed == 1
    story.agree({"INBOX": "a b:S c", "Work": "e:F"})


def test_a_directory_that_is_away_while_all_of_it_is_moved(story: Story) -> None:
    for ghost in "de":
        story.server.move("Work", story.uid_of("Work", ghost), "INBOX")
    story.rename("/mail/Work", "/mail/.away")
    story.tell()
    story.rename("/mail/.away", "/mail/Work")
    for _ in range(2):
        story.tell()
    story.agree({"INBOX": "a b:S c d e:F", "Work": ""})


def test_a_mailbox_that_is_not_listed_while_its_file_is_deleted(story: Story) -> None:
    shown = story.server.boxes.pop(b"Work")
    story.unlink("Work", "d")
    assert story.tell().exit == 3
    story.server.boxes[b"Work"] = shown
    story.tell()
    story.agree({"INBOX": "a b:S c", "Work": "e:F"})


def test_a_directory_that_is_away_for_a_moment(story: Story) -> None:
    """A mail reader renames it and back: nothing is held."""
    gone = iter(["the first time"])

    def away(call: str, path: str) -> None:
        if path == "/mail/Work" and next(gone, None):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

    story.serve("INBOX", "n")
    story.refuse = away
    assert story.tell().exit == 0
    story.refuse = None
    assert next(gone, None) is None
    story.agree({"INBOX": "a b:S c n", "Work": "d e:F"})


def test_a_file_that_is_listed_and_never_found_when_the_cache_is_lost(story: Story) -> None:
    """A reader that renames it all the time: nothing tells that its message has no file."""
    for path in story.state.glob("cache.db*"):
        path.unlink()

    def busy(call: str, path: str) -> None:
        if call == "stat" and path == story.path_of("INBOX", "b"):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

    story.refuse = busy
    ran = story.tell()
    assert (ran.total.downloaded, ran.total.uploaded, ran.fetched) == (0, 0, 0)
    assert ran.exit == 75
    assert "renamed while" in ran.text
    story.refuse = None
    ran = story.tell()
    assert (ran.total.downloaded, ran.total.uploaded) == (0, 0)
    story.agree(SIX)


def test_a_directory_that_was_away_and_is_made_anew_by_one_new_file(story: Story) -> None:
    """What it had held is not deleted because a delivery made it again; accepted, it is."""
    story.rename("/mail/Work", "/mail/.away")
    assert story.tell().exit == 3
    story.make("Work")
    story.file("Work", "n")
    ran = story.tell()
    assert (ran.exit, ran.total.held, ran.total.uploaded, ran.total.expunged) == (3, 2, 1, 0)
    assert "was gone in the Maildir and is back, without 2 of its messages" in ran.text
    assert story.tell().exit == 3
    story.accept("Work")
    assert story.tell().total.expunged == 2
    assert story.server.ghosts("Work") == {"n": 1}
    story.idle()


@pytest.mark.parametrize("target", ["INBOX", "Fresh"])
def test_moved_between_two_looks(story: Story, target: str) -> None:
    """It left the mailbox that is looked at last, for one that was looked at, or listed, before:
    it is not put back for its new flag."""
    story.serve("INBOX", "n")
    story.serve("Work", "m")
    story.flag("Work", "d", "F")

    def meanwhile(answer: bytes) -> bytes:
        if target == "Fresh":
            story.server.create("Fresh")
        story.server.move("Work", story.uid_of("Work", "d"), target)
        return answer

    story.server.fault("UID FETCH", meanwhile, mailbox="INBOX")
    ran = story.tell()
    assert (ran.exit, ran.total.moved, ran.stored) == (0, 1, 0)
    story.tell()
    after = {"INBOX": "a b:S c n", "Work": "e:F m"}
    after[target] = f"{after.get(target, '')} d:F".strip()
    story.agree(after)
