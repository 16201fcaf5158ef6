"""A server that executes a dead client's APPEND later than anybody waits (semantics.md, rule 8)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest
from sim.exhaust import calm, prepared
from sim.oracle import body_of
from sim.scenarios import SCENARIOS
from sim.stack import Stack
from sim.steps import Crash, Steps

SOME = 3
LATE = 300.0  # seconds; `append-wait` is 30
SCENARIO = next(one for one in SCENARIOS if one.name == "new on both sides")


def first_append() -> int:
    """The step at which the first intent is durable."""
    stack = prepared(SCENARIO, 0)
    try:
        steps = Steps(record=True)
        stack.sync(steps)
        return steps.names.index("cache.begin_intents.done")
    finally:
        stack.close()


def haunted() -> Iterator[tuple[int, Stack]]:
    """Crashes that leave a whole APPEND of `h` behind, unexecuted, in the server's buffer."""
    for at in range(first_append(), calm(SCENARIO) + 1):
        stack = prepared(SCENARIO, 0)
        try:
            with pytest.raises(Crash):
                stack.sync(Steps(crash_at=at))
            stack.disk.crash("all", stack.rand.fork("crash"))
            waiting = [s.framer.buffer for _, s in stack.server._lost if s.framer.count()]
            if any(b"X-Ghost: h" in data for data in waiting):
                stack.server.zombie(lambda complete: (complete, LATE))
                yield at, stack
        finally:
            stack.close()


def test_exactly_one_twin_is_reported_and_none_expunged() -> None:
    seen = 0
    for at, stack in islice(haunted(), SOME):
        seen += 1
        stack.sync()
        assert stack.server.ghosts("INBOX")["h"] == 1, at
        stack.pass_time(2 * LATE)
        executed = len(stack.server.executed)
        said: list[str] = []
        for _ in range(3):
            report = stack.sync()
            assert report.exit == 0, report
            said += [one for box in report.mailboxes for one in box.notices if "copy" in one]
        assert len(said) == 1, (at, said)
        assert stack.server.ghosts("INBOX")["h"] == 2, at
        files = [data for path, data in stack.fs.files().items() if path.startswith("/mail/INBOX")]
        assert files.count(body_of("h")) == 2
        late = [one.name for one in stack.server.changing(executed)]
        assert late == ["APPEND"], "the dead client's, and nothing of ours"
    assert seen, "no crash left an APPEND behind: the test tests nothing"
