"""Random scenarios until the time is over, each failure made small and printed once a kind.

python tests/planner/campaign.py --seconds 600 --seed 3
python tests/planner/campaign.py --seconds 600 --seed 3 --engine   # beside the simulated engine
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from random import Random

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[n]) for n in range(3)]

from planner_scenario import Scenario, fault, made_up, smaller
from planner_twin import PROFILES, fitting, side_by_side

SHRINK = 60  # seconds for the failures of one kind


def beside(scenario: Scenario, profile: str) -> str | None:
    """Where the engine ends otherwise than the world, in a word or two."""
    try:
        side_by_side(scenario, profile, 0)
    except Exception as error:
        return f"{profile}, {type(error).__name__} {str(error).split(':')[0][:30]}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="go on after the first failure")
    parser.add_argument("--engine", action="store_true", help="compare with the real engine")
    given = parser.parse_args()
    rng = Random(given.seed)
    end = time.monotonic() + given.seconds
    kinds: dict[str, list[Scenario]] = {}
    count = 0
    while time.monotonic() < end and (given.all or not kinds):
        scenario = fitting(rng) if given.engine else made_up(rng)
        profile = rng.choice(list(PROFILES))
        count += 1
        if why := beside(scenario, profile) if given.engine else fault(scenario):
            kinds.setdefault(why, []).append(scenario)
    print(f"{count} scenarios, seed {given.seed}: {sum(map(len, kinds.values()))} failures")
    for why, found in kinds.items():
        fails = partial(beside, profile=why.split(",")[0]) if given.engine else fault
        until = time.monotonic() + SHRINK
        least = min(
            (smaller(one, fails, lambda end=until: time.monotonic() < end) for one in found[:4]),
            key=lambda one: len(repr(one)),
        )
        print(f"{why} ({len(found)}):\n  {least!r}")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
