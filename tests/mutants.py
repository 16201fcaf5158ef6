"""Mutation testing: mutmut makes the mutants, one collected pytest session judges them all.

python tests/mutants.py planner                       # every mutant of a room
python tests/mutants.py planner --only verdict
python tests/mutants.py executor --seconds 1200 --seed 3 --jobs 2

mutmut's own runner names tests on a command line, which ours are too odd for (they hold newlines),
and starts a session for each mutant.  Here the tests are collected once; what each function is
called by is noted in a first run; each mutant is a forked child, which runs those tests, the
quickest first, until one fails.  Needs `pip install mutmut`.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from mutmut.mutation import trampoline
from mutmut.mutation.file_mutation import mutate_file_contents

ROOT = Path(__file__).parents[1]
SLOW_TESTS = [  # all that they find, the tables are to find, too
    f"planner/test_planner_{name}.py" for name in ("exhaustive", "twin", "properties")
]
ROOMS = {  # which files, and the tests that judge them
    "planner": (
        "planner/*.py",
        ["planner"],
        SLOW_TESTS,
    ),
    "executor": ("executor/*.py", ["executor", "sim_runs/test_sim_exhaust.py"], []),
    "imap": ("imap/*.py", ["imap"], []),
    "model": ("model/*.py", ["model", "planner"], SLOW_TESTS),
}
ALIVE, KILLED, SLOW = 0, 1, 2
LIMIT = 10  # seconds beyond what its tests take


class Judge:
    """A pytest plugin: instead of running the tests once, runs them for every mutant."""

    def __init__(self, mutants: list[str], options: argparse.Namespace) -> None:
        self.mutants, self.options = mutants, options
        self.calls: defaultdict[str, list[tuple[float, pytest.Item]]] = defaultdict(list)
        self.kills: Counter[str] = Counter()  # by test: those that found one come first
        self.alive: list[str] = []
        self.counts: Counter[str] = Counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._learn(session)
        began, running = time.monotonic(), dict[int, str]()
        for name in self.mutants:
            if self.options.seconds and time.monotonic() - began > self.options.seconds:
                break
            if not self.calls[_function(name)]:
                self._note(name, "never called")
                continue
            if len(running) >= self.options.jobs:
                self._reap(running)
            running[self._start(session, name)] = name
        while running:
            self._reap(running)
        return True

    def _learn(self, session: pytest.Session) -> None:
        """Which tests call which function, and how long they take; all must pass."""
        called: set[str] = set()
        trampoline.record_trampoline_hit = lambda name, caller=None: called.add(name)
        trampoline.set_mutant_under_test("stats")
        for item in session.items:
            called.clear()
            began = time.perf_counter()
            _run(item)
            if session.testsfailed:
                raise pytest.UsageError(f"{item.nodeid} fails without any mutant")
            for name in called:
                self.calls[name].append((time.perf_counter() - began, item))

    def _start(self, session: pytest.Session, name: str) -> int:
        child = os.fork()
        if child:
            return child
        session.config.pluginmanager.unregister(name="terminalreporter")
        trampoline.set_mutant_under_test(name)
        tests = sorted(
            self.calls[_function(name)], key=lambda one: (-self.kills[one[1].nodeid], one[0])
        )
        # Of the processor's time, as the machine may be busy; of the clock's for one that waits.
        limit = LIMIT + 3 * sum(seconds for seconds, _ in tests)
        for number, timer, most in (
            (signal.SIGPROF, signal.ITIMER_PROF, limit),
            (signal.SIGALRM, signal.ITIMER_REAL, 20 * limit),
        ):
            signal.signal(number, lambda *_: os._exit(SLOW))
            signal.setitimer(timer, most)
        for _, item in tests:
            with contextlib.suppress(BaseException):
                _run(item)
                if not session.testsfailed and not session.shouldstop:
                    continue
            self._by(os.getpid()).write_text(item.nodeid)
            os._exit(KILLED)
        os._exit(ALIVE)

    def _reap(self, running: dict[int, str]) -> None:
        child, status = os.wait()
        name, code = running.pop(child), os.waitstatus_to_exitcode(status)
        if code == KILLED:
            self.kills[self._by(child).read_text()] += 1
            self._by(child).unlink()
        self._note(name, "alive" if code == ALIVE else "too slow" if code == SLOW else "killed")

    def _by(self, child: int) -> Path:
        """Where a child says which test found its mutant."""
        return Path(f"by-{child}")

    def _note(self, name: str, verdict: str) -> None:
        self.counts[verdict] += 1
        if verdict not in ("killed", "too slow"):
            self.alive.append(name)
            print(f"{verdict}: {name}", flush=True)
        if self.counts.total() % 200 == 0:
            print(f"{self.counts.total()} of {len(self.mutants)}: {dict(self.counts)}", flush=True)


def _run(item: pytest.Item) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


def _function(name: str) -> str:
    return name.partition("__mutmut_")[0]


def mutated(room: str, only: str, into: Path) -> tuple[list[str], dict[str, str]]:
    """The package with all mutants in it; their names, and the code of every function by name."""
    for part in ("mailsync", "tests", "migrations"):
        shutil.copytree(ROOT / part, into / part)
    for part in ("pyproject.toml", "sample.conf", "README.md"):
        shutil.copy(ROOT / part, into)
    with (into / "pyproject.toml").open("a") as file:
        file.write('\n[tool.mutmut]\nsource_paths = ["mailsync"]\n')
    os.chdir(into)  # where mutmut reads that
    names: list[str] = []
    code: dict[str, str] = {}
    for path in sorted((into / "mailsync").glob(ROOMS[room][0])):
        module = ".".join(path.relative_to(into).with_suffix("").parts)
        if only not in module:
            continue
        made = mutate_file_contents(str(path), path.read_text())
        path.write_text(made.code)
        lines = made.code.splitlines()
        for name, span in made.line_span_by_function_name.items():
            code[f"{module}.{name.rpartition('.')[2]}"] = "\n".join(
                lines[span.start - 1 : span.end]
            )
        names += [f"{module}.{name}" for name in made.mutant_names]
    return names, code


def diff(name: str, code: dict[str, str]) -> str:
    before = code.get(f"{_function(name)}__mutmut_orig", "").splitlines()
    lines = difflib.unified_diff(before, code.get(name, "").splitlines(), n=0, lineterm="")
    changed = [line for line in lines if line[:2] not in ("--", "++", "@@")]
    return "\n".join(line for line in changed if "__mutmut_" not in line)


def only_text(changed: str) -> bool:
    """Whether a mutant differs in what stands between quotation marks alone."""
    bare = [re.sub(r"([\"']).*?\1", "", line) for line in changed.splitlines()]
    olds = [line[1:] for line in bare if line.startswith("-")]
    return olds == [line[1:] for line in bare if line.startswith("+")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("--only", default="", help="modules whose name contains this")
    parser.add_argument("--seconds", type=float, help="stop then; mutants are taken at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        into = Path(place)
        names, code = mutated(options.room, options.only, into)
        if options.seconds:
            random.Random(options.seed).shuffle(names)
        sys.path[:0] = [place, str(into / "tests")]
        judge = Judge(names, options)
        _, tests, left_out = ROOMS[options.room]
        words = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header"]
        words += ["-o", "addopts=", "-o", "timeout=0"]
        words += [f"--ignore=tests/{one}" for one in left_out] + [f"tests/{one}" for one in tests]
        pytest.main(words, plugins=[judge])
    texts = [name for name in judge.alive if only_text(diff(name, code))]
    for name in judge.alive:
        if name not in texts:
            print(f"\n{name}\n{diff(name, code)}")
    if texts:
        print("\nalive, with other words only:", *texts, sep="\n  ")
    done, counts = judge.counts.total(), judge.counts
    killed = counts["killed"] + counts["too slow"]
    print(
        f"\n{done} of {len(names)} mutants, {killed} killed, {done - killed} alive: {dict(counts)}"
    )
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
