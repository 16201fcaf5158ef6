"""Pairs: which rung holds (rule 4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planner_boxes import EXPUNGE, PULL
from planner_tables import Table

from mailsync.model.actions import Move

LADDER = {
    "EMAILID": (
        "INBOX a . - - email_id=M\nINBOX a - S - email_id=M body=other",
        "Pair INBOX a EMAIL_ID",
        "INBOX a:S",
    ),
    "own name and date": (
        "INBOX a . - -\nINBOX a - S - origin=1",
        "Pair INBOX a OWN_NAME",
        "INBOX a:S",
    ),
    "own name, another date: not by the name": (
        "INBOX a . - - date=50\nINBOX a - . - origin=1 date=60",
        "Pair INBOX a HEADER",
        "INBOX a",
    ),
    "own name, other bytes": (
        "INBOX a . ? . date=50\nINBOX b - . - origin=1 date=50 read=yes",
        "Download INBOX a; Upload INBOX b",
        "INBOX a b",
    ),
    "header and date": ("INBOX a . - -\nINBOX a - S -", "Pair INBOX a HEADER", "INBOX a:S"),
    "header and size": (
        "INBOX a . - - date=50\nINBOX a - S - date=60",
        "Pair INBOX a HEADER",
        "INBOX a:S",
    ),
    "one by its date, the next one by its size": (
        "INBOX a . - - date=50\nINBOX b . - - date=51\n"
        "INBOX a - . - date=50\nINBOX b - . - date=52",
        "Pair INBOX a HEADER; Pair INBOX b HEADER",
        "INBOX a b",
    ),
    "a draft by its body, when it is fetched": (
        "INBOX a D - -\nINBOX a - D -",
        "Download INBOX a",
        "INBOX a:D",
    ),
    "a draft of equal size, by its body": (
        "INBOX a D - - date=50\nINBOX a - D - date=60",
        "Download INBOX a",
        "INBOX a:D",
    ),
    "another header of the same date and size is another message": (
        "INBOX a . - - date=50\nINBOX b - . - date=50",
        "Download INBOX a; Upload INBOX b",
        "INBOX a b",
    ),
    "without a base: union, \\Deleted by intersection, \\Draft as the server says": (
        "INBOX a FT - -\nINBOX a - S -",
        "Pair INBOX a HEADER",
        "INBOX a:FS",
    ),
    "twins in UID order": (
        "INBOX a F - -\nINBOX a R - -\nINBOX a - . - name=b\nINBOX a - S - name=c",
        "Pair INBOX a HEADER; Pair INBOX a HEADER",
        "INBOX a:F a:RS",
    ),
    "twins: one more message than files": (
        "INBOX a F - -\nINBOX a R - -\nINBOX a - S -",
        "Pair INBOX a HEADER; Download INBOX a",
        "INBOX a:R a:FS",
    ),
    "twins: one more file than messages": (
        "INBOX a F - -\nINBOX a - S -\nINBOX a - R -",
        "Pair INBOX a HEADER; Upload INBOX a",
        "INBOX a:R a:FS",
    ),
    "a file under a new name keeps its base": (
        "INBOX a . x S\nINBOX a - S -",
        "Pair INBOX a HEADER",
        "INBOX a",
    ),
    "a message under a new UID keeps its base": (
        "INBOX a . - -\nINBOX a x S S",
        "Pair INBOX a HEADER",
        "INBOX a",
    ),
    "bases that contradict each other are none": (
        "INBOX a F ? F\nINBOX a ? . S",
        "Pair INBOX a HEADER",
        "INBOX a:F",
    ),
    "bases that agree are one": ("INBOX a F ? F\nINBOX a ? . F", "Pair INBOX a HEADER", "INBOX a"),
    "one twin deleted here and one there: both are gone": (
        "INBOX a . x .\nINBOX a x . .",
        "RemoveLocal INBOX a; Expunge INBOX a",
        "",
    ),
    "a new name goes before a new UID": (
        "INBOX a . x .\nINBOX a . - -\nINBOX a - . -",
        "Pair INBOX a HEADER; Download INBOX a",
        "INBOX a a",
    ),
    "other bytes under an equal header are no pair": (
        "INBOX a . x .\nINBOX a - . - read=yes body=other date=9",
        "Upload INBOX a; Expunge INBOX a",
        "INBOX a",
    ),
}


@pytest.mark.parametrize("case", LADDER.values(), ids=LADDER)
def test_the_ladder(case: tuple[str, str, str]) -> None:
    lines, plan, end = case
    table = Table(lines, EXPUNGE)
    assert table.plan() == plan
    assert table.end() == (end, end)


def test_a_draft_by_its_body_where_only_one_side_may_be_changed() -> None:
    Table("INBOX a D - -\nINBOX a - D -", PULL).play("Download INBOX a", "INBOX a:D")


def test_a_name_alone_proves_nothing_where_no_date_is_known() -> None:
    lines = "INBOX a . - - internal_date=none\nINBOX a - . - origin=1 mtime_ns=none read=yes"
    assert Table(lines, EXPUNGE).plan() == "Pair INBOX a HEADER"


@pytest.mark.parametrize(("others", "rung"), [(1, "HEADER"), (15, "HEADER"), (16, "BODY")])
def test_of_many_twins_that_do_not_fit_some_are_looked_at(others: int, rung: str) -> None:
    """So that time stays linear; a later rung finds the one of equal bytes all the same."""
    lines = ["INBOX a . x . body=it date=50"]
    lines += [f"INBOX a - . - name={n:02} date=50 read=yes body=other" for n in range(others)]
    lines += ["INBOX a - . - name=it date=50 read=yes body=it"]
    assert Table("\n".join(lines), EXPUNGE).plan().startswith(f"Pair INBOX a {rung};")


def test_among_twins_the_one_that_fits() -> None:
    """Equal headers and dates; the bytes of the first are others."""
    table = Table("INBOX a . x .\nWork a - . - read=yes\nWork a - . - read=yes", EXPUNGE)
    table.world.rows[2] = replace(table.world.rows[2], body=b"other")
    made = table.world.plan()
    (move,) = [action for action in made.actions if isinstance(action, Move)]
    assert [row.id for row in move.joins] == [3]
