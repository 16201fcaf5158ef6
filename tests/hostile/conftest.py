"""The program in a home of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.home import Home
from support.talker import Talker


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def talker() -> Iterator[Talker]:
    with Talker() as server:
        yield server
