"""What waits because it is out of scope: the cache forgets that a side is proven gone."""

from __future__ import annotations

import pytest
from support.cachebox import NOW, Box

from mailsync.cache import Matter
from mailsync.model.actions import Defer
from mailsync.model.rows import Side, Wait


def leave_out(box: Box, *uids: int) -> None:
    rows = tuple(box.row(uid) for uid in uids)
    box.cache.apply([Defer(box.id, rows, Wait.OUT, "older than max-age", Side.SERVER)])


def ran(box: Box, digest: str) -> None:
    box.cache.ran_with(lambda name: ("both", "trash", digest))


def test_a_side_that_is_gone_is_unknown_from_then_on(inbox: Box) -> None:
    inbox.paired({1: "", 2: "", 3: ""})
    inbox.local({"f2": "", "f3": ""})
    inbox.server({1: "", 3: ""})
    leave_out(inbox, 1, 2, 3)
    assert inbox.picture() == ["1+ f1? =", "2? f2+ =", "3+ f3+ ="]
    assert not inbox.cache.due(NOW)


@pytest.mark.parametrize("wait", [Wait.HELD, Wait.UNSENT, Wait.KEPT])
def test_other_waits_change_no_side(inbox: Box, wait: Wait) -> None:
    inbox.paired({1: ""})
    inbox.local({})
    rows = (inbox.row(1),)
    inbox.cache.apply([Defer(inbox.id, rows, wait, "why", Side.SERVER)])
    assert inbox.picture() == ["1+ f1x ="]


def test_it_is_told_when_asked(inbox: Box) -> None:
    inbox.server({1: "", 2: ""})
    leave_out(inbox, 1, 2)
    assert inbox.cache.reports() == []
    (told,) = inbox.cache.reports(out=True)
    assert (told.matter, told.count, told.reason) == (Matter.OUT, 2, "older than max-age")


def test_another_limit_makes_it_due(inbox: Box) -> None:
    ran(inbox, "30 days")
    inbox.server({1: ""})
    leave_out(inbox, 1)
    ran(inbox, "30 days")
    assert not inbox.cache.due(NOW)
    ran(inbox, "60 days")
    assert [row.uid for row in inbox.cache.due(NOW)] == [1]


def test_a_change_makes_it_due(inbox: Box) -> None:
    """The planner says again that it is out of scope, unless a file of it has come."""
    inbox.server({1: ""})
    leave_out(inbox, 1)
    inbox.server({1: "S"})
    assert [row.uid for row in inbox.cache.due(NOW)] == [1]


def test_what_is_young_by_now_is_due(inbox: Box) -> None:
    """Message n was received at 1000 + n."""
    inbox.server({1: "", 2: "", 3: ""})
    leave_out(inbox, 1, 2, 3)
    inbox.cache.heed_limits(inbox.id, None, 1002)
    assert [row.uid for row in inbox.cache.due(NOW)] == [3, 2]


def test_a_file_is_as_old_as_its_time(inbox: Box) -> None:
    inbox.local({"n": ""})  # of the second 5
    inbox.cache.apply([Defer(inbox.id, (inbox.file("n"),), Wait.OUT, "old", Side.SERVER)])
    inbox.cache.heed_limits(inbox.id, None, 6)
    assert not inbox.cache.due(NOW)
    inbox.cache.heed_limits(inbox.id, None, 5)
    assert [row.name for row in inbox.cache.due(NOW)] == ["n"]


@pytest.mark.parametrize(
    ("max_size", "since", "there"),
    [
        (None, None, (2, 1)),
        (100, None, (2, 1)),
        (99, None, (0, 0)),
        (None, 1002, (1, 1)),
        (None, 2000, (0, 0)),
    ],
)
def test_what_could_be_deleted(
    inbox: Box, max_size: int | None, since: int | None, there: tuple[int, int]
) -> None:
    """Of 100 bytes, received at 1000 and its UID; one was never here, one file never there."""
    inbox.paired({1: "", 2: ""})
    inbox.server({1: "", 2: "", 3: ""})
    inbox.local({"f2": "", "n": ""})
    assert inbox.cache.in_scope(inbox.id, max_size, since) == there
