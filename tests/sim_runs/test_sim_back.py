"""A mailbox whose directory is away for a while: held, and as it was when it is back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sim.scenarios import six
from sim.stack import ROOT, Stack

from mailsync.model.errors import Exit


@pytest.fixture
def stack() -> Iterator[Stack]:
    made = Stack("back")
    six(made)
    assert made.sync().exit == Exit.OK
    made.pass_time(60)
    yield made
    made.close()


def test_held_while_it_is_away_and_as_it_was_when_it_is_back(stack: Stack) -> None:
    stack.fs.rename(f"{ROOT}/Work", "/away")
    stack.fs.sync_dir(ROOT)
    stack.serve("Work", "new")
    for _ in range(2):
        assert stack.sync().exit == Exit.HELD
        stack.pass_time(60)
    stack.fs.rename("/away", f"{ROOT}/Work")
    stack.fs.sync_dir(ROOT)
    stack.pass_time(60)
    executed = len(stack.server.executed)
    report = stack.sync()
    assert report.exit == Exit.OK, report
    assert not stack.server.changing(executed)
    assert stack.server.ghosts("Work") == dict.fromkeys(("d", "e", "new"), 1)
    assert stack.path_of("Work", "new")
    executed = len(stack.server.executed)
    assert stack.sync().exit == Exit.OK
    assert not stack.server.changing(executed)
