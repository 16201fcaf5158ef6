"""In which stories the witness is asked after every sync."""

from __future__ import annotations

import pytest
from support.storied import Story

# Not yet gone through: test_story_i, _j, _k, _l and _r, test_undelete, test_undelete_exactly.
WATCHED = {"test_decisions", "test_held_moves", *(f"test_story_{x}" for x in "abcdefghmnopq")}


@pytest.fixture(autouse=True)
def watched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Story, "watched", request.module.__name__.split(".")[-1] in WATCHED)
