"""Mail readers and delivery agents rarely wait for the disk, and a run that is killed may not have
done so: what a sync has told the server or the cache of their files no power cut takes back."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sim.disk import Model
from sim.oracle import body_of
from sim.stack import DATE
from sim.steps import Crash, Steps
from support.storied import Story

from mailsync.model.settings import Direction

CUTS = [(Model.SYNCED, 0), *((Model.WEAK, seed) for seed in range(4))]


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("unsynced") as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.serve("Work", "w")
        s.tell()
        s.tell()
        s.disk.sync()
        yield s


def save(s: Story, box: str, ghost: str, info: str = "") -> None:
    """As Story.file, by one that syncs neither the file nor the folder."""
    body, path = body_of(ghost), f"/mail/{box}"
    s.oracle.born(ghost, body)
    writer = s.fs.create(f"{path}/tmp/{ghost}")
    writer.write(body)
    writer.close()
    target = f"{path}/{'cur' if info else 'new'}/{DATE}.{ghost}.reader{info}"
    s.fs.rename(f"{path}/tmp/{ghost}", target)


def cut(s: Story, model: Model, seed: int) -> None:
    s.disk.crash(model, s.rand.fork(f"cut {seed}"))
    for box in ("INBOX", "Work"):
        for folder in ("new", "cur"):  # their times are as they were when they were written
            s.disk.find(f"/mail/{box}/{folder}").mtime_ns -= 1


def at_rest(s: Story, after: dict[str, str]) -> None:
    assert s.tell().exit == 0
    s.tell(pause=2 * 86400)  # with an audit
    s.agree(after)


def saved(s: Story) -> None:
    save(s, "Work", "n", ":2,S")


def many_saved(s: Story) -> None:
    for at in range(9):
        save(s, "Work", f"n{at}")


def moved_as_by_mutt(s: Story) -> None:
    """A copy, and the file is unlinked where it was."""
    path = s.path_of("INBOX", "a")
    save(s, "Work", "a", ":2,S")
    s.fs.unlink(path)


def deleted(s: Story) -> None:
    s.oracle.deleted.add("a")
    s.fs.unlink(s.path_of("INBOX", "a"))


def flagged(s: Story) -> None:
    path = s.path_of("INBOX", "a")
    s.fs.rename(path, f"/mail/INBOX/cur/{path.rpartition('/')[2]}:2,FS")


CASES: list[tuple[Callable[[Story], None], dict[str, str]]] = [
    (saved, {"INBOX": "a b", "Work": "w n:S"}),
    (many_saved, {"INBOX": "a b", "Work": "w " + " ".join(f"n{at}" for at in range(9))}),
    (moved_as_by_mutt, {"INBOX": "b", "Work": "w a:S"}),
    (flagged, {"INBOX": "a:FS b", "Work": "w"}),
    (deleted, {"INBOX": "b", "Work": "w"}),
]


@pytest.mark.parametrize(("model", "seed"), CUTS)
@pytest.mark.parametrize("kind", ["posix", "bare"])
@pytest.mark.parametrize(("act", "after"), CASES, ids=[case[0].__name__ for case in CASES])
def test_what_was_told_of_a_readers_files_stays_so(
    story: Story,
    act: Callable[[Story], None],
    after: dict[str, str],
    kind: str,
    model: Model,
    seed: int,
) -> None:
    story.disk.be(kind, str(story.state))
    act(story)
    assert story.tell().exit == 0
    cut(story, model, seed)
    at_rest(story, after)


@pytest.mark.parametrize(("model", "seed"), CUTS)
def test_what_a_killed_run_had_delivered_stays_when_it_was_paired(model: Model, seed: int) -> None:
    """It is found again by its name; nobody had made the folder durable."""
    delivered = 0
    for nth in (1, 2, 3):
        with Story("killed") as s:
            s.server.create("Work")
            s.serve("INBOX", "b")
            s.tell()
            s.tell()
            s.disk.sync()
            s.serve("INBOX", "a")
            steps = Steps()
            steps.before("fs.sync_dir", steps.crash, nth)
            with suppress(Crash):
                s.sync(steps)
            with suppress(KeyError):
                delivered += steps.dead and bool(s.path_of("INBOX", "a"))
            assert s.tell().exit == 0
            cut(s, model, seed)
            at_rest(s, {"INBOX": "a b"})
    assert delivered


def test_where_a_file_cannot_be_made_durable_nothing_is_sent(
    story: Story,
) -> None:
    saved(story)

    def refuse(method: str, path: str) -> None:
        if (method, path) == ("sync_file", f"/mail/Work/cur/{DATE}.n.reader:2,S"):
            raise OSError(errno.EIO, "Input/output error", path)

    story.refuse = refuse
    ran = story.tell()
    assert (ran.exit, ran.stored) == (75, 0), ran.text
    story.refuse = None
    at_rest(story, {"INBOX": "a b", "Work": "w n:S"})


@pytest.mark.parametrize(("model", "seed"), CUTS)
def test_a_file_that_comes_back_while_its_deletion_waits(
    story: Story, model: Model, seed: int
) -> None:
    """It counts as synced as soon as it is seen: nothing is planned of it."""
    story.change(direction=Direction.PULL)
    path = story.path_of("INBOX", "a")
    aside = "/mail/Work/tmp/aside"
    story.fs.rename(path, aside)
    story.disk.sync()
    assert story.tell().total.unsent == 1
    story.fs.rename(aside, path)
    assert story.tell().total.unsent == 0
    cut(story, model, seed)
    story.change(direction=Direction.BOTH)
    at_rest(story, {"INBOX": "a b", "Work": "w"})


@pytest.mark.parametrize(("model", "seed"), CUTS)
def test_an_older_copy_of_the_maildir_that_is_put_back(
    story: Story, model: Model, seed: int
) -> None:
    """By a program that does not wait for the disk: its files count as synced where they are what
    they were."""
    files = story.fs.files(under="/mail/")
    old = {path: (data, story.fs.stat(path).mtime_ns) for path, data in files.items()}
    story.flag("INBOX", "a", "S")
    assert story.tell().exit == 0
    for path in story.fs.files(under="/mail/"):
        story.fs.unlink(path)
    story.disk.sync()
    for path, (data, mtime_ns) in old.items():
        writer = story.fs.create(path)
        writer.write(data)
        writer.set_mtime(mtime_ns)
        writer.close()
    assert "the Maildir is older than the cache" in story.tell().text
    cut(story, model, seed)
    at_rest(story, {"INBOX": "a:S b", "Work": "w"})
