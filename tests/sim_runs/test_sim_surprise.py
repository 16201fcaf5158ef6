"""A bug, or no memory left, at any step: unlike a kill it unwinds, with a disk, a cache and a
server that still answer.  Nothing is lost or doubled by what is cleaned up then, and the next sync
completes the work (reliability.md §3.1).
"""

from __future__ import annotations

import itertools

import pytest
from sim.exhaust import calm, prepared, settled, unharmed
from sim.rand import SimRand
from sim.scenarios import SCENARIOS, Scenario
from sim.steps import Steps

SURPRISES = (MemoryError, RecursionError, ZeroDivisionError, KeyboardInterrupt)
RUNS = 3  # the one that is surprised sent something: what was sent twice in vain is parked
PARKED = 3600.0  # seconds


class Surprised(Steps):
    """One step raises instead of being done; those after it are done."""

    def __init__(self, at: int, error: type[BaseException]) -> None:
        super().__init__()
        self.error = error
        self.at(at, self._raise)

    def _raise(self) -> None:
        raise self.error("surprise")


@pytest.mark.parametrize(
    ("scenario", "error"),
    [
        pytest.param(one, error, id=f"{one.name}-{error.__name__}")
        for one, error in zip(SCENARIOS, itertools.cycle(SURPRISES), strict=False)
    ],
)
def test_a_surprise_at_some_step(scenario: Scenario, error: type[BaseException]) -> None:
    at = 1 + SimRand(f"surprise {scenario.name} {error.__name__}").below(calm(scenario))
    stack = prepared(scenario, 0)
    when = f"{scenario.name!r}, {error.__name__} at step {at}"
    try:
        with pytest.raises(error, match="surprise"):
            stack.sync(Surprised(at, error))
        unharmed(stack, when)
        stack.pass_time(1)
        for _ in range(RUNS):
            stack.sync()
            unharmed(stack, when)
            stack.pass_time(PARKED)
        settled(scenario, stack, when)
    finally:
        stack.close()
