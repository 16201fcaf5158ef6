"""What comes back out of undo/, and what must not (semantics.md, rules 7 and 9)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from unittest import mock

import pytest
from sim import loop
from sim.stack import DATE, Cache, _noted
from sim.steps import Crash, Steps
from sim.world import make_world
from support.storied import Story

from mailsync.model.checked import CheckOptions
from mailsync.model.errors import NotOurs
from mailsync.modes import check, decide


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("undo", mailboxes=("*", "!Hidden")) as made:
        made.server.create("Hidden")
        for ghost in "abcd":
            made.serve("INBOX", ghost)
        made.tell()
        yield made


def hide(story: Story, *ghosts: str) -> None:
    """Out of the selected mailboxes, so that the files go to undo and the rows are forgotten."""
    for ghost in ghosts:
        story.server.move("INBOX", story.uid_of("INBOX", ghost), "Hidden")
    assert story.tell().total.removed == len(ghosts)
    story.idle()
    assert len(story.undo()) == len(ghosts)


def test_what_comes_back_is_told_by_emailid_whatever_row_it_gets(story: Story) -> None:
    """The rows of c and d are forgotten; that of the new w, and that of c come back, have their
    numbers again."""
    hide(story, "c", "d")
    story.serve("INBOX", "w")
    story.server.move("Hidden", story.uid_of("Hidden", "c"), "INBOX")
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.fetched) == (0, 2, 1)
    assert story.oracle.local_views(story.mail())["INBOX"].keys() == {
        (ghost, "") for ghost in "abcw"
    }
    assert [b"X-Ghost: d\n" in data for data in story.undo().values()] == [True]
    path = story.path_of("INBOX", "c")
    story.oracle.deleted.add("c")
    story.fs.unlink(path)
    assert story.tell().total.expunged == 1
    assert story.server.ghosts("INBOX").keys() == set("abw")


def test_twins_come_back_each_from_a_file_of_its_own(story: Story) -> None:
    story.server.copy("INBOX", story.uid_of("INBOX", "a"), "INBOX")
    story.tell()
    hide(story, "a")
    hide_twin = story.uid_of("INBOX", "a")
    story.server.move("INBOX", hide_twin, "Hidden")
    story.tell()
    assert len(story.undo()) == 2
    for message in list(story.server.contents("Hidden")):
        story.server.move("Hidden", message.uid, "INBOX")
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.fetched) == (0, 2, 0)
    assert story.undo() == {}


@pytest.mark.parametrize("ghosts", ["a", "abcd"])
def test_undelete_into_a_maildir_that_is_not_mounted(story: Story, ghosts: str) -> None:
    """Not even where nothing is paired any more: what lies in undo would be lost with it."""
    for ghost in ghosts:
        story.expunge("INBOX", ghost)
    story.tell()
    kept = story.undo()
    assert len(kept) == len(ghosts)
    away = dict(story.fs.files(under="/mail/"))
    for path in away:
        story.fs.unlink(path)
    with pytest.raises(NotOurs):
        story.undelete()
    assert story.undo() == kept
    assert story.fs.files(under="/mail/") == {}
    for path, data in away.items():
        story.write(path, data, 1_700_000_000)
    assert len(story.undelete()) == len(ghosts)
    assert story.undo() == {}


def lose_cache(story: Story) -> None:
    for path in story.state.glob("cache.db*"):
        path.unlink()


@pytest.fixture
def removed(story: Story) -> Story:
    """a and a \\Flagged one of Work were expunged; their files lie in undo, the cache is lost."""
    story.server.create("Work")
    story.serve("Work", "w", "\\Flagged")
    story.tell()
    story.expunge("INBOX", "a")
    story.expunge("Work", "w")
    story.tell()
    assert len(story.undo()) == 2
    lose_cache(story)
    return story


@pytest.mark.parametrize("synced", [True, False])
def test_undelete_after_the_cache_was_lost(removed: Story, synced: bool) -> None:
    """Into the mailboxes where they were, with flags, bytes and dates."""
    if synced:
        assert removed.tell().exit == 0
        assert len(removed.undo()) == 2
    else:
        Cache.open(str(removed.state), "test").close()
    assert len(removed.undelete()) == 2
    assert removed.undo() == {}
    removed.tell()
    removed.agree({"INBOX": "a b c d", "Work": "w:F"})
    dates = [m.date for m in removed.server.contents("INBOX") if m.ghost == "a"]
    assert dates == [DATE + 1]
    assert removed.fs.files(under=f"{removed.state}/undo.index/") == {}


def test_undo_is_purged_in_time_after_the_cache_was_lost(removed: Story) -> None:
    removed.tell()
    removed.tell(pause=29 * 86400)
    assert len(removed.undo()) == 2
    assert len(removed.fs.files(under=f"{removed.state}/undo.index/")) == 2
    for ghost, left in (("n", 2), ("m", 0)):  # by the clock of two syncs
        removed.serve("INBOX", ghost)
        removed.tell(pause=2 * 86400)
        assert len(removed.undo()) == left
    assert removed.fs.files(under=f"{removed.state}/undo.index/") == {}


def test_what_no_note_tells_of_is_kept_as_long(removed: Story) -> None:
    """It comes back into INBOX."""
    for path in removed.fs.files(under=f"{removed.state}/undo.index/"):
        removed.fs.unlink(path)
    removed.write(f"{removed.state}/undo.index/junk", b'{"undo": 1}\nnonsense\n', 1_700_000_000)
    removed.tell()
    assert len(removed.undelete()) == 2
    removed.tell()
    removed.agree({"INBOX": "a b c d w"})


@pytest.mark.parametrize("times", [1, 2])
def test_what_came_back_and_was_deleted_again_comes_back_once(
    story: Story, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """An undelete that was killed leaves in undo what it brought: deleted once more, it lies there
    under both names."""
    story.expunge("INBOX", "a")
    assert story.tell().total.removed == 1
    for _ in range(times):
        with monkeypatch.context() as patch:
            patch.setattr(decide.Back, "drop", killed)
            with pytest.raises(Crash):
                story.undelete()
        story.tell()
        story.expunge("INBOX", "a")
        assert story.tell().total.removed == 1
    assert len(story.undo()) == times + 1
    assert len(story.undelete()) == 1
    assert story.undo() == {}
    assert story.tell().total.uploaded == 1
    story.agree({"INBOX": "a b c d"})


def killed(*_: object) -> None:
    raise Crash


@pytest.mark.parametrize("repair", [False, True])
def test_check_of_a_cache_that_was_rolled_back_leaves_it_to_the_sync(
    story: Story, repair: bool
) -> None:
    """Which says so, and finds in undo what the cache does not know."""
    shutil.copy(story.state / "cache.db", story.state / "kept.db")
    story.expunge("INBOX", "a")
    assert story.tell().total.removed == 1
    shutil.copy(story.state / "kept.db", story.state / "cache.db")
    world = make_world(story.server, story.fs, "check", Steps())
    with mock.patch.object(check, "production_world", return_value=nullcontext(world)), _noted():
        found = loop.run(check._check(story.account, CheckOptions(repair=repair), None))
    assert "the cache is older than the Maildir" in found.errors[0]
    assert "the cache is older than the Maildir" in story.tell().text
    assert len(story.undelete()) == 1
    assert story.tell().exit == 0
    story.agree({"INBOX": "a b c d"})


def test_what_is_put_back_by_hand_and_deleted_later_goes() -> None:
    """Its row may have the number of the one whose file went into undo, and has its name."""
    with Story("by hand") as s:
        for ghost in "ba":
            s.serve("INBOX", ghost)
            s.tell()
        path = s.path_of("INBOX", "a")
        data, date = s.fs.files()[path], s.fs.stat(path).mtime_ns // 10**9
        s.expunge("INBOX", "a")
        assert s.tell().total.removed == 1
        s.oracle.deleted.discard("a")
        s.write(path, data, date)
        assert s.tell().stored == 1
        assert s.path_of("INBOX", "a") == path
        s.unlink("INBOX", "a")
        assert s.tell().total.expunged == 1
        s.agree({"INBOX": "b"})
