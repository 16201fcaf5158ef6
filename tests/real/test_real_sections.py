"""Sections and limits against a real Dovecot: another user's client and a mail reader go on, and
nothing beyond a limit is fetched, sent or deleted."""

from __future__ import annotations

import pytest
from support.wired import Wired, append_many, message, text_of

from mailsync.model.settings import Deletions, Direction, Rules, Section

pytestmark = pytest.mark.dovecot
LONG_AGO = "05-Oct-2001 10:00:00 +0000"
NOW = "27-Nov-2026 23:59:59 -1100"


def section(pattern: str, **said: object) -> Section:
    return Section(pattern, Rules(**said), frozenset(said))  # type: ignore[arg-type]


def test_old_mail(wired: Wired) -> None:
    wired.changes["max_age"] = 3650
    with wired.client() as client:
        append_many(client, map(message, range(3)), date=LONG_AGO)
        append_many(client, map(message, range(3, 6)), date=NOW)
        report = wired.sync()
        assert (report.exit, report.total().downloaded, wired.traffic.bodies) == (0, 3, 3), report
        wired.idle()
        wired.changes["max_age"] = None
        report = wired.sync()
        assert (report.exit, report.total().downloaded, wired.traffic.bodies) == (0, 3, 3), report
        wired.idle()

        wired.changes["max_age"] = 3650
        old = [path for path in wired.files() if path.stat().st_mtime < 1_100_000_000]
        assert len(old) == 3
        old[0].unlink()  # by a mail reader
        client.expunge([2])  # by another client
        (stays,) = [path for path in old[1:] if b"message 1\n" in path.read_bytes()]
        report = wired.sync()
        assert report.exit == 0, report
        assert (report.total().removed, report.total().expunged) == (0, 0)
        assert len(client.uids()) == 5
        assert stays.exists()
        wired.idle()

        wired.changes["max_age"] = None
        report = wired.sync()
        assert (report.exit, report.total().held, wired.traffic.bodies) == (3, 1, 1), report
        assert "mailsync accept" in text_of(report)
        assert wired.reject("INBOX") == 1
        wired.settle()
        assert len(client.uids()) == 6
    wired.idle()


def test_large_mail(wired: Wired) -> None:
    wired.changes["max_size"] = 5000
    with wired.client() as client:
        append_many(client, (message(n, 100 * (n % 2)) for n in range(4)))
        wired.put(message("mine"))
        wired.put(message("mine and large", 100))
        report = wired.sync()
        assert report.exit == 0, report
        assert (report.total().downloaded, report.total().uploaded) == (2, 1)
        assert len(client.uids()) == 5
        wired.idle()
        wired.changes["max_size"] = None
        report = wired.settle()
        assert (report.total().downloaded, report.total().uploaded) == (2, 1)
    wired.idle()


def test_sections(wired: Wired) -> None:
    """A mailbox that is only pulled beside one of which deletions are kept."""
    wired.changes["sections"] = (
        section("Pulled", direction=Direction.PULL),
        section("Kept", deletions=Deletions.KEEP),
    )
    with wired.client() as client:
        for name in ("INBOX", "Pulled", "Kept"):
            if name != "INBOX":
                client.create(name)
            append_many(client, map(message, range(3)), name)
        wired.settle()
        for name in ("INBOX", "Pulled", "Kept"):
            wired.files(name)[0].unlink()
            wired.put(message(f"new in {name}"), name, ":2,S")
        report = wired.sync()
        assert report.exit == 0, report
        total = report.total()
        assert (total.expunged, total.uploaded, total.unsent) == (1, 2, 2)
        counts = {name: len(client.uids(name)) for name in ("INBOX", "Pulled", "Kept")}
        assert counts == {"INBOX": 3, "Pulled": 3, "Kept": 4}
        wired.idle()
        wired.changes["sections"] = ()
        report = wired.sync()
        assert (report.exit, report.total().held, report.total().uploaded) == (3, 2, 1), report
        wired.accept()
        wired.settle()
    wired.idle()
