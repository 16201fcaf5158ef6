"""The fixed share of the random runs, and every run that once found something.

MAILSYNC_RANDOM_RUNS=500 MAILSYNC_RANDOM_SEED=5 pytest tests/sim_runs/test_sim_random.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sim.events import Run
from sim.make_run import make_run
from sim.play import play
from sim.server_profile import PRESETS

RUNS = int(os.environ.get("MAILSYNC_RANDOM_RUNS", "24"))
SEED = os.environ.get("MAILSYNC_RANDOM_SEED", "ci")
FOUND = sorted((Path(__file__).parent / "found").glob("*.json"))
WORLDS = [*PRESETS, "liar"]


@pytest.mark.parametrize("world", WORLDS)
def test_a_share(world: str) -> None:
    for number in range(WORLDS.index(world), RUNS, len(WORLDS)):
        outcome = play(make_run(f"{SEED}.{number}", world))
        assert outcome.wrong == "", f"{SEED}.{number} --profile {world}"


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_was_found(path: Path) -> None:
    assert play(Run.load(path.read_text())).wrong == ""


def test_a_seed_is_one_run() -> None:
    run = make_run("twice", "strict_qresync")
    first, again = play(run), play(Run.load(run.dump()))
    assert first.trace == again.trace
    assert first.steps > 500
