"""Limits against a real Dovecot: a budget over days, and a server that has no connection left."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from support.dovecot import Dovecot
from support.wired import Wired, append_many, message, text_of

from mailsync.modes import inspect

pytestmark = pytest.mark.dovecot
DAY = 24 * 3600.0
ONE = """
protocol imap {
  mail_max_userip_connections = 1
}
"""


def test_a_budget_over_days(wired: Wired) -> None:
    """The newest first; each body once; flags go on; `status` says until when."""
    wired.changes["download_per_day"] = 60_000
    with wired.client() as client:
        client.create("Work")
        for number in range(20):
            date = f"{number + 1:02}-Oct-2026 10:00:00 +0000"
            box = "Work" if number % 4 == 0 else "INBOX"
            append_many(client, [message(number, 60)], box, date=date)
        report = wired.sync()
        first = report.total().downloaded
        assert (report.exit, report.total().waiting, wired.traffic.bodies) == (
            75,
            20 - first,
            first,
        )
        assert 8 <= first <= 16, report
        assert "used up" in text_of(report)
        files = [path.read_bytes() for box in ("INBOX", "Work") for path in wired.files(box)]
        here = {n for n in range(20) if any(f"Subject: message {n}\n".encode() in f for f in files)}
        assert here == set(range(20 - first, 20))
        wired.idle(exit=75)

        client.store(client.uids(), "+FLAGS (\\Flagged)")
        report = wired.sync()
        assert (report.exit, wired.traffic.bodies) == (75, 0)
        assert report.total().flags_local > 0
        (status,) = inspect.status([wired.account]).accounts
        assert status.exit == 75
        assert "download-per-day" in status.errors[0]
        assert "it goes on at" in status.errors[0]

        bodies = first
        for _ in range(4):
            wired.watch.passed += DAY + 3600
            report = wired.sync()
            bodies += wired.traffic.bodies
            if report.exit == 0:
                break
        assert (report.exit, bodies) == (0, 20), report
    wired.assert_equal()
    wired.idle()
    (status,) = inspect.status([wired.account]).accounts
    assert (status.exit, status.errors) == (0, ())


def test_no_connection_is_left(
    dovecot_with: Callable[..., Dovecot], wired_on: Callable[..., Wired]
) -> None:
    """Somebody else has it: the run says so and ends for now, no login counts as refused, and the
    next one works."""
    rig = wired_on(dovecot_with(extra=ONE))
    with rig.client() as client:
        client.append(message(1))
        report = rig.sync()
        assert report.exit == 75, report
        assert "other programs and devices have all the connections" in text_of(report)
        assert not (rig.state / "limits").exists()
        if (rig.state / "logins").exists():
            assert json.loads((rig.state / "logins").read_text())["refused"] == []
    rig.settle()
    rig.idle()
