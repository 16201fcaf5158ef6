"""A run that dies when files are delivered and the cache is not told; the user moves one of them
on, here or there, before the next one.  So it is on the other side, too, and nothing is there
twice (reliability.md I2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, plain, plain_no_uidplus, strict_qresync
from sim.steps import Crash, Steps
from support.storied import Story

from mailsync.model.settings import Direction

EVERYWHERE = pytest.mark.parametrize("make", [strict_qresync, plain, plain_no_uidplus])


def new(s: Story) -> None:
    for ghost in "mn":
        s.serve("Work", ghost)


def moved_there(s: Story) -> None:
    s.server.move("INBOX", s.uid_of("INBOX", "a"), "Work")


def killed(make: Callable[[], Profile], change: Callable[[Story], None], step: str) -> Story:
    def prepared() -> Story:
        made = Story("departed", make())
        for ghost in "ab":
            made.serve("INBOX", ghost)
        for box in ("Work", "Zed"):
            made.server.create(box)
        made.tell()
        change(made)
        made.pass_time(60)
        return made

    with prepared() as calm:
        calm.sync(steps := Steps(record=True))
    made = prepared()
    with pytest.raises(Crash):
        made.sync(Steps(crash_at=steps.names.index(step) + 1))
    made.disk.crash("all", made.rand.fork("crash"))
    return made


@EVERYWHERE
@pytest.mark.parametrize("letters", ["", "S"])
def test_new_mail(make: Callable[[], Profile], letters: str) -> None:
    with killed(make, new, "cache.delivered") as s:
        s.move_file("Work", "n", "Zed")
        if letters:
            s.flag("Zed", "n", letters)
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
        s.agree({"INBOX": "a b", "Work": "m", "Zed": f"n:{letters}" if letters else "n"})


@EVERYWHERE
def test_what_was_moved_on_the_server(make: Callable[[], Profile]) -> None:
    with killed(make, moved_there, "cache.moved_local") as s:
        s.move_file("Work", "a", "Zed")
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
        s.agree({"INBOX": "b", "Zed": "a"})


@EVERYWHERE
@pytest.mark.parametrize("target", ["INBOX", "Zed"])
def test_what_is_moved_on_there(make: Callable[[], Profile], target: str) -> None:
    """That its file is in Work is our doing, and no move of the user's."""
    with killed(make, moved_there, "cache.moved_local") as s:
        s.server.move("Work", s.uid_of("Work", "a"), target)
        ran = s.tell()
        assert (ran.exit, ran.stored, ran.commands["UID COPY"]) == (0, 0, 0), ran.text
        s.witnessed("moved on")
        s.agree({"INBOX": "a b"} if target == "INBOX" else {"INBOX": "b", "Zed": "a"})


@EVERYWHERE
def test_what_is_deleted_there(make: Callable[[], Profile]) -> None:
    with killed(make, moved_there, "cache.moved_local") as s:
        s.oracle.deleted.add("a")
        s.server.expunge("Work", s.uid_of("Work", "a"))
        assert s.tell().exit == 0
        s.agree({"INBOX": "b"})


@EVERYWHERE
def test_a_copy_is_a_copy(make: Callable[[], Profile]) -> None:
    """Under the name that it has where it was delivered."""
    with killed(make, new, "cache.delivered") as s:
        path = s.path_of("Work", "n")
        date = s.fs.stat(path).mtime_ns // 10**9
        s.write(path.replace("/Work/", "/Zed/"), s.fs.files()[path], date)
        assert s.tell().exit == 0
        s.agree({"INBOX": "a b", "Work": "m n", "Zed": "n"})


@EVERYWHERE
def test_another_message_of_that_name_is_sent(make: Callable[[], Profile]) -> None:
    """A name is no proof: the date is another one."""
    with killed(make, new, "cache.delivered") as s:
        path = s.path_of("Work", "n")
        s.fs.unlink(path)
        s.file("Zed", "other", ":2,")
        s.rename(s.path_of("Zed", "other"), path.replace("/Work/", "/Zed/"))
        assert s.tell().exit == 0
        s.agree({"INBOX": "a b", "Work": "m n", "Zed": "other"})


def test_where_the_server_is_not_to_be_changed() -> None:
    with killed(strict_qresync, new, "cache.delivered") as s:
        s.move_file("Work", "n", "Zed")
        s.change(direction=Direction.PULL)
        assert s.tell().exit == 0
        s.idle()
        assert s.server.ghosts("Zed") == {}
        s.change(direction=Direction.BOTH)
        s.tell()
        s.agree({"INBOX": "a b", "Work": "m", "Zed": "n"})
