"""Real faults against a real Dovecot, and what must hold after each.

python tests/real/faults.py --seconds 600 --seed 3              # all kinds, mixed
python tests/real/faults.py --seconds 600 --seed 3 --kind errno --kind full
python tests/real/faults.py --kind bytes                        # cut at EVERY byte of one session
python tests/real/faults.py --kind bytes --seconds 600 --seed 3 # at as many of them as fit
python tests/real/faults.py --kind bytes --part 1/2             # every other one, by a core of two

The kinds: kill, cut, errno, full, stop, freeze, restart (support/faulting.py) and bytes
(support/cutting.py).  A failure prints seed, round and what was done.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from support.churning import Failed
from support.cutting import cutting
from support.dovecot import Dovecot
from support.faulting import KINDS, can_inject, faults

LONGEST = 40  # rounds of one account, which grows


def mixed(server: Dovecot, root: Path, options: argparse.Namespace, kinds: tuple[str, ...]) -> int:
    until = time.monotonic() + (options.seconds or 600)
    bad = rounds = 0
    seed = options.seed
    hit: Counter[str] = Counter()
    statuses: Counter[int] = Counter()
    while time.monotonic() < until:
        try:
            done = faults(server, root / str(seed), seed, kinds, until, LONGEST)
        except Failed as error:
            bad += 1
            print(f"FAILED {error}", flush=True)
        else:
            rounds += done.rounds
            hit += done.killed
            statuses += done.statuses
        seed += 1
    print(f"seeds {options.seed} to {seed - 1}: {rounds} rounds, {bad} bad")
    print("hit: " + ", ".join(f"{n} by {kind}" for kind, n in sorted(hit.items())))
    print("statuses: " + ", ".join(f"{n} × {status}" for status, n in sorted(statuses.items())))
    return bad


def every_byte(server: Dovecot, root: Path, options: argparse.Namespace) -> int:
    until = time.monotonic() + options.seconds if options.seconds else float("inf")
    statuses: Counter[int] = Counter()
    bad = 0
    with cutting(server, root) as session:
        places = list(range(1, session.length + 1))
        if options.seconds:
            random.Random(f"bytes {options.seed}").shuffle(places)
        first, parts = options.part
        for at in places[first - 1 :: parts]:
            if time.monotonic() > until:
                break
            try:
                statuses[session.cut(at)] += 1
            except AssertionError as error:
                bad += 1
                print(f"FAILED cut after {at} bytes: {error}", flush=True)
        done = sum(statuses.values()) + bad
        print(f"cut after {done} of {session.length} bytes: {bad} bad, statuses {dict(statuses)}")
    return bad


def part(text: str) -> tuple[int, int]:
    """K/N, from 1/N to N/N."""
    first, parts = (int(number) for number in text.split("/"))
    if not 1 <= first <= parts:
        raise ValueError(text)
    return first, parts


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, help="600, or all of the bytes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=[*KINDS, "bytes"], default=[])
    parser.add_argument("--part", type=part, default=(1, 1), metavar="K/N", help="of the bytes")
    options = parser.parse_args()
    kinds = tuple(options.kind) or KINDS
    if "errno" in kinds and (reason := can_inject()):
        parser.error(f"{reason}; name the other kinds")
    root, began = Path(tempfile.mkdtemp(prefix="faults-")), time.monotonic()
    with Dovecot() as server:
        if "bytes" in kinds:
            bad = every_byte(server, root, options)
        else:
            bad = mixed(server, root, options, kinds)
    shutil.rmtree(root)
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
