"""A run that ends in the middle of a move or a deletion, and what the user does with the file until
the next one (semantics.md, rules 7 to 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import pytest
from sim.server_profile import Profile, plain, plain_no_uidplus, strict_qresync
from sim.steps import Crash, Steps
from support.storied import Story

from mailsync.model.settings import Deletions

AT_ONCE, WHILE_WE_WAIT = 0.01, 5.0  # seconds until the server executes it
MOST_STEPS = 12  # from the intent to the command


def no_move() -> Profile:
    return replace(strict_qresync(), move=False)


def moved(make: Callable[[], Profile]) -> Story:
    made = Story("put back", make())
    for ghost in "abc":
        made.serve("INBOX", ghost)
    for box in ("Work", "Zed"):
        made.server.create(box)
    made.tell()
    made.move_file("INBOX", "a", "Work")
    made.pass_time(60)
    return made


@cache
def step_behind(make: Callable[[], Profile]) -> int:
    """At which the whole command is on its way, and not executed."""
    with moved(make) as calm:
        calm.sync(steps := Steps(record=True))
    begun = steps.names.index("cache.begin_intents.done")
    for at in range(begun, begun + MOST_STEPS):
        with moved(make) as made:
            with pytest.raises(Crash):
                made.sync(Steps(crash_at=at))
            waiting = [one.framer for _, one in made.server._lost if one.framer.count()]
            if any(b"UID MOVE" in one.buffer or b"UID COPY" in one.buffer for one in waiting):
                return at
    raise AssertionError("no step leaves it unexecuted")


@contextmanager
def killed(make: Callable[[], Profile], late: float) -> Iterator[Story]:
    """All of the command is on its way; the server executes it `late`."""
    at = step_behind(make)
    with moved(make) as made:
        with pytest.raises(Crash):
            made.sync(Steps(crash_at=at))
        made.disk.crash("all", made.rand.fork("crash"))
        made.server.zombie(lambda complete: (complete, late))
        yield made


EVERYWHERE = pytest.mark.parametrize("make", [strict_qresync, no_move, plain, plain_no_uidplus])
WHENEVER = pytest.mark.parametrize("late", [AT_ONCE, WHILE_WE_WAIT])


@EVERYWHERE
@WHENEVER
@pytest.mark.parametrize("letters", ["", "S"])
def test_the_file_is_put_back(make: Callable[[], Profile], late: float, letters: str) -> None:
    """Message and file are where they were; where there was only COPY, neither is taken for what
    the copy has made superfluous, whether the file was changed meanwhile or not."""
    with killed(make, late) as s:
        s.move_file("Work", "a", "INBOX")
        if letters:
            s.flag("INBOX", "a", letters)
        assert s.sync().exit == 0
        s.tell(pause=100)
        s.agree({"INBOX": f"a:{letters} b c" if letters else "a b c"})


@EVERYWHERE
@WHENEVER
def test_the_file_is_deleted(make: Callable[[], Profile], late: float) -> None:
    with killed(make, late) as s:
        s.unlink("Work", "a")
        assert s.sync().exit == 0
        s.tell(pause=100)
        s.agree({"INBOX": "b c"})


@EVERYWHERE
@WHENEVER
def test_the_file_is_moved_on(make: Callable[[], Profile], late: float) -> None:
    with killed(make, late) as s:
        s.move_file("Work", "a", "Zed")
        assert s.sync().exit == 0
        s.tell(pause=100)
        s.agree({"INBOX": "b c", "Zed": "a"})


@pytest.mark.parametrize("make", [strict_qresync, plain, plain_no_uidplus])
def test_what_we_marked_and_another_client_expunged(make: Callable[[], Profile]) -> None:
    """The mark was to be taken back, and could not: nobody deleted the message."""
    busy = "NO [INUSE] busy"
    with Story("marked", make()) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        s.fs.mkdir("/elsewhere")
        path = s.path_of("INBOX", "a")
        s.rename(path, "/elsewhere/a")
        for command in ("EXPUNGE", "UID EXPUNGE"):
            s.server.fault(command, busy, sticky=True)
        assert s.tell().exit == 1
        s.rename("/elsewhere/a", path)
        s.server.fault("UID STORE", busy, sticky=True)
        assert s.tell().exit == 1
        (marked,) = (one for one in s.server.contents("INBOX") if "\\Deleted" in one.flags)
        s.server.expunge("INBOX", marked.uid)
        s.server.faults.clear()
        assert s.tell().exit == 0
        s.agree({"INBOX": "a b c"})


@pytest.mark.parametrize("make", [strict_qresync, no_move])
def test_a_deleted_file_is_put_back(make: Callable[[], Profile]) -> None:
    """Its message is in the \\Trash mailbox by our own hand: the file does not follow it there."""

    def deleted() -> tuple[Story, str]:
        made = Story("trash", make(), deletions=Deletions.TRASH)
        for ghost in "abc":
            made.serve("INBOX", ghost)
        made.tell()
        made.fs.mkdir("/elsewhere")
        path = made.path_of("INBOX", "a")
        made.rename(path, "/elsewhere/a")
        made.pass_time(60)
        return made, path

    calm, _ = deleted()
    with calm:
        calm.sync(steps := Steps(record=True))
    last = "cache.linked.done" if make is strict_qresync else "cache.expunged.done"
    s, path = deleted()
    with s:
        with pytest.raises(Crash):
            s.sync(Steps(crash_at=steps.names.index(last) + 2))
        s.rename("/elsewhere/a", path)
        assert s.tell().exit == 0
        s.agree({"INBOX": "a b c", "Trash": "a"})
