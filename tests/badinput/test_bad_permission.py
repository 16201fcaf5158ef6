"""No permission, read-only: said with path and advice, nothing lost, the other mailboxes go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.spot import Spot

pytestmark = pytest.mark.dovecot

HELP = "Permission denied; give your user the right to it (chmod, chown)"


@pytest.fixture
def closable(spot: Spot) -> Iterator[Spot]:
    """Two mailboxes in sync; permissions count for the program, also where it runs as root."""
    spot.ordinary = True
    with spot.client() as client:
        client.create("Work")
    spot.fill(4)
    spot.fill(4, "Work")
    spot.sync(0)
    yield spot
    for folder, _, _ in os.walk(spot.home.root.parent):
        os.chmod(folder, 0o700)


@contextmanager
def mode(path: Path, bits: int) -> Iterator[None]:
    before = path.stat().st_mode & 0o777
    path.chmod(bits)
    try:
        yield
    finally:
        path.chmod(before)


def count(views: dict[str, object], box: str) -> int:
    return sum(views[box].values())  # type: ignore[attr-defined]


def test_one_message_that_cannot_be_read(closable: Spot) -> None:
    path = closable.rig.put(b"Subject: closed\r\n\r\n", info=":2,S", unique="closed")
    closable.rig.put(b"Subject: open\r\n\r\n", info=":2,S")
    with mode(path, 0):
        closable.sync(1, "1 uploaded", "1 parked", f"cannot read {path}: {HELP}")
        assert count(closable.served(), "INBOX") == 5
        assert "1 parked" in closable.run("status").out
        closable.idle(1)


PLACES: dict[str, Callable[[Path], Path]] = {
    "cur": lambda mail: mail / "Work" / "cur",
    "new": lambda mail: mail / "Work" / "new",
    "mailbox": lambda mail: mail / "Work",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_mailbox_that_cannot_be_read(closable: Spot, place: str) -> None:
    """It waits; the others go on, but for deletions: a missing file may have moved there."""
    closable.fill(2, first=10)
    closable.fill(2, "Work", first=10)
    served = closable.served()
    moved = closable.rig.files("INBOX")[0]
    moved.rename(closable.mail / "Work" / "new" / moved.name)
    path = PLACES[place](closable.mail)
    with mode(path, 0):
        closable.sync(1, str(path), HELP, "INBOX: 2 downloaded")
        assert closable.served() == served
        assert len(closable.rig.files("INBOX")) == 5
        closable.sync(1, str(path), HELP)
        assert closable.served() == served
    closable.sync(0, "1 moved")
    closable.rig.assert_equal()


def test_a_new_directory_that_cannot_be_read(closable: Spot) -> None:
    """Nobody knows what mailboxes are in it, so what is missing elsewhere is not deleted."""
    served = closable.served()
    moved = closable.rig.files("INBOX")[0]
    moved.rename(closable.rig.make("Fresh") / "cur" / f"{moved.name}:2,")
    with mode(closable.mail / "Fresh", 0):
        done = closable.run("sync")
        assert done.status == 75, done
        assert f"cannot list {closable.mail}/Fresh: {HELP}" in done.err
        assert closable.served() == served
    closable.sync(0, "1 moved")
    closable.rig.assert_equal()


def test_a_mailbox_that_cannot_be_written(closable: Spot) -> None:
    closable.fill(2, first=10)
    closable.fill(2, "Work", first=10)
    path = closable.mail / "Work" / "new"
    with mode(path, 0o500):
        done = closable.sync(1, f"cannot deliver {path}/", HELP, "INBOX: 2 downloaded")
        assert done.out.count("cannot deliver") == 1, "tried once a run"
    closable.settle()


def test_a_maildir_that_cannot_be_written(closable: Spot) -> None:
    closable.fill(2, first=10)
    served, files = closable.served(), closable.rig.snapshot()
    for folder, _, _ in os.walk(closable.mail):
        os.chmod(folder, 0o500)
    for _ in range(2):
        closable.sync(75, f"cannot write the marker {closable.mail}/.mailsync", HELP)
        assert (closable.served(), closable.rig.snapshot()) == (served, files)
    for folder, _, _ in os.walk(closable.mail):
        os.chmod(folder, 0o700)
    closable.settle()


def test_a_state_directory_that_cannot_be_used(closable: Spot) -> None:
    served = closable.served()
    for path, bits in ((closable.state, 0), (closable.state / "lock", 0), (closable.cache, 0)):
        with mode(path, bits):
            for words in (("sync",), ("status",), ("sync", "--dry-run")):
                if path.name == "lock" and words != ("sync",):
                    continue  # these two need no lock
                done = closable.run(*words)
                assert done.status == 75, (path, words, done)
                assert f"{path}" in done.err
                assert "give your user the right to it" in done.err
    assert closable.served() == served
    closable.settle()


def test_a_cache_that_may_only_be_read(closable: Spot) -> None:
    closable.fill(1, first=10)
    with mode(closable.cache, 0o400):
        closable.sync(75, "cache.db: ", "give your user the right to it")
    wal = closable.cache.with_name("cache.db-wal")
    if wal.exists():  # SQLite gave it the mode of the database
        closable.sync(75, "give your user the right to it", "also to its -wal and -shm")
        for path in closable.state.glob("cache.db-*"):
            path.chmod(0o600)
    closable.settle()
