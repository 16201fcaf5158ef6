"""Mutation testing: mutmut makes the mutants, one collected pytest session judges them all.

python tests/mutants.py planner                       # every mutant of a room
python tests/mutants.py planner --only verdict
python tests/mutants.py executor --seconds 1200 --seed 3 --jobs 2 --patience 20
python tests/mutants.py executor --only upload --named 'x__send__mutmut_(3|17)$' --judges sim_runs

mutmut's own runner names tests on a command line, which ours are too odd for (they hold newlines),
and starts a session for each mutant.  Here the tests are collected once; a first run under coverage
notes which of them run which line; each mutant is a forked child, which runs the tests of its line,
the quickest first, until one fails.  Needs `pip install mutmut`.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import difflib
import gc
import os
import pickle
import random
import re
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from coverage import Coverage
from mutmut.mutation import trampoline
from mutmut.mutation.file_mutation import mutate_file_contents

ROOT = Path(__file__).parents[1]
SLOW_TESTS = [  # all that they find, the tables are to find, too
    f"planner/test_planner_{name}.py" for name in ("exhaustive", "twin", "properties")
]
WHOLE_SYNCS = [  # that reach what the executor's own tests do not, and take little time for it
    *("append", "back", "doubles", "hidden", "quota", "reach"),
    *("rewritten", "servers", "taken", "trash", "undo", "vain"),
]
ROOMS = {  # which files, and the tests that judge them
    "planner": (
        "planner/*.py",
        ["planner"],
        SLOW_TESTS,
    ),
    "executor": (
        "executor/*.py",
        ["executor", *(f"sim_runs/test_sim_{name}.py" for name in WHOLE_SYNCS)],
        [],
    ),
    "imap": ("imap/*.py", ["imap"], []),
    "model": ("model/*.py", ["model", "planner"], SLOW_TESTS),
}
ALIVE, KILLED, SLOW, IMPATIENT = range(4)
VERDICTS = {ALIVE: "alive", SLOW: "too slow", IMPATIENT: "alive, not all tests run"}
LIMIT = 10  # seconds beyond what its tests take
Line = tuple[str, int]  # of a file


@dataclass(frozen=True)
class Mutant:
    """`module.function__mutmut_number`, its code and what it was made of."""

    name: str
    code: str
    original: str
    lines: frozenset[Line]  # of the statements that it changes

    @property
    def diff(self) -> str:
        lines = difflib.unified_diff(
            self.original.splitlines(), self.code.splitlines(), n=0, lineterm=""
        )
        return "\n".join(line for line in lines if line[:2] not in ("--", "++", "@@"))

    @property
    def only_text(self) -> bool:
        """Whether it differs in what stands between quotation marks alone."""
        bare = [re.sub(r"([\"']).*?\1", "", line) for line in self.diff.splitlines()]
        olds = [line[1:] for line in bare if line.startswith("-")]
        return olds == [line[1:] for line in bare if line.startswith("+")]


class Judge:
    """A pytest plugin: instead of running the tests once, runs them for every mutant."""

    def __init__(self, mutants: list[Mutant], options: argparse.Namespace) -> None:
        self.mutants, self.options = mutants, options
        self.learning = True
        self.took: dict[int, float] = {}  # by the test's place in the session
        self.run_by: defaultdict[Line, set[int]] = defaultdict(set)
        self.kills: Counter[int] = Counter()  # by test: those that found many come first
        self.alive: list[Mutant] = []
        self.counts: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.learning and report.failed:
            print(f"\nFAILED {report.nodeid}: {report.longreprtext.splitlines()[-1]}", flush=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._learn(session)
        self.learning = False
        gc.freeze()  # what is here stays shared with the children
        began, running = time.monotonic(), dict[int, Mutant]()
        for mutant in self.mutants:
            if self.options.seconds and time.monotonic() - began > self.options.seconds:
                break
            if not (tests := self._tests_of(mutant)):
                self._note(mutant, "never run")
                continue
            if len(running) >= self.options.jobs:
                self._reap(running)
            running[self._start(session, mutant, tests)] = mutant
        while running:
            self._reap(running)
        return True

    def _learn(self, session: pytest.Session) -> None:
        """Which tests run which line, and how long they take; all must pass."""
        jobs = self.options.jobs
        children = {self._learner(session, first): first for first in range(jobs)}
        for child, first in children.items():
            if os.waitpid(child, 0)[1]:
                raise pytest.UsageError("a test fails without any mutant")
            took, run_by = pickle.loads(Path(f"learned-{first}").read_bytes())
            self.took |= took
            for line, tests in run_by.items():
                self.run_by[line] |= tests

    def _learner(self, session: pytest.Session, first: int) -> int:
        """A child, so that what judges later was traced by nothing and has no threads."""
        child = os.fork()
        if child:
            return child
        trampoline.set_mutant_under_test("none")
        files = sorted({file for mutant in self.mutants for file, _ in mutant.lines})
        traced = Coverage(data_file=None, config_file=False, include=files)
        took: dict[int, float] = {}
        traced.start()
        for at in range(first, len(session.items), self.options.jobs):
            traced.switch_context(str(at))
            began = time.process_time()
            _run(session.items[at])
            took[at] = time.process_time() - began
        traced.stop()
        run_by: dict[Line, set[int]] = {
            (file, line): {int(at) for at in tests if at}
            for file in files
            for line, tests in traced.get_data().contexts_by_lineno(file).items()
        }
        Path(f"learned-{first}").write_bytes(pickle.dumps((took, run_by)))
        os._exit(1 if session.testsfailed else 0)

    def _tests_of(self, mutant: Mutant) -> list[int]:
        tests = {at for line in mutant.lines for at in self.run_by[line]}
        return sorted(tests, key=lambda at: self.took[at] / (1 + self.kills[at]))

    def _start(self, session: pytest.Session, mutant: Mutant, tests: list[int]) -> int:
        child = os.fork()
        if child:
            return child
        session.config.pluginmanager.unregister(name="terminalreporter")
        trampoline.set_mutant_under_test(mutant.name)
        chosen = list(_within(tests, self.took, self.options.patience))
        # Of the processor's time, as the machine may be busy; of the clock's for one that waits.
        limit = LIMIT + 3 * sum(self.took[at] for at in chosen)
        for number, timer, most in (
            (signal.SIGPROF, signal.ITIMER_PROF, limit),
            (signal.SIGALRM, signal.ITIMER_REAL, 20 * limit),
        ):
            signal.signal(number, lambda *_: os._exit(SLOW))
            signal.setitimer(timer, most)
        for at in chosen:
            with contextlib.suppress(BaseException):
                _run(session.items[at])
                if not session.testsfailed and not session.shouldstop:
                    continue
            self._by(os.getpid()).write_text(str(at))
            os._exit(KILLED)
        os._exit(ALIVE if len(chosen) == len(tests) else IMPATIENT)

    def _reap(self, running: dict[int, Mutant]) -> None:
        child, status = os.wait()
        mutant, code = running.pop(child), os.waitstatus_to_exitcode(status)
        if code == KILLED:
            self.kills[int(self._by(child).read_text())] += 1
            self._by(child).unlink()
        self._note(mutant, VERDICTS.get(code, "killed"))

    def _by(self, child: int) -> Path:
        """Where a child says which test found its mutant."""
        return Path(f"by-{child}")

    def _note(self, mutant: Mutant, verdict: str) -> None:
        self.counts[verdict] += 1
        if verdict not in ("killed", VERDICTS[SLOW]):
            self.alive.append(mutant)
            print(f"{verdict}: {mutant.name}", flush=True)
        if self.counts.total() % 200 == 0:
            print(f"{self.counts.total()} of {len(self.mutants)}: {dict(self.counts)}", flush=True)


def _run(item: pytest.Item) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


def _within(tests: list[int], took: dict[int, float], patience: float | None) -> Iterator[int]:
    """Those that take no longer than that together; the first in any case."""
    spent = 0.0
    for at in tests:
        spent += took[at]
        if patience is None or spent <= patience or at == tests[0]:
            yield at


def mutated(room: str, only: str, named: str, into: Path) -> list[Mutant]:
    """Makes the package with all mutants in it; returns those that are to be judged."""
    for part in ("mailsync", "tests", "migrations"):
        shutil.copytree(ROOT / part, into / part)
    for part in ("pyproject.toml", "sample.conf", "README.md"):
        shutil.copy(ROOT / part, into)
    with (into / "pyproject.toml").open("a") as file:
        file.write('\n[tool.mutmut]\nsource_paths = ["mailsync"]\n')
    os.chdir(into)  # where mutmut reads that
    found: list[Mutant] = []
    for path in sorted((into / "mailsync").glob(ROOMS[room][0])):
        module = ".".join(path.relative_to(into).with_suffix("").parts).removesuffix(".__init__")
        if not re.search(only, module):
            continue
        made = mutate_file_contents(str(path), path.read_text())
        lines = made.code.splitlines()
        spans = {
            name.rpartition(".")[2]: (
                span.start,
                re.sub(r"__mutmut_\w+", "", "\n".join(lines[span.start - 1 : span.end])),
            )
            for name, span in made.line_span_by_function_name.items()
        }
        path.write_text(made.code)
        for name in made.mutant_names:
            if re.search(named, name):
                start, original = spans[f"{name.partition('__mutmut_')[0]}__mutmut_orig"]
                _, code = spans[name]
                changed = _changed(original, code)
                places = frozenset((str(path), start + line) for line in changed)
                found.append(Mutant(f"{module}.{name}", code, original, places))
    return found


def _changed(original: str, code: str) -> set[int]:
    """The lines of the statements that differ; of the whole function for what is not in one."""
    everything = range(len(original.splitlines()))
    heads: list[range] = [
        range(node.lineno - 1, body[0].lineno - 1 if body else node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(textwrap.dedent(original)))
        if isinstance(node, ast.stmt)
        for body in [getattr(node, "body", None)]
    ]
    del heads[0]  # its own, which is run where it is defined, in no test
    found = set[int]()
    lines = difflib.SequenceMatcher(None, original.splitlines(), code.splitlines(), False)
    for kind, low, high, *_ in lines.get_opcodes():
        for line in range(low, max(high, low + 1)) if kind != "equal" else ():
            around = [one for one in heads if line in one] or [everything]
            nearest: range = min(around, key=len)
            found.update(nearest)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("--only", default="", help="modules in whose name this expression is found")
    parser.add_argument("--named", default="", help="mutants, likewise")
    parser.add_argument("--seconds", type=float, help="stop then; mutants are taken at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--patience", type=float, help="seconds of tests for one mutant")
    parser.add_argument("--judges", nargs="+", help="other tests than the room's, in tests/")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        into = Path(place)
        mutants = mutated(options.room, options.only, options.named, into)
        if options.seconds:
            random.Random(options.seed).shuffle(mutants)
        sys.path[:0] = [place, str(into / "tests")]
        judge = Judge(mutants, options)
        _, tests, left_out = ROOMS[options.room]
        words = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "--tb=native"]
        words += ["-o", "addopts=", "-o", "timeout=0"]
        words += [f"--ignore=tests/{one}" for one in left_out]
        words += [f"tests/{one}" for one in options.judges or tests]
        pytest.main(words, plugins=[judge])
    texts = [mutant.name for mutant in judge.alive if mutant.only_text]
    for mutant in judge.alive:
        if mutant.name not in texts:
            print(f"\n{mutant.name}\n{mutant.diff}")
    if texts:
        print("\nalive, with other words only:", *texts, sep="\n  ")
    done, counts, alive = judge.counts.total(), judge.counts, len(judge.alive)
    print(
        f"\n{done} of {len(mutants)} mutants, {done - alive} killed, {alive} alive: {dict(counts)}"
    )
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
