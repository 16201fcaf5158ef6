"""What goes from one mailbox to another, on either side: once, and what does not go is said."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from sim.server_profile import Profile, condstore, plain, strict_qresync
from sim.stack import DATE
from support.storied import Story

from mailsync.model.settings import Deletions

moves = importlib.import_module("mailsync.executor.moves")
DAY = 86_400.0


# -- on the server -------------------------------------------------------------------------------


def filed(story: Story, ghost: str, names: str) -> None:
    """A mail reader copies a message into Work, under each of these names."""
    data = story.mail()[story.path_of("INBOX", ghost)]
    for name in names.split():
        story.write(f"/mail/Work/cur/{name}:2,", data, DATE + 1)


def test_as_many_copies_as_were_made_here(story: Story) -> None:
    """A command copies a UID once, so three files are three commands; what else goes, in the first.

    What a flag was set of is looked at, and new files are read where another one is gone."""
    filed(story, "a", "one two three")
    filed(story, "b", "four")
    for ghost in "ab":
        story.server.set_flags("INBOX", story.uid_of("INBOX", ghost), ["\\Seen"])
    story.unlink("INBOX", "c")
    ran = story.tell()
    assert (ran.exit, ran.stored, ran.total.uploaded) == (0, 0, 4)
    assert ran.commands["UID COPY"] == 3
    assert story.server.ghosts("Work") == {"a": 3, "b": 1, "w": 1}
    story.idle()


@pytest.mark.parametrize("answer", ["NO [CANNOT] no", "NO [NOPERM] no", "BAD no"])
def test_a_copy_that_the_server_refuses_is_sent_another_time(story: Story, answer: str) -> None:
    """The file waits, not the message that it is a copy of, with which all is well."""
    filed(story, "a", "one")
    story.server.set_flags("INBOX", story.uid_of("INBOX", "a"), ["\\Seen"])
    story.unlink("INBOX", "c")
    story.server.fault("UID COPY", answer, sticky=True)
    ran = story.tell()
    assert (ran.exit, ran.commands["UID COPY"], ran.total.parked) == (1, 1, 1), ran.text
    assert "the server refused to copy to Work" in ran.text
    story.idle(exit=1)
    ran = story.tell(pause=DAY)
    assert (ran.exit, ran.commands["UID COPY"], ran.stored) == (0, 0, 1), ran.text
    story.agree({"INBOX": "a:S b", "Work": "a w"})


@pytest.mark.parametrize("make", [strict_qresync, plain])
def test_each_copy_has_the_flags_of_its_file(make: Callable[[], Profile]) -> None:
    """What was set since both agreed is merged; where the copy came from stays as it was."""
    with Story("flags of copies", make()) as s:
        for box in ("B", "C"):
            s.server.create(box)
        s.serve("INBOX", "m", "\\Seen")
        s.serve("INBOX", "n", "\\Seen")
        s.tell()
        for ghost in "mn":
            s.move_file("INBOX", ghost, "B", unique=f"888.{ghost}.reader")
            s.server.move("INBOX", s.uid_of("INBOX", ghost), "C")
        s.server.set_flags("C", s.uid_of("C", "m"), ["\\Flagged"])
        s.flag("B", "n", "RS")
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
        assert ran.commands["UID COPY"] == 1
        assert ran.total.uploaded == 2
        s.tell()
        s.agree({"B": "m:FS n:RS", "C": "m:FS n:S"})


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_only_what_the_server_refuses_to_move_stays(
    story: Story, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """It is parked, and goes when its time has come."""
    monkeypatch.setattr(moves, "BATCH", batch)
    story.refuse_uid("UID MOVE", story.uid_of("INBOX", "b"))
    for ghost in "abc":
        story.move_file("INBOX", ghost, "Work")
    ran = story.tell()
    assert (ran.exit, ran.total.moved, ran.total.failed, ran.total.parked) == (1, 2, 1, 1)
    assert "the server refused to move to Work" in ran.text
    assert story.server.ghosts("INBOX") == {"b": 1}
    story.idle(exit=1)
    del story.server.next_fault
    ran = story.tell(pause=DAY)
    assert (ran.exit, ran.total.moved) == (0, 1)
    story.agree({"Work": "a b c w"})


def test_where_moves_are_refused_one_is_enough(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reason that holds for all is not asked for again in this run, and said of each."""
    monkeypatch.setattr(moves, "BATCH", 1)
    story.server.fault("UID MOVE", "NO [NOPERM] not you", sticky=True)
    for ghost in "abc":
        story.move_file("INBOX", ghost, "Work")
    ran = story.tell()
    assert (ran.exit, ran.total.moved, ran.total.failed, ran.total.parked) == (1, 0, 3, 3)
    assert ran.commands["UID MOVE"] == 1
    assert "the server refused to move to Work" in ran.text
    story.server.faults.clear()
    ran = story.tell(pause=DAY)
    assert (ran.exit, ran.total.moved, ran.stored) == (0, 3, 0)
    story.agree({"Work": "a b c w"})


def test_a_mark_of_ours_does_not_go_along(story: Story) -> None:
    """A deletion was cut off behind \\Deleted; then its file is found in another mailbox."""
    path = story.path_of("INBOX", "a")
    data, name = story.mail()[path], path.rpartition("/")[2]
    story.fs.unlink(path)
    story.server.fault("UID EXPUNGE", "NO [CANNOT] not now")
    assert story.tell().exit == 1
    assert story.oracle.server_views(story.server)["INBOX"]["a", "T"] == 1
    story.write(f"/mail/Work/cur/{name}:2,", data, DATE + 1)
    ran = story.tell(pause=DAY)
    assert (ran.exit, ran.stored) == (0, 0)
    story.agree({"INBOX": "b c", "Work": "a w"})


def cache_lost(story: Story) -> None:
    """Then files are told by their names, and nothing is known of their headers."""
    for path in story.state.glob("cache.db*"):
        path.unlink()
    story.tell()


@pytest.mark.parametrize("make", [strict_qresync, condstore, plain])
@pytest.mark.parametrize("hidden", [False, True])
def test_what_was_told_by_its_name_is_recognised_after_a_doubt(
    make: Callable[[], Profile], hidden: bool
) -> None:
    """Its header is asked for before the command; where the server does not show that, the file is
    read.  The server names no UID, and another message comes at once."""
    with Story("named", replace(make(), no_append_uid=True)) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.tell()
        cache_lost(s)
        s.move_file("INBOX", "a", "Work")
        if hidden:
            s.server.nil_bodies.add((b"INBOX", s.uid_of("INBOX", "a")))
        ran = s.tell()
        s.server.nil_bodies.clear()
        assert (ran.exit, ran.stored, ran.total.moved) == (0, 0, 1)
        s.agree({"INBOX": "b", "Work": "a"})


def test_what_goes_to_the_trash_needs_no_file_there(story: Story) -> None:
    story.change(deletions=Deletions.TRASH)
    for ghost in "ab":
        story.unlink("INBOX", ghost)
    ran = story.tell()
    assert (ran.exit, ran.commands["UID MOVE"], ran.commands["UID COPY"]) == (0, 1, 0)
    assert story.server.ghosts("Trash") == {"a": 1, "b": 1}
    story.oracle.deleted.clear()
    story.tell()
    story.agree({"INBOX": "c", "Trash": "a b", "Work": "w"})


def test_a_move_that_cannot_be_verified_is_not_done_again(story: Story) -> None:
    """It is looked for once more in this run: what is seen then is done, and no trouble is left."""

    def hide(answer: bytes) -> bytes:
        story.server.fault("UID FETCH", "NO [SERVERBUG] no", mailbox="Work")
        return answer

    story.server.fault("UID MOVE", hide)
    for ghost in "ab":
        story.move_file("INBOX", ghost, "Work")
    ran = story.tell()
    assert (ran.exit, ran.commands["UID MOVE"], ran.total.moved, ran.stored) == (0, 1, 0, 0)
    story.agree({"INBOX": "c", "Work": "a b w"})


@pytest.mark.parametrize("told", [True, False])
def test_what_copyuid_names_is_not_looked_for(told: bool) -> None:
    with Story("copyuid", replace(strict_qresync(), uidplus=told)) as s:
        s.server.create("Work")
        for box, ghost in (("Work", "w"), ("INBOX", "b"), ("INBOX", "a")):
            s.serve(box, ghost)
        s.tell()
        s.move_file("INBOX", "a", "Work")
        since = len(s.server.executed)
        assert s.tell().exit == 0
        asked = [b"BODY.PEEK[HEADER]" in one.text for one in s.server.executed[since:]]
        assert any(asked) is not told
        s.agree({"INBOX": "b", "Work": "w a"})
