"""Mailboxes: made and renamed (rule 10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planner_boxes import (
    ACCEPTED,
    EXPUNGE,
    GONE_HERE,
    GONE_THERE,
    ON_LOCAL,
    ON_SERVER,
    PULL,
    PUSH,
    Case,
    play,
)
from planner_tables import Table

from mailsync.model.settings import Deletions
from mailsync.planner import Policy

MADE = {
    "new on the server": Case(
        {"B": ON_SERVER},
        "B a . - -",
        "CreateLocalMailbox B; Download B a",
        "B a",
    ),
    "new in the Maildir": Case({"B": ON_LOCAL}, "B a - . -", "CreateMailbox B; Upload B a", "B a"),
    "parents first": Case(
        {"C/D": ON_SERVER, "C": ON_SERVER, "B": ON_LOCAL},
        "",
        "CreateMailbox B; CreateLocalMailbox C; CreateLocalMailbox C/D",
        there=("B C C/D", "B C C/D"),
    ),
    "pull": Case(
        {"B": ON_SERVER, "C": ON_LOCAL},
        "C a - . -",
        "Unsent C a; CreateLocalMailbox B",
        local="C a",
        there=("B", "B C"),
        policy=PULL,
    ),
    "push": Case(
        {"B": ON_SERVER, "C": ON_LOCAL},
        "B a . - -",
        "Unsent B a; CreateMailbox C",
        "B a",
        "",
        there=("B C", "C"),
        policy=PUSH,
    ),
    "INBOX is made again when it is empty": Case(
        {"INBOX": GONE_HERE}, "", "CreateLocalMailbox INBOX", there=("INBOX", "INBOX")
    ),
    "so is a special-use mailbox": Case(
        {"Archive": GONE_THERE}, "", "CreateMailbox Archive", there=("Archive", "Archive")
    ),
    "one that was never synced is made again": Case(
        {"B": GONE_HERE | {"synced": False}},
        "B a . - -",
        "CreateLocalMailbox B; Download B a",
        "B a",
    ),
    "one that was never synced is made again on the server": Case(
        {"B": GONE_THERE | {"synced": False}}, "B a - . -", "CreateMailbox B; Upload B a", "B a"
    ),
}

RENAMED = {
    "on the server, by its MAILBOXID": Case(
        {"A": GONE_THERE | {"mailbox_id": "F1"}, "B": ON_SERVER | {"mailbox_id": "F1"}},
        "A a . . .\nB a . - -",
        "RenameLocalMailbox A>B",
        "B a",
        there=("B", "B"),
    ),
    "on the server, another MAILBOXID": Case(
        {"A": GONE_THERE | {"mailbox_id": "F1"}, "B": ON_SERVER | {"mailbox_id": "F2"}},
        "A a . . .\nB a . - -",
        "CreateLocalMailbox B; MoveLocal A>B a",
        "B a",
        there=("B", "B"),
    ),
    "by changed rules for names: the same one on the server": Case(
        {"A": GONE_THERE | {"wire_name": b"x"}, "B": ON_SERVER | {"wire_name": b"x"}},
        "A a . . .\nA b . . .\nB a . - -",
        "RenameLocalMailbox A>B",
        "B a",
        there=("B", "B"),
    ),
    "by changed rules, and made anew on the server": Case(
        {
            "A": GONE_THERE | {"wire_name": b"x", "uid_validity": 7},
            "B": ON_SERVER | {"wire_name": b"x"},
        },
        "A a . . .\nB b . - -",
        "Held A; CreateLocalMailbox B; Download B b",
        "B b",
        "A a | B b",
    ),
    "on the server, by its UIDVALIDITY and all its UIDs": Case(
        {"A": GONE_THERE, "B": ON_SERVER},
        "A a . . .\nA b . . .\nB a . - -\nB b . - -\nB c . - -",
        "RenameLocalMailbox A>B",
        "B a b c",
        there=("B", "B"),
    ),
    "on the server, not all of its UIDs": Case(
        {"A": GONE_THERE, "B": ON_SERVER},
        "A a . . .\nA b . . .\nB a . - -",
        "Held A; CreateLocalMailbox B; MoveLocal A>B a",
        "B a",
        "A b | B a",
    ),
    "in the Maildir, by over half of its names": Case(
        {"A": GONE_HERE, "B": ON_LOCAL},
        "A a . . . name=n\nA b . . . name=m\nA c . . . name=o\n"
        "B a - . - name=n\nB b - . - name=m\nB d - . -",
        "RenameMailbox A>B",
        "B a b d",
        there=("B", "B"),
    ),
    "in the Maildir, by no more than half of its names": Case(
        {"A": GONE_HERE, "B": ON_LOCAL},
        "A a . . . name=n\nA b . . . name=m\nB a - . - name=n",
        "Held A; CreateMailbox B; Move A>B a",
        "A b | B a",
        "B a",
    ),
    "one claims two": Case(
        {"A": GONE_THERE | {"mailbox_id": "F1"}}
        | {name: ON_SERVER | {"mailbox_id": "F1"} for name in ("B", "C")},
        "A a . . .\nB b . - -",
        "Held A; CreateLocalMailbox B; CreateLocalMailbox C; Download B b",
        "B b",
        "A a | B b",
    ),
    "two claim one": Case(
        {name: GONE_THERE | {"mailbox_id": "F1"} for name in ("A", "C")}
        | {"B": ON_SERVER | {"mailbox_id": "F1"}},
        "A a . . .\nC c . . .\nB b . - -",
        "Held A; Held C; CreateLocalMailbox B; Download B b",
        "B b",
        "A a | B b | C c",
    ),
    "not under push": Case(
        {"A": GONE_THERE | {"mailbox_id": "F1"}, "B": ON_SERVER | {"mailbox_id": "F1"}},
        "A a . . .\nB a . - -",
        "Unsent B a",
        "B a",
        "A a",
        policy=PUSH,
    ),
    "not under pull": Case(
        {"A": GONE_HERE, "B": ON_LOCAL},
        "A a . . . name=n\nB a - . - name=n",
        "Unsent B a",
        "A a",
        "B a",
        policy=PULL,
    ),
    "never INBOX": Case(
        {"INBOX": GONE_HERE, "B": ON_LOCAL},
        "INBOX a . . . name=n\nB a - . - name=n",
        "CreateMailbox B; Move INBOX>B a",
        "B a",
        there=("B INBOX", "B INBOX"),
    ),
    "UIDVALIDITY unknown": Case(
        {"A": GONE_THERE | {"uid_validity": None}, "B": ON_SERVER},
        "A a . . .\nB b . - -",
        "Held A; CreateLocalMailbox B; Download B b",
        "B b",
        "A a | B b",
    ),
}

F1, F2, F3 = ({"mailbox_id": name} for name in ("F1", "F2", "F3"))

ALONG = {
    "on the server: an empty child goes along": Case(
        {"A": GONE_THERE | F1, "A/C": GONE_THERE, "B": ON_SERVER | F1, "B/C": ON_SERVER},
        "A a . . .\nB a . - -",
        "RenameLocalMailbox A>B; RenameLocalMailbox A/C>B/C",
        "B a",
        there=("B B/C", "B B/C"),
    ),
    "on the server: a child that can be told by itself": Case(
        {"A": GONE_THERE | F1, "A/C": GONE_THERE | F2, "B": ON_SERVER | F1, "B/C": ON_SERVER | F2},
        "A a . . .\nB a . - -",
        "RenameLocalMailbox A>B; RenameLocalMailbox A/C>B/C",
        "B a",
        there=("B B/C", "B B/C"),
    ),
    "on the server: a child that was removed": Case(
        {"A": GONE_THERE | F1, "A/C": GONE_THERE, "B": ON_SERVER | F1},
        "A a . . .\nB a . - -",
        "RenameLocalMailbox A>B; RemoveLocalMailbox A/C",
        "B a",
        there=("B", "B"),
    ),
    "on the server: a child under another UIDVALIDITY is another mailbox": Case(
        {
            "A": GONE_THERE | F1,
            "A/C": GONE_THERE | {"uid_validity": 7},
            "B": ON_SERVER | F1,
            "B/C": ON_SERVER,
        },
        "A a . . .\nB a . - -",
        "RenameLocalMailbox A>B; CreateLocalMailbox B/C; RemoveLocalMailbox A/C",
        "B a",
        there=("B B/C", "B B/C"),
    ),
    "on the server: the name below is another's": Case(
        {"A": GONE_THERE | F1, "A/C": GONE_THERE, "B": ON_SERVER | F1}
        | {"B/C": ON_SERVER | F3, "D": GONE_THERE | F3},
        "A a . . .\nB a . - -",
        "RenameLocalMailbox A>B; RenameLocalMailbox D>B/C; RemoveLocalMailbox A/C",
        "B a",
        there=("B B/C", "B B/C"),
    ),
    "on the server: a new parent before what was put below it": Case(
        {"Z": GONE_THERE | F1, "A": GONE_THERE | F3, "B": ON_SERVER | F1, "B/C": ON_SERVER | F3},
        "Z a . . .\nB a . - -",
        "RenameLocalMailbox Z>B; RenameLocalMailbox A>B/C",
        "B a",
        there=("B B/C", "B B/C"),
    ),
    "in the Maildir: an empty child goes along": Case(
        {"A": GONE_HERE, "A/C": GONE_HERE, "B": ON_LOCAL, "B/C": ON_LOCAL},
        "A a . . . name=n\nB a - . - name=n",
        "RenameMailbox A>B; RenameMailbox A/C>B/C",
        "B a",
        there=("B B/C", "B B/C"),
    ),
    "in the Maildir: a child that stayed": Case(
        {"A": GONE_HERE, "A/C": {}, "B": ON_LOCAL, "B/C": ON_LOCAL},
        "A a . . . name=n\nB a - . - name=n",
        "RenameMailbox A>B; CreateMailbox B/C",
        "B a",
        there=("A/C B B/C", "A/C B B/C"),
    ),
    "in the Maildir: where it would go is a mailbox that was synced": Case(
        {"A": GONE_HERE, "A/C": GONE_HERE, "B": ON_LOCAL, "B/C": {}},
        "A a . . . name=n\nB a - . - name=n",
        "RenameMailbox A>B; RemoveMailbox A/C",
        "B a",
        there=("B B/C", "B B/C"),
    ),
}

ALL = MADE | RENAMED | ALONG


@pytest.mark.parametrize("case", ALL.values(), ids=ALL)
def test_mailboxes(case: Case) -> None:
    play(case)


def test_one_that_could_not_be_looked_at_may_be_a_new_name() -> None:
    """It is not made on the other side while one is gone there."""
    for side, other, line in (
        ("local", GONE_HERE, "CreateMailbox B"),
        ("server", GONE_THERE, "CreateLocalMailbox B"),
    ):
        unseen = replace(EXPUNGE, **{f"unseen_{side}": frozenset({2})})  # type: ignore[arg-type]
        boxes = {"A": other, "B": {"only": side}}
        assert Table("A a . . .", unseen, boxes).plan() == "Held A"
        boxes = {"A": {}, "B": {"only": side}}
        assert Table("A a . . .", unseen, boxes).plan() == line


def only(policy: Policy, *boxes: int) -> Policy:
    return replace(policy, only=frozenset(boxes))  # type: ignore[arg-type]


def test_only_makes_renames_and_removes_its_own() -> None:
    boxes = {"A": {}, "B": ON_SERVER, "C": GONE_HERE, "D": GONE_THERE}
    assert Table("A a . - -\nC c . . .", only(EXPUNGE, 1), boxes).plan() == "Download A a"
    renamed = {"A": GONE_THERE | {"mailbox_id": "F"}, "B": ON_SERVER | {"mailbox_id": "F"}}
    assert Table("A a . . .\nB a . - -", only(EXPUNGE, 9), renamed).plan() == ""
    assert Table("A a . . .\nB a . - -", only(EXPUNGE, 1), renamed).plan() == "Held A"


def test_accepting_a_mailbox_takes_all_of_it_past_the_guard() -> None:
    lines = "\n".join(f"A m{n} . . ." for n in range(12))
    table = Table(lines, Policy(deletions=Deletions.EXPUNGE), {"A": GONE_THERE | ACCEPTED})
    gone = "+".join(f"m{n}" for n in range(12))
    assert table.plan() == f"RemoveLocal A {gone}; RemoveLocalMailbox A"


def test_a_mailbox_on_neither_side_is_nothing() -> None:
    """Its rows are forgotten, and it is neither made nor held."""
    table = Table("A a S . .", EXPUNGE, {"A": GONE_THERE})
    box = table.world.named("A")
    box.local = None
    table.world.observe()
    assert table.plan() == "Forget A a"


def test_unknown_mailboxes_are_left_alone() -> None:
    from mailsync.model.rows import Presence

    table = Table("A a . x .", EXPUNGE)
    box = table.world.named("A")
    box.facts = replace(box.facts, local=Presence.UNKNOWN)
    assert table.plan() == ""
