"""SIGKILL at random system calls and moments, connections cut at random bytes, restart at once.

python tests/real/kill.py --rounds 200 --seed 1                # all three, mixed
python tests/real/kill.py --rounds 50 --seed 1 --mode strace   # or time, or cut
python tests/real/kill.py --rounds 100 --seed 1 --mode s7      # 300 messages, kill -9 ×3
python tests/real/kill.py --rounds 50 --seed 1 --server cyrus  # not Dovecot
"""

from __future__ import annotations

import argparse
import functools
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from support.churn_profiles import PROFILES
from support.churn_profiles import SERVERS as OTHERS
from support.churning import Failed, churning
from support.killing import Killing, s7
from support.rig import Rig
from support.servers import Server, serving

IGNORED = shutil.ignore_patterns("run", "socket", "mux", "idle")  # sockets


def report(churn: Killing, bad: int) -> str:
    hit = ", ".join(f"{number} by {mode}" for mode, number in sorted(churn.killed.items()))
    made = f"seed {churn.seed}: {churn.rounds} rounds, {churn.done} changes"
    return f"{made}; ended in the middle: {hit}; {bad} bad"


def killed(server: Server, root: Path, options: argparse.Namespace) -> int:
    modes = ("strace", "time", "cut") if options.mode == "mixed" else (options.mode,)
    kind = functools.partial(Killing, modes=modes)
    bad = 0
    profile = OTHERS[options.server] if options.server else PROFILES["full"]
    with churning(kind, profile, options.seed, root, server) as churn:
        try:
            churn.run(options.rounds)
        except Failed as error:
            bad = 1
            print(f"FAILED {error}", flush=True)
            if options.keep:
                shutil.copytree(server.dir, root / "server", ignore=IGNORED)
    print(report(churn, bad))
    return bad


def sevens(server: Server, root: Path, options: argparse.Namespace) -> int:
    totals: Counter[str] = Counter()
    for number in range(1, options.rounds + 1):
        place = root / str(number)
        place.mkdir()
        rig = Rig(server, place)
        rig.user = getattr(server, "user", rig.user)
        report = s7(rig, random.Random(f"s7 {options.seed} {number}"))
        totals += Counter(
            bad=report.bad, kills=report.kills, lost=report.lost, doubled=report.doubled
        )
        if report.bad:
            print(f"FAILED S7, seed {options.seed}, run {number}: {report}", flush=True)
        else:
            shutil.rmtree(place)
    print(
        f"S7, seed {options.seed}: {options.rounds} runs, {totals['kills']} kills, "
        f"{totals['bad']} bad, {totals['lost']} lost, {totals['doubled']} doubled"
    )
    return totals["bad"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=["mixed", "strace", "time", "cut", "s7"], default="mixed")
    parser.add_argument("--server", choices=list(OTHERS), help="another one than Dovecot")
    parser.add_argument("--keep", action="store_true", help="leave the state of a failure")
    options = parser.parse_args()
    root, began = Path(tempfile.mkdtemp(prefix="kill-")), time.monotonic()
    with serving(options.server or "dovecot") as server:
        bad = (sevens if options.mode == "s7" else killed)(server, root, options)
    if not bad or not options.keep:
        shutil.rmtree(root)
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
