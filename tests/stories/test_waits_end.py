"""What waits or is held for something outside of the message: it goes when that is over, and not
before."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sim.oracle import body_of
from sim.server_profile import Profile, gmail, plain, plain_no_uidplus
from sim.steps import Crash, Steps
from support.storied import Story

from mailsync.model.settings import Deletions, Direction, Guard, Rules, Section


@pytest.mark.parametrize("make", [plain, plain_no_uidplus])
def test_a_move_is_ended_after_direction_was_pull_for_a_while(make: Callable[[], Profile]) -> None:
    """Without MOVE: copied, and the old UID left.  Nothing is held: the message is elsewhere, and
    `reject` would make a second one of it."""
    with Story("copied", make(), deletions=Deletions.TRASH) as s:
        s.server.create("Work")
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        s.move_file("INBOX", "a", "Work")
        steps = Steps()
        steps.before("cache.mark", lambda: steps.crash("cache.mark"))
        with pytest.raises(Crash):
            s.tell(steps)
        s.change(direction=Direction.PULL)
        ran = s.tell()
        assert (ran.exit, s.server.ghosts("INBOX")["a"], s.server.ghosts("Work")["a"]) == (0, 1, 1)
        s.idle()
        s.change(direction=Direction.BOTH)
        ran = s.tell()
        assert (ran.exit, ran.total.held, ran.stored, ran.fetched) == (0, 0, 0, 0), ran.text
        s.agree({"INBOX": "b c", "Work": "a"})


def test_what_could_not_go_to_the_trash_goes_when_it_can() -> None:
    """The section is another mailbox's than the one that the message is in."""
    closed = Section("Trash", Rules(direction=Direction.PULL), frozenset({"direction"}))
    with Story("closed", deletions=Deletions.TRASH, sections=(closed,)) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        s.unlink("INBOX", "a")
        assert s.tell().exit == 0
        s.idle()
        s.change(sections=())
        ran = s.tell()
        assert (ran.exit, ran.total.moved) == (0, 1), ran.text
        s.agree({"INBOX": "b c", "Trash": "a"})


def test_gmail_shows_its_trash_later() -> None:
    with Story("later", gmail(), deletions=Deletions.TRASH) as s:
        s.server.delete("Trash")
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        s.unlink("INBOX", "a")
        assert s.tell().exit == 0
        s.idle()
        s.server.create("Trash", ["\\Trash"])
        ran = s.tell()
        assert (ran.exit, ran.total.moved) == (0, 1), ran.text
        s.agree({"INBOX": "b c", "Trash": "a"})


@pytest.mark.parametrize("then", ["edited", "deleted"])
def test_a_draft_that_was_too_large_for_a_while(then: str) -> None:
    """The old version waits for the new one, not longer than there is one."""
    with Story("draft", max_size=10_000) as s:
        for ghost in ("d", "other"):
            s.serve("Drafts", ghost, "\\Draft")
        s.tell()

        def edit(old: str, new: str, size: int = 0) -> None:
            path = s.path_of("Drafts", old)
            s.oracle.born(new, body_of(new, size))
            s.oracle.deleted.add(old)
            s.fs.unlink(path)
            s.write(path, body_of(new, size), 1_700_001_000 + len(s.oracle.bodies))

        edit("d", "big", 20_000)
        assert s.tell().exit == 0
        s.idle()
        assert s.server.ghosts("Drafts") == {"d": 1, "other": 1}
        if then == "edited":
            edit("big", "small")
        else:
            s.unlink("Drafts", "big")
        ran = s.tell()
        assert (ran.exit, ran.total.expunged) == (0, 1), ran.text
        s.agree({"Drafts": "other:D small:D" if then == "edited" else "other:D"})


# -- a mailbox that was gone and is back ---------------------------------------------------------


@pytest.fixture
def back() -> Iterator[Story]:
    """The directory of Work was away, and is back without a and b."""
    with Story("back", guard=Guard()) as s:
        for box in ("Work", "Other"):
            s.server.create(box)
        for ghost in "abcd":
            s.serve("Work", ghost)
        s.serve("INBOX", "i")
        s.serve("Other", "o")
        s.tell()
        s.fs.rename("/mail/Work", "/away")
        s.fs.sync_dir("/mail")
        assert s.tell().exit == 3
        s.fs.rename("/away", "/mail/Work")
        s.fs.sync_dir("/mail")
        for ghost in "ab":
            path = s.path_of("Work", ghost)
            s.fs.unlink(path)
            s.fs.sync_dir(path.rpartition("/")[0])
        yield s


def rejected(s: Story, work: str) -> None:
    """Held, and back after reject; what is deleted then is a decision."""
    s.idle(exit=3)
    assert s.reject() == 2
    assert s.tell().exit == 0
    s.agree({"INBOX": "i", "Other": "o", "Work": work})
    s.unlink("Work", "d")
    ran = s.tell()
    assert (ran.exit, ran.total.expunged) == (0, 1)
    s.idle()


def test_it_is_judged_when_everything_could_be_looked_at(back: Story) -> None:
    """Not in a run that could not tell whether a and b had been moved."""

    def refuse(what: str, path: str) -> None:
        if "/mail/Other" in path:
            raise PermissionError(13, "no", path)

    back.refuse = refuse
    assert back.tell().exit == 1
    back.refuse = None
    back.pass_time(1000)
    ran = back.tell()
    assert (ran.exit, ran.total.held, ran.total.expunged) == (3, 2, 0), ran.text
    rejected(back, "a b c d")


@pytest.mark.parametrize("what", ["seen", "another policy"])
def test_it_is_held_until_it_is_decided(back: Story, what: str) -> None:
    """A message that is read elsewhere meanwhile, or a limit that is set, decides nothing."""
    ran = back.tell()
    assert (ran.exit, ran.total.held) == (3, 2)
    if what == "seen":
        back.server.set_flags("Work", back.uid_of("Work", "a"), ["\\Seen"])
    else:
        back.change(max_size=10**9)
    ran = back.tell()
    assert (ran.exit, ran.total.held, ran.total.expunged) == (3, 2, 0), ran.text
    rejected(back, "a:S b c d" if what == "seen" else "a b c d")


@pytest.mark.parametrize("direction", [Direction.PULL, Direction.PUSH])
def test_what_waits_to_be_put_back_is_no_deletion(direction: Direction) -> None:
    """Deleted on the side that counts, flagged on the other: put back when that may be, unasked."""
    with Story("put back", guard=Guard()) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        s.change(direction=direction)
        if direction is Direction.PULL:
            s.flag("INBOX", "a", "F")
            s.tell()
            s.server.expunge("INBOX", s.uid_of("INBOX", "a"))
        else:
            s.server.set_flags("INBOX", s.uid_of("INBOX", "a"), ["\\Flagged"])
            s.tell()
            s.fs.unlink(s.path_of("INBOX", "a"))
            s.fs.sync_dir("/mail/INBOX/new")
        assert s.tell().exit == 0
        s.idle()
        s.change(direction=Direction.BOTH)
        ran = s.tell()
        assert (ran.exit, ran.total.held, ran.stored + ran.fetched) == (0, 0, 1), ran.text
        s.agree({"INBOX": "a:F b c"})
