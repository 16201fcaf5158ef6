"""On a disk where two names are one, two mailboxes stay two: the second is left out and said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.storied import Story


@pytest.fixture(params=["fold", "nfd"])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    with Story(f"folding {request.param}") as made:
        made.disk.names = request.param
        yield made


def counts(story: Story) -> dict[bytes, int]:
    return {wire: len(box.messages) for wire, box in story.server.boxes.items()}


def synced_where_names_fold(story: Story, name: str) -> None:
    story.disk.names = "fold"
    story.server.create(name)
    for ghost in "abc":
        story.serve(name, ghost)
    assert story.tell().exit == 0


def at_rest(story: Story, left_out: str) -> None:
    """Nothing went from one to the other, however often it is synced."""
    before = counts(story)
    for _ in range(4):
        ran = story.tell()
        assert f"{left_out} is left out" in ran.text, ran.text
        assert (ran.exit, ran.stored) == (1, 0)
        assert counts(story) == before
        assert not {"CREATE", "DELETE", "RENAME", "APPEND"} & set(ran.commands), ran.commands


PAIRS = [("Ab", "aB"), ("Work/One", "work/Two"), ("Straße", "STRASSE"), ("Ab", "ab/below")]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_new_mailboxes(story: Story, first: str, second: str) -> None:
    for name in (first, second):
        wire = name.replace("ß", "&AN8-")
        story.server.create(wire)
        story.serve(wire, f"in {name}")
    at_rest(story, sorted((first, second))[1])


def test_a_second_one_later(story: Story) -> None:
    """The one that is here keeps its directory, whatever comes first in the alphabet."""
    story.server.create("ab")
    story.serve("ab", "old")
    story.tell()
    story.tell()
    story.server.create("AB")
    story.serve("AB", "new")
    at_rest(story, "AB")
    assert any("/ab/" in path for path in story.mail())


def test_a_name_that_the_disk_writes_otherwise() -> None:
    with Story("decomposed") as story:
        story.disk.names = "nfd"
        story.tell()
        story.server.create("caf&AOk-")
        story.serve("caf&AOk-", "one")
        at_rest(story, "café")


def test_one_that_is_not_selected_is_in_nobodys_way() -> None:
    with Story("excluded") as story:
        story.disk.names = "fold"
        for name in ("Ab", "aB"):
            story.server.create(name)
            story.serve(name, name)
        story.change(mailboxes=("*", "!aB"))
        ran = story.tell()
        assert (ran.exit, "left out" in ran.text) == (0, False)
        assert {path.split("/")[2] for path in story.mail()} == {"Ab"}


def test_an_ordinary_disk_keeps_both() -> None:
    with Story("ordinary") as story:
        for name in ("Ab", "aB"):
            story.server.create(name)
            story.serve(name, name)
        assert "left out" not in story.tell().text
        story.agree({"Ab": "Ab", "aB": "aB"})


@pytest.mark.parametrize(("old", "new"), [("Work", "WORK"), ("Work", "work")])
def test_a_directory_that_is_spelt_otherwise_was_renamed(old: str, new: str) -> None:
    with Story("respelt") as story:
        synced_where_names_fold(story, old)
        story.rename(f"/mail/{old}", "/mail/between")
        story.rename("/mail/between", f"/mail/{new}")
        ran = story.tell()
        assert (ran.exit, ran.commands["RENAME"], ran.stored, ran.fetched) == (0, 1, 0, 0), ran.text
        story.agree({new: "a b c"})


def test_a_mailbox_that_is_spelt_otherwise_there() -> None:
    """Held, until the directory is renamed as well, as is said: then it is one again."""
    with Story("respelt there") as story:
        synced_where_names_fold(story, "Work")
        story.server.rename("Work", "WORK")
        for _ in range(2):
            ran = story.tell()
            assert (ran.exit, ran.total.removed, ran.stored) == (3, 0, 0), ran.text
            assert "rename the directory Work here, too" in ran.text
        story.rename("/mail/Work", "/mail/between")
        story.rename("/mail/between", "/mail/WORK")
        ran = story.tell()
        assert (ran.exit, ran.stored, ran.fetched) == (0, 0, 0), ran.text
        story.agree({"WORK": "a b c"})


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_another_directory_by_its_name_is_another_mailbox(decision: str) -> None:
    """What was in the first one is held; whatever is decided, the two are not mixed."""
    with Story("exchanged") as story:
        synced_where_names_fold(story, "Work")
        story.fs.rename("/mail/Work", "/away")
        story.fs.sync_dir("/mail")
        story.fs.sync_dir("/")
        story.file("WORK", "n")
        assert story.tell().exit == 3
        assert story.server.ghosts("Work") == dict.fromkeys("abc", 1)
        assert getattr(story, decision)() > 0
        for _ in range(2):
            ran = story.tell()
        if decision == "accept":
            assert ran.exit == 0, ran.text
            story.oracle.deleted |= set("abc")
            story.agree({"WORK": "n"})
        else:
            assert (ran.exit, "Work is left out" in ran.text) == (1, True)
            assert story.server.ghosts("Work") == dict.fromkeys("abc", 1)
            assert story.server.ghosts("WORK") == {"n": 1}
