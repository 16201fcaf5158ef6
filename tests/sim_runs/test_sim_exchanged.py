"""A mailbox of the server that was renamed, and another one that has its name by now (rule 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sim.server_profile import PRESETS, Profile
from support.storied import Story

from mailsync.model.settings import Direction

PROFILES = [PRESETS[name] for name in ("strict_qresync", "dovecot", "plain", "gmail")]


@pytest.fixture(params=PROFILES)
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    profile: Callable[[], Profile] = request.param
    with Story("exchanged", profile()) as made:
        for box in ("Sent", "Sent/Sub", "Other"):
            made.server.create(box)
        for box, ghosts in {"Sent": "abc", "Sent/Sub": "s", "Other": "op"}.items():
            for ghost in ghosts:
                made.serve(box, ghost)
        made.tell()
        yield made


def settled(story: Story, after: dict[str, str], fetched: int = 0) -> None:
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, fetched, 0), ran.text
    assert ran.total.held == ran.total.removed == 0
    assert story.undo() == {}
    story.agree(after)


def test_the_old_name_is_used_again(story: Story) -> None:
    story.server.rename("Sent", "Sent-2025")
    story.server.create("Sent")
    settled(story, {"Sent-2025": "a b c", "Sent-2025/Sub": "s", "Other": "o p"})
    assert story.fs.stat("/mail/Sent/cur").kind == "dir"


def test_and_has_new_mail(story: Story) -> None:
    story.flag("Sent", "b", "F")
    story.server.rename("Sent", "Sent-2025")
    for box in ("Sent", "Sent/Sub"):
        story.server.create(box)
    story.serve("Sent", "n")
    story.serve("Sent/Sub", "m")
    after = {"Sent-2025": "a b:F c", "Sent-2025/Sub": "s", "Sent": "n", "Sent/Sub": "m"}
    settled(story, after | {"Other": "o p"}, fetched=2)


def test_something_was_deleted_in_it_since(story: Story) -> None:
    story.server.rename("Sent", "Sent-2025")
    story.server.create("Sent")
    story.expunge("Sent-2025", "a")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
    assert (ran.total.held, ran.total.removed) == (0, 1)
    story.agree({"Sent-2025": "b c", "Sent-2025/Sub": "s", "Other": "o p"})


def test_by_a_mailbox_that_was_renamed_too(story: Story) -> None:
    """The last one of three has a name that is free."""
    story.server.create("Third")
    story.serve("Third", "t")
    story.tell()
    story.server.rename("Third", "Fourth")
    story.server.rename("Other", "Third")
    story.server.rename("Sent", "Other")
    settled(story, {"Fourth": "t", "Third": "o p", "Other": "a b c", "Other/Sub": "s"})


def test_one_that_is_only_pushed(story: Story) -> None:
    """Nothing is renamed here, so all is seen by its name."""
    story.change(direction=Direction.PUSH)
    story.tell()
    before = story.mail()
    story.server.rename("Other", "Another")
    story.server.create("Other")
    for _ in range(2):
        story.tell()
        assert story.mail() == before


def test_the_new_name_is_taken_here(story: Story) -> None:
    """Nothing can be renamed: what was in it is held, as ever."""
    story.file("Another", "x")
    story.server.rename("Other", "Another")
    story.server.create("Other")
    ran = story.tell()
    assert (ran.exit, ran.total.removed) == (3, 0), ran.text
    story.idle(exit=3)


@pytest.mark.parametrize("fetched", [False, True])
def test_it_is_gone_here(story: Story, fetched: bool) -> None:
    """By a run that died after it had renamed the directory, or by a user: what has the name by now
    is another one all the same."""
    if fetched:
        story.rename("/mail/Other", "/mail/Another")
    else:
        for ghost in "op":
            story.fs.unlink(story.path_of("Other", ghost))
        story.unmake("Other")
    story.server.rename("Other", "Another")
    story.server.create("Other")
    story.serve("Other", "n")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (75, 0 if fetched else 2, 0), ran.text
    assert ran.total.held == ran.total.expunged == 0
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 1, 0), ran.text
    story.agree({"Sent": "a b c", "Sent/Sub": "s", "Another": "o p", "Other": "n"})


@pytest.mark.parametrize("option", ["push", "dry_run"])
def test_left_to_the_next_run(story: Story, option: str) -> None:
    story.server.rename("Sent", "Sent-2025")
    story.server.create("Sent")
    before = story.mail()
    ran = story.tell(**{option: True})
    assert story.mail() == before
    if option == "dry_run":
        assert any("Sent-2025" in line for line in ran.report.plan), ran.report.plan
    settled(story, {"Sent-2025": "a b c", "Sent-2025/Sub": "s", "Other": "o p"})


def test_a_dry_run_where_nothing_can_be_renamed(story: Story) -> None:
    story.file("Another", "x")
    story.server.rename("Other", "Another")
    story.server.create("Other")
    assert not any("Rename" in line for line in story.tell(dry_run=True).report.plan)


def test_two_that_were_made_at_once_and_swapped_their_names() -> None:
    """Where the mailboxes stand does not tell them, only their ids do: it is seen at once."""
    with Story("swapped") as s:
        s.server.create("One")
        s.server.create("Two")
        one, two = (s.server.box(name) for name in ("One", "Two"))
        two.uid_validity = one.uid_validity
        s.serve("One", "a")
        s.serve("Two", "b")
        s.tell()
        s.idle()
        assert (one.uid_next, one.highest) == (two.uid_next, two.highest)
        for old, new in (("One", "Three"), ("Two", "One"), ("Three", "Two")):
            s.server.rename(old, new)
        ran = s.tell()
        assert (ran.exit, ran.total.held, ran.total.removed) == (3, 2, 0), ran.text
        s.reject()
        s.tell()
        s.agree({"One": "a b", "Two": "a b"})
