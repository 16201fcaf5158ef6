"""A mailbox that is gone here goes on the server while it is empty there (rule 10)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, plain, strict_qresync
from support.storied import Story


@pytest.mark.parametrize(("make", "last"), [(strict_qresync, "UNSELECT"), (plain, "EXAMINE")])
def test_not_when_something_came_a_moment_ago(make: Callable[[], Profile], last: str) -> None:
    """DELETE takes with it what came after SELECT showed nothing."""
    with Story("removed", make()) as s:
        s.server.create("Work")
        s.tell()
        s.unmake("Work")

        def came(answer: bytes) -> bytes:
            s.serve("Work", "new")
            return answer

        s.server.fault(last, came)
        ran = s.tell()
        assert (ran.exit, ran.commands["DELETE"]) == (3, 0), ran.text
        s.reject()
        s.tell()
        s.agree({"Work": "new"})


def test_it_is_counted_once_and_deleted() -> None:
    with Story("removed", strict_qresync()) as s:
        s.server.create("Work")
        s.tell()
        s.unmake("Work")
        ran = s.tell()
        assert (ran.exit, ran.commands["DELETE"], ran.commands["STATUS"]) == (0, 1, 1)
        assert b"Work" not in s.server.boxes
