from __future__ import annotations

from pathlib import Path

import pytest
from support.maildirs import BOX, Ground, on_disk, on_sim


@pytest.fixture(params=["disk", "sim"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Ground:
    """An INBOX on either kind of file system."""
    made = on_disk(tmp_path) if request.param == "disk" else on_sim()
    made.maildir.create(BOX)
    return made


@pytest.fixture
def sim() -> Ground:
    made = on_sim()
    made.maildir.create(BOX)
    return made


@pytest.fixture
def disk(tmp_path: Path) -> Ground:
    made = on_disk(tmp_path)
    made.maildir.create(BOX)
    return made
