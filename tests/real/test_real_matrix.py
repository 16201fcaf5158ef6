"""What hurts users of other programs (reliability.md §0), on every server but Dovecot, which
test_real_peers.py has: S1 to S6, S8, S9."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.rig import message
from support.wired import Wired, append_many, text_of

from mailsync.model.settings import Guard

pytestmark = pytest.mark.servers

COUNT = 30
SERVERS = ["cyrus", "cyrus-dots", "courier", "courier-old", "imap4d", "pymap"]


@pytest.fixture(params=SERVERS)
def full(request: pytest.FixtureRequest, wired_to: Callable[..., Wired]) -> Wired:
    """30 messages on both sides, under the default guard."""
    made = wired_to(request.param, guard=Guard())
    made.fill(COUNT)
    made.settle()
    made.idle()
    return made


def on_server(rig: Wired, box: str = "INBOX") -> int:
    with rig.client() as client:
        return len(client.uids(box))


def nothing_transferred(rig: Wired) -> None:
    assert (rig.traffic.bodies, rig.traffic.sent_bytes) == (0, 0), rig.traffic


def held(rig: Wired) -> None:
    """All of it, by the first run and by the next."""
    for _ in range(2):
        report = rig.sync()
        assert report.exit == 3, report
        assert report.total().held == COUNT
        assert "mailsync accept" in text_of(report)


def test_s1_all_files_gone(full: Wired) -> None:
    for path in full.files():
        path.unlink()
    held(full)
    assert on_server(full) == COUNT


def test_s2_empty_root(full: Wired) -> None:
    shutil.rmtree(full.maildir)
    full.maildir.mkdir()
    report = full.sync()
    assert report.exit == 3, report
    assert "mailsync accept" in text_of(report)
    assert on_server(full) == COUNT
    assert list(full.maildir.iterdir()) == []


def test_s3_cache_lost(full: Wired) -> None:
    full.lose_cache()
    full.settle()
    nothing_transferred(full)
    assert len(full.files()) == on_server(full) == COUNT
    full.idle()


def test_s4_cache_rolled_back(full: Wired, tmp_path: Path) -> None:
    full.save_cache(tmp_path / "old")
    full.fill(5, first=1000)
    for number in range(5):
        full.put(message(f"local {number}"))
    with full.client() as client:
        client.expunge(client.uids()[:5])
    for path in full.files()[-5:]:
        path.unlink()
    full.settle()
    full.restore_cache(tmp_path / "old")
    before = full.local_view()
    report = full.settle()
    assert "older" in text_of(report), report
    nothing_transferred(full)
    assert full.local_view() == before
    full.idle()


def test_s5_mailbox_made_anew_in_another_order(full: Wired) -> None:
    """The Maildir's own name, other UIDs under another UIDVALIDITY."""
    with full.client() as client:
        client.create("Work")
        append_many(client, map(message, range(100, 120)), "Work")
        full.settle()
        client.select("INBOX")
        client.delete("Work")
        time.sleep(1.1)  # a UIDVALIDITY may be the second
        client.create("Work")
        append_many(client, map(message, reversed(range(100, 120))), "Work")
    full.settle()
    nothing_transferred(full)
    full.idle()


def test_s6_server_mailbox_emptied(full: Wired) -> None:
    with full.client() as client:
        client.expunge(client.uids())
    held(full)
    assert len(full.files()) == COUNT


def test_s8_s9_a_reader_renames_and_moves_files(full: Wired) -> None:
    """By COPY where there is no MOVE; without UIDPLUS the copies are looked up."""
    target = full.make("Archive")
    for number, path in enumerate(full.files()):
        if number < 5:
            path.rename(path.parent.parent / "cur" / f"17{number:08}.R{number}.reader:2,")
        elif number < 25:
            path.rename(target / "cur" / path.name)
    report = full.settle()
    assert report.total().moved == 20, report
    nothing_transferred(full)
    assert (on_server(full), on_server(full, "Archive")) == (10, 20)
    full.idle()
