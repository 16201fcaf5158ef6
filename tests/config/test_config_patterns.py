"""Which mailboxes are in scope."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsync.config.patterns import matches, selected
from mailsync.model.rows import Role


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*", "INBOX", True),
        ("*", "A/B/C", True),
        ("%", "A", True),
        ("%", "A/B", False),
        ("A/%", "A/B", True),
        ("A/%", "A/B/C", False),
        ("A/%", "A", False),
        ("A*", "A/B/C", True),
        ("A%/C", "AB/C", True),
        ("%/%", "A/B", True),
        ("*%", "A/B", True),
        ("inbox", "INBOX", True),
        ("Inbox", "INBOX", True),
        ("inbox/a", "INBOX/a", False),
        ("Work", "work", False),
        ("A.B", "AxB", False),
        ("[Gmail]/*", "[Gmail]/Spam", True),
        ("a\nb*", "a\nbc", True),
    ],
)
def test_a_pattern(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


@pytest.mark.parametrize(
    ("patterns", "name", "role", "expected", "why"),
    [
        (["*"], "A", None, True, 'selected by "*"'),
        (["*", "!Junk"], "Junk", Role.JUNK, False, 'left out by "!Junk"'),
        (["*", "!Junk"], "Junk/old", None, True, 'selected by "*"'),
        (["*", "!Lists/*", "Lists/py"], "Lists/py", None, True, 'selected by "Lists/py"'),
        (["*", "Lists/py", "!Lists/*"], "Lists/py", None, False, 'left out by "!Lists/*"'),
        (["INBOX"], "Sent", Role.SENT, False, "no pattern matches"),
        ([], "INBOX", None, False, "no pattern matches"),
        (["*"], "All Mail", Role.ALL, False,
         "a view of other mailboxes (\\All): name it in full to have it"),
        (["%"], "Starred", Role.FLAGGED, False,
         "a view of other mailboxes (\\Flagged): name it in full to have it"),
        (["*", "Important"], "Important", Role.IMPORTANT, True, 'selected by "Important"'),
        (["Important", "*"], "Important", Role.IMPORTANT, False,
         "a view of other mailboxes (\\Important): name it in full to have it"),
        (["*"], "Trash", Role.TRASH, True, 'selected by "*"'),
    ],
)  # fmt: skip
def test_the_last_match_wins(
    patterns: list[str], name: str, role: Role | None, expected: bool, why: str
) -> None:
    assert selected(patterns, name, role) == (expected, why)


@given(st.text(max_size=30))
def test_a_name_without_wildcards_means_itself(name: str) -> None:
    if "*" not in name and "%" not in name:
        assert matches(name, name)
    assert matches("*", name)
    assert matches("%", name) is ("/" not in name)


def test_many_wildcards_end_in_time() -> None:
    for wildcard in "*%":
        assert not matches(f"{wildcard}a" * 100 + "b", "a" * 1000)


@given(st.text("ab/*%", max_size=8), st.text("ab/", max_size=12))
def test_it_means_what_the_expression_says(pattern: str, name: str) -> None:
    plain = re.escape(pattern).replace(r"\*", ".*").replace("%", "[^/]*")
    assert matches(pattern, name) is bool(re.fullmatch(plain, name))
