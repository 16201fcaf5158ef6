"""Many crashes out of one run: each as if it had been the only one."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from sim import exhaust
from sim.exhaust import attempt, branched, crashed
from sim.fs import MODELS
from sim.under import named

PULL, SCENARIO = named("first pull"), named("new on both sides, no UIDPLUS")


def test_a_branch_is_a_crash() -> None:
    points = [(at, model) for at in (3, 90, 91, 250) for model in MODELS]
    alone = {(at, model): (crashed(SCENARIO, at, model), []) for at, model in points}
    assert branched(SCENARIO, {at: list(MODELS) for at, _ in points}) == alone
    assert len({count for count, _ in alone.values()}) > 2


def test_crashed_again_from_the_crash() -> None:
    assert branched(SCENARIO, {90: ["weak"]}, twice=True) == branched(SCENARIO, {90: ["weak"]})


def test_what_is_wrong_in_a_branch_is_said() -> None:
    files_are_not_synced = replace(PULL, account={"fsync": False})
    heard = branched(files_are_not_synced, {at: ["synced"] for at in range(100, 250, 10)})
    assert any("the Maildir holds" in text for _, wrong in heard.values() for text in wrong)


def test_a_branch_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the simulator is wrong")

    monkeypatch.setattr(exhaust, "unharmed", broken)
    _, (text,) = branched(PULL, {90: ["all"]})[90, "all"]
    assert "step 90, model all" in text
    assert "the simulator is wrong" in text
    monkeypatch.setattr(exhaust, "unharmed", lambda *_: os._exit(1))
    with pytest.raises(RuntimeError, match=r"step 90, model all.* without a word"):
        branched(PULL, {90: ["all"]})


def test_a_point_past_the_end_is_no_success() -> None:
    assert attempt([(PULL.name, 9000, "all")]) == [
        f"{(PULL.name, 9000, 'all')}: the sync was over before"
    ]
