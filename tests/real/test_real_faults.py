"""The fixed share of faults.py: real faults under a sync, and what the next one makes of them.

The campaign is `python tests/real/faults.py --seconds 600 --seed N [--kind errno]`, and at every
byte `python tests/real/faults.py --kind bytes`; or
MAILSYNC_FAULT_SECONDS=300 MAILSYNC_FAULT_SEED=5 pytest tests/real/test_real_faults.py
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cutting import cutting
from support.disks import NO_MOUNT, can_mount
from support.dovecot import Dovecot
from support.faulting import can_inject, faults

pytestmark = [pytest.mark.dovecot, pytest.mark.timeout(3600)]

SECONDS = float(os.environ.get("MAILSYNC_FAULT_SECONDS", "0"))
SEED = int(os.environ.get("MAILSYNC_FAULT_SEED", "1"))
CUTS = 100


@pytest.mark.parametrize("kind", ["errno", "full", "stop", "freeze", "restart"])
def test_a_fault_in_the_middle(
    dovecot: Dovecot, tmp_path: Path, kind: str, instead: Callable[[str], None]
) -> None:
    """Where ptrace is forbidden the errors come from a full disk instead; the output says so."""
    if kind == "errno" and (reason := can_inject()):
        instead(f"errors of a full disk, because {reason}")
        kind = "full"
    if kind == "full" and not can_mount(tmp_path / "mount"):
        instead(f"a limit to the size of files, because {NO_MOUNT}")
    until = time.monotonic() + (SECONDS or 3600)
    hits = None if SECONDS else 1  # a quick sync may be over before the fault comes
    assert faults(dovecot, tmp_path / "small", SEED, (kind,), until, 40, hits).killed[kind]


def test_cut_at_a_hundred_bytes(dovecot: Dovecot, tmp_path: Path) -> None:
    with cutting(dovecot, tmp_path) as session:
        places = random.Random(f"bytes {SEED}").sample(range(1, session.length), CUTS)
        for at in sorted(places):
            session.cut(at)
