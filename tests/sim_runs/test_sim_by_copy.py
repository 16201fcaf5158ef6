"""Without MOVE: a run that ends between the COPY and the expunge of what was copied, and what
other devices do with the two that they see then (rule 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sim.server_profile import Profile, icloud, plain, plain_no_uidplus, strict_qresync
from support.storied import Story

from mailsync.model.settings import Deletions


@pytest.fixture(params=[icloud, plain, plain_no_uidplus])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    """`a` was moved from INBOX to Work in the Maildir, and is in both on the server."""
    make: Callable[[], Profile] = request.param
    with Story("by copy", make()) as s:
        s.watched = True
        s.server.create("Work")
        s.server.create("Other")
        for ghost in "ab":
            s.serve("INBOX", ghost, "\\Seen")
        s.tell()
        s.move_file("INBOX", "a", "Work")
        s.server.fault("UID STORE", "BYE bye", sticky=True)
        assert s.tell().exit == 75
        s.server.faults.clear()
        assert s.uid_of("INBOX", "a")
        assert s.uid_of("Work", "a")
        yield s


def test_what_was_copied_goes_later(story: Story) -> None:
    story.tell()
    story.agree({"INBOX": "b:S", "Work": "a:S"})


def test_of_the_two_the_new_one_is_deleted(story: Story) -> None:
    """Whoever does that keeps the old one: its file follows."""
    story.server.expunge("Work", story.uid_of("Work", "a"))
    story.flag("Work", "a", "FS")
    ran = story.tell()
    assert (ran.fetched, ran.stored) == (0, 0)
    story.agree({"INBOX": "a:FS b:S"})


def test_the_mailbox_of_the_new_one_is_deleted(story: Story) -> None:
    story.server.delete("Work")
    story.tell()
    story.agree({"INBOX": "a:S b:S"})


def test_of_the_two_the_old_one_is_deleted(story: Story) -> None:
    story.server.expunge("INBOX", story.uid_of("INBOX", "a"))
    story.tell()
    story.agree({"INBOX": "b:S", "Work": "a:S"})


def test_the_new_one_is_moved_on(story: Story) -> None:
    story.server.move("Work", story.uid_of("Work", "a"), "Other")
    story.tell()
    story.agree({"INBOX": "b:S", "Other": "a:S"})


def test_the_new_one_is_deleted_on_both_sides(story: Story) -> None:
    story.server.expunge("Work", story.uid_of("Work", "a"))
    story.oracle.deleted.add("a")
    story.unlink("Work", "a")
    story.tell()
    story.agree({"INBOX": "b:S"})


@pytest.mark.parametrize("before", ["S", ""])
def test_the_old_one_is_flagged(story: Story, before: str) -> None:
    """What was done to it is done to the message."""
    if not before:
        story.flag("Work", "a", "")  # in the same moment here
    story.server.set_flags("INBOX", story.uid_of("INBOX", "a"), ["\\Flagged"])
    ran = story.tell()
    assert (ran.fetched, ran.stored) == (0, 0)
    story.agree({"INBOX": "b:S", "Work": f"a:F{before}"})


def test_the_old_one_is_unread_again(story: Story) -> None:
    story.server.set_flags("INBOX", story.uid_of("INBOX", "a"), [], ["\\Seen"])
    story.tell()
    story.agree({"INBOX": "b:S", "Work": "a"})


@pytest.mark.parametrize("deletions", [Deletions.EXPUNGE, Deletions.TRASH])
def test_the_old_one_is_flagged_and_the_file_deleted(story: Story, deletions: Deletions) -> None:
    story.change(deletions=deletions, trash="Trash")
    story.server.set_flags("INBOX", story.uid_of("INBOX", "a"), ["\\Flagged"])
    story.unlink("Work", "a")
    story.oracle.deleted.discard("a")
    story.tell()
    story.agree({"INBOX": "b:S", "Work": "a:FS"})


@pytest.mark.parametrize("here", [True, False])
def test_the_old_one_is_flagged_and_cannot_be_expunged(story: Story, here: bool) -> None:
    """The copy is flagged once, and who takes that away has the last word, however often it is
    tried to expunge the old one."""
    for command in ("UID EXPUNGE", "EXPUNGE"):
        story.server.fault(command, "NO [CANNOT] not today", sticky=True)
    story.server.set_flags("INBOX", story.uid_of("INBOX", "a"), ["\\Flagged"])
    assert story.tell().exit == 1
    assert story.path_of("Work", "a").endswith(":2,FS")
    if here:
        story.flag("Work", "a", "S")
    else:
        story.server.set_flags("Work", story.uid_of("Work", "a"), [], ["\\Flagged"])
    story.tell()
    story.tell(pause=86400)
    assert story.path_of("Work", "a").endswith(":2,S")
    story.server.faults.clear()
    story.tell(pause=86400)
    story.agree({"INBOX": "b:S", "Work": "a:S"})


@pytest.mark.parametrize("only", ["INBOX", "Work"])
def test_the_old_one_is_flagged_and_one_mailbox_is_synced(story: Story, only: str) -> None:
    story.server.set_flags("INBOX", story.uid_of("INBOX", "a"), ["\\Flagged"])
    story.sync(only=(only,))
    story.tell()
    story.agree({"INBOX": "b:S", "Work": "a:FS"})


@pytest.mark.parametrize("make", [icloud, plain, plain_no_uidplus])
def test_flagged_on_its_way_to_the_trash(make: Callable[[], Profile]) -> None:
    """It is there by now, once, and flagged."""
    with Story("by copy", make(), deletions=Deletions.TRASH, trash="Trash") as s:
        for ghost in "ab":
            s.serve("INBOX", ghost, "\\Seen")
        s.tell()
        s.unlink("INBOX", "a")
        s.server.fault("UID STORE", "BYE bye", sticky=True)
        assert s.tell().exit == 75
        s.server.faults.clear()
        assert s.uid_of("Trash", "a")
        s.server.set_flags("INBOX", s.uid_of("INBOX", "a"), ["\\Flagged"])
        s.tell()
        s.agree({"INBOX": "b:S", "Trash": "a:FS"})


@pytest.mark.parametrize("make", [icloud, plain, plain_no_uidplus])
@pytest.mark.parametrize("meanwhile", ["flagged", "a twin is deleted"])
@pytest.mark.parametrize("read", [True, False])
def test_its_file_has_another_name_in_its_new_place(
    make: Callable[[], Profile], meanwhile: str, *, read: bool
) -> None:
    """The copy is closed and told by its content alone; by its header where the cache was lost, and
    it was never read since."""
    with Story("by copy", make()) as s:
        for box in ("Work", "Other"):
            s.server.create(box)
        for ghost in "ab":
            s.serve("INBOX", ghost, "\\Seen")
        s.serve("Other", "a", "\\Seen")
        s.tell()
        if not read:
            for path in s.state.glob("cache.db*"):
                path.unlink()
            s.tell()
        s.move_file("INBOX", "a", "Work", "1700000000.reader")
        s.server.fault("UID STORE", "BYE bye", sticky=True)
        assert s.tell().exit == 75
        s.server.faults.clear()
        if meanwhile == "flagged":
            s.server.set_flags("INBOX", s.uid_of("INBOX", "a"), ["\\Flagged"])
        else:
            s.server.expunge("Other", s.uid_of("Other", "a"))
        s.tell()
        if meanwhile == "flagged":
            s.agree({"INBOX": "b:S", "Other": "a:S", "Work": "a:FS"})
        else:
            s.agree({"INBOX": "b:S", "Work": "a:S"})


@pytest.mark.parametrize("make", [icloud, plain, strict_qresync])
def test_its_mailbox_was_removed_here_and_that_is_rejected(make: Callable[[], Profile]) -> None:
    """What was moved out before is not brought back, with or without MOVE."""
    with Story("by copy", make()) as s:
        for box in ("Work", "Other"):
            s.server.create(box)
        for ghost in "abc":
            s.serve("Work", ghost)
        s.tell()
        s.move_file("Work", "a", "Other")
        for ghost in "bc":
            s.fs.unlink(s.path_of("Work", ghost))
        s.unmake("Work")
        s.server.fault("UID STORE", "BYE bye", sticky=True)
        s.server.fault("UID MOVE", "BYE bye", sticky=True)
        assert s.tell().exit == 3
        s.server.faults.clear()
        assert s.reject("Work") == 1
        ran = s.tell()
        assert (ran.exit, ran.stored) == (0, 0), ran.text
        s.agree({"Work": "b c", "Other": "a"})


def test_the_mailbox_of_the_old_one_is_renamed_on_the_server() -> None:
    """What is left is known under the new name, and no deletion that goes to the trash."""
    with Story("by copy, renamed", icloud(), deletions=Deletions.TRASH) as s:
        for box in ("From", "Work"):
            s.server.create(box)
        for ghost in "ab":
            s.serve("From", ghost, "\\Seen")
        s.tell()
        s.move_file("From", "a", "Work")
        s.server.fault("UID STORE", "BYE bye", sticky=True)
        assert s.tell().exit == 75
        s.server.faults.clear()
        s.server.rename("From", "To")
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
        s.agree({"To": "b:S", "Work": "a:S"})


@pytest.mark.parametrize("copy_goes", [True, False])
def test_the_mailbox_of_the_old_one_is_left_out_for_a_while(
    story: Story, *, copy_goes: bool
) -> None:
    """Of the two the new one is deleted, and its file goes, while nobody looks at the old one: that
    is the only one then."""
    story.change(mailboxes=("*", "!INBOX"))
    if copy_goes:
        story.expunge("Work", "a")
        story.oracle.deleted.discard("a")
    story.tell()
    story.change(mailboxes=("*",))
    story.tell()
    story.agree({"INBOX": "a:S b:S"} if copy_goes else {"INBOX": "b:S", "Work": "a:S"})


@pytest.mark.parametrize("make", [icloud, plain])
def test_the_mailbox_of_one_that_was_never_read_is_left_out_for_a_while(
    make: Callable[[], Profile],
) -> None:
    """After a lost cache it was told by its name: its copy is told from it all the same."""
    with Story("by copy, unread", make()) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("INBOX", ghost, "\\Seen")
        s.tell()
        for path in s.state.glob("cache.db*"):
            path.unlink()
        s.tell()
        s.move_file("INBOX", "a", "Work")
        s.server.fault("UID STORE", "BYE bye", sticky=True)
        assert s.tell().exit == 75
        s.server.faults.clear()
        s.change(mailboxes=("*", "!INBOX"))
        s.tell()
        s.change(mailboxes=("*",))
        s.tell()
        s.agree({"INBOX": "b:S", "Work": "a:S"})
