"""Several accounts in one run: each is its own business."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.dialogue import account

from mailsync.model.report import AccountReport, SyncOptions, Target
from mailsync.modes import once
from mailsync.modes.job import Job


def test_a_crash_of_one_account_ends_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one that crashes in every run would keep the others from ever being done."""
    done: list[str] = []

    async def sync_account(job: Job) -> AccountReport:
        name = job.target.account.name
        if name == "odd":
            raise ValueError("nobody thought of that")
        await asyncio.sleep(0.01)
        done.append(name)
        return AccountReport(name)

    monkeypatch.setattr(once, "sync_account", sync_account)
    targets = [Target(account(name=name, state=tmp_path / name)) for name in ("odd", "even")]
    with pytest.raises(ValueError, match="nobody thought of that"):
        once.sync(targets, SyncOptions())
    assert done == ["even"]
