"""Random runs: users on all sides, faults, other machines, liars; then a calm end.

python tests/sim/random_runs.py --seconds 600 --seed 3 --jobs 2
python tests/sim/random_runs.py --seconds 60 --profile liar      # or a name of server_profile.py
python tests/sim/random_runs.py --replay 3.17 [--keep DIRECTORY] # one run; made small, and kept
python tests/sim/random_runs.py --file tests/sim_runs/found/x.json

Run number n of seed s is made from "s.n" alone.  One run in a hundred, and the first, is played
twice and must leave the same trace.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from sim.events import Run, Sync
from sim.make_run import make_run
from sim.play import Outcome, play
from sim.server_profile import PRESETS
from sim.shrink import shrunk
from sim.volume import POOLS

TWICE = 100


def attempt(run: Run) -> Outcome:
    """Also an exception of the simulator itself is a finding."""
    try:
        return play(run)
    except Exception:
        return Outcome(traceback.format_exc(limit=-5), "", 0, 0, 0, 0)


def one(job: tuple[str, str | None, bool]) -> tuple[str, Outcome]:
    seed, profile, twice = job
    run = make_run(seed, profile)
    first = attempt(run)
    if twice and not first.wrong:
        first.twice = True
        if attempt(run).trace != first.trace:
            first.wrong = "I19: two runs of one seed differ"
    return seed, first


def kind_of(wrong: str) -> str:
    """Findings of one kind: the text without what differs from run to run."""
    last = wrong.strip().splitlines()[-1]
    text = re.sub(r"event \d+: ", "", last)
    return re.sub(r"\d+", "#", re.sub(r"[\[{(].*", "", text))[:60]


def jobs(seed: str, profile: str | None, end: float) -> Iterator[tuple[str, str | None, bool]]:
    for number in itertools.count(1):
        if time.monotonic() > end:
            return
        yield f"{seed}.{number}", profile, number % TWICE == 1


def campaign(options: argparse.Namespace) -> int:
    began = time.monotonic()
    totals: Counter[str] = Counter()
    found: dict[str, list[tuple[str, str]]] = {}
    with POOLS.Pool(options.jobs, maxtasksperchild=500) as pool:
        todo = jobs(options.seed, options.profile, began + options.seconds)
        while batch := list(itertools.islice(todo, 8 * options.jobs)):
            for seed, outcome in pool.imap_unordered(one, batch):
                totals["runs"] += 1
                totals["twice"] += outcome.twice
                totals["syncs"] += outcome.syncs
                totals["steps"] += outcome.steps
                totals["crashes"] += outcome.crashes
                if outcome.wrong:
                    found.setdefault(kind_of(outcome.wrong), []).append((seed, outcome.wrong))
                    print(f"FAILED {seed}: {outcome.wrong}", flush=True)
    bad = sum(map(len, found.values()))
    print(
        f"{totals['runs']} runs, {totals['syncs']} syncs, {totals['steps']} steps, "
        f"{totals['crashes']} crashes, {totals['twice']} runs twice, "
        f"{bad} violations of {len(found)} kinds, {time.monotonic() - began:.0f} s"
    )
    for kind, cases in sorted(found.items(), key=lambda item: -len(item[1])):
        print(f"{len(cases):5} {kind}: {' '.join(seed for seed, _ in cases[:5])}")
    return 1 if bad else 0


def examine(run: Run, keep: str | None, name: str) -> int:
    """One run again; where it fails, it is made small."""
    outcome = attempt(run)
    print(outcome)
    if not outcome.wrong:
        return 0
    if keep is not None:
        kind = kind_of(outcome.wrong)
        small = shrunk(run, lambda smaller: kind_of(attempt(smaller).wrong or "none") == kind)
        print(attempt(small).wrong)
        for event in small.events:
            print(" ", event)
        Path(keep).mkdir(exist_ok=True)
        path = Path(keep) / f"{name}.json"
        path.write_text(small.dump())
        syncs = sum(isinstance(event, Sync) for event in small.events)
        print(f"{path}: {len(small.events)} events, {syncs} of them syncs; {small.profile}")
    return 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--profile", choices=[*PRESETS, "liar"])
    parser.add_argument("--replay", help="one run, such as 3.17")
    parser.add_argument("--file", help="a run that was kept")
    parser.add_argument("--keep", help="make it small, and write it into this directory")
    options = parser.parse_args()
    if options.file:
        return examine(Run.load(Path(options.file).read_text()), options.keep, "small")
    if options.replay:
        run = make_run(options.replay, options.profile)
        return examine(run, options.keep, f"run-{options.replay}")
    return campaign(options)


if __name__ == "__main__":
    sys.exit(main())
