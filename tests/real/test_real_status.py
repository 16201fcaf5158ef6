"""`status`: the last success of each mailbox is its own."""

from __future__ import annotations

import pytest
from support.wired import Wired

from mailsync.modes import inspect

pytestmark = pytest.mark.dovecot


def successes(rig: Wired) -> dict[str, float | None]:
    (account,) = inspect.status([rig.account]).accounts
    found = {box.name: box.last_success for box in account.mailboxes}
    return {"": account.last_success, **found}


def test_a_mailbox_in_trouble_keeps_its_last_success(wired: Wired) -> None:
    with wired.client() as client:
        client.create("Work")
    wired.fill(2, "Work")
    wired.settle()
    first = successes(wired)
    assert None not in first.values()

    wired.fill(1, "Work", first=7)
    wired.fill(1, first=8)
    wired.wire.refuse = lambda line: "[CANNOT] no" if b'SELECT "Work"' in line else None
    assert wired.sync().exit != 0
    second = successes(wired)
    assert (second["Work"] or 0) <= (first["Work"] or 0)
    assert (second["INBOX"] or 0) > (first["INBOX"] or 0)

    wired.wire.refuse = lambda line: None
    wired.settle()
    assert (successes(wired)["Work"] or 0) > (second["INBOX"] or 0)


def test_one_mailbox_alone_is_no_success_of_the_account(wired: Wired) -> None:
    wired.fill(1)
    wired.settle()
    first = successes(wired)
    wired.fill(1, first=7)
    assert wired.sync("INBOX").exit == 0
    second = successes(wired)
    assert second[""] == first[""]
    assert second["INBOX"] != first["INBOX"]
