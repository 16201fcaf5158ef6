"""What was measured with mbsync and OfflineIMAP (reliability.md §0): S1 to S6, S8 and S9."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.client import canonical
from support.rig import message
from support.wired import Wired, append_many, text_of

from mailsync.model.settings import Guard

pytestmark = pytest.mark.dovecot

COUNT = 300
SOME = 50


@pytest.fixture
def full(wired: Wired) -> Wired:
    """300 messages on both sides, under the default guard."""
    wired.changes["guard"] = Guard()
    wired.fill(COUNT)
    wired.settle()
    wired.assert_idle()
    return wired


def server_count(rig: Wired, box: str = "INBOX") -> int:
    with rig.client() as client:
        return len(client.uids(box))


def test_s1_all_files_gone(full: Wired) -> None:
    for path in full.files():
        path.unlink()
    for _ in range(2):
        report = full.sync()
        assert report.exit == 3, report
        assert report.total().held == COUNT
        assert "mailsync accept" in text_of(report)
        assert server_count(full) == COUNT


def test_s2_empty_root(full: Wired) -> None:
    shutil.rmtree(full.maildir)
    full.maildir.mkdir()
    report = full.sync()
    assert report.exit == 3, report
    assert "mailsync accept" in text_of(report)
    assert server_count(full) == COUNT
    assert list(full.maildir.iterdir()) == []


def test_s3_cache_lost(full: Wired) -> None:
    full.lose_cache()
    report = full.settle()
    assert "cache" in text_of(report)
    assert (full.traffic.bodies, full.traffic.sent_bytes) == (0, 0)
    assert len(full.files()) == COUNT
    full.assert_idle()


def test_s4_cache_rolled_back(full: Wired, tmp_path: Path) -> None:
    full.save_cache(tmp_path / "old")
    for half in (range(0, SOME, 2), range(1, SOME, 2)):
        full.fill(len(half), first=1000 + half[0] * 100)
        for number in half:
            full.put(message(f"local {number}"))
        with full.client() as client:
            client.expunge(client.uids()[:5])
        for path in full.files()[-10:]:
            path.unlink()
        full.settle()
    full.restore_cache(tmp_path / "old")
    before = full.local_view()
    report = full.settle()
    assert "older" in text_of(report), report
    assert (full.traffic.bodies, full.traffic.sent_bytes) == (0, 0)
    assert full.local_view() == before
    full.assert_idle()


def test_s5_new_uid_validity(full: Wired) -> None:
    full.server.doveadm(
        "mailbox", "update", "-u", full.user, "--uid-validity", "1234567890", "INBOX"
    )
    report = full.settle()
    assert "UIDVALIDITY" in text_of(report)
    assert (full.traffic.bodies, full.traffic.sent_bytes) == (0, 0)
    assert len(full.files()) == COUNT
    full.assert_idle()


def test_s5_mailbox_made_anew_in_another_order(full: Wired) -> None:
    with full.client() as client:
        client.create("Work")
        append_many(client, map(message, range(COUNT)), "Work")
        full.settle()
        client.delete("Work")
        client.create("Work")
        append_many(client, map(message, reversed(range(COUNT))), "Work")
    full.settle()
    assert (full.traffic.bodies, full.traffic.sent_bytes) == (0, 0)
    assert len(full.files("Work")) == COUNT
    full.assert_idle()


def test_s6_server_mailbox_emptied(full: Wired) -> None:
    with full.client() as client:
        client.expunge(client.uids())
    for _ in range(2):
        report = full.sync()
        assert report.exit == 3, report
        assert report.total().held == COUNT
        assert "mailsync accept" in text_of(report)
        assert len(full.files()) == COUNT


def test_s8_a_reader_changes_base_names(full: Wired) -> None:
    bodies = {canonical(path.read_bytes()) for path in full.files()}
    for number, path in enumerate(full.files()[:SOME]):
        path.rename(path.parent.parent / "cur" / f"17{number:08}.R{number}.reader:2,")
    report = full.settle()
    assert (full.traffic.bodies, full.traffic.sent_bytes) == (0, 0), full.traffic
    assert report.total().expunged == report.total().removed == 0
    assert {canonical(path.read_bytes()) for path in full.files()} == bodies
    assert server_count(full) == COUNT
    full.assert_idle()


def test_s9_a_reader_moves_files(full: Wired) -> None:
    target = full.make("Archive")
    for path in full.files()[:SOME]:
        path.rename(target / "cur" / path.name)
    report = full.settle()
    assert report.total().moved == SOME, report
    assert (full.traffic.bodies, full.traffic.sent_bytes) == (0, 0), full.traffic
    assert full.traffic.commands["UID MOVE"] >= 1
    assert full.traffic.commands["UID COPY"] == full.traffic.commands["APPEND"] == 0
    assert server_count(full, "Archive") == SOME
    full.assert_idle()
