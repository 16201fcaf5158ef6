"""The table of invariants is complete, and what it names exists."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest
from invariants.table import ALL, HELD, NOT_SHOWN, SHOWN

TESTS = Path(__file__).parents[1]
NAMED = {name for names in (*HELD.values(), *SHOWN.values()) for name in names}


def test_every_invariant_is_held_and_shown_to_fail() -> None:
    assert sorted(HELD) == sorted(ALL)
    assert sorted([*SHOWN, *NOT_SHOWN]) == sorted(ALL)
    assert all(HELD.values())
    assert all(SHOWN.values())


@pytest.mark.parametrize("name", sorted(NAMED))
def test_what_is_named_exists(name: str) -> None:
    path, _, function = name.partition("::")
    assert function in _functions(TESTS / path)


@pytest.mark.parametrize("number", SHOWN)
def test_what_shows_it_is_a_test(number: str) -> None:
    for name in SHOWN[number]:
        assert name.partition("::")[2].startswith("test_")


@cache
def _functions(path: Path) -> frozenset[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))
