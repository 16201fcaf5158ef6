"""A power cut in the middle of a MoveLocal leaves the file under both names, flagged as it was, and
what is done about that is cut off as well (rule 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, plain, strict_qresync
from sim.steps import Crash, Steps
from support.storied import Story


def moved(make: Callable[[], Profile]) -> Story:
    made = Story("left behind", make())
    for box in ("From", "To"):
        made.server.create(box)
    made.serve("From", "a", "\\Seen")
    made.serve("To", "b")
    made.tell()
    made.server.move("From", made.uid_of("From", "a"), "To")
    made.flag("From", "a", "FS")
    made.pass_time(60)
    return made


def died(story: Story, step: str, calm: Story) -> None:
    """At this step of a sync, whose steps are those of `calm`."""
    calm.sync(steps := Steps(record=True))
    with pytest.raises(Crash):
        story.sync(Steps(crash_at=steps.names.index(step) + 1))
    story.died(0, "all")
    story.pass_time(60)


def under_both_names(make: Callable[[], Profile]) -> Story:
    story = moved(make)
    path = story.path_of("From", "a")
    data, mtime = story.fs.files()[path], story.fs.stat(path).mtime_ns // 1_000_000_000
    with moved(make) as calm:
        died(story, "cache.moved_local", calm)
    assert story.path_of("To", "a")
    story.write(path, data, mtime)
    story.pass_time(60)
    return story


@pytest.mark.parametrize("make", [strict_qresync, plain])
@pytest.mark.parametrize("how", ["killed again", "only where it went"])
def test_its_flags_do_not_put_it_back(make: Callable[[], Profile], how: str) -> None:
    """They are those of the message where it is by now."""
    with under_both_names(make) as story:
        if how == "killed again":
            with under_both_names(make) as calm:
                died(story, "cache.record_deletions", calm)
        else:
            assert story.sync(only=("To",)).exit == 0
        ran = story.tell()
        assert (ran.exit, ran.stored, ran.total.uploaded) == (0, 0, 0), ran.text
        story.agree({"To": "a:FS b"})
