"""The Maildir is restored from a copy, or the cache is rolled back, by one run only (rule 5)."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator

import pytest
from sim.steps import Crash, Steps
from support.storied import Story


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("restored") as s:
        s.server.create("Work")
        for ghost in "abc":
            s.serve("INBOX", ghost)
        assert s.tell().exit == 0
        yield s


def copied(story: Story) -> dict[str, tuple[bytes, int]]:
    files = story.fs.files(under="/mail/")
    return {path: (data, story.fs.stat(path).mtime_ns) for path, data in files.items()}


def restore(story: Story, copy: dict[str, tuple[bytes, int]], later: int = 0) -> None:
    for path in story.fs.files(under="/mail/"):
        story.fs.unlink(path)
    for path, (data, mtime_ns) in copy.items():
        story.write(path, data, mtime_ns // 10**9 + later)
    story.disk.sync()
    story.pass_time(60)


@pytest.mark.parametrize("runs", [1, 2])
def test_a_maildir_that_is_so_many_runs_old(story: Story, runs: int) -> None:
    """What came here since is fetched again; it is not deleted on the server."""
    copy = copied(story)
    for number in range(runs):
        story.serve("INBOX", f"new{number}")
        assert story.tell().exit == 0
    restore(story, copy)
    ran = story.tell()
    assert "the Maildir is older than the cache" in ran.text
    assert (ran.exit, ran.total.expunged) == (0, 0), ran.text
    story.agree({"INBOX": " ".join(["a b c", *(f"new{number}" for number in range(runs))])})


@pytest.mark.parametrize("marker", ["there", "lost", "damaged"])
def test_flags_that_were_set_since_the_maildir_was_copied(story: Story, marker: str) -> None:
    """They are not removed on the server: nobody took them off.  What is set in the copy counts.
    So it is where the copy has no marker, as one without dotfiles, and is accepted."""
    copy = copied(story)
    story.flag("INBOX", "a", "FS")
    story.server.set_flags("INBOX", story.uid_of("INBOX", "b"), ["\\Answered", "Work"])
    assert story.tell().exit == 0
    restore(story, copy)
    story.flag("INBOX", "a", "R")
    story.flag("INBOX", "c", "F")
    if marker != "there":
        story.fs.unlink("/mail/.mailsync")
    if marker == "damaged":
        story.write("/mail/.mailsync", b"{", 1_700_000_000)
    story.disk.sync()
    ran = story.tell()
    if marker == "there":
        assert "the Maildir is older than the cache" in ran.text
    else:
        assert ran.exit == 3
        story.accept()
        ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
    story.agree({"INBOX": "a:FRS b:Rw c:F"})
    story.flag("INBOX", "a", "RS")
    assert story.tell().exit == 0
    story.agree({"INBOX": "a:RS b:Rw c:F"})


@pytest.mark.parametrize("later", [0, 1000])
@pytest.mark.parametrize("ghost", ["a", "u"])
def test_a_copy_with_its_times_or_without(story: Story, ghost: str, later: int) -> None:
    """`a` was fetched, `u` was sent: neither loses flags that were set since, and what another
    device deletes meanwhile is held, not sent again as new."""
    story.file("INBOX", "u", ":2,S")
    assert story.tell().exit == 0
    copy = copied(story)
    story.flag("INBOX", "a", "FS")
    story.flag("INBOX", "u", "FS")
    assert story.tell().exit == 0
    story.expunge("INBOX", ghost)
    restore(story, copy, later)
    ran = story.tell()
    assert "the Maildir is older than the cache" in ran.text
    assert (ran.exit, ran.fetched, ran.stored, ran.total.held) == (3, 0, 0, 1), ran.text
    story.accept("INBOX")
    assert story.tell().total.removed == 1
    story.agree({"INBOX": "b c u:FS" if ghost == "a" else "a:FS b c"})


def test_one_copy_of_the_maildir_and_then_a_newer_one(story: Story) -> None:
    """What the run since the first one has left there is no sign that the second one is of now."""
    monday = copied(story)
    story.serve("INBOX", "d")
    assert story.tell().exit == 0
    tuesday = copied(story)
    story.serve("INBOX", "e")
    assert story.tell().exit == 0
    restore(story, monday)
    assert story.tell().exit == 0
    restore(story, tuesday)
    ran = story.tell()
    assert "the Maildir is older than the cache" in ran.text
    assert (ran.exit, ran.total.expunged) == (0, 0), ran.text
    story.agree({"INBOX": "a b c d e"})


@pytest.mark.parametrize("runs", [1, 2])
def test_a_cache_that_is_so_many_runs_old(story: Story, runs: int) -> None:
    """What was removed since is not resurrected, what came is not doubled."""
    kept = f"{story.state}/kept.db"
    shutil.copy(f"{story.state}/cache.db", kept)
    for number in range(runs):
        story.serve("INBOX", f"new{number}")
        assert story.tell().exit == 0
    shutil.copy(kept, f"{story.state}/cache.db")
    ran = story.tell()
    assert "the cache is older than the Maildir" in ran.text
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
    story.agree({"INBOX": " ".join(["a b c", *(f"new{number}" for number in range(runs))])})


@pytest.mark.parametrize("nth", [1, 2])
def test_a_run_that_dies_while_it_raises_the_generation(story: Story, nth: int) -> None:
    """Before its first work: nothing is older than anything, and a deletion is one."""
    story.unlink("INBOX", "b")
    story.pass_time(60)
    steps = Steps()
    steps.before("cache.set_generation", steps.crash, nth)
    with pytest.raises(Crash):
        story.sync(steps)
    kept = f"{story.state}/kept.db"
    shutil.copy(f"{story.state}/cache.db", kept)
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.text) == (0, 1, "")
    story.agree({"INBOX": "a c"})
    story.serve("INBOX", "new")
    assert story.tell().exit == 0
    shutil.copy(kept, f"{story.state}/cache.db")
    assert "the cache is older than the Maildir" in story.tell().text
    story.agree({"INBOX": "a c new"})


KILLED = [
    ("fs.sync_dir", 3),
    ("cache.deletions_done", 1),
    ("cache.removed", 1),
    ("cache.removed.done", 1),
]


@pytest.mark.parametrize(("step", "nth"), KILLED)
@pytest.mark.parametrize("whole", [True, False])
def test_what_the_server_lost_is_back_when_a_run_was_killed_that_removed_it_here(
    story: Story, step: str, nth: int, whole: bool
) -> None:
    """A provider's accident: it is fetched, out of undo; nobody deleted it here.  `whole`: with its
    mailbox, and that was accepted."""
    for ghost in "de":
        story.serve("Work", ghost)
    assert story.tell().exit == 0
    lost = story.server.boxes.pop(b"Work")
    if whole:
        assert story.tell().exit == 3
        assert story.accept("Work") > 0
    else:
        emptied = story.server.boxes[b"Work"] = copy.deepcopy(lost)
        emptied.remove(list(emptied.messages))
    story.pass_time(60)
    steps = Steps()
    steps.before("cache.record_deletions", lambda: steps.before(step, steps.crash, later(step)))

    def later(name: str) -> int:
        return steps._seen[name] + nth

    with pytest.raises(Crash):
        story.sync(steps)
    story.server.boxes[b"Work"] = lost
    ran = story.tell()
    assert (ran.exit, ran.total.expunged) == (0, 0), ran.text
    story.agree({"INBOX": "a b c", "Work": "d e"})
    assert story.undo() == {}
