"""Random two-way changes with a second IMAP client and a mail reader, against a real Dovecot.

python tests/real/churn.py --rounds 200 --seed 1
python tests/real/churn.py --rounds 30 --seed 1 --profile minimal --deletions trash
python tests/real/churn.py --rounds 50 --seed 1 --during    # the changes come while a sync runs
python tests/real/churn.py --rounds 50 --seed 1 --server courier    # not Dovecot
python tests/real/churn.py --rounds 50 --seed 1 --reader    # a Dovecot on the very Maildir, too
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from support.churn_profiles import PROFILES
from support.churn_profiles import SERVERS as OTHERS
from support.churn_reader import reading
from support.churning import Churn, During, Failed, churning
from support.servers import serving

from mailsync.model.settings import Deletions

IGNORED = shutil.ignore_patterns("run", "socket", "mux", "idle")  # sockets


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", choices=[*PROFILES, "all"], default="full")
    parser.add_argument("--server", choices=[*OTHERS, "all"], help="another one than Dovecot")
    parser.add_argument("--deletions", choices=["expunge", "trash"], default="expunge")
    parser.add_argument("--during", action="store_true")
    parser.add_argument("--reader", action="store_true", help="layout maildir++, read by a Dovecot")
    parser.add_argument("--flags", help="letters that users set, of DFPRST")
    parser.add_argument("--keep", action="store_true", help="leave the state of a failure")
    options = parser.parse_args()
    known = OTHERS if options.server else PROFILES
    wanted = options.server or options.profile
    chosen = list(known) if wanted == "all" else [wanted]
    bad = 0
    for name in chosen:
        root = Path(tempfile.mkdtemp(prefix="churn-"))
        began = time.monotonic()
        profile, deletions = known[name], Deletions(options.deletions)
        profile = replace(profile, flags=options.flags or profile.flags)
        cut = {"capability": profile.capability} if profile.server == "dovecot" else {}
        with serving(profile.server, **cut) as server:
            kind = During if options.during else Churn
            made: AbstractContextManager[Churn] = (
                reading(options.seed, root, server, deletions)
                if options.reader
                else churning(kind, profile, options.seed, root, server, deletions)
            )
            with made as churn:
                try:
                    churn.run(options.rounds)
                except Failed as error:
                    bad += 1
                    print(f"FAILED {error}", flush=True)
                    if options.keep:
                        print(f"kept: {root}")
                        shutil.copytree(server.dir, root / "server", ignore=IGNORED)
        if not options.keep:
            shutil.rmtree(root)
        print(
            f"{name}, {options.deletions}{', during' if options.during else ''}"
            f"{', a Dovecot as reader' if options.reader else ''}, "
            f"seed {options.seed}: {churn.rounds} rounds, {churn.done} changes, "
            f"{churn.syncs} syncs, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
