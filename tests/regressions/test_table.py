"""The table of known failures is complete, and what it names exists."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from regressions.table import ALL, COVERED, NOT_HERE, OURS, PARTLY

TESTS = Path(__file__).parents[1]
PRODUCT = TESTS.parent / "mailsync"


def test_every_known_failure_is_in_the_table() -> None:
    assert sorted(COVERED.keys() | NOT_HERE.keys()) == list(ALL)
    assert not COVERED.keys() & NOT_HERE.keys()
    assert PARTLY.keys() <= COVERED.keys()


@pytest.mark.parametrize("number", COVERED)
def test_its_tests_exist(number: int) -> None:
    for name in COVERED[number]:
        path, _, function = name.partition("::")
        assert function in _tests(TESTS / path), f"no. {number}: {name}"


def test_every_test_here_is_in_the_table() -> None:
    named = {name for names in COVERED.values() for name in names if name.startswith(OURS)}
    here = {
        f"{OURS}{path.name}::{function}"
        for path in Path(__file__).parent.glob("test_*.py")
        for function in _tests(path)
        if function.removeprefix("test_")[0].isdigit()
    }
    assert here == named


@cache
def _tests(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def _imports() -> Iterator[tuple[str, str]]:
    for path in PRODUCT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                yield str(path.relative_to(PRODUCT)), name


def test_61_cpython_2026_1299_no_message_is_parsed_and_written_again() -> None:
    """Bytes in, bytes out: nothing of the `email` package is there to serialise a message."""
    found = {(path, name) for path, name in _imports() if name.split(".")[0] == "email"}
    assert not found


def test_62_sqlite_2_2_nobody_else_opens_the_database() -> None:
    """To close a descriptor of the file would drop SQLite's locks: who names it is known."""
    found = {
        str(path.relative_to(PRODUCT))
        for path in PRODUCT.rglob("*.py")
        if "cache.db" in path.read_text()
    }
    assert found == {"cache/schema.py", "cache/cache.py", "modes/job.py"}
