"""max-size, max-age and sections from end to end: what is beyond a limit stays as it is on both
sides, whatever happens to it, and is brought when the limit is raised (rule 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sim.oracle import body_of
from sim.server_profile import Profile, plain, strict_qresync
from support.storied import Story

from mailsync.model.settings import Direction, Guard, Rules, Section

DAY = 86400


@pytest.fixture(params=[strict_qresync, plain])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    profile: Callable[[], Profile] = request.param
    with Story("sections", profile()) as made:
        made.server.create("Archive")
        yield made


def days(story: Story) -> int:
    """A limit between what `aged` serves and what came lately."""
    return int((story.server.wall() - 1_700_000_000) // DAY) + 30


def aged(story: Story, box: str, ghost: str) -> int:
    """A message of long ago."""
    uid = story.serve(box, ghost)
    message = next(one for one in story.server.contents(box) if one.ghost == ghost)
    message.date -= 90 * DAY
    return uid


def limited(story: Story) -> None:
    """INBOX has a young and an old message on both sides, and one that is old and only there."""
    story.serve("INBOX", "young")
    aged(story, "INBOX", "old")
    aged(story, "INBOX", "gone")
    assert story.tell().fetched == 3
    story.change(max_age=days(story))
    aged(story, "INBOX", "far")
    ran = story.tell()
    assert (ran.exit, ran.fetched) == (0, 0)
    story.idle()


def test_old_messages_stay_on_the_server(story: Story) -> None:
    limited(story)
    assert "far" in story.server.ghosts("INBOX")
    with pytest.raises(KeyError):
        story.path_of("INBOX", "far")
    story.change(max_age=None)
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 1, 0)
    story.agree({"INBOX": "young old gone far"})
    story.idle()


def test_flags_of_what_both_have_go_on(story: Story) -> None:
    limited(story)
    story.flag("INBOX", "old", "FS")
    story.server.set_flags("INBOX", story.uid_of("INBOX", "gone"), ["\\Seen"])
    story.server.set_flags("INBOX", story.uid_of("INBOX", "far"), ["\\Seen"])
    ran = story.tell()
    assert (ran.exit, ran.total.flags_server, ran.total.flags_local) == (0, 1, 1)
    story.idle()


def test_nothing_is_deleted_beyond_the_limit(story: Story) -> None:
    """A file that is removed, a message that is expunged: each side keeps what it has; when the
    limit is raised the one is fetched again, for the other a person decides."""
    limited(story)
    story.fs.unlink(story.path_of("INBOX", "old"))
    story.server.expunge("INBOX", story.uid_of("INBOX", "gone"))
    ran = story.tell()
    assert (ran.exit, ran.total.removed, ran.total.expunged, ran.total.held) == (0, 0, 0, 0)
    assert "old" in story.server.ghosts("INBOX")
    assert story.path_of("INBOX", "gone")
    story.idle()
    story.change(max_age=None)
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.total.held) == (3, 2, 1)  # old and far; gone is held
    story.idle(exit=3)
    assert story.reject("INBOX") == 1
    assert story.tell().exit == 0
    story.agree({"INBOX": "young old gone far"})
    story.idle()


def test_a_message_grows_too_old(story: Story) -> None:
    """Time goes on, and nothing changes but that nobody looks after it."""
    story.serve("INBOX", "a")
    story.change(max_age=days(story))
    story.tell()
    story.agree({"INBOX": "a"})
    story.pass_time(40 * DAY)
    assert story.tell().exit == 0
    story.agree({"INBOX": "a"})
    story.fs.unlink(story.path_of("INBOX", "a"))
    ran = story.tell()
    assert (ran.exit, ran.total.expunged) == (0, 0)
    assert "a" in story.server.ghosts("INBOX")
    story.idle()


def test_a_clock_that_was_wrong(story: Story) -> None:
    """A year ahead everything is too old; when it is right again, nothing is missed."""
    story.change(max_age=days(story))
    story.jump(400 * DAY)
    story.serve("INBOX", "a")
    assert story.tell().fetched == 0
    story.jump(-400 * DAY)
    story.serve("INBOX", "b")
    assert story.tell().fetched == 2
    story.agree({"INBOX": "a b"})
    story.idle()


def test_large_ones_stay_where_they_are(story: Story) -> None:
    story.change(max_size=5000)
    story.serve("INBOX", "small")
    story.serve("INBOX", "large", size=20_000)
    story.file("Archive", "here")
    story.file("Archive", "huge", size=20_000)
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 1, 1)
    assert "huge" not in story.server.ghosts("Archive")
    story.idle()
    story.change(max_size=50_000)
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 1, 1)
    story.agree({"INBOX": "small large", "Archive": "here huge"})
    story.idle()


def test_a_draft_whose_new_version_is_too_large(story: Story) -> None:
    """The server keeps the old one, whatever happens to it there meanwhile."""
    story.serve("Drafts", "old")
    story.tell()
    path = story.path_of("Drafts", "old")
    story.change(max_size=5000)
    story.unlink("Drafts", "old")
    story.oracle.born("new", body_of("new", 20_000))
    story.write(path, body_of("new", 20_000), DAY)
    ran = story.tell()
    assert (ran.exit, ran.stored, ran.total.expunged) == (0, 0, 0)
    story.server.set_flags("Drafts", story.uid_of("Drafts", "old"), ["\\Seen"])
    ran = story.tell()
    assert (ran.exit, ran.stored, ran.total.expunged) == (0, 0, 0)
    assert list(story.server.ghosts("Drafts")) == ["old"]
    story.idle()
    story.change(max_size=None)
    ran = story.tell()
    assert (ran.exit, ran.stored, ran.total.expunged) == (0, 1, 1)
    story.agree({"Drafts": "new"})
    story.idle()


def test_a_lost_cache_with_limits(story: Story) -> None:
    """All is paired again before the limits count; nothing is sent or fetched."""
    limited(story)
    for path in story.state.glob("cache.db*"):
        path.unlink()
    ran = story.tell()
    assert (ran.fetched, ran.stored, ran.total.removed, ran.total.expunged) == (0, 0, 0, 0)
    story.change(max_age=None)
    assert story.tell().fetched == 1
    story.agree({"INBOX": "young old gone far"})
    story.idle()


def test_a_move_goes_whatever_the_limits(story: Story) -> None:
    limited(story)
    story.move_file("INBOX", "old", "Archive")
    story.server.move("INBOX", story.uid_of("INBOX", "gone"), "Archive")
    ran = story.tell()
    assert (ran.exit, ran.total.moved, ran.fetched, ran.stored) == (0, 2, 0, 0)
    assert story.server.ghosts("Archive") == {"old": 1, "gone": 1}
    story.idle()


def section(pattern: str, **said: object) -> tuple[Section, ...]:
    return (Section(pattern, Rules(**said), frozenset(said)),)  # type: ignore[arg-type]


def test_one_mailbox_is_only_pulled(story: Story) -> None:
    story.serve("Archive", "a")
    story.serve("INBOX", "b")
    story.change(sections=section("Arch*", direction=Direction.PULL))
    story.tell()
    story.flag("Archive", "a", "S")
    story.flag("INBOX", "b", "S")
    story.file("Archive", "mine")
    ran = story.tell()
    assert (ran.exit, ran.total.flags_server, ran.stored, ran.total.unsent) == (0, 1, 0, 2)
    story.idle()
    story.change(sections=())
    ran = story.tell()
    assert (ran.exit, ran.total.flags_server, ran.stored) == (0, 1, 1)
    story.agree({"Archive": "a:S mine", "INBOX": "b:S"})
    story.idle()


def test_a_deletion_that_a_section_kept_is_held_without_it(story: Story) -> None:
    story.serve("Archive", "a")
    story.serve("Archive", "b")
    story.change(sections=section("Archive", direction=Direction.PULL))
    story.tell()
    story.unlink("Archive", "a")
    assert story.tell().total.unsent == 1
    story.change(sections=())
    ran = story.tell()
    assert (ran.exit, ran.total.held, ran.total.expunged) == (3, 1, 0)
    assert story.accept("Archive") == 1
    assert story.tell().exit == 0
    story.agree({"Archive": "b"})
    story.idle()


@pytest.mark.parametrize("limit", ["age", "size"])
def test_the_guard_counts_within_the_limits(story: Story, limit: str) -> None:
    """All twelve that may be deleted are gone: that they are few of what is there says nothing."""
    for number in range(12):
        story.serve("INBOX", f"in{number}")
    for number in range(8):
        aged(story, "INBOX", f"out{number}")
    for number in range(8, 50):
        story.serve("INBOX", f"out{number}", size=20_000)
        message = next(m for m in story.server.contents("INBOX") if m.ghost == f"out{number}")
        message.date -= 90 * DAY
    story.change(guard=Guard())
    assert story.tell().fetched == 62
    limits = {"max_age": days(story)} if limit == "age" else {"max_size": 10_000}
    story.change(**limits)
    assert story.tell().exit == 0
    for number in range(12):
        story.fs.unlink(story.path_of("INBOX", f"in{number}"))
    if limit == "size":
        for number in range(8):
            story.fs.unlink(story.path_of("INBOX", f"out{number}"))
    ran = story.tell()
    assert (ran.exit, ran.total.held, ran.total.expunged) == (3, 12 + 8 * (limit == "size"), 0)
    assert story.reject("INBOX") == ran.total.held
    assert story.tell().exit == 0
    story.idle()


@pytest.mark.parametrize("goes", ["for good", "to a third"])
def test_what_moved_into_a_mailbox_that_is_only_pulled_leaves_it(story: Story, goes: str) -> None:
    """Where it was the server may be changed: nothing is left to wait for there."""
    story.change(sections=section("Archive", direction=Direction.PULL))
    story.server.create("Third")
    story.serve("INBOX", "a")
    story.tell()
    story.move_file("INBOX", "a", "Archive", "1790000001.a.reader")
    ran = story.tell()
    assert (ran.exit, ran.total.unsent, ran.total.expunged) == (0, 2, 0)
    story.idle()
    if goes == "for good":
        story.unlink("Archive", "a")
    else:
        story.move_file("Archive", "a", "Third", "1790000002.a.reader")
    ran = story.tell()
    assert (ran.exit, ran.total.unsent, ran.fetched, ran.stored) == (0, 0, 0, 0)
    story.agree({} if goes == "for good" else {"Third": "a"})


def test_what_moved_into_a_mailbox_that_is_only_pushed_leaves_it(story: Story) -> None:
    story.change(sections=section("Archive", direction=Direction.PUSH))
    story.serve("INBOX", "a")
    story.tell()
    story.server.move("INBOX", story.uid_of("INBOX", "a"), "Archive")
    ran = story.tell()
    assert (ran.exit, ran.total.unsent, ran.total.removed) == (0, 2, 0)
    story.idle()
    story.oracle.expunged.add("a")
    story.oracle.deleted.add("a")
    story.server.expunge("Archive", story.uid_of("Archive", "a"))
    ran = story.tell()
    assert (ran.exit, ran.total.unsent, ran.total.removed) == (0, 0, 1)
    story.agree({})


def test_a_mailbox_that_is_only_pulled_was_away(story: Story) -> None:
    """Its directory is not made again meanwhile; when it is back, all comes that came there."""
    story.change(direction=Direction.PULL)
    for ghost in "abc":
        story.serve("Archive", ghost)
    story.tell()
    story.unlink("Archive", "c")
    story.tell()
    story.fs.mkdir("/else")
    story.rename("/mail/Archive", "/else/Archive")
    story.serve("Archive", "new")
    story.server.set_flags("Archive", story.uid_of("Archive", "a"), ["\\Flagged"])
    ran = story.tell()
    assert (ran.exit, ran.fetched) == (0, 0)
    story.idle()
    story.rename("/else/Archive", "/mail/Archive")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.total.unsent) == (0, 1, 1), ran.text
    views = story.oracle.local_views(story.fs.files())
    assert views == {"Archive": {("a", "F"): 1, ("b", ""): 1, ("new", ""): 1}}
    story.idle()


def test_a_mailbox_that_is_only_pushed_was_away(story: Story) -> None:
    story.change(direction=Direction.PUSH)
    for ghost in "ab":
        story.file("Archive", ghost)
    story.tell()
    story.server.rename("Archive", "Else")
    story.file("Archive", "new")
    story.flag("Archive", "a", "F")
    ran = story.tell()
    assert (ran.exit, ran.stored) == (0, 0)
    story.idle()
    story.server.rename("Else", "Archive")
    ran = story.tell()
    assert (ran.exit, ran.stored, ran.total.unsent) == (0, 1, 0), ran.text
    story.agree({"Archive": "a:F b new"})
