"""The daily audit (semantics.md, rule 3): what no cursor and no stamp tells is seen in time."""

from __future__ import annotations

import re
import sqlite3

import pytest
from support.client import canonical
from support.rig import message
from support.wired import Wired

pytestmark = pytest.mark.dovecot


def set_back(rig: Wired, seconds: int) -> None:
    """As if the last audits were `seconds` longer ago."""
    raw = sqlite3.connect(rig.state / "cache.db", isolation_level=None)
    raw.execute("UPDATE mailboxes SET audit_at = audit_at - ?", (seconds,))
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    raw.close()


ALL_OF_IT = "(UID FLAGS INTERNALDATE RFC822.SIZE)"


def a_day_passes(rig: Wired) -> None:
    set_back(rig, 90_000)


@pytest.fixture
def quiet(wired: Wired) -> Wired:
    """20 messages on both sides, whose stamps hold."""
    wired.disk.ahead = 5
    wired.fill(20)
    wired.settle()
    wired.sync()
    assert wired.sync().exit == 0
    assert wired.disk.mail_listings() == 0
    return wired


def test_once_a_day_one_range_is_listed(quiet: Wired) -> None:
    a_day_passes(quiet)
    assert quiet.sync().exit == 0
    assert quiet.traffic.sent("UID FETCH 1:20 ") == [f"UID FETCH 1:20 {ALL_OF_IT}"]
    assert quiet.disk.mail_listings() == 2
    quiet.sync()
    assert quiet.traffic.sent("UID ") == []
    assert quiet.disk.mail_listings() == 0


def test_a_file_edited_in_place(quiet: Wired) -> None:
    path = quiet.files()[7]
    new = canonical(message("edited"))
    path.write_bytes(new)
    assert quiet.sync().total().uploaded == 0, "an edit in place changes no stamp"
    a_day_passes(quiet)
    report = quiet.sync()
    assert (report.total().uploaded, report.total().expunged) == (1, 1), report
    quiet.assert_equal()
    assert [one.read_bytes() for one in quiet.files()].count(new) == 1
    quiet.assert_idle()


def test_a_flag_that_the_server_forgot_to_tell(quiet: Wired) -> None:
    with quiet.client() as client:
        client.store([3], "+FLAGS (\\Flagged)")
    quiet.wire.rewrite = lambda response: (
        b"" if re.match(rb"\* \d+ FETCH \(UID 3 ", response) else response
    )
    assert quiet.sync().total().flags_local == 0
    quiet.wire.rewrite = lambda response: response
    assert quiet.sync().total().flags_local == 0, "the cursors are equal"
    a_day_passes(quiet)
    assert quiet.sync().total().flags_local == 1
    quiet.settle()
    quiet.assert_idle()


def test_a_clock_set_back_only_delays_it(quiet: Wired) -> None:
    set_back(quiet, -(10**9))
    quiet.assert_idle()
