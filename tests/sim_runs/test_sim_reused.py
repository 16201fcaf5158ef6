"""A server that was restored from a backup gives UIDs a second time under the same UIDVALIDITY:
what the cache knows by them are other messages by now."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from sim.server_profile import Profile, condstore, plain, plain_no_uidplus, strict_qresync
from support.storied import Story

DAY = 86_400.0
ALL = [strict_qresync, condstore, plain, plain_no_uidplus]
AGAIN = "gives UIDs a second time"


def restored(s: Story, *, early: str) -> None:
    """c and d came after the backup; what comes now has their UIDs."""
    for ghost in "ab":
        s.serve("INBOX", ghost)
    if "a" in early:
        s.tell()
    backup = copy.deepcopy(s.server.boxes[b"INBOX"])
    for ghost in "cd":
        s.serve("INBOX", ghost)
    s.tell()
    s.agree({"INBOX": "a b c d"})
    s.server.boxes[b"INBOX"] = backup


def told_and_taken_back(s: Story, pause: float = 60) -> None:
    """Nothing is deleted for it, and what the server lost can be sent again."""
    ran = s.tell(pause=pause)
    assert AGAIN in ran.text
    assert (ran.exit, ran.total.removed, ran.total.expunged) == (3, 0, 0), ran.text
    assert s.undo() == {}
    s.reject("INBOX")
    assert s.tell().exit == 0


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
        for ghost in "ef":
            s.serve("INBOX", ghost, size=100)
        told_and_taken_back(s, DAY)
        s.agree({"INBOX": "a b c d e f"})


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


def resized(answer: bytes) -> bytes:
    return answer.replace(b"RFC822.SIZE 8", b"RFC822.SIZE 9")
