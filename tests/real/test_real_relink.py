"""A new UIDVALIDITY while something waits (semantics.md, rules 1, 4 and 10)."""

from __future__ import annotations

import pytest
from support.client import Client
from support.rig import message
from support.wired import Wired, text_of

from mailsync.model.settings import Deletions, Guard

pytestmark = pytest.mark.dovecot

COUNT = 60


def renew(rig: Wired) -> None:
    """All UIDs lose their meaning."""
    rig.server.doveadm("mailbox", "update", "-u", rig.user, "--uid-validity", "1999999999", "INBOX")


def unlink(rig: Wired, count: int) -> None:
    for path in rig.files()[:count]:
        path.unlink()


def test_the_server_has_another_name(wired: Wired) -> None:
    wired.fill(COUNT)
    wired.settle()
    wired.changes["host"] = "localhost"
    report = wired.settle()
    assert "host" in text_of(report)
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    assert len(wired.files()) == COUNT
    wired.assert_idle()


@pytest.mark.parametrize("other", [COUNT, COUNT // 2])
def test_another_account_with_the_same_uids(wired: Wired, other: int) -> None:
    """What was synced with the one is never deleted in the other, nor taken for its messages."""
    wired.changes["guard"] = Guard()
    wired.fill(COUNT)
    renew(wired)
    wired.settle()
    first, wired.user = wired.user, f"{wired.user}other"
    wired.fill(other, first=1000)
    renew(wired)
    wired.files()[0].unlink()
    for _ in range(2):
        report = wired.sync()
        assert report.exit == 3, report
        assert report.total().held == COUNT - 1
        assert len(wired.files()) == COUNT - 1 + other
    for user, count in ((first, COUNT), (wired.user, other)):
        with Client(wired.server.port, user, wired.server.password) as client:
            assert len(client.uids()) == count


def test_after_a_relink_a_sync_is_quick_again(wired: Wired) -> None:
    wired.disk.ahead = 5
    wired.fill(COUNT)
    wired.settle()
    wired.lose_cache()
    wired.settle()
    wired.sync()
    assert wired.sync().exit == 0
    assert wired.traffic.sent("SELECT") == []
    assert wired.disk.mail_listings() == 0


def test_what_is_kept_stays_removed(wired: Wired) -> None:
    wired.changes["deletions"] = Deletions.KEEP
    wired.fill(COUNT)
    wired.settle()
    unlink(wired, 5)
    assert wired.sync().exit == 0
    assert len(wired.files()) == COUNT - 5
    renew(wired)
    for _ in range(2):
        report = wired.sync()
        assert (report.exit, report.total().downloaded) == (0, 0), report
        assert wired.traffic.bodies == 0
        assert len(wired.files()) == COUNT - 5


def test_what_is_held_stays_held(wired: Wired) -> None:
    wired.changes["guard"] = Guard()
    wired.fill(COUNT)
    wired.settle()
    unlink(wired, 40)
    assert wired.sync().total().held == 40
    renew(wired)
    for _ in range(2):
        report = wired.sync()
        assert (report.exit, report.total().held, report.total().downloaded) == (3, 40, 0), report
        assert wired.traffic.bodies == 0
    assert wired.accept() == 40
    assert wired.sync().total().expunged == 40
    wired.assert_equal()


def test_a_deletion_that_was_not_yet_sent(wired: Wired) -> None:
    wired.fill(COUNT)
    wired.settle()
    unlink(wired, 3)
    renew(wired)
    with wired.client() as client:
        client.append(message("new"))
    report = wired.settle()
    assert (report.total().downloaded, report.total().expunged) == (1, 3), report
    wired.assert_idle()
