"""The fixed share of kill.py: syncs that die in the middle, the next one at once.

The campaign is `python tests/real/kill.py --rounds 200 --seed N [--mode s7]`, or
MAILSYNC_KILL_ROUNDS=200 MAILSYNC_KILL_SEED=5 pytest tests/real/test_real_kill.py
"""

from __future__ import annotations

import functools
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from support.churn_profiles import PROFILES
from support.churning import churning
from support.dovecot import Dovecot
from support.killing import Killing, can_trace, s7
from support.rig import Rig

pytestmark = [pytest.mark.dovecot, pytest.mark.timeout(3600)]

ROUNDS = int(os.environ.get("MAILSYNC_KILL_ROUNDS", "0"))
SEED = int(os.environ.get("MAILSYNC_KILL_SEED", "1"))


def killed(dovecot: Dovecot, root: Path, rounds: int, *modes: str) -> Killing:
    kind = functools.partial(Killing, modes=modes)
    with churning(kind, PROFILES["full"], SEED, root, dovecot) as churn:
        churn.run(ROUNDS or rounds)
    return churn


def test_killed_at_random_moments(dovecot: Dovecot, tmp_path: Path) -> None:
    assert killed(dovecot, tmp_path, 3, "time").killed["time"]


def test_killed_at_random_system_calls(
    dovecot: Dovecot, tmp_path: Path, instead: Callable[[str], None]
) -> None:
    """Where ptrace is forbidden, at random moments instead; the output says so."""
    mode = "time" if (reason := can_trace()) else "strace"
    if reason:
        instead(f"killed at random moments, because {reason}")
    assert killed(dovecot, tmp_path, 3, mode).killed[mode]


def test_cut_at_random_bytes(dovecot: Dovecot, tmp_path: Path) -> None:
    assert killed(dovecot, tmp_path, 2, "cut").killed["cut"]


def test_s7_killed_and_restarted_at_once(dovecot: Dovecot, tmp_path: Path) -> None:
    for number in range(ROUNDS or 2):
        root = tmp_path / str(number)
        root.mkdir()
        report = s7(Rig(dovecot, root), random.Random(f"s7 {SEED} {number}"))
        assert not report.bad, report
