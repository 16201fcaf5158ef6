"""The fixed share of the faulty mode: one command, one call to disk or cache or one byte is wrong.

MAILSYNC_FAULTS_SHARE=0.01 MAILSYNC_FAULTS_SEED=5 pytest tests/sim_runs/test_sim_faults.py
"""

from __future__ import annotations

import os

import pytest
from sim.faulty import Point, check, points
from sim.scenarios import SCENARIOS

SHARES = {"server": 0.0006, "disk": 0.0006, "cache": 0.001, "up": 0.0002, "down": 0.00008}
SHARE = os.environ.get("MAILSYNC_FAULTS_SHARE")
SEED = int(os.environ.get("MAILSYNC_FAULTS_SEED", "0"))
FOUND = [  # what earlier runs of the whole found
    "cache lost|disk|13|ENOENT|once",  # a directory that is not seen, and is there
    "cache lost|disk|14|EACCES|once",
    "cache lost|disk|18|EACCES|once",
    "cache lost|disk|45|ENOENT|once",
    "deleted into the trash|disk|89|EINVAL|sticky",
    "deleted on both sides|disk|78|EINVAL|once",
    "deleted on both sides|disk|86|EACCES|once",
    "deleted on both sides, no UIDPLUS|disk|79|EMFILE|sticky",
    "deleted against changed|disk|94|ENOSPC|sticky",
    "new on both sides|disk|23|ENOENT|once",
    "mailbox renamed apart|disk|49|ENOENT|once",
    "moved on the server|server|10|NO [NOPERM]|sticky",
    "parent and child renamed|disk|71|EIO|once",
    "moved on the server, plain|server|11|NO [EXPIRED]|once",
    "mailbox renamed apart|server|15|BAD|once",
    "mailbox renamed apart|server|13|NO [EXPUNGEISSUED]|sticky",
    "moved in the Maildir|server|6|NO [ALREADYEXISTS]|once",
    "moved on the server|disk|24|ENOENT|once",
    "mailbox renamed onto a parent|disk|64|EACCES|sticky",
    "mailbox renamed apart|disk|100|EMFILE|once",  # a file that was copied, looked at again
    "mailbox renamed onto a parent, plain|disk|82|EMFILE|once",  # a file of its new directory
    "rules for names @courier|server|39|NO [CANNOT]|sticky",  # NOOP
    "deleted against changed|disk|114|ENOENT|once",  # undo/, just after a file went into it
]


@pytest.mark.parametrize("side", SHARES)
def test_a_share(side: str) -> None:
    chosen = list(points(side, SCENARIOS, float(SHARE or SHARES[side]), SEED))
    assert len(chosen) > 10
    for point in chosen:
        check(point)


@pytest.mark.parametrize("point", FOUND)
def test_what_was_found(point: str) -> None:
    check(Point.of(point))
