"""Many points of a campaign, in processes, for a time or to the end."""

from __future__ import annotations

import multiprocessing
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from typing import TypeVar

from sim.rand import SimRand

P = TypeVar("P")
# Pool forks its workers again from a thread of its own.  Out of a process that has no other thread
# no worker, and no run that it forks (sim/branch.py), inherits a lock that nobody gives back.
POOLS = multiprocessing.get_context("forkserver")
POOLS.set_forkserver_preload(["sqlalchemy", "tenacity"])  # what takes longest to import


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seconds", type=float, help="stop then; points are taken in random order")


def go(
    points: Sequence[P],
    attempt: Callable[[P], list[str]],
    options: Namespace,
    size: Callable[[P], int] = lambda _: 1,
) -> str:
    """`attempt` gives the violations at one point, or at `size` of them at once; prints them,
    returns what the last line says: how many of the points were run, how many violations, in what
    time."""
    wanted, began, done, bad = list(points), time.monotonic(), 0, 0
    every = sum(map(size, wanted))
    if options.seconds is not None:
        SimRand(f"order {options.seed}").shuffle(wanted)
    with POOLS.Pool(options.jobs, maxtasksperchild=50) as pool:
        tasks = ((attempt, size(point), point) for point in wanted)
        for number, errors in pool.imap_unordered(_one, tasks):
            done += number
            for error in errors:
                bad += 1
                print(f"FAILED {error}", flush=True)
            if done // 1000 > (done - number) // 1000:
                print(f"{done} of {every}, {bad} violations", flush=True)
            if options.seconds is not None and time.monotonic() - began > options.seconds:
                pool.terminate()
                break
    return f"{done} of {every}, {bad} violations, {time.monotonic() - began:.0f} s"


def _one(task: tuple[Callable[[P], list[str]], int, P]) -> tuple[int, list[str]]:
    attempt, number, point = task
    return number, attempt(point)
