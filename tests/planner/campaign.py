"""Random scenarios until the time is over, each failure made small and printed once a kind.

python tests/planner/campaign.py --seconds 600 --seed 3
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from random import Random

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from planner_scenario import Scenario, fault, made_up, smaller


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="go on after the first failure")
    given = parser.parse_args()
    rng = Random(given.seed)
    end = time.monotonic() + given.seconds
    kinds: dict[str, list[Scenario]] = {}
    count = 0
    while time.monotonic() < end and (given.all or not kinds):
        scenario = made_up(rng)
        count += 1
        if why := fault(scenario):
            kinds.setdefault(why, []).append(scenario)
    print(f"{count} scenarios, seed {given.seed}: {sum(map(len, kinds.values()))} failures")
    for why, found in kinds.items():
        least = min((smaller(one) for one in found[:4]), key=lambda one: len(repr(one)))
        print(f"{why} ({len(found)}):\n  {least!r}")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
