"""The program as a process, with one account on a real Dovecot."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.dovecot import Dovecot
from support.home import Home
from support.rig import Rig
from support.spot import Spot


@pytest.fixture
def spot(dovecot: Dovecot, tmp_path: Path) -> Spot:
    (tmp_path / "home").mkdir()
    return Spot(Rig(dovecot, tmp_path), Home(tmp_path / "home"))
