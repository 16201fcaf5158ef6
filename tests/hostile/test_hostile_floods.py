"""Whatever a server sends, and however much: it ends, and costs at most 32 MiB."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .floods import CASES

Weighed = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def weighed() -> Weighed:
    """All cases, each in a process of its own whose peak begins after everything was loaded."""
    script = Path(__file__).with_name("weigh.py")
    done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["case"]: line for line in lines}


@pytest.mark.parametrize("name", CASES)
def test_it_ends_and_costs_little(weighed: Weighed, name: str) -> None:
    case, found = CASES[name], weighed[name]
    assert "failed" not in found, found
    ends = {case.ends, "ProtocolError"} if case.ends == "ServerDefect" else {case.ends}
    assert found["ended"] in ends, found
    assert found["mib"] <= 32, found
    if case.taken is not None:
        assert found["read"] <= case.taken, found


def test_the_scales_weigh(weighed: Weighed) -> None:
    """What is kept is seen: a hundred thousand mailboxes are."""
    assert weighed["mailboxes without end"]["mib"] > 20
