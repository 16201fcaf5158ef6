"""What was parked is due again, also after a wall clock that was wrong."""

from __future__ import annotations

import pytest
from sim.stack import Stack

YEARS = 1e8  # seconds


@pytest.mark.parametrize("number", [1, 2])
def test_a_clock_that_was_years_ahead_parks_nothing_for_years(number: int) -> None:
    stack = Stack("parked")
    for ghost in "ab"[:number]:
        stack.serve("INBOX", ghost)
    stack.server.missing_bodies.add((b"INBOX", 1))
    stack.jump(YEARS)
    assert stack.sync().exit == 1
    stack.server.missing_bodies.clear()
    stack.jump(-YEARS)
    stack.pass_time(60)
    try:
        assert stack.sync().exit == 0
        assert len(stack.fs.files(under="/mail/INBOX/")) == number
    finally:
        stack.close()
