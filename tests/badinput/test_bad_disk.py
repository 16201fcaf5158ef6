"""Disks that are full, read-only, closed or broken.

Where this process may mount, on a small tmpfs; elsewhere the same through the Fs seam, which is
also tried at every call.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.disks import NO_MOUNT, mount, small_disk
from support.spot import Spot
from support.wired import Wired, text_of

pytestmark = pytest.mark.dovecot


def leftovers(mail: Path) -> list[Path]:
    return [path for path in mail.glob("**/tmp/*") if path.is_file()]


def test_a_full_disk_under_the_maildir(
    spot: Spot, wired: Wired, instead: Callable[[str], None]
) -> None:
    with small_disk(spot.mail, "1m") as mounted:
        if not mounted:
            instead(f"a disk that fails in the process, because {NO_MOUNT}")
            full_by_the_seam(wired)
            return
        spot.fill(60, size=500)  # 2 MB
        before = spot.served()
        done = spot.sync(75, "No space left on device", "make room on that disk")
        assert str(spot.mail) in done.err
        assert not leftovers(spot.mail)
        assert spot.served() == before
        spot.sync(75, "No space left")
        assert mount("-o", "remount,size=64m", str(spot.mail))
        spot.settle()
        assert sum(spot.stored()["INBOX"].values()) == 60


def full_by_the_seam(wired: Wired) -> None:
    wired.fill(20)
    wired.disk.fault = failing("write", 5, errno.ENOSPC)
    report = wired.sync()
    assert report.exit == 75, report
    assert "make room on that disk" in text_of(report)
    assert not leftovers(wired.maildir)
    wired.disk.fault = lambda call, path: None
    wired.settle()
    wired.assert_idle()


def failing(call: str, after: int, number: int, part: str = "") -> Callable[[str, str], None]:
    """A fault of the disk: this call fails for ever from its `after`th time."""
    count = 0

    def fault(name: str, path: str) -> None:
        nonlocal count
        if name == call and part in path:
            count += 1
            if count > after:
                raise OSError(number, os.strerror(number), path)

    return fault


CALLS = ("create", "write", "sync", "sync_dir", "rename", "mkdir", "replace")
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


@pytest.mark.parametrize(("call", "number"), list(zip(CALLS, itertools.cycle(ERRORS))))
def test_a_disk_that_fails_from_some_call_on(wired: Wired, call: str, number: int) -> None:
    """Nothing lost, nothing doubled, status 75, the path and what to do; then all is completed."""
    wired.fill(12)
    wired.settle()
    wired.fill(12, first=100)
    with wired.client() as client:
        client.create("Fresh")
        client.expunge(client.uids()[:1])
        client.store(client.uids()[1:2], "+FLAGS (\\Flagged)")
        served = client.messages()
    wired.disk.fault = failing(call, 0 if call in ("mkdir", "replace") else 1, number)
    report = wired.sync()
    assert report.exit == 75, report
    assert str(wired.root) in text_of(report)
    assert os.strerror(number) in text_of(report)
    with wired.client() as client:
        assert client.messages() == served
    wired.disk.fault = lambda call, path: None
    wired.settle()
    assert not leftovers(wired.maildir)
    wired.assert_idle()


def test_a_maildir_that_is_mounted_read_only(
    spot: Spot, wired: Wired, instead: Callable[[str], None]
) -> None:
    with small_disk(spot.mail, "64m") as mounted:
        if not mounted:
            instead(f"a disk that fails in the process, because {NO_MOUNT}")
            wired.fill(2)
            wired.settle()
            wired.fill(2, first=10)
            wired.disk.fault = failing("create", 0, errno.EROFS)
            report = wired.sync()
            assert report.exit == 75
            assert "mount it read-write" in text_of(report)
            return
        spot.fill(2)
        spot.sync(0)
        spot.fill(2, first=10)
        assert mount("-o", "remount,ro", str(spot.mail))
        before = spot.served()
        spot.sync(75, f"{spot.mail}/.mailsync: Read-only file system", "mount it read-write")
        assert spot.served() == before
        assert mount("-o", "remount,rw", str(spot.mail))
        spot.settle()


def test_a_full_disk_under_the_state(spot: Spot, instead: Callable[[str], None]) -> None:
    spot.fill(4)
    spot.settle()
    with small_disk(spot.home.root / "state", "96k") as mounted:
        spot.home.env["XDG_STATE_HOME"] = str(spot.home.root / "state")
        told = "cache.db: database or disk is full; make room on that disk"
        if not mounted:
            instead(f"a limit to the size of files, because {NO_MOUNT}")
            spot.prefix = ["prlimit", "--fsize=49152"]
            told = "cache.db: disk I/O error; the disk reports an error"
        (spot.mail / ".mailsync").unlink()
        before = spot.served()
        done = spot.spawn("sync")
        assert done.status == 75
        assert told in done.err
        assert spot.served() == before
        assert spot.stored() == before
        spot.prefix = []
        if mounted:
            assert mount("-o", "remount,size=64m", str(spot.home.root / "state"))
        spot.settle()
