"""In every story the witness is asked after every sync."""

from __future__ import annotations

import pytest
from support.storied import Story


@pytest.fixture(autouse=True)
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Story, "watched", True)
