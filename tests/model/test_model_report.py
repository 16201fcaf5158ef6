"""Reports as JSON, and the exit status they lead to."""

# ruff: noqa: E501 (tables are read in rows)

from __future__ import annotations

from pathlib import Path

import pytest

from mailsync.model import report
from mailsync.model.errors import Exit
from mailsync.model.report import (
    AccountReport,
    AccountStatus,
    HeldLine,
    MailboxLine,
    MailboxReport,
    MailboxStatus,
    Remark,
    Report,
    StatusReport,
)
from mailsync.model.rows import Side
from mailsync.model.settings import Account


@pytest.mark.parametrize(
    ("counts", "exits", "status"),
    [
        ({"downloaded": 5}, set(), Exit.OK),
        ({"held": 1, "failed": 1}, set(), Exit.HELD),
        ({"failed": 1}, {Exit.TEMPORARY}, Exit.FAILED),
        ({"parked": 1}, set(), Exit.FAILED),
        ({"unsent": 1}, set(), Exit.OK),
        ({}, {Exit.AUTH}, Exit.AUTH),
    ],
)
def test_exit_status_of_a_sync(counts: dict[str, int], exits: set[Exit], status: Exit) -> None:
    account = AccountReport(
        "a", (MailboxReport("x", **counts), MailboxReport("y")), (), frozenset(exits)
    )
    assert account.exit is status
    assert Report((AccountReport("b"), account)).exit is status
    assert Report((account,)).as_json()["exit-status"] == status


def test_sync_as_json() -> None:
    boxes = (
        MailboxReport("x", downloaded=1, flags_local=2, notices=("n",)),
        MailboxReport("y", downloaded=3),
    )
    made = Report((AccountReport("a", boxes, ("e",), plan=("p",)),)).as_json()
    accounts = made["accounts"]
    assert isinstance(accounts, dict)
    account = accounts["a"]
    assert (account["downloaded"], account["flags-local"], account["plan"]) == (4, 2, ["p"])
    assert account["mailboxes"]["x"]["notices"] == ["n"]


def test_status_as_json() -> None:
    remarks = (Remark("held", 2, "too many", Side.SERVER), Remark("kept", 1, "policy"))
    account = AccountStatus("a", 5.0, 6.0, (MailboxStatus("x", 7, remarks=remarks),), ("e",))
    made = StatusReport((account,)).as_json()
    assert made["exit-status"] == Exit.HELD
    accounts = made["accounts"]
    assert isinstance(accounts, dict)
    told = accounts["a"]
    assert (told["messages"], told["held"], told["kept"], told["failed"]) == (7, 2, 1, 0)
    assert told["mailboxes"]["x"]["remarks"][0]["side"] == "server"
    assert told["mailboxes"]["x"]["remarks"][1]["side"] is None
    assert StatusReport().exit is Exit.OK


def test_lines() -> None:
    line = MailboxLine("x", True, False, True, "why")
    assert line.as_json() == {
        "name": "x", "server": True, "local": False, "selected": True, "why": "why", "messages": None,
        "server-name": "", "directory": "",
    }  # fmt: skip
    held = HeldLine("a", "x", Side.LOCAL, 3, "why")
    assert report.held_total([held, held]) == 6
    target = report.Target(Account("a", "h", 993, "u", Path("m"), Path("s")))
    assert target.mailboxes == ()
    assert report.SyncOptions().progress is None
    assert report.Undeleted(("INBOX/a",)).errors == ()
