"""A message that lies twice under one unique name is one message (reliability.md §3.4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sim.oracle import body_of
from sim.scenarios import SIX, six
from support.storied import Story


@pytest.fixture(params=["cur/{}:2,S", "cur/{}", "new/{}:2,"])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    with Story("doubles") as made:
        six(made)
        made.tell()
        made.agree(SIX)
        path = made.path_of("INBOX", "a")
        name = path.rpartition("/")[2]
        made.write(f"/mail/INBOX/{request.param.format(name)}", made.mail()[path], 1_700_000_001)
        ran = made.tell()
        assert (ran.exit, ran.total.uploaded) == (0, 0)
        yield made


def test_two_copies_of_one_message_are_two_commands() -> None:
    """A COPY makes one: the other file was waited for, and sent at last."""
    with Story("copies") as story:
        six(story)
        story.tell()
        story.server.set_flags("INBOX", story.uid_of("INBOX", "a"), ["\\Seen"])
        data = story.mail()[story.path_of("INBOX", "a")]
        for name in ("one", "two"):
            story.write(f"/mail/Work/cur/{name}:2,", data, 1_700_000_001)
        story.unlink("INBOX", "b")  # a file is looked for: new ones are read
        ran = story.tell()
        assert (ran.exit, ran.stored, ran.total.uploaded) == (0, 0, 2)
        assert story.server.ghosts("Work")["a"] == 2
        story.idle()


def test_flagged_on_the_server_and_the_new_name_is_the_double_s() -> None:
    """As a power cut in the middle of setting those flags leaves it: both names."""
    with Story("flagged") as story:
        six(story)
        story.tell()
        path = story.path_of("Work", "e")
        assert path.endswith(":2,F")
        story.write(f"{path.removesuffix('F')}S", story.mail()[path], 1_700_000_005)
        story.server.set_flags("Work", story.uid_of("Work", "e"), ["\\Seen"], ["\\Flagged"])
        ran = story.tell()
        assert (ran.exit, ran.total.flags_local, ran.stored) == (0, 1, 0)
        story.agree(SIX | {"Work": "d e:S"})
        assert len(story.undo()) == 1
        story.idle()


def view(story: Story, box: str) -> set[str]:
    return {ghost for ghost, _ in story.oracle.local_views(story.mail()).get(box, {})}


def test_expunged_on_the_server(story: Story) -> None:
    story.expunge("INBOX", "a")
    for _ in range(3):
        ran = story.tell()
        assert (ran.exit, ran.total.uploaded) == (0, 0)
    assert "a" not in view(story, "INBOX")
    assert set(story.server.ghosts("INBOX")) == {"b", "c"}
    story.idle()
    assert len(story.undelete()) == 1
    assert story.tell().total.uploaded == 1
    assert story.server.ghosts("INBOX")["a"] == 1
    assert story.undo() == {}
    story.idle()


def test_moved_on_the_server(story: Story) -> None:
    story.server.move("INBOX", story.uid_of("INBOX", "a"), "Work")
    for _ in range(3):
        ran = story.tell()
        assert (ran.exit, ran.stored, ran.fetched) == (0, 0, 0)
    assert "a" not in view(story, "INBOX")
    assert "a" in view(story, "Work")
    assert story.server.ghosts()["a"] == 1
    story.idle()


def test_another_message_of_that_name_stays(story: Story) -> None:
    """Only equal bytes are a double."""
    name = story.path_of("Work", "e").rpartition("/")[2].partition(":")[0]
    assert "/cur/" in story.path_of("Work", "e")
    story.oracle.born("x", b"X-Ghost: x\n\nother\n")
    story.expunge("Work", "e")
    story.write(f"/mail/Work/new/{name}", b"X-Ghost: x\n\nother\n", 1_700_000_002)
    for _ in range(3):
        assert story.tell().exit == 0
    assert story.server.ghosts("Work").keys() == {"d", "x"}
    story.idle()


@pytest.mark.parametrize("lacking", [False, True])
@pytest.mark.parametrize("was", ["new", "cur"])
def test_another_message_takes_the_name_of_one_that_is_known(was: str, lacking: bool) -> None:
    """Which of the two keeps it was not looked at: the known one was sent once more, and the other
    one not before the next audit."""
    with Story("taken over") as story:
        six(story)
        story.tell()
        known = story.file("INBOX", "known", "" if was == "new" else ":2,")
        story.tell()
        story.oracle.born("other", body := body_of("other"))
        name = known.rpartition("/")[2].removesuffix(":2,")
        place = f"cur/{name}:2,S" if was == "new" else f"new/{name}"
        story.write(f"/mail/INBOX/{place}", body, 1_700_000_099)
        if lacking:
            story.unlink("INBOX", "b")
        ran = story.tell()
        assert (ran.exit, ran.stored) == (0, 1)
        flag = ":S" if was == "new" else ""
        here = "a c" if lacking else SIX["INBOX"]
        story.agree(SIX | {"INBOX": f"{here} known other{flag}"})


def test_what_got_the_name_of_its_double_and_is_deleted_later_goes() -> None:
    """That the double was put into undo says nothing of the file that has its name by then."""
    with Story("of its double") as s:
        for ghost in "ab":
            s.serve("INBOX", ghost, "\\Flagged")
        s.tell()
        path = s.path_of("INBOX", "a")
        s.write(f"{path}S", s.fs.files()[path], s.fs.stat(path).mtime_ns // 10**9)
        s.server.set_flags("INBOX", s.uid_of("INBOX", "a"), ["\\Seen"])
        assert s.tell().exit == 0
        assert len(s.undo()) == 1
        s.agree({"INBOX": "a:FS b:F"})
        s.unlink("INBOX", "a")
        assert s.tell().total.expunged == 1
        s.agree({"INBOX": "b:F"})
