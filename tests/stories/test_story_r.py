"""(r) Killed between a rename into undo and the commit.

At each fourth step of the removal; at each: MAILSYNC_STORY_STRIDE=1 pytest tests/stories/…_r.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from sim.steps import Crash, Steps
from support.client import canonical
from support.storied import Story
from support.wired import Wired, message

GONE = 3
STRIDE = int(os.environ.get("MAILSYNC_STORY_STRIDE", "4"))
ALL = " ".join(f"m{number}" for number in range(GONE)) + " left:S"


def expunged() -> Story:
    """Three of four are expunged on the server, a flag of the fourth was changed here."""
    story = Story("r")
    for number in range(GONE):
        story.serve("INBOX", f"m{number}")
    story.serve("INBOX", "left")
    story.tell()
    for number in range(GONE):
        story.expunge("INBOX", f"m{number}")
    story.flag("INBOX", "left", "S")
    return story


def window() -> range:
    """From the deletions' rows in the cache to the last word about them."""
    steps = Steps(record=True)
    with expunged() as story:
        story.tell(steps)
    first = steps.names.index("cache.record_deletions.done")
    return range(first + 1, steps.names.index("cache.deletions_done.done") + 2)


@pytest.mark.parametrize(("model", "first"), [("all", 0), ("synced", 1), ("weak", 2)])
def test_story_r(model: str, first: int) -> None:
    """Every file is in the Maildir or in undo, the next run ends the work, and undelete brings
    each of them back once."""
    steps = window()
    assert len(steps) > 20
    for at in steps[first % STRIDE :: STRIDE]:
        with expunged() as story:
            with pytest.raises(Crash):
                story.tell(Steps(crash_at=at))
            story.disk.crash(model, story.rand.fork(f"crash {at}"))
            mail = {data for path, data in story.mail().items() if "/tmp/" not in path}
            bodies = set(story.undo().values()) | mail
            assert bodies == set(story.oracle.bodies.values()), at
            ran = story.tell()
            assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), at
            story.agree({"INBOX": "left:S"})
            assert len(story.undelete()) == GONE, at
            ran = story.tell()
            assert (ran.exit, ran.fetched, ran.stored) == (0, 0, GONE), at
            story.oracle.deleted.clear()
            story.agree({"INBOX": ALL})
            assert story.undo() == {}, at


def test_story_r_the_message_comes_back_meanwhile() -> None:
    """Killed, and another client puts the message back: it is taken out of undo, not fetched."""
    with expunged() as story:
        body = story.oracle.bodies["m0"].replace(b"\n", b"\r\n")
        date = story.fs.stat(story.path_of("INBOX", "m0")).mtime_ns // 10**9
        steps = Steps()
        steps.before("cache.removed", lambda: steps.crash("cache.removed"))
        with pytest.raises(Crash):
            story.tell(steps)
        story.disk.crash("all", story.rand.fork("crash"))
        story.server.deliver("INBOX", body, (), date)
        ran = story.tell()
        assert (ran.exit, ran.stored) == (0, 0)
        story.oracle.deleted.discard("m0")
        story.agree({"INBOX": "m0 left:S"})


KILLED = """
import os, signal, sys
from mailsync.cache.cache import Cache
from mailsync.cli import main
Cache.removed = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
sys.argv[0] = "mailsync"
sys.exit(main())
"""


@pytest.mark.dovecot
def test_story_r_on_dovecot(wired: Wired) -> None:
    wired.fill(6)
    wired.settle()
    with wired.client() as client:
        client.expunge([1, 2, 3])
    command = [sys.executable, "-c", KILLED, "--config", str(wired.configured()), "sync", "-q"]
    assert subprocess.run(command, timeout=120).returncode == -signal.SIGKILL
    gone = {canonical(message(number)) for number in range(3)}
    assert {path.read_bytes() for path in (wired.state / "undo").iterdir()} == gone
    assert len(wired.files()) == 3
    wired.settle()
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    wired.idle()
    undone = wired.run("undelete", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert "3 files came back" in undone.stdout
    assert {path.read_bytes() for path in wired.files()} >= gone
    report = wired.settle()
    assert (report.total().uploaded, wired.traffic.bodies) == (3, 0)
    assert list((wired.state / "undo").iterdir()) == []
    wired.idle()
