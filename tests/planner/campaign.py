"""Random scenarios until the time is over, each failure made small and printed once a kind.

python tests/planner/campaign.py --seconds 600 --seed 3
python tests/planner/campaign.py --seconds 600 --seed 3 --engine   # beside the simulated engine
python tests/planner/campaign.py --states apart --jobs 2           # every state of three messages
python tests/planner/campaign.py --states moves --seconds 600 --seed 3      # a sample of them
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from math import inf
from pathlib import Path
from random import Random
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[n]) for n in range(3)]

from planner_scenario import Scenario, fault, made_up, smaller
from planner_scope import SHAPES, fault_of, how_many, numbered, numbers, stands_for, turned
from planner_twin import PROFILES, fitting, side_by_side
from sim.volume import POOLS

SHRINK = 60  # seconds for the failures of one kind


def beside(scenario: Scenario, profile: str) -> str | None:
    """Where the engine ends otherwise than the world, in a word or two."""
    try:
        side_by_side(scenario, profile, 0)
    except Exception as error:
        return f"{profile}, {type(error).__name__} {str(error).split(':')[0][:30]}"
    return None


Kinds = dict[str, list[Any]]  # what failed, by what was said


def some_states(given: argparse.Namespace, job: int, end: float) -> tuple[int, Kinds]:
    """The states of one shard, all of them or what fits; of those that differ by the order of
    their messages alone one, in any order."""
    this, shards = map(int, given.shard.split("/"))
    this, shards = this + job * shards, shards * given.jobs
    count, shape = given.messages, given.states
    kinds = Kinds()
    done = 0
    for number in numbers(count, this, shards, given.seed):
        if time.monotonic() > end:
            break
        if not stands_for(number, count, shape):
            continue
        done += 1
        states = turned(numbered(number, count), shape, Random(f"{given.seed} {number}"))
        orders = number % given.orders == 0
        if why := fault_of(states, shape, number, orders=orders):
            kinds.setdefault(why.split(":")[0], []).append(states)
    return done, kinds


def some_scenarios(given: argparse.Namespace, job: int, end: float) -> tuple[int, Kinds]:
    rng = Random(f"{given.seed}.{job}")
    kinds = Kinds()
    count = 0
    while time.monotonic() < end and (given.all or not kinds):
        scenario = fitting(rng) if given.engine else made_up(rng)
        profile = rng.choice(list(PROFILES))
        count += 1
        if why := beside(scenario, profile) if given.engine else fault(scenario):
            kinds.setdefault(why, []).append(scenario)
    return count, kinds


def least(why: str, found: Sequence[Scenario], given: argparse.Namespace) -> Scenario:
    fails = partial(beside, profile=why.split(",")[0]) if given.engine else fault
    until = time.monotonic() + SHRINK
    small = (smaller(one, fails, lambda: time.monotonic() < until) for one in found[:4])
    return min(small, key=lambda one: len(repr(one)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, help="60; with --states: until all are done")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--all", action="store_true", help="go on after the first failure")
    parser.add_argument("--engine", action="store_true", help="compare with the real engine")
    parser.add_argument("--states", choices=SHAPES, help="every state of a few messages instead")
    parser.add_argument("--messages", type=int, default=3, choices=(1, 2, 3))
    parser.add_argument("--orders", type=int, default=1, metavar="N", help="of one state in N")
    parser.add_argument("--shard", default="0/1", metavar="I/N", help="the I-th of N equal parts")
    given = parser.parse_args()
    end = time.monotonic() + (given.seconds or (inf if given.states else 60))
    work = some_states if given.states else some_scenarios
    parts = [(given, job, end) for job in range(given.jobs)]
    with POOLS.Pool(given.jobs) as pool:
        done = pool.starmap(work, parts, chunksize=1)
    count, kinds = sum(count for count, _ in done), Kinds()
    for _, found in done:
        for why, failures in found.items():
            kinds.setdefault(why, []).extend(failures)
    if given.states:
        of = f"{count} of {how_many(given.messages, given.states)} states"
        print(f"{given.states}, shard {given.shard}: {of}, {len(kinds)} kinds of failures")
    else:
        print(f"{count} scenarios, seed {given.seed}: {sum(map(len, kinds.values()))} failures")
    for why, failures in kinds.items():
        small = failures[0] if given.states else least(why, failures, given)
        print(f"{why} ({len(failures)}):\n  {small!r}")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
