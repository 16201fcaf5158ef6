"""What was sent, and moved on by another device before it was known to be stored (rule 8)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sim.oracle import body_of
from sim.server_profile import Profile, condstore, plain, plain_no_uidplus, strict_qresync
from sim.steps import Crash, Steps
from support.storied import Story

from mailsync.model.flags import Flags

MAKES = [strict_qresync, condstore, plain, plain_no_uidplus]


def killed(s: Story, *boxes: str) -> None:
    """As soon as the server has stored `n` in each of them."""
    steps = Steps()

    def look(name: str) -> None:
        if all("n" in s.server.ghosts(box) for box in boxes):
            steps.looks.clear()
            steps.crash(name)

    steps.looks.append(look)
    with pytest.raises(Crash):
        s.sync(steps)


def begun(s: Story) -> None:
    s.server.create("Work")
    s.serve("INBOX", "a")
    s.serve("Work", "w")
    s.tell()
    s.file("INBOX", "n", ":2,S")
    s.pass_time(60)
    killed(s, "INBOX")


@pytest.mark.parametrize("make", MAKES)
def test_it_is_followed_and_not_sent_again(make: Callable[[], Profile]) -> None:
    with Story("moved on", make()) as s:
        begun(s)
        s.server.move("INBOX", s.uid_of("INBOX", "n"), "Work")
        ran = s.tell()
        assert (ran.exit, ran.stored, ran.fetched, ran.total.moved) == (0, 0, 0, 1)
        s.agree({"INBOX": "a", "Work": "n:S w"})


@pytest.mark.parametrize("make", MAKES)
def test_it_does_not_show_itself_there_at_first(make: Callable[[], Profile]) -> None:
    """Not fetched as another message, of which the file would be sent again."""
    with Story("moved on, mute", make()) as s:
        begun(s)
        s.server.move("INBOX", s.uid_of("INBOX", "n"), "Work")
        last = re.compile(rb"(?s).*\r\n(?=\S+ OK)")
        s.server.fault(
            "UID FETCH", lambda answer: last.sub(b"", answer), mailbox="Work", text=b"HEADER.FIELDS"
        )
        ran = s.tell()
        assert (ran.exit, ran.stored, ran.fetched) == (0, 0, 0)
        s.agree({"INBOX": "a", "Work": "n:S w"})


@pytest.mark.parametrize("make", MAKES)
def test_one_that_comes_elsewhere_by_chance_is_not_it(make: Callable[[], Profile]) -> None:
    """It is told by its header, not by its date alone."""
    with Story("by chance", make()) as s:
        begun(s)
        date = next(m.date for m in s.server.contents("INBOX") if m.ghost == "n")
        s.server.expunge("INBOX", s.uid_of("INBOX", "n"))
        s.server.deliver("Work", body_of("x").replace(b"\n", b"\r\n"), (), date)
        s.oracle.born("x", body_of("x"))
        assert s.tell().exit == 0
        s.agree({"INBOX": "a n:S", "Work": "w x"})


@pytest.mark.parametrize("make", MAKES)
def test_what_was_never_stored_went_nowhere(make: Callable[[], Profile]) -> None:
    """A copy that another device put elsewhere meanwhile is another message: no UID is missing."""
    with Story("never", make()) as s:
        s.server.create("Work")
        s.serve("INBOX", "a")
        s.tell()
        path = s.file("INBOX", "n", ":2,S")
        date = int(s.fs.stat(path).mtime_ns // 10**9)
        steps = Steps()
        steps.before("cache.begin_intents.done", lambda: steps.crash())
        with pytest.raises(Crash):
            s.sync(steps)
        s.server.deliver("Work", body_of("n").replace(b"\n", b"\r\n"), Flags.NONE, date)
        assert s.tell().exit == 0
        s.agree({"INBOX": "a n:S", "Work": "n"})
