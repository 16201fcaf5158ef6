"""(a) A first sync of 100,000, cut at 60 %: nothing is fetched twice.

Here with 10,000 once and 2,000 else; the whole story in every test:
MAILSYNC_STORY_MESSAGES=100000 pytest --timeout 3600 tests/stories/test_story_a.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from sim.steps import Crash, Steps
from support.dovecot import Dovecot
from support.storied import Story
from support.wired import Wired, text_of

ASKED = os.environ.get("MAILSYNC_STORY_MESSAGES")
MANY, SOME = (int(ASKED), int(ASKED)) if ASKED else (10_000, 2_000)
FETCHED_AT_ONCE = 100  # messages that one UID FETCH asks for
BATCH = 500  # files of one commit


def filled(count: int) -> Story:
    story = Story("a")
    for number in range(count):
        story.serve("INBOX", f"m{number}")
    return story


def everything(story: Story) -> None:
    story.agree({"INBOX": " ".join(story.oracle.bodies)})


def test_story_a_the_network_goes_and_the_next_run_completes() -> None:
    with filled(MANY) as story:
        story.server.fault("UID FETCH", 4000, MANY * 6 // 10 // FETCHED_AT_ONCE)
        steps = Steps()
        steps.before("net.connect", lambda: setattr(story.server, "down", True), nth=2)
        first = story.tell(steps)
        assert first.exit == 75
        assert "refused" in first.text
        kept = len(story.mail())
        assert kept == first.total.downloaded
        # What is whole in the answer that was cut is kept, too.
        assert first.fetched - FETCHED_AT_ONCE < kept < first.fetched
        story.server.down = False
        second = story.tell()
        assert (second.exit, second.fetched) == (0, MANY - kept)
        everything(story)


def test_story_a_the_connection_comes_back() -> None:
    """The run goes on by itself; what had come whole is not asked for again."""
    with filled(SOME) as story:
        story.server.fault("UID FETCH", 4000, SOME * 6 // 10 // FETCHED_AT_ONCE)
        ran = story.tell()
        assert (ran.exit, ran.total.downloaded) == (0, SOME)
        assert ran.commands["AUTHENTICATE"] == 2
        # The server counts what it had put into the answer that was cut.
        assert SOME < ran.fetched < SOME + FETCHED_AT_ONCE
        everything(story)


@pytest.mark.parametrize("model", ["all", "synced", "weak"])
@pytest.mark.parametrize("before", ["cache.delivered", "cache.delivered.done"])
def test_story_a_the_process_is_killed(model: str, before: str) -> None:
    """Before or behind a commit to the cache: no file that is there is fetched again."""
    with filled(SOME) as story:
        steps = Steps()
        nth = SOME * 6 // 10 // BATCH
        steps.before(before, lambda: steps.crash(before), nth)
        with pytest.raises(Crash):
            story.tell(steps)
        story.server.zombie(lambda complete: (0, 0.0))  # what is left of its commands is not run
        story.disk.crash(model, story.rand.fork("crash"))
        kept = len([path for path in story.mail() if "/tmp/" not in path])
        assert kept >= nth * BATCH
        second = story.tell()
        assert (second.exit, second.fetched) == (0, SOME - kept)
        everything(story)


@pytest.fixture
def rig(dovecot: Dovecot, wired: Wired) -> Wired:
    for first in range(0, SOME, 10_000):
        wired.fill(min(10_000, SOME), first=first)
    return wired


def cut_once(rig: Wired, passed: threading.Event) -> None:
    """When 60 % of the bodies have passed."""

    def cut(response: bytes) -> bool:
        if rig.traffic.bodies < SOME * 6 // 10 or passed.is_set():
            return False
        passed.set()
        return True

    rig.wire.cut = cut


@pytest.mark.dovecot
def test_story_a_cut_on_dovecot(rig: Wired) -> None:
    passed = threading.Event()
    cut_once(rig, passed)
    report = rig.sync()
    assert passed.is_set()
    assert (report.exit, report.total().downloaded) == (0, SOME), report
    assert rig.traffic.commands["AUTHENTICATE"] == 2
    assert rig.traffic.bodies == SOME
    rig.assert_equal()
    rig.idle()


@pytest.mark.dovecot
def test_story_a_killed_on_dovecot(rig: Wired) -> None:
    passed = threading.Event()
    cut_once(rig, passed)
    process = subprocess.Popen(
        [sys.executable, "-m", "mailsync", "--config", str(rig.configured()), "sync", "-q"]
    )
    assert passed.wait(250)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    kept = len(rig.files())
    assert kept < SOME
    report = rig.sync()
    assert report.exit == 0, text_of(report)
    assert rig.traffic.bodies == SOME - kept
    rig.assert_equal()
    rig.idle()
