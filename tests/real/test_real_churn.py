"""The fixed share of the churn; the campaign is `python tests/real/churn.py --rounds 200 --seed N`.

MAILSYNC_CHURN_ROUNDS=100 MAILSYNC_CHURN_SEED=5 pytest tests/real/test_real_churn.py
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.churn_profiles import PROFILES
from support.churn_reader import reading
from support.churning import Churn, During, churning
from support.dovecot import Dovecot

from mailsync.model.settings import Deletions

pytestmark = pytest.mark.dovecot

ROUNDS = int(os.environ.get("MAILSYNC_CHURN_ROUNDS", "0"))
SEED = int(os.environ.get("MAILSYNC_CHURN_SEED", "1"))
FULL = PROFILES["full"]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("deletions", "rounds"),
    [(Deletions.EXPUNGE, 8), (Deletions.TRASH, 4)],
    ids=lambda one: str(one),
)
def test_churn(dovecot: Dovecot, tmp_path: Path, deletions: Deletions, rounds: int) -> None:
    with churning(Churn, FULL, SEED, tmp_path, dovecot, deletions) as churn:
        churn.run(ROUNDS or rounds)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", [name for name in PROFILES if name != "full"])
def test_churn_with_less(dovecot_with: Callable[..., Dovecot], tmp_path: Path, name: str) -> None:
    """No extension that is not announced is on the wire."""
    profile = PROFILES[name]
    server = dovecot_with(capability=profile.capability)
    with churning(Churn, profile, SEED, tmp_path, server) as churn:
        churn.run(ROUNDS or 1)


@pytest.mark.timeout(3600)
def test_churn_while_a_sync_runs(dovecot: Dovecot, tmp_path: Path) -> None:
    with churning(During, FULL, SEED, tmp_path, dovecot) as churn:
        churn.run(ROUNDS or 3)


@pytest.mark.timeout(3600)
def test_churn_with_a_dovecot_as_mail_reader(dovecot: Dovecot, tmp_path: Path) -> None:
    with reading(SEED, tmp_path, dovecot) as churn:
        churn.run(ROUNDS or 2)
