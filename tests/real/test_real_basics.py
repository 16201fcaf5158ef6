"""The main job against a real Dovecot, step by step."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.dovecot import Dovecot
from support.rig import Rig, message

pytestmark = pytest.mark.dovecot


@pytest.fixture
def rig(dovecot: Dovecot, tmp_path: Path) -> Rig:
    return Rig(dovecot, tmp_path)


def fill(rig: Rig, count: int = 6, box: str = "INBOX") -> None:
    with rig.client() as client:
        for number in range(count):
            flags = "\\Seen" if number % 2 else ""
            client.append(message(number), box, flags, f"0{number % 9 + 1}-Oct-2026 10:00:00 +0000")


def settled(rig: Rig) -> None:
    """Sync, both sides equal, and again: nothing."""
    report = rig.sync()
    assert report.exit == 0, report
    rig.assert_equal()
    rig.assert_idle()


def test_first_sync_downloads_everything(rig: Rig) -> None:
    fill(rig)
    report = rig.sync()
    assert report.exit == 0, report
    assert report.total().downloaded == 6
    rig.assert_equal()
    rig.assert_idle()


def test_new_on_both_sides(rig: Rig) -> None:
    fill(rig)
    settled(rig)
    with rig.client() as client:
        client.append(message("late"), flags="\\Flagged")
    rig.put(message("local"))
    rig.put(message("local seen"), info=":2,S")
    settled(rig)


def test_flags_both_ways(rig: Rig) -> None:
    fill(rig)
    settled(rig)
    with rig.client() as client:
        uids = client.uids()
        client.store(uids[:2], "+FLAGS (\\Flagged \\Answered)")
        client.store(uids[1:4:2], "-FLAGS (\\Seen)")
    path = rig.files()[-1]
    path.rename(path.parent.parent / "cur" / (path.name.split(":")[0] + ":2,DFS"))
    settled(rig)


def test_deletions_both_ways(rig: Rig) -> None:
    fill(rig)
    settled(rig)
    with rig.client() as client:
        client.expunge(client.uids()[:2])
    rig.files()[-1].unlink()
    settled(rig)
    assert len(rig.files()) == 3


def test_moves_both_ways(rig: Rig) -> None:
    fill(rig)
    with rig.client() as client:
        client.create("Archive")
    settled(rig)
    with rig.client() as client:
        client.move(client.uids()[:2], "INBOX", "Archive")
    path = rig.files()[-1]
    path.rename(rig.make("Archive") / "cur" / path.name)
    report = rig.sync()
    assert report.exit == 0, report
    assert report.total().moved == 3, report
    assert report.total().downloaded == report.total().uploaded == 0
    rig.assert_equal()
    rig.assert_idle()


def test_mailboxes_both_ways(rig: Rig) -> None:
    fill(rig)
    with rig.client() as client:
        client.create("Work")
        client.create("Work/2026")
        client.append(message("w"), "Work/2026")
    rig.put(message("home"), "Home/Deep")
    settled(rig)
    with rig.client() as client:
        client.rename("Work/2026", "Work/2027")
    settled(rig)
    (rig.maildir / "Home" / "Deep").rename(rig.maildir / "Home" / "Deeper")
    settled(rig)
    assert "Work/2027" in rig.local_boxes()
