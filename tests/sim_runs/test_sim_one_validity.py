"""Mailboxes that have one UIDVALIDITY, as they were made within one second (Cyrus): where one has
the name of another by now, its UIDs are other messages', and MAILBOXID tells."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from sim.server_profile import Profile, strict_qresync
from sim.under import bare
from support.storied import Story

MAKES = [strict_qresync, partial(bare, "cyrus"), partial(bare, "yahoo")]


@pytest.fixture(params=MAKES)
def story(request: pytest.FixtureRequest) -> Story:
    make: Callable[[], Profile] = request.param
    with Story("one", make()) as s:
        for name in ("Work", "Zed"):
            s.server.create(name)
        for box in s.server.boxes.values():
            box.uid_validity = 1_700_000_000
        for ghost in "ab":
            s.serve("Work", ghost)
        for ghost in "xy":
            s.serve("Zed", ghost, size=100)
        if s.server.profile.freed_mailboxid:  # only SELECT tells it, and for that something changed
            s.server.set_flags("Zed", s.uid_of("Zed", "x"), ["\\Seen"])
        s.tell()
        yield s


def swap(s: Story) -> None:
    for old, new in (("Work", "Tmp"), ("Zed", "Work"), ("Tmp", "Zed")):
        s.server.rename(old, new)


def test_two_names_are_swapped_and_a_file_is_deleted(story: Story) -> None:
    """x has the UID in Work that a had."""
    swap(story)
    story.unlink("Work", "a")
    ran = story.tell()
    assert ran.total.expunged == 0, ran.text
    story.oracle.no_loss(story.server, story.fs, "when swapped")
    assert {m.ghost for m in story.server.contents("Work")} >= {"x", "y"}


def test_one_is_deleted_and_another_gets_its_name(story: Story) -> None:
    story.server.delete("Work")
    story.server.rename("Zed", "Work")
    story.unlink("Work", "a")
    ran = story.tell()
    assert ran.total.expunged == 0, ran.text
    assert {m.ghost for m in story.server.contents("Work")} >= {"x", "y"}
    story.oracle.no_loss(story.server, story.fs, "when renamed")
