"""What could not be told in one run is told in the next: files that the disk does not give, headers
that the server refuses, mailboxes that were not to be synced (rules 4 and 7)."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

import pytest
from sim.server_profile import Profile, o365, proton, strict_qresync
from support.storied import Story

PROFILES = [strict_qresync, o365, proton]


@pytest.fixture(params=PROFILES)
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    """c, d and e were sent, with names that are not ours."""
    profile: Callable[[], Profile] = request.param
    with Story("unread", profile()) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("INBOX", ghost)
        for ghost in "cde":
            s.file("Work", ghost)
        s.serve("Work", "x")
        for _ in range(2):
            assert s.tell().exit == 0
        yield s


def lose_cache(story: Story) -> None:
    for path in story.state.glob("cache.db*"):
        path.unlink()


def unreadable(story: Story, path: str) -> None:
    def refuse(name: str, where: str) -> None:
        if (name, where) == ("read", path):
            raise OSError(errno.EIO, "Input/output error", where)

    story.refuse = refuse


def rests(story: Story) -> None:
    """In the end every message is there once, on both sides."""
    for _ in range(3):
        ran = story.tell(pause=3600)
    assert ran.exit == 0, ran.text
    assert story.server.ghosts("Work") == dict.fromkeys("cdex", 1)
    story.agree({"INBOX": "a b", "Work": "c d e x"})


@pytest.mark.parametrize("ghost", ["c", "x"])
@pytest.mark.parametrize("moved", [True, False])
def test_a_file_that_got_another_name_and_cannot_be_read(
    story: Story, ghost: str, moved: bool
) -> None:
    """Its message is not deleted: the file may be all that would be left of it."""
    if moved:
        story.move_file("Work", ghost, "INBOX", unique="888.renamed.reader")
    else:
        story.rename(story.path_of("Work", ghost), "/mail/Work/cur/888.renamed.reader:2,")
    unreadable(story, story.path_of("INBOX" if moved else "Work", ghost))
    for _ in range(2):
        ran = story.tell(pause=3600)
        assert (ran.exit, ran.total.expunged, ran.fetched) == (1, 0, 0), ran.text
        assert "cannot read" in ran.text
        assert story.server.ghosts("Work") == dict.fromkeys("cdex", 1)
    story.refuse = None
    assert story.tell(pause=3600).exit == 0
    if moved:
        story.move_file("INBOX", ghost, "Work", unique="999.back.reader")
    rests(story)


@pytest.mark.parametrize("ghost", ["c", "x"])
@pytest.mark.parametrize("how", ["lost", "new UIDVALIDITY"])
def test_a_file_that_cannot_be_read_in_a_relink(story: Story, ghost: str, how: str) -> None:
    """Its message is not fetched as another one."""
    if how == "lost":
        lose_cache(story)
    else:
        story.server.new_uidvalidity("Work", 10)
    unreadable(story, story.path_of("Work", ghost))
    for _ in range(2):
        ran = story.tell(pause=3600)
        assert (ran.fetched, ran.stored) == (0, 0), ran.text
    story.refuse = None
    rests(story)


@pytest.mark.parametrize("how", ["lost", "new UIDVALIDITY"])
def test_a_relink_of_a_mailbox_that_is_not_synced_is_not_over(story: Story, how: str) -> None:
    if how == "lost":
        lose_cache(story)
    else:
        story.server.new_uidvalidity("Work", 10)
    story.pass_time(60)
    assert story.sync(only=("INBOX",)).exit == 0
    rests(story)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_relink_in_which_an_answer_is_refused_is_not_over(story: Story, nth: int) -> None:
    lose_cache(story)
    story.server.fault("UID FETCH", "NO not now", nth, mailbox="Work")
    story.tell()
    rests(story)


@pytest.mark.parametrize("ghost", ["c", "x"])
@pytest.mark.parametrize("times", [1, 99])
def test_a_file_that_a_reader_marks_before_it_is_read_in_a_relink(
    story: Story, ghost: str, times: int
) -> None:
    """It is looked for again, and not taken for another message than the one on the server."""
    left = times

    def marked(name: str, where: str) -> None:
        nonlocal left
        if name == "open" and left and where == story.path_of("Work", ghost):
            left -= 1
            story.rename(where, where.removesuffix("S") if where.endswith("S") else f"{where}S")

    lose_cache(story)
    story.rename(story.path_of("Work", ghost), f"/mail/Work/cur/777.{ghost}.reader:2,")
    story.refuse = marked
    ran = story.tell()
    assert ran.exit == (0 if times == 1 else 75), ran.text
    assert (ran.total.uploaded, story.server.ghosts("Work")) == (0, dict.fromkeys("cdex", 1))
    left = 0
    for _ in range(3):
        ran = story.tell(pause=3600)
    assert ran.exit == 0, ran.text
    assert story.server.ghosts("Work") == dict.fromkeys("cdex", 1)
    assert len([path for path in story.fs.files() if path.startswith("/mail/Work/")]) == 4
