"""I6 (b) and (c): in whatever order it happened, all end alike.

MAILSYNC_COMMUTE_RUNS=500 pytest tests/sim_runs/test_sim_commute.py
"""

from __future__ import annotations

import os

import pytest
from sim.commute import distinct, replicas

RUNS = int(os.environ.get("MAILSYNC_COMMUTE_RUNS", "3"))
PROFILES = ["strict_qresync", "condstore", "plain"]


@pytest.mark.parametrize("profile", PROFILES)
def test_users_of_different_messages(profile: str) -> None:
    for number in range(RUNS):
        distinct(f"ci.{number}", profile)


@pytest.mark.parametrize("profile", PROFILES)
def test_which_machine_comes_first(profile: str) -> None:
    for number in range(RUNS):
        replicas(f"ci.{number}", profile)
