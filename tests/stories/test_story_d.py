"""(d) Local A→B under a new name, server A→C: both kept, no body each way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, condstore, dovecot, plain, strict_qresync
from support.client import canonical
from support.storied import Story
from support.wired import Wired, message

PROFILES = [strict_qresync, condstore, dovecot, plain]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("unique", ["", "888.another.reader"])
def test_story_d(profile: Callable[[], Profile], unique: str) -> None:
    with Story("d", profile()) as story:
        for box in ("A", "B", "C"):
            story.server.create(box)
        story.serve("A", "m", "\\Seen")
        story.serve("A", "other")
        story.tell()
        story.move_file("A", "m", "B", unique=unique)
        story.server.move("A", story.uid_of("A", "m"), "C")
        ran = story.tell()
        assert ran.exit == 0
        assert (ran.fetched, ran.stored) == (0, 0)
        assert ran.total.removed == ran.total.expunged == 0
        story.agree({"A": "other", "B": "m:S", "C": "m:S"})


@pytest.mark.parametrize("profile", PROFILES)
def test_story_d_the_same_target(profile: Callable[[], Profile]) -> None:
    """Both moved it to B: one message, and a flag that was set on the way is kept."""
    with Story("d", profile()) as story:
        for box in ("A", "B"):
            story.server.create(box)
        story.serve("A", "m", "\\Seen")
        story.tell()
        story.move_file("A", "m", "B", unique="888.another.reader")
        story.flag("B", "m", "RS")
        story.server.move("A", story.uid_of("A", "m"), "B")
        story.server.set_flags("B", story.uid_of("B", "m"), ["\\Flagged"], ["\\Seen"])
        ran = story.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
        story.agree({"B": "m:FR"})


@pytest.mark.dovecot
def test_story_d_on_dovecot(wired: Wired) -> None:
    with wired.client() as client:
        for box in ("A", "B", "C"):
            client.create(box)
        for number in range(3):
            client.append(message(number), "A", "\\Seen")
    wired.settle()
    one = next(path for path in wired.files("A") if path.read_bytes() == canonical(message(1)))
    one.rename(wired.box("B") / "cur" / "888.another.reader:2,S")
    with wired.client() as client:
        client.move([2], "A", "C")
    report = wired.settle()
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0), wired.traffic
    assert wired.traffic.commands["UID COPY"] == 1
    assert wired.traffic.commands["APPEND"] == 0
    assert report.total().removed == report.total().expunged == 0
    assert [len(wired.files(box)) for box in ("A", "B", "C")] == [2, 1, 1]
    wired.idle()
