"""Random scenarios until the time is over, each failure made small and printed once a kind.

python tests/planner/campaign.py --seconds 600 --seed 3
python tests/planner/campaign.py --seconds 600 --seed 3 --engine   # beside the simulated engine
python tests/planner/campaign.py --states apart --shard 0/16       # every state of three messages
python tests/planner/campaign.py --states moves --seconds 600 --seed 3      # a sample of them
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from math import inf
from pathlib import Path
from random import Random

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[n]) for n in range(3)]

from planner_scenario import Scenario, fault, made_up, smaller
from planner_scope import SHAPES, STATES, State, fault_of, numbered, numbers
from planner_twin import PROFILES, fitting, side_by_side

SHRINK = 60  # seconds for the failures of one kind


def beside(scenario: Scenario, profile: str) -> str | None:
    """Where the engine ends otherwise than the world, in a word or two."""
    try:
        side_by_side(scenario, profile, 0)
    except Exception as error:
        return f"{profile}, {type(error).__name__} {str(error).split(':')[0][:30]}"
    return None


def every_state(shape: str, count: int, shard: str, seed: int, end: float) -> int:
    """The states of one shard, all of them or what fits."""
    this, shards = map(int, shard.split("/"))
    size = (len(STATES) ** count - this + shards - 1) // shards
    kinds: dict[str, tuple[int, list[State]]] = {}
    done = 0
    for number in numbers(count, this, shards, seed):
        if time.monotonic() > end:
            break
        done += 1
        states = numbered(number, count)
        if why := fault_of(states, shape, number):
            kinds.setdefault(why.split(":")[0], (number, states))
    print(f"{shape}, shard {shard}: {done} of {size} states, {len(kinds)} kinds of failures")
    for why, (number, states) in kinds.items():
        print(f"{why}, number {number}:\n  {states!r}")
    return 1 if kinds else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, help="60; with --states: until all are done")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="go on after the first failure")
    parser.add_argument("--engine", action="store_true", help="compare with the real engine")
    parser.add_argument("--states", choices=SHAPES, help="every state of a few messages instead")
    parser.add_argument("--messages", type=int, default=3, choices=(1, 2, 3))
    parser.add_argument("--shard", default="0/1", metavar="I/N", help="the I-th of N equal parts")
    given = parser.parse_args()
    rng = Random(given.seed)
    if given.states:
        end = time.monotonic() + (given.seconds or inf)
        return every_state(given.states, given.messages, given.shard, given.seed, end)
    end = time.monotonic() + (given.seconds or 60)
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
