"""(h) MULTIAPPEND of 100, killed before the answer, next run at once: 0 doubles, 0 bodies."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sim.steps import Crash, Steps
from support.storied import Story
from support.wired import Wired, message, text_of

from mailsync.modes import inspect

COUNT = 100
ALL = " ".join(f"m{number}:S" for number in range(COUNT))


def fresh() -> Story:
    story = Story("h")
    for number in range(COUNT):
        story.file("INBOX", f"m{number}", ":2,S")
    return story


@pytest.fixture(scope="module")
def steps() -> list[str]:
    """The names of the steps of a run that nobody disturbs."""
    steps = Steps(record=True)
    with fresh() as story:
        assert story.tell(steps).stored == COUNT
    return steps.names


@pytest.fixture(scope="module")
def sent(steps: list[str]) -> int:
    """The step that waits for the answer: the command is written to its last byte."""
    last = len(steps) - 1 - steps[::-1].index("disk._next_piece")
    return steps.index("net.read", last) + 1


def killed(story: Story, at: int, model: str, runs: int, after: float) -> None:
    """At this step; of what it had sent so many commands are run so many seconds later."""
    with pytest.raises(Crash):
        story.tell(Steps(crash_at=at))
    story.server.zombie(lambda complete: (min(runs, complete), after))
    story.disk.crash(model, story.rand.fork("crash"))


@pytest.mark.parametrize("model", ["all", "synced", "weak"])
@pytest.mark.parametrize("after", [0, 3, 12, 29])
def test_story_h(sent: int, after: float, model: str) -> None:
    """The server stores them at once, or while the next run looks, waits, or has waited."""
    with fresh() as story:
        killed(story, sent, model, 1, after)
        ran = story.tell(pause=0)
        assert ran.exit == 0, ran.report
        assert ran.fetched == 0
        assert story.server.bodies_stored == COUNT
        story.agree({"INBOX": ALL})


def test_story_h_never_stored(sent: int) -> None:
    """The server had it all and did not do it: sent again, after the wait."""
    with fresh() as story:
        killed(story, sent, "all", 0, 0)
        ran = story.tell(pause=0)
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, COUNT)
        story.agree({"INBOX": ALL})


def test_story_h_half_sent(sent: int) -> None:
    """Killed in the middle of the literals."""
    with fresh() as story:
        killed(story, sent - 200, "all", 9, 1)
        ran = story.tell(pause=0)
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, COUNT)
        story.agree({"INBOX": ALL})


def test_story_h_without_waiting(sent: int) -> None:
    """--no-wait leaves the intents, says so and ends with 75; other work is done meanwhile."""
    with fresh() as story:
        killed(story, sent, "all", 1, 20)
        story.serve("INBOX", "other")
        ran = story.tell(pause=0, no_wait=True)
        assert (ran.exit, ran.fetched, ran.stored) == (75, 1, 0)
        assert "100 uploads have an unknown outcome" in ran.text
        (told,) = inspect.status([story.account]).accounts
        (remark,) = [one for box in told.mailboxes for one in box.remarks]
        assert (told.exit, told.count("failed"), remark.kind, remark.count, remark.reason) == (
            *(75, 0, "in doubt", 100),
            "uploads have an unknown outcome: the next sync looks",
        )
        ran = story.tell(pause=30)
        assert (ran.exit, ran.fetched) == (0, 0)
        assert story.server.bodies_stored == COUNT
        story.agree({"INBOX": f"{ALL} other"})


@pytest.mark.dovecot
def test_story_h_on_dovecot(wired: Wired) -> None:
    for number in range(COUNT):
        wired.put(message(number), info=":2,S")
    process: list[subprocess.Popen[bytes]] = []

    def cut(response: bytes) -> bool:
        if b"APPENDUID" not in response:
            return False
        process[0].kill()
        return True

    wired.wire.cut = cut
    command = [sys.executable, "-m", "mailsync", "--config", str(wired.configured()), "sync", "-q"]
    process.append(subprocess.Popen(command))
    assert process[0].wait(120) == -9
    with wired.client() as client:
        assert len(client.uids()) == COUNT
    wired.wire.cut = lambda response: False
    report = wired.sync()
    assert report.exit == 0, text_of(report)
    assert (wired.traffic.bodies, wired.traffic.commands["APPEND"]) == (0, 0)
    with wired.client() as client:
        assert len(client.uids()) == COUNT
    wired.assert_equal()
    wired.idle()
