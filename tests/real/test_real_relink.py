"""A new UIDVALIDITY while something waits (semantics.md, rules 1, 4 and 10)."""

from __future__ import annotations

import pytest
from support.rig import message
from support.wired import Wired

from mailsync.model.settings import Deletions, Guard

pytestmark = pytest.mark.dovecot

COUNT = 60


def renew(rig: Wired) -> None:
    """All UIDs lose their meaning."""
    rig.server.doveadm("mailbox", "update", "-u", rig.user, "--uid-validity", "1999999999", "INBOX")


def unlink(rig: Wired, count: int) -> None:
    for path in rig.files()[:count]:
        path.unlink()


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
