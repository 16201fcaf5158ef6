"""A mailbox and one below it that were renamed apart (rule 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sim.server_profile import PRESETS, Profile
from sim.steps import Crash, Steps
from support.storied import Story

from mailsync.cli.sync import words
from mailsync.model.report import Report, Target
from mailsync.model.settings import Event
from mailsync.modes.once import called_for

PROFILES = [PRESETS[name] for name in ("strict_qresync", "condstore", "plain")]
APART = [
    # new names of A and A/C
    ("B", "D"),
    ("B", "B/X"),
    ("D/B", "D"),
    ("B", "D/C"),
]


@pytest.fixture(params=PROFILES)
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    profile: Callable[[], Profile] = request.param
    with Story("renames", profile()) as made:
        for box in ("A", "A/C"):
            made.server.create(box)
        made.serve("A", "a")
        made.serve("A/C", "c")
        made.tell()
        yield made


def nothing_transferred(story: Story, parent: str, child: str) -> None:
    for _ in range(3):
        ran = story.tell()
        assert ran.exit == 0, ran.report
        assert (ran.fetched, ran.stored) == (0, 0)
    story.agree({parent: "a", child: "c"})
    assert {b"A", b"A/C", b"B/C"}.isdisjoint(story.server.boxes)


@pytest.mark.parametrize(("parent", "child"), APART)
def test_on_the_server(story: Story, parent: str, child: str) -> None:
    story.server.rename("A/C", "Away")
    story.server.rename("A", parent) if "/" not in parent else None
    story.server.rename("Away", child)
    if "/" in parent:
        story.server.rename("A", parent)
    nothing_transferred(story, parent, child)


def moved_here(story: Story, old: str, new: str) -> None:
    story.make(new)
    for path in [path for path in story.mail() if path.rpartition("/")[0][:-4] == f"/mail/{old}"]:
        story.rename(path, f"/mail/{new}{path[len(f'/mail/{old}') :]}")
    for folder in ("cur", "new", "tmp"):
        story.fs.rmdir(f"/mail/{old}/{folder}")
    story.fs.rmdir(f"/mail/{old}")
    story.fs.sync_dir("/mail")


@pytest.mark.parametrize(("parent", "child"), APART)
def test_in_the_maildir(story: Story, parent: str, child: str) -> None:
    moved_here(story, "A/C", child)
    moved_here(story, "A", parent)
    nothing_transferred(story, parent, child)


@pytest.mark.parametrize("here", [True, False])
def test_it_is_counted_as_something_that_was_done(story: Story, here: bool) -> None:
    """Every path below it is another one: what is told of changes wants to know."""
    story.change(on_change=("index",))
    if here:
        story.rename("/mail/A", "/mail/B")
    else:
        story.server.rename("A", "B")
    ran = story.tell()
    assert (ran.exit, ran.total.renamed, ran.fetched, ran.stored) == (0, 2, 0, 0)
    told = {box.name: words(box) for box in ran.report.mailboxes}
    assert told == dict.fromkeys(("B", "B/C"), "1 mailbox renamed")
    target = Target(story.account)
    [(event, _, _)] = called_for(Report((ran.report,)), [target])
    assert event is Event.CHANGE
    again = story.tell()
    assert again.total.renamed == 0
    assert list(called_for(Report((again.report,)), [target])) == []


def test_a_file_removed_before_the_directory_got_another_name(story: Story) -> None:
    """One sync brings the new name and the deletion over."""
    for ghost in "xyz":
        story.serve("A", ghost)
    story.tell()
    story.unlink("A", "x")
    story.rename("/mail/A", "/mail/B")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
    story.agree({"B": "a y z", "B/C": "c"})


def test_into_a_mailbox_that_was_renamed_here_meanwhile(story: Story) -> None:
    story.server.create("E")
    story.serve("E", "e")
    story.tell()
    story.server.rename("E", "A/D")
    story.rename("/mail/A", "/mail/B")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
    story.agree({"B": "a", "B/C": "c", "B/D": "e"})


@pytest.mark.parametrize("left", ["", "file", "c"])
def test_one_below_is_made_again_under_its_old_name(story: Story, left: str) -> None:
    """RENAME takes it along on the server, where it is what has the new name by now."""
    story.serve("A/C", "d")
    story.tell()
    story.rename("/mail/A", "/mail/B")
    story.make("A/C")
    if left == "c":
        story.move_file("B/C", "c", "A/C")
    elif left:
        story.file("A/C", "n")
    for _ in range(2):
        ran = story.tell()
        assert (ran.exit, ran.fetched, ran.total.expunged) == (0, 0, 0), ran.text
    after = {"B": "a", "B/C": "d" if left == "c" else "c d", "A/C": "c" if left == "c" else ""}
    story.agree(after | ({"A/C": "n"} if left == "file" else {}))
    assert b"A/C" in story.server.boxes


def test_one_below_is_made_again_and_the_run_cut_off(story: Story) -> None:
    story.rename("/mail/A", "/mail/B")
    story.make("A/C")
    story.file("A/C", "n")
    steps, since = Steps(), len(story.server.executed)
    steps.looks.append(lambda name: story.server.counts(since)["RENAME"] and steps.crash(name))
    with pytest.raises(Crash):
        story.sync(steps)
    story.died(steps.count, "all")
    for _ in range(2):
        ran = story.tell()
        assert (ran.exit, ran.fetched, ran.total.expunged) == (0, 0, 0), ran.text
    story.agree({"B": "a", "B/C": "c", "A/C": "n"})


THREE = {"A": "B", "A/C": "C", "A/C/D": "B/D"}


@pytest.mark.parametrize("side", ["server", "maildir"])
def test_each_of_three_is_to_go_before_the_next(story: Story, side: str) -> None:
    """A to B takes A/C along, which goes elsewhere; of what is below that one goes below B."""
    story.server.create("A/C/D")
    story.serve("A/C/D", "d")
    story.tell()
    if side == "server":
        story.server.rename("A/C/D", "Away")
        story.server.rename("A/C", "C")
        story.server.rename("A", "B")
        story.server.rename("Away", "B/D")
    else:
        for old, new in reversed(THREE.items()):
            moved_here(story, old, new)
    for _ in range(3):
        ran = story.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
    story.agree({"B": "a", "C": "c", "B/D": "d"})
    story.idle()


@pytest.mark.parametrize("scope", ["patterns", "subscribed-only"])
def test_one_below_is_out_of_scope_until_it_has_its_new_name(story: Story, scope: str) -> None:
    """RENAME takes it along, so it is on the server when it is to be made there."""
    if scope == "patterns":
        story.change(mailboxes=("*", "!A/C"))
    else:
        story.change(subscribed_only=True)
        story.server.state.subscribed.discard(b"A/C")
    assert story.tell().exit == 0
    story.rename("/mail/A", "/mail/B")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
    story.agree({"B": "a", "B/C": "c"})
