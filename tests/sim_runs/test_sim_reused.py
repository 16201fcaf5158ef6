"""A server that was restored from a backup gives UIDs a second time under the same UIDVALIDITY:
what the cache knows by them are other messages by now."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from unittest import mock

import pytest
from sim import loop
from sim.server_profile import Profile, condstore, plain, plain_no_uidplus, strict_qresync
from sim.server_state import Box
from sim.stack import _noted
from sim.steps import Steps
from sim.under import bare
from sim.world import make_world
from support.storied import Story

from mailsync.cache import audits
from mailsync.model.checked import CheckOptions
from mailsync.model.settings import Deletions, Guard
from mailsync.modes import check

DAY = 86_400.0
ALL = [strict_qresync, condstore, plain, plain_no_uidplus]
AGAIN = "gives UIDs a second time"


def restored(s: Story, *, early: str) -> Box:
    """c and d came after the backup; what comes now has their UIDs.  Returns what it was before."""
    for ghost in "ab":
        s.serve("INBOX", ghost)
    if "a" in early:
        s.tell()
    backup = copy.deepcopy(s.server.boxes[b"INBOX"])
    for ghost in "cd":
        s.serve("INBOX", ghost)
    s.tell()
    s.agree({"INBOX": "a b c d"})
    lost, s.server.boxes[b"INBOX"] = s.server.boxes[b"INBOX"], backup
    return lost


def told_and_taken_back(s: Story, pause: float = 60) -> None:
    """Nothing is deleted for it, and what the server lost can be sent again."""
    ran = s.tell(pause=pause)
    assert AGAIN in ran.text
    assert (ran.exit, ran.total.removed, ran.total.expunged) == (3, 0, 0), ran.text
    assert s.undo() == {}
    s.reject("INBOX")
    assert s.tell().exit == 0


def two_others(s: Story) -> None:
    """They get the UIDs of c and d, and only the audit can tell."""
    for ghost in "ef":
        s.serve("INBOX", ghost, size=100)
    told_and_taken_back(s, DAY)
    s.agree({"INBOX": "a b c d e f"})


@pytest.mark.parametrize("early", ["", "a"])
@pytest.mark.parametrize("make", ALL)
def test_uidnext_went_back(make: Callable[[], Profile], early: str) -> None:
    with Story("back", make()) as s:
        restored(s, early=early)
        told_and_taken_back(s)
        s.agree({"INBOX": "a b c d"})


@pytest.mark.parametrize("make", ALL)
def test_a_new_message_has_the_uid_of_another(make: Callable[[], Profile]) -> None:
    with Story("reused", make()) as s:
        restored(s, early="a")
        s.serve("INBOX", "e")
        told_and_taken_back(s)
        s.agree({"INBOX": "a b c d e"})


@pytest.mark.parametrize("make", ALL)
def test_all_that_is_counted_is_as_it_was(make: Callable[[], Profile]) -> None:
    """Only the daily audit sees that they are others, by their dates and sizes."""
    with Story("counted", make()) as s:
        restored(s, early="a")
        two_others(s)


@pytest.mark.parametrize("make", ALL)
def test_one_whose_size_is_said_otherwise_is_the_same(make: Callable[[], Profile]) -> None:
    """An estimate (Exchange): no reason to doubt what its UID means."""
    with Story("estimate", make()) as s:
        s.serve("INBOX", "a")
        s.tell()
        s.server.fault("UID FETCH", resized, sticky=True)
        ran = s.tell(pause=DAY)
        assert (ran.exit, ran.fetched, AGAIN in ran.text) == (0, 0, False)
        s.server.faults.clear()
        s.agree({"INBOX": "a"})


@pytest.mark.parametrize("make", ALL)
def test_where_a_part_is_audited_all_is_listed_anew(
    make: Callable[[], Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By flags alone no file is told from another: a and b would be fetched, and be sent."""
    monkeypatch.setattr(audits, "RANGE", 2)
    with Story("part", make()) as s:
        lost = restored(s, early="a")
        backup = s.server.boxes[b"INBOX"]
        s.server.boxes[b"INBOX"] = lost
        assert AGAIN not in s.tell(pause=DAY).text  # a and b are
        s.server.boxes[b"INBOX"] = backup
        two_others(s)


@pytest.mark.parametrize("make", [*ALL, partial(bare, "courier")])
def test_a_uid_of_what_was_sent_is_given_again(make: Callable[[], Profile]) -> None:
    """The server is asked at once what it says of it, for nothing else tells it from another."""
    with Story("sent", make()) as s:
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.tell()
        backup = copy.deepcopy(s.server.boxes[b"INBOX"])
        for ghost in "cd":
            s.file("INBOX", ghost)
        s.tell()
        s.server.boxes[b"INBOX"] = backup
        two_others(s)


@pytest.mark.parametrize("make", ALL)
def test_all_that_was_sent_is_lost(make: Callable[[], Profile]) -> None:
    """The cursor is that of the SELECT before, so UIDNEXT is what it was: what has no UID below it
    was neither gone nor there, and the mailbox could not be looked at any more."""
    with Story("lost", make()) as s:
        backup = copy.deepcopy(s.server.boxes[b"INBOX"])
        s.file("INBOX", "a")
        s.tell()
        s.server.boxes[b"INBOX"] = backup
        told_and_taken_back(s)
        s.agree({"INBOX": "a"})


def narrowed(s: Story) -> None:
    """c and d came after the backup, and all is out of scope when it is put back."""
    s.server.create("Work")
    for ghost in "ab":
        s.serve("Work", ghost)
    s.tell()
    backup = copy.deepcopy(s.server.boxes[b"Work"])
    for ghost in "cd":
        s.serve("Work", ghost)
    s.tell()
    s.agree({"Work": "a b c d"})
    s.change(mailboxes=("*", "!Work"))
    s.tell()
    s.server.boxes[b"Work"] = backup


@pytest.mark.parametrize("new", ["e", "ef", "efg"])
@pytest.mark.parametrize("make", ALL)
def test_restored_while_it_was_out_of_scope(make: Callable[[], Profile], new: str) -> None:
    """What has a UID that c or d had is not c or d, though nobody knows what became of those."""
    with Story("scope", make()) as s:
        narrowed(s)
        for ghost in new:
            s.serve("Work", ghost, size=100)
        s.change(mailboxes=("*",))
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.total.held) == (3, len(new), 2), ran.text
        s.reject("Work")
        assert s.tell().stored == 2
        s.agree({"Work": " ".join(["a b c d", *new])})


@pytest.mark.parametrize("make", ALL)
def test_a_uid_is_given_again_after_the_mailbox_came_back_into_scope(
    make: Callable[[], Profile],
) -> None:
    with Story("later", make()) as s:
        narrowed(s)
        s.change(mailboxes=("*",))
        assert s.tell().total.held == 2
        s.serve("Work", "e", size=100)
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.total.held) == (3, 1, 2), ran.text
        s.reject("Work")
        assert s.tell().stored == 2
        s.agree({"Work": "a b c d e"})


@pytest.mark.parametrize("make", ALL)
def test_a_uid_of_what_is_held_as_deleted_is_given_again(make: Callable[[], Profile]) -> None:
    with Story("held", make(), guard=Guard(share=0.1, floor=1)) as s:
        for ghost in "abcd":
            s.serve("INBOX", ghost)
        s.tell()
        backup = copy.deepcopy(s.server.boxes[b"INBOX"])
        for ghost in "ef":
            s.serve("INBOX", ghost)
        s.tell()
        for ghost in "ef":
            s.expunge("INBOX", ghost)
        assert s.tell().total.held == 2
        s.server.boxes[b"INBOX"] = backup
        for ghost in "ghi":
            s.serve("INBOX", ghost, size=100)
        ran = s.tell()
        assert AGAIN in ran.text
        assert (ran.exit, ran.fetched, ran.total.held) == (3, 3, 2), ran.text
        s.oracle.deleted.clear()
        s.reject("INBOX")
        s.tell()
        s.agree({"INBOX": "a b c d e f g h i"})


def differences(s: Story, *, repair: bool = False) -> list[str]:
    """What `check` says."""
    world = make_world(s.server, s.fs, "check", Steps())
    with mock.patch.object(check, "production_world", return_value=nullcontext(world)), _noted():
        found = loop.run(check._check(s.account, CheckOptions(repair=repair), None))
    return [one.what for box in found.mailboxes for one in box.differences]


def resized(answer: bytes) -> bytes:
    return answer.replace(b"RFC822.SIZE 8", b"RFC822.SIZE 9")


def test_a_mailbox_that_only_the_audit_could_tell_is_listed_when_another_tells() -> None:
    """A server is restored as a whole: a file that is deleted meanwhile takes no other message
    with it, which came under its UID."""
    with Story("whole", strict_qresync()) as s:
        s.server.create("Work")
        for box, ghost in (("INBOX", "a"), ("Work", "b")):
            s.serve(box, ghost)
        s.tell()
        backup = copy.deepcopy(s.server.boxes)
        for box, ghost in (("INBOX", "c"), ("Work", "d")):
            s.serve(box, ghost)
        s.tell()
        s.server.boxes.update(backup)
        s.serve("Work", "e", size=100)
        s.unlink("Work", "d")
        ran = s.tell()
        assert (ran.exit, ran.total.expunged, ran.total.moved) == (3, 0, 0), ran.text
        assert ran.text.count(AGAIN) == 2
        s.reject()
        s.tell()
        s.agree({"INBOX": "a c", "Work": "b e"})


def test_check_tells_another_message_under_a_uid_and_repair_has_it_seen() -> None:
    with Story("told", strict_qresync()) as s:
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.tell()
        backup = copy.deepcopy(s.server.boxes)
        s.serve("INBOX", "c")
        s.tell()
        s.server.boxes.update(backup)
        s.serve("INBOX", "d", size=100)
        s.pass_time(60)
        found = differences(s)
        assert found == [
            "another message has this UID on the server, which was synced with the file"
        ]
        assert differences(s, repair=True) == found
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.total.removed) == (3, 1, 0), ran.text
        assert differences(s) == ["not on the server, held"]


def moved(s: Story) -> None:
    s.move_file("INBOX", "d", "Work")


def deleted(s: Story) -> None:
    s.unlink("INBOX", "d")


@pytest.mark.parametrize("deletions", [Deletions.TRASH, Deletions.EXPUNGE])
@pytest.mark.parametrize("act", [deleted, moved])
@pytest.mark.parametrize("make", ALL)
def test_what_nobody_could_tell_is_told_before_a_message_is_taken_away(
    make: Callable[[], Profile], act: Callable[[Story], None], deletions: Deletions
) -> None:
    """As many came since the backup as before it, so no number tells that they are others."""
    with Story("before", make(), deletions=deletions) as s:
        s.server.create("Work")
        restored(s, early="a")
        for ghost in "ef":
            s.serve("INBOX", ghost, size=100)
        act(s)
        ran = s.tell()
        assert AGAIN in ran.text
        assert (ran.exit, ran.total.moved, ran.total.expunged) == (3, 0, 0), ran.text
        assert sorted(s.server.ghosts("INBOX")) == ["a", "b", "e", "f"]
