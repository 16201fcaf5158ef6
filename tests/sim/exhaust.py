"""Exhaust mode: crash at every step of a named scenario, three persistence models, then resume.

python tests/sim/exhaust.py                      # everything
python tests/sim/exhaust.py --jobs 2             # everything, in two processes
python tests/sim/exhaust.py --share 0.1 --seed 3 # a tenth of the crash points, picked by seed
python tests/sim/exhaust.py --twice --seconds 600 # crash points at random, and crash again
python tests/sim/exhaust.py --only 'moved' --at 57 --model weak
python tests/sim/exhaust.py --profile gmail      # the scenarios on another server
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from sim.branch import Branch, Said
from sim.fs import MODELS
from sim.oracle import Violation
from sim.rand import SimRand
from sim.scenarios import Scenario
from sim.stack import Stack
from sim.steps import Crash, Steps
from sim.under import add_profile, chosen, named
from sim.volume import add_options, go

SECONDS = 3  # crashes more
PARKED = 3600.0  # seconds
BATCH = 48  # crash points of one run

Point = tuple[str, int, str]  # scenario, step, model


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
    stack.oracle.at_rest(stack.server, stack.fs, scenario.expected, when, scenario.here)
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
        stack.witnessed(scenario.name)
        if report.exit:
            raise Violation(f"{scenario.name}: exit {report.exit}: {report}")
        settled(scenario, stack, f"{scenario.name}, no crash")
        if names is not None:
            names += steps.names
        return steps.count
    finally:
        stack.close()


def crashed(
    scenario: Scenario, at: int, model: str, seed: int | str = 0, second: int | None = None
) -> int:
    """Crash at one step, resume (and crash at the `second` step then), compare.

    How many steps the sync after the crash took; 0: the sync was over before that step."""
    stack = prepared(scenario, seed)
    try:
        return resumed(scenario, stack, at, model, second) if stack.crash(at, model) else 0
    finally:
        stack.close()


def resumed(scenario: Scenario, stack: Stack, at: int, model: str, second: int | None) -> int:
    """What has to follow a crash."""
    when = _when(scenario, stack, at, model, second)
    unharmed(stack, when)
    stack.pass_time(1)
    if second is not None:
        stack.crash(second, model)
        unharmed(stack, when)
        stack.pass_time(1)
    steps = Steps()
    runs = (steps, None)
    if second is not None:
        runs = (steps, None, None)  # what was sent twice in vain is parked for a while (rule 8)
    for again in runs:
        stack.sync(again)
        unharmed(stack, when)
        stack.pass_time(40 if second is None else PARKED)
    settled(scenario, stack, when)
    return steps.count


def _when(scenario: Scenario, stack: Stack, at: int, model: str, second: int | None) -> str:
    where = f"crash at step {at}, model {model}, seed {stack.rand.seed}, second {second}"
    return f"{scenario.name!r} {where}"


def branched(
    scenario: Scenario, at: Mapping[int, Sequence[str]], seed: int | str = 0, *, twice: bool = False
) -> dict[tuple[int, str], Said]:
    """As `crashed`, at many steps by many models: up to each of them the run is one.

    Here the cache is left as SIGKILL leaves it, with a -wal; there it is closed.
    """
    stack = prepared(scenario, seed)
    branch, steps = Branch(stack.state), Steps()
    heard: dict[tuple[int, str], Said] = {}
    way = 0, ""

    def outcome(second: int | None) -> Said:
        try:
            return resumed(scenario, stack, *way, second), []
        except Violation as error:
            return 0, [str(error)]

    def aftermath() -> Said:
        stack.died(*way)
        if not twice:
            return outcome(None)
        count, wrong = branch.apart(lambda: outcome(None))
        for second in seconds(scenario.name, *way, count):
            wrong += branch.apart(partial(outcome, second))[1]
        return count, wrong

    def part(here: int) -> None:
        nonlocal way
        for model in at[here]:
            said = branch.split(_when(scenario, stack, here, model, None))
            if said is None:
                way, steps.crash_at = (here, model), here
                return
            heard[here, model] = said

    for here in at:
        steps.at(here, partial(part, here))
    try:
        with contextlib.suppress(Crash):
            stack.sync(steps)
        if not branch.inside:  # nothing of what happened in the children happened here
            settled(scenario, stack, f"{scenario.name!r}, no crash")
    finally:
        if branch.inside:
            branch.end(aftermath)
        stack.close()
    return heard


def unharmed(stack: Stack, when: str) -> None:
    stack.oracle.no_loss(stack.server, stack.fs, when)
    stack.oracle.undoable(stack.fs, when)
    stack.witnessed(when)


def seconds(name: str, at: int, model: str, count: int) -> list[int]:
    """Where to crash a second time: three steps of the sync that resumes."""
    rand = SimRand(f"second {name} {at} {model}")
    return sorted({1 + rand.below(count) for _ in range(SECONDS)}) if count else []


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


def batches(wanted: Sequence[Point], seed: int | None) -> list[list[Point]]:
    """Points of one scenario together, taken at random where there is a seed."""
    found: list[list[Point]] = []
    for _, group in groupby(wanted, lambda point: point[0]):
        some = list(group)
        if seed is not None:
            SimRand(f"batches {seed}").shuffle(some)
        found += [some[at : at + BATCH] for at in range(0, len(some), BATCH)]
    return found


def attempt(batch: list[Point], twice: bool = False) -> list[str]:
    """The violations at some points of one scenario."""
    scenario = named(batch[0][0])
    at: defaultdict[int, list[str]] = defaultdict(list)
    for _, here, model in batch:
        at[here].append(model)
    heard = branched(scenario, at, twice=twice)
    missed = [f"{point}: the sync was over before" for point in batch if point[1:] not in heard]
    return missed + [error for _, wrong in heard.values() for error in wrong]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--at", type=int)
    parser.add_argument("--model", choices=MODELS)
    parser.add_argument("--twice", action="store_true", help="three second crashes for each first")
    add_profile(parser)
    add_options(parser)
    options = parser.parse_args()
    scenarios = chosen(options)
    wanted = [
        (scenario.name, at, model)
        for scenario, at, model in points(scenarios, options.share, options.seed)
        if options.at in (None, at) and options.model in (None, model)
    ]
    some = batches(wanted, None if options.seconds is None else options.seed)
    said = go(some, partial(attempt, twice=options.twice), options, len)
    what = "crash points with resume" + (" and three second crashes each" if options.twice else "")
    print(f"{len(scenarios)} scenarios, {what}: {said}")
    return 0 if " 0 violations" in said else 1


if __name__ == "__main__":
    sys.exit(main())
