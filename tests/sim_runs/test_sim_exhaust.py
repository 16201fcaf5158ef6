"""The fixed share of the exhaust mode: every scenario calm, and crash points picked by seed.

MAILSYNC_EXHAUST_SHARE=0.25 MAILSYNC_EXHAUST_SEED=5 pytest tests/sim_runs
"""

from __future__ import annotations

import os
from collections import defaultdict

import pytest
from sim.exhaust import branched, calm, crashed, points, seconds
from sim.scenarios import SCENARIOS, Scenario

SHARE = float(os.environ.get("MAILSYNC_EXHAUST_SHARE", "0.02"))
SEED = int(os.environ.get("MAILSYNC_EXHAUST_SEED", "0"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_calm(scenario: Scenario) -> None:
    assert calm(scenario) > 50


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_crash_and_resume(scenario: Scenario) -> None:
    wanted: defaultdict[int, list[str]] = defaultdict(list)
    for _, at, model in points([scenario], SHARE, SEED):
        wanted[at].append(model)
    done = list(branched(scenario, wanted).items())
    assert len(done) == sum(map(len, wanted.values())) > 0
    assert [wrong for _, (_, wrong) in done if wrong] == []
    assert all(count for _, (count, _) in done)
    (at, model), (count, _) = done[SEED % len(done)]
    for second in seconds(scenario.name, at, model, count):
        assert crashed(scenario, at, model, second=second)
