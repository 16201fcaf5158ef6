"""Bodies within the day's budget: which, and what goes on without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailsync.model.actions import Action, Download, Expunge, Plan, StoreFlags, Upload
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UniqueName
from mailsync.model.rows import Presence, Row
from mailsync.model.usage import Ration
from mailsync.planner import rationed

NOW = 1_800_000_000.0
DAY = 86400
INBOX, WORK = MailboxId(1), MailboxId(2)


def message(number: int, days: float, size: int | None = 100, box: MailboxId = INBOX) -> Row:
    """On the server, so many days old."""
    return Row(
        RowId(number),
        box,
        uid=UID(number),
        server=Presence.THERE,
        internal_date=int(NOW - days * DAY),
        size=size,
    )


def file(number: int, days: float, size: int | None = 100) -> Row:
    return Row(
        RowId(number),
        INBOX,
        name=UniqueName(f"n{number}"),
        local=Presence.THERE,
        mtime_ns=int(NOW - days * DAY) * 10**9,
        file_size=size,
    )


def down(*rows: Row, box: MailboxId = INBOX, why: str = "new on the server") -> Download:
    return Download(box, rows, why)


def up(*rows: Row) -> Upload:
    return Upload(INBOX, rows, "new in the Maildir")


def numbers(actions: tuple[Action, ...]) -> list[tuple[str, list[int]]]:
    return [(type(one).__name__, [row.id for row in getattr(one, "rows", ())]) for one in actions]


def test_without_a_limit_the_plan_is_what_it_was() -> None:
    plan = Plan((down(message(1, 5)), up(file(2, 5))))
    made, left = rationed(plan, None, None, NOW)
    assert made is plan
    assert left == ()


@pytest.mark.parametrize(
    ("ration", "taken"),
    [
        (Ration(1000, 0), [5, 4, 3, 2, 1]),
        (Ration(500, 0), [5, 4, 3, 2, 1]),
        (Ration(400, 0), [5, 4, 3, 2]),
        (Ration(101, 0), [5, 4]),
        (Ration(1, 0), [5]),
        (Ration(0, 0), []),
        (Ration(-700, 50), []),
        (Ration(300, 100), [5, 4]),  # the reserve is for the new
        (Ration(100, 100), []),
    ],
)
def test_the_newest_first(ration: Ration, taken: list[int]) -> None:
    rows = [message(n, 100 - n) for n in (5, 4, 3, 2, 1)]
    made, left = rationed(Plan((down(*rows),)), ration, None, NOW)
    assert numbers(made.actions) == ([("Download", taken)] if taken else [])
    rest = [n for n in (5, 4, 3, 2, 1) if n not in taken]
    assert numbers(left) == ([("Download", rest)] if rest else [])


def test_over_all_mailboxes() -> None:
    plan = Plan(
        (
            down(message(3, 10), message(1, 30)),
            down(message(4, 11, box=WORK), message(2, 29, box=WORK), box=WORK),
        )
    )
    made, left = rationed(plan, Ration(300, 0), None, NOW)
    assert numbers(made.actions) == [("Download", [3]), ("Download", [4, 2])]
    assert numbers(left) == [("Download", [1])]
    made, left = rationed(plan, Ration(100, 0), None, NOW)
    assert numbers(made.actions) == [("Download", [3])]
    assert numbers(left) == [("Download", [1]), ("Download", [4, 2])]


def test_of_one_second_the_later_uid_first() -> None:
    plan = Plan((down(message(1, 9), message(2, 9), message(3, 9)),))
    made, _ = rationed(plan, Ration(200, 0), None, NOW)
    assert numbers(made.actions) == [("Download", [2, 3])]


def test_new_mail_uses_the_reserve() -> None:
    rows = [message(3, 0.1), message(2, 2), message(1, 2.1)]
    made, left = rationed(Plan((down(*rows),)), Ration(200, 200), None, NOW)
    assert numbers(made.actions) == [("Download", [3, 2])]
    assert numbers(left) == [("Download", [1])]


def test_what_is_larger_than_the_budget_comes_once_it_is_the_newest() -> None:
    rows = [message(2, 10, size=10**9), message(1, 11)]
    made, left = rationed(Plan((down(*rows),)), Ration(50, 5), None, NOW)
    assert numbers(made.actions) == [("Download", [2])]
    assert numbers(left) == [("Download", [1])]


def test_uploads_have_a_budget_of_their_own() -> None:
    plan = Plan((down(message(1, 5)), up(file(2, 9), file(3, 5))))
    made, left = rationed(plan, None, Ration(100, 0), NOW)
    assert numbers(made.actions) == [("Download", [1]), ("Upload", [3])]
    assert numbers(left) == [("Upload", [2])]
    made, left = rationed(plan, Ration(0, 0), None, NOW)
    assert numbers(made.actions) == [("Upload", [2, 3])]
    assert numbers(left) == [("Download", [1])]


def test_what_costs_no_body_goes_on() -> None:
    back = Row(RowId(9), INBOX, uid=UID(9), server=Presence.THERE, size=10**9, undo=True)
    flags = StoreFlags(INBOX, (message(1, 5),), Flags.SEEN, Flags.NONE)
    gone = Expunge(INBOX, (message(2, 5),), "deleted in the Maildir")
    made, left = rationed(
        Plan((flags, down(message(3, 5), back), gone)), Ration(0, 0), Ration(0, 0), NOW
    )
    assert numbers(made.actions) == [("StoreFlags", [1]), ("Download", [9]), ("Expunge", [2])]
    assert numbers(left) == [("Download", [3])]


def test_sizes_and_dates_that_nobody_says() -> None:
    unsaid = [message(n, n, size=None) for n in (3, 4, 5)]
    undated = Row(RowId(6), INBOX, uid=UID(6), server=Presence.THERE, size=0)
    made, _ = rationed(Plan((down(*unsaid, undated),)), Ration(150_000, 0), None, NOW)
    assert numbers(made.actions) == [("Download", [3, 4, 6])]
    as_sent = replace(file(1, 1, size=90), wire_size=100)  # with CRLFs
    plan = Plan((up(file(3, 3), file(2, 2), as_sent),))
    made, left = rationed(plan, None, Ration(200, 0), NOW)
    assert (numbers(made.actions), numbers(left)) == ([("Upload", [2, 1])], [("Upload", [3])])
    wire = Row(RowId(7), INBOX, name=UniqueName("n"), wire_size=120, file_size=100)
    made, left = rationed(Plan((up(wire, file(8, 9, size=None)),)), None, Ration(75_001, 0), NOW)
    assert numbers(made.actions) == [("Upload", [7, 8])]
    assert left == ()
