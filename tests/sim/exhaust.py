"""Exhaust mode: crash at every step of a named scenario, three persistence models, then resume.

python tests/sim/exhaust.py                      # everything
python tests/sim/exhaust.py --jobs 2             # everything, in two processes
python tests/sim/exhaust.py --share 0.1 --seed 3 # a tenth of the crash points, picked by seed
python tests/sim/exhaust.py --only 'moved' --at 57 --model weak
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from sim.fs import MODELS
from sim.oracle import Violation
from sim.rand import SimRand
from sim.scenarios import SCENARIOS, Scenario
from sim.stack import Stack
from sim.steps import Steps


def prepared(scenario: Scenario, seed: int | str) -> Stack:
    """The stack just before the sync under test."""
    stack = scenario.stack(seed)
    scenario.before(stack)
    stack.sync()
    stack.pass_time(60)
    scenario.change(stack)
    return stack


def settled(scenario: Scenario, stack: Stack, when: str) -> None:
    """Both sides as expected, by the letter of IMAP, and a further sync does nothing (I5)."""
    stack.oracle.at_rest(stack.server, stack.fs, scenario.expected, when)
    stack.oracle.undoable(stack.fs, when)
    if stack.server.violations:
        raise Violation(f"{when}: the client broke the protocol: {stack.server.violations[:3]}")
    files, executed = stack.fs.files(), len(stack.server.executed)
    report = stack.sync()
    changing = [one.name for one in stack.server.changing(executed)]
    if changing or report.exit:
        raise Violation(f"{when}: a second sync sent {changing}, exit {report.exit} {report}")
    if {p: d for p, d in stack.fs.files().items() if "/.mailsync" not in p} != {
        p: d for p, d in files.items() if "/.mailsync" not in p
    }:
        raise Violation(f"{when}: a second sync changed files")


def calm(scenario: Scenario, seed: int | str = 0, names: list[str] | None = None) -> int:
    """Without any crash; the number of steps of the sync under test, and in `names` what they
    were."""
    stack = prepared(scenario, seed)
    try:
        steps = Steps(record=True)
        report = stack.sync(steps)
        if report.exit:
            raise Violation(f"{scenario.name}: exit {report.exit}: {report}")
        settled(scenario, stack, f"{scenario.name}, no crash")
        if names is not None:
            names += steps.names
        return steps.count
    finally:
        stack.close()


def crashed(scenario: Scenario, at: int, model: str, seed: int | str = 0) -> bool:
    """Crash at one step, resume, compare.  False: the sync was over before that step."""
    when = f"{scenario.name!r} crash at step {at}, model {model}, seed {seed}"
    stack = prepared(scenario, seed)
    try:
        if not stack.crash(at, model):
            return False
        stack.oracle.no_loss(stack.server, stack.fs, when)
        stack.oracle.undoable(stack.fs, when)
        stack.pass_time(1)
        for _ in range(2):
            stack.sync()
            stack.oracle.no_loss(stack.server, stack.fs, when)
            stack.oracle.undoable(stack.fs, when)
            stack.pass_time(40)
        settled(scenario, stack, when)
        return True
    finally:
        stack.close()


def points(
    scenarios: list[Scenario], share: float, seed: int
) -> Iterator[tuple[Scenario, int, str]]:
    """The crash points to run, in a fixed order."""
    rand = SimRand(f"points {seed}")
    for scenario in scenarios:
        for at in range(1, calm(scenario) + 1):
            for model in MODELS:
                if share >= 1 or rand.chance(share):
                    yield scenario, at, model


def attempt(point: tuple[str, int, str]) -> str | None:
    """The violation at one point, None when all is well."""
    name, at, model = point
    scenario = next(one for one in SCENARIOS if one.name == name)
    try:
        crashed(scenario, at, model)
    except Violation as error:
        return str(error)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at", type=int)
    parser.add_argument("--model", choices=MODELS)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    scenarios = [one for one in SCENARIOS if options.only in one.name]
    began, bad = time.monotonic(), 0
    wanted = [
        (scenario.name, at, model)
        for scenario, at, model in points(scenarios, options.share, options.seed)
        if options.at in (None, at) and options.model in (None, model)
    ]
    with multiprocessing.Pool(options.jobs) as pool:
        for done, error in enumerate(pool.imap_unordered(attempt, wanted, chunksize=8), 1):
            if done % 1000 == 0:
                print(f"{done} of {len(wanted)}, {bad} violations", flush=True)
            if error is not None:
                bad += 1
                print(f"FAILED {error}", flush=True)
    print(
        f"{len(scenarios)} scenarios, {len(wanted)} crash points with resume, {bad} violations, "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
