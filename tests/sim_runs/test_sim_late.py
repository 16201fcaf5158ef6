"""A server that executes a dead client's APPEND later than anybody waits (semantics.md, rule 8)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest
from sim import loop
from sim.exhaust import calm, prepared, settled
from sim.net import Cut, SimNet
from sim.oracle import body_of
from sim.stack import Stack
from sim.steps import Crash, Steps
from sim.under import named

from mailsync.modes.once import sync_account

SOME = 3
LATE = 300.0  # seconds; `append-wait` is 30
SCENARIO = named("new on both sides")


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


def ends_of_appends(name: str) -> list[int]:
    """How many bytes the server has got when each APPEND is whole."""
    stack = prepared(named(name), 0)
    found: list[int] = []
    try:
        job = stack.job(Steps())
        net = job.world.net
        assert isinstance(net, SimNet)

        def note(answer: bytes) -> bytes:
            found.append(net.bytes_up)
            return answer

        stack.server.fault("APPEND", note, sticky=True)
        assert loop.run(sync_account(job)).exit == 0
        return found
    finally:
        stack.close()


@pytest.mark.parametrize(
    "name",
    ["new on both sides", "new on both sides, plain", "new on both sides, no UIDPLUS"],
)
@pytest.mark.parametrize("delay", [1.0, 29.0])
def test_a_connection_lost_behind_a_whole_append(name: str, delay: float) -> None:
    """The run goes on by another connection, and the server has not executed it yet: it is not
    sent again meanwhile."""
    scenario, ends = named(name), ends_of_appends(name)
    assert len(ends) >= 2
    for end in ends:
        stack = prepared(scenario, 0)
        try:
            stack.cuts = [Cut(up=end)]
            stack.server.zombie(lambda complete: (complete, delay))
            report = stack.sync()
            stack.cuts = []
            assert report.exit == 0, report
            stack.witnessed(name)
            stack.pass_time(LATE)
            stack.server.settle()
            settled(scenario, stack, f"{name}, cut behind {end} bytes")
        finally:
            stack.close()
