"""undelete brings back what was removed: byte for byte, with flags, once, and uploaded again.

MAILSYNC_STORY_SEEDS=500 pytest tests/stories/test_undelete.py tries more random sets.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from unittest import mock

import pytest
from sim.server_state import ghost_of
from sim.steps import Crash, Steps
from sim.world import make_world
from support.storied import Story
from support.wired import Wired, append_many, message

from mailsync.model.settings import Account
from mailsync.modes import decide

SEEDS = int(os.environ.get("MAILSYNC_STORY_SEEDS", "8"))
BOXES = ("INBOX", "Work", "Work/Deep", "B&APw-ro &- Co")  # as the server names them
FLAGS = {"S": "\\Seen", "F": "\\Flagged", "R": "\\Answered", "D": "\\Draft"}
ENDS = (b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"")


def odd_message(ghost: str, rand: random.Random) -> bytes:
    """As a server may have it: any bytes but NUL, sometimes with stray line ends."""
    head = f"Subject: {ghost}\r\nX-Ghost: {ghost}\r\n\r\n".encode()
    lines = [
        bytes(rand.choices(range(1, 256), k=rand.randrange(90))).translate(None, b"\r\n")
        + (b"\r\n" if rand.random() < 0.8 else rand.choice(ENDS))
        for _ in range(rand.randrange(30))
    ]
    return head + b"".join(lines)


View = Counter[tuple[str, bytes, str]]  # mailbox, bytes as stored, flag letters


def here(story: Story) -> View:
    """The Maildir's messages; the folder (new or cur) says no more than the flags."""
    found: View = Counter()
    for path, data in story.mail().items():
        match = re.fullmatch(r"/mail/(.+)/(?:new|cur)/[^/:]+(?::2,([A-Z]*))?", path)
        if match:
            found[match[1], data, match[2] or ""] += 1
    return found


def there(story: Story) -> Counter[tuple[str, bytes]]:
    return Counter(
        (name.decode(), message.body)
        for name, box in story.server.boxes.items()
        for message in box.messages.values()
    )


def build(seed: int) -> tuple[Story, View, Counter[tuple[str, bytes]]]:
    """A random account of which a random set was expunged on the server and removed here; what
    was there before."""
    rand = random.Random(seed)
    story = Story(f"undelete/{seed}")
    served: list[tuple[str, int]] = []
    for box in BOXES[1:]:
        story.server.create(box)
    for number in range(rand.randrange(5, 40)):
        box = rand.choice(BOXES)
        flags = [FLAGS[letter] for letter in rand.sample("SFRD", rand.randrange(4))]
        uid = story.server.deliver(
            box, odd_message(f"g{number}", rand), flags, 1_700_000_000 + number
        )
        served.append((box, uid))
    assert story.tell().exit == 0
    before, bodies = here(story), there(story)
    gone = rand.sample(served, rand.randrange(1, len(served) + 1))
    for box, uid in gone:
        story.server.expunge(box, uid)
    assert story.tell().total.removed == len(gone)
    assert len(story.undo()) == len(gone)
    assert here(story).total() == len(served) - len(gone)
    return story, before, bodies


def brought_back(story: Story, before: View, bodies: Counter[tuple[str, bytes]]) -> None:
    """Everything is as it was, on both sides and once."""
    assert here(story) == before
    missing = bodies.total() - there(story).total()
    ran = story.tell()
    assert (ran.exit, ran.stored, ran.fetched) == (0, missing, 0), ran.report
    assert here(story) == before
    # The server gets CRLF line ends; a message that was stored as received comes as it was.
    assert Counter(
        (box, wire(body)) for (box, body), n in there(story).items() for _ in range(n)
    ) == Counter((box, wire(body)) for (box, body), n in bodies.items() for _ in range(n))
    assert story.undo() == {}
    assert story.undelete() == []
    again = story.tell()
    assert (again.exit, again.stored, again.fetched) == (0, 0, 0)
    assert here(story) == before


def wire(body: bytes) -> bytes:
    return re.sub(rb"(?<!\r)\n", b"\r\n", body)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_undelete_a_random_set(seed: int) -> None:
    story, before, bodies = build(seed)
    with story:
        lines = story.undelete()
        assert len(lines) == bodies.total() - there(story).total()
        brought_back(story, before, bodies)


def killed_in(undelete: Callable[[Account, None, bool], object], account: Account) -> bool:
    try:
        undelete(account, None, False)
    except Crash:
        return True
    return False


@pytest.mark.parametrize("seed", range(SEEDS // 3))
def test_undelete_killed_and_said_again(seed: int) -> None:
    """At any call that it makes on the disk; what is back already is not brought twice."""
    rand = random.Random(seed)
    for model in ("all", "synced", "weak"):
        story, before, bodies = build(seed)
        with story:
            steps = Steps(crash_at=rand.randrange(2, 6 * len(story.undo())))
            world = make_world(story.server, story.fs, f"{seed}/undelete", steps)
            with mock.patch.object(decide, "production_world", return_value=nullcontext(world)):
                killed = killed_in(decide.undelete, story.account)
            assert killed
            story.disk.crash(model, story.rand.fork("crash"))
            story.undelete()
            brought_back(story, before, bodies)


def test_undelete_since() -> None:
    with Story("undelete/since") as story:
        for ghost in "abcd":
            story.serve("INBOX", ghost)
        story.tell()
        moments = []
        for ghost in "abc":
            moments.append(story.server.wall())
            story.expunge("INBOX", ghost)
            story.tell()
            story.pass_time(3600)
        assert len(story.undelete(moments[2])) == 1
        assert {ghost_of(data) for data in story.mail().values()} == {"c", "d"}
        assert len(story.undelete(moments[1])) == 1
        story.oracle.deleted -= {"b", "c"}
        assert story.tell().stored == 2
        story.agree({"INBOX": "b c d"})


def test_undelete_into_a_mailbox_that_is_gone() -> None:
    """It is made again, on both sides."""
    with Story("undelete/gone") as story:
        story.server.create("Work")
        for ghost in "ab":
            story.serve("Work", ghost)
        story.tell()
        story.server.delete("Work")
        assert story.tell().exit == 3
        story.accept()
        assert story.tell().total.removed == 2
        assert len(story.undelete()) == 2
        ran = story.tell()
        assert (ran.exit, ran.stored) == (0, 2)
        story.agree({"Work": "a b"})


def test_undelete_before_the_next_sync() -> None:
    """Removed by a run that was killed before it had told the cache: they stay back."""
    with Story("undelete/at once") as story:
        for ghost in "ab":
            story.serve("INBOX", ghost)
        story.tell()
        story.server.expunge("INBOX", story.uid_of("INBOX", "a"))
        steps = Steps()
        steps.before("cache.removed", lambda: steps.crash("cache.removed"))
        with pytest.raises(Crash):
            story.tell(steps)
        assert len(story.undelete()) == 1
        ran = story.tell()
        assert (ran.exit, ran.stored, ran.fetched) == (0, 1, 0)
        story.agree({"INBOX": "a b"})


def test_undelete_of_what_expunge_deleted_removed() -> None:
    """It comes back without \\Deleted, which would be the end of it again."""
    with Story("expunged", expunge_deleted=True) as s:
        s.server.witness.agreed.add("a")
        s.serve("INBOX", "a", r"\Deleted", r"\Flagged")
        s.serve("INBOX", "b")
        for _ in range(3):
            s.tell()
        assert s.server.ghosts("INBOX") == {"b": 1}
        assert len(s.undelete()) == 1
        for _ in range(3):
            assert s.tell().exit == 0
        s.agree({"INBOX": "a:F b"})


def test_undelete_forgets_after_so_many_days() -> None:
    with Story("undelete/days", undelete_days=30) as story:
        for ghost in "ab":
            story.serve("INBOX", ghost)
        story.tell()
        story.expunge("INBOX", "a")
        story.tell()
        story.pass_time(29 * 86400)
        story.serve("INBOX", "c")
        story.tell()
        assert len(story.undo()) == 1
        story.pass_time(2 * 86400)
        for ghost, left in (("d", 1), ("e", 0)):  # by the clock of two syncs
            story.serve("INBOX", ghost)
            story.tell()
            assert len(story.undo()) == left
        assert story.undelete() == []


def test_one_sync_under_a_clock_that_is_wrong_forgets_nothing() -> None:
    with Story("undelete/clock", undelete_days=30) as story:
        for ghost in "ab":
            story.serve("INBOX", ghost)
        story.tell()
        story.expunge("INBOX", "a")
        story.tell()
        for ghost, seconds in (("c", 1e8), ("d", -1e8), ("e", 3600)):
            story.jump(seconds)
            story.serve("INBOX", ghost)
            story.tell()
            assert len(story.undo()) == 1
        assert len(story.undelete()) == 1


@pytest.mark.dovecot
def test_undelete_on_dovecot(wired: Wired) -> None:
    rand = random.Random(7)
    with wired.client() as client:
        client.create("Work")
        for at, flags in enumerate(("", "\\Seen", "\\Flagged \\Answered", "\\Draft \\Seen")):
            bodies = [message(f"{at}.{n}", rand.randrange(40)) for n in range(10)]
            append_many(client, bodies, ("INBOX", "Work")[at % 2], flags=flags)
        wired.settle()
        before = {box: wired.local_view(box) for box in ("INBOX", "Work")}
        for box in before:
            uids = client.uids(box)
            client.expunge(rand.sample(uids, len(uids) // 2 + 1), box)
        report = wired.settle()
        removed = report.total().removed
    dry = wired.run("undelete", "--dry-run")
    assert f"{removed} files would come back" in dry.stdout
    later = time.strftime("%Y-%m-%d %H:%M", time.localtime(time.time() + 3600))
    none = wired.run("undelete", "--yes", "--since", later)
    assert (none.returncode, none.stdout) == (0, f"nothing to bring back since {later}\n")
    done = wired.run("undelete", "--yes")
    assert done.returncode == 0, done
    assert f"{removed} files came back" in done.stdout
    assert {box: wired.local_view(box) for box in before} == before
    report = wired.settle()
    assert (report.total().uploaded, wired.traffic.bodies) == (removed, 0)
    assert {box: wired.local_view(box) for box in before} == before
    assert wired.run("undelete", "--yes").stdout == "nothing to bring back\n"
    wired.idle()


@pytest.mark.dovecot
@pytest.mark.parametrize("words", [(), ("test",)])
def test_undelete_without_a_cache(wired: Wired, words: tuple[str, ...]) -> None:
    """Lost, and no sync has made another: what was removed is known by the notes beside undo."""
    wired.fill(3)
    wired.settle()
    with wired.client() as client:
        client.expunge([1, 2])
    wired.settle()
    wired.lose_cache()
    done = wired.run("undelete", "--yes", *words)
    assert (done.returncode, "2 files came back" in done.stdout) == (0, True), done
    report = wired.settle()
    assert (report.total().uploaded, wired.traffic.bodies, len(wired.files())) == (2, 0, 3)
    wired.idle()


def test_what_is_removed_under_a_clock_that_is_behind_is_kept_as_long() -> None:
    """As of a machine whose clock is set after its first sync."""
    with Story("undelete/behind", undelete_days=30) as story:
        for ghost in "ab":
            story.serve("INBOX", ghost)
        story.tell()
        story.jump(-1e8)
        story.expunge("INBOX", "a")
        story.tell()
        story.jump(1e8)
        for ghost in "cde":
            story.serve("INBOX", ghost)
            story.tell()
            assert len(story.undo()) == 1
        story.jump(31 * 86400)
        for ghost, left in (("f", 1), ("g", 0)):
            story.serve("INBOX", ghost)
            story.tell()
            assert len(story.undo()) == left
