"""A campaign against the promise that nothing is ever lost, doubled or brought back.

python tests/campaign.py --minutes 60 --seed 7 --jobs 2
python tests/campaign.py --minutes 5 --only crash --only 'cut at'

Each measure gets its share of the minutes; those that take no time of their own run to their end.
The table at the end says how much of each figure fitted.  The seed of everything is the one given.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
SUM = re.compile(r"(?P<count>\d+) of \d+, (?P<bad>\d+) violations")
PASSED = re.compile(r"(?:(?P<bad>\d+) failed, )?(?P<count>\d+) passed")


@dataclass(frozen=True)
class Measure:
    """`push` and `night`: what is aimed at in CI and in a long run; `weight`: of the minutes, 0:
    it runs to its end; `{seconds}`, `{seed}`, `{jobs}` and `{place}`, an empty directory, are
    filled in."""

    name: str
    push: str
    night: str
    command: str
    says: re.Pattern[str]
    weight: int = 0
    needs: str = ""  # a package that the tests do without: `pip install` it


@dataclass(slots=True)
class Outcome:
    count: int | None = None  # nothing was said, or it could not be run
    bad: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)


def sim(tool: str, options: str = "") -> str:
    return f"tests/sim/{tool}.py {options} --seconds {{seconds}} --seed {{seed}} --jobs {{jobs}}"


def tests(paths: str) -> str:
    return f"-m pytest -q -p no:cacheprovider {paths}"


PLANNED = re.compile(r"(?P<count>\d+) scenarios, seed \d+: (?P<bad>\d+) failures")
STATES = re.compile(r"(?P<count>\d+) of \d+ states, (?P<bad>\d+) kinds")
SYNCS = re.compile(r"(?P<count>\d+) syncs, .*?(?P<bad>\d+) violations")
FUZZED = re.compile(r"(?P<count>\d+) mutated transcripts(?P<bad>)")
ROUNDS = re.compile(r"(?P<count>\d+) rounds, .*?(?P<bad>\d+) bad")
GUIDED = re.compile(r"Done (?P<count>\d+) runs in \d+ second(?P<bad>)")
KILLED = re.compile(r"(?P<bad>)\d+ of \d+ mutants, (?P<count>\d+) killed")
CHURNED = re.compile(r"(?P<count>\d+) rounds(?P<bad>)")
CHECKED = re.compile(r"(?P<count>\d+)\.\d s  check .*exit (?P<bad>\d+)")
READ = re.compile(r"(?P<count>\d+) MB/s, .*exit (?P<bad>\d+)")
TIMED = "--seconds {seconds} --seed {seed}"


def states(shape: str) -> str:
    return f"tests/planner/campaign.py --states {shape} --orders 4 {TIMED} --jobs {{jobs}}"


REAL = [
    ("Dovecot", "--profile full"),
    ("Cyrus", "--server cyrus"),
    ("Courier", "--server courier"),
]
STALE = "tests/stories/test_story_f.py tests/stories/test_story_n.py tests/real/test_real_relink.py"
UNDO = "tests/stories/test_undelete.py tests/stories/test_undelete_exactly.py"
NAMES = " ".join(
    f"tests/{path}.py"
    for path in (
        "imap/test_imap_names",
        "local/test_local_names",
        "model/test_model_mailboxname",
        "model/test_model_naming",
        "model/test_model_utf7",
    )
)

MEASURES = [
    Measure(
        "planner: random scenarios",
        "1,000,000",
        "50,000,000",
        f"tests/planner/campaign.py {TIMED} --jobs {{jobs}} --all",
        PLANNED,
        3,
    ),
    Measure("planner: states of 3 messages, apart", "", "333,375", states("apart"), STATES, 1),
    Measure("planner: states of 3 messages, twins", "", "333,375", states("twins"), STATES, 1),
    Measure("planner: states of 3 messages, moves", "", "984,375", states("moves"), STATES, 1),
    Measure(
        "simulated syncs with faults",
        "100,000",
        "5,000,000",
        sim("random_runs"),
        SYNCS,
        8,
    ),
    Measure(
        "crash points, three crashes more at each",
        "50,000",
        "1,000,000",
        sim("exhaust", "--twice"),
        SUM,
        5,
    ),
    Measure("cut at a byte sent", "30,000 cuts", "200,000", sim("faulty", "--kind up"), SUM, 2),
    Measure("cut at a byte received", "(with it)", "", sim("faulty", "--kind down"), SUM, 2),
    Measure(
        "NO, BAD, BYE, silence at a command",
        "10 sessions",
        "× all profiles",
        sim("faulty", "--kind server"),
        SUM,
        3,
    ),
    Measure(
        "errno at a call to the disk",
        "5 scenarios",
        "all scenarios",
        sim("faulty", "--kind disk"),
        SUM,
        3,
    ),
    Measure(
        "crash points of the same on other servers",
        "",
        "all profiles",
        sim("exhaust", "--profile every"),
        SUM,
        3,
    ),
    Measure(
        "faults of the same on other servers",
        "",
        "all profiles",
        sim("faulty", "--profile every"),
        SUM,
        3,
    ),
    Measure("the cache's disk fails at a call", "5", "all", sim("faulty", "--kind cache"), SUM, 1),
    Measure(
        "mutated transcripts",
        "100,000",
        "2 h",
        f"tests/imap/fuzz.py {TIMED}",
        FUZZED,
        1,
    ),
    Measure(
        "transcripts mutated by what is covered",
        "",
        "2 h",
        "tests/imap/fuzz_guided.py {place} -max_total_time={seconds} -seed={seed}",
        GUIDED,
        2,
        needs="atheris",
    ),
    Measure(
        "real faults against Dovecot, rounds",
        "500 kills",
        "10,000 kills",
        f"tests/real/faults.py {TIMED}",
        ROUNDS,
        5,
    ),
    Measure("peers' scenarios S1 to S9", "9", "9", tests("tests/real/test_real_peers.py"), PASSED),
    Measure("named regressions, tests", "≥ 60", "≥ 60", tests("tests/regressions"), PASSED),
    Measure("hostile servers and networks", "≥ 60", "≥ 60", tests("tests/hostile"), PASSED),
    *(
        Measure(
            f"random changes on {name}, rounds",
            "",
            "1,000",
            f"tests/real/churn.py --rounds 60 --seed {{seed}} {which}",
            CHURNED,
        )
        for name, which in REAL
    ),
    Measure("the model beside them, tests", "all", "all", tests("tests/model_reality"), PASSED),
    Measure(
        "the cache lost, the marker lost, UIDs doubted, tests", "0 bodies", "", tests(STALE), PASSED
    ),
    Measure(
        "a day with a stale password, tests",
        "≤ 3 logins",
        "",
        tests("tests/modes/test_modes_logins.py"),
        PASSED,
    ),
    Measure("undo brings all back, tests", "all", "all", tests(UNDO), PASSED),
    Measure("names of files and mailboxes, tests", "all", "all", tests(NAMES), PASSED),
    Measure(
        "check of 100,000 messages, seconds",
        "",
        "≤ 30",
        "tests/real/check_speed.py --messages 100000",
        CHECKED,
    ),
    Measure(
        "check that reads all bytes, MB/s",
        "",
        "≥ 200",
        "tests/real/check_speed.py --messages 2000 --size 6000 --read-data",
        READ,
    ),
    Measure(
        "mutants of the planner, killed",
        "",
        "≥ 95 %",
        "tests/mutants.py planner --seconds 240 --seed {seed} --jobs {jobs} --patience 20",
        KILLED,
        needs="mutmut",
    ),
    Measure(
        "mutants of the executor, killed",
        "",
        "≥ 90 %",
        "tests/mutants.py executor --seconds 240 --seed {seed} --jobs {jobs} --patience 20",
        KILLED,
        needs="mutmut",
    ),
]


def run(measure: Measure, seconds: float, options: argparse.Namespace) -> Outcome:
    if measure.needs and find_spec(measure.needs) is None:
        print(f"\n=== {measure.name}: left out; pip install {measure.needs}", flush=True)
        return Outcome()
    with tempfile.TemporaryDirectory() as place:
        filled = measure.command.format(
            seconds=max(1, round(seconds)), seed=options.seed, jobs=options.jobs, place=place
        )
        return told(measure, filled.split())


def told(measure: Measure, filled: Sequence[str]) -> Outcome:
    """What it said, line by line as it comes, and what that sums up to."""
    print(f"\n=== {measure.name}: python {' '.join(filled)}", flush=True)
    began, outcome = time.monotonic(), Outcome()
    with subprocess.Popen(
        [PYTHON, *filled], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        last: list[re.Match[str]] = []
        for line in process.stdout:
            print(line, end="", flush=True)
            last = [found] if (found := measure.says.search(line)) else last
            if line.startswith("FAILED"):
                outcome.failures.append(line.strip())
    for found in last:
        outcome.count, outcome.bad = int(found["count"]), int(found["bad"] or 0)
    if process.returncode and not outcome.bad:  # it ended without saying what it found
        outcome.bad = 1
    outcome.seconds = time.monotonic() - began
    return outcome


def table(outcomes: Sequence[tuple[Measure, Outcome]]) -> str:
    lines = ["| measure | CI aims at | a night aims at | reached | bad | min |", "|---" * 6 + "|"]
    lines += [
        f"| {m.name} | {m.push} | {m.night} | {_reached(m, o)} | {o.bad} | {o.seconds / 60:.1f} |"
        for m, o in outcomes
    ]
    return "\n".join(lines)


def _reached(measure: Measure, outcome: Outcome) -> str:
    if outcome.count is not None:
        return f"{outcome.count:,}"
    return f"needs {measure.needs}" if measure.needs and not outcome.bad else "nothing"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--no-tests", action="store_true", help="without what pytest runs anyway")
    parser.add_argument("--only", action="append", default=[], help="measures named so")
    options = parser.parse_args()
    chosen = [
        measure
        for measure in MEASURES
        if (not options.only or any(one in measure.name for one in options.only))
        and (measure.weight or not options.no_tests)
    ]
    if not chosen:
        parser.error(f"no measure is named so; there are: {', '.join(m.name for m in MEASURES)}")
    weights = sum(measure.weight for measure in chosen) or 1
    outcomes: list[tuple[Measure, Outcome]] = []
    for measure in chosen:
        seconds = options.minutes * 60 * measure.weight / weights
        outcomes.append((measure, run(measure, seconds, options)))
    print(f"\nseed {options.seed}\n{table(outcomes)}")
    for measure, outcome in outcomes:
        for failure in outcome.failures[:5]:
            print(f"{measure.name}: {failure}")
    return 1 if any(outcome.bad for _, outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
