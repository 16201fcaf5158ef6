"""Mailboxes: made on the other side, and where that is not wanted (rule 10)."""

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

UNSYNCED = {"synced": False}

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
        {"B": GONE_HERE | UNSYNCED},
        "B a . - -",
        "CreateLocalMailbox B; Download B a",
        "B a",
    ),
    "one that was never synced is made again on the server": Case(
        {"B": GONE_THERE | UNSYNCED}, "B a - . -", "CreateMailbox B; Upload B a", "B a"
    ),
    "what was only on the server is forgotten where its mailbox is gone": Case(
        {"B": GONE_THERE | UNSYNCED},
        "B a . - -",
        "Forget B a",
        there=("", "B"),
        policy=PULL,
    ),
    "what was only in the Maildir is forgotten where its mailbox is gone": Case(
        {"B": GONE_HERE | UNSYNCED},
        "B a - . -",
        "Forget B a",
        there=("B", ""),
        policy=PUSH,
    ),
}


@pytest.mark.parametrize("case", MADE.values(), ids=MADE)
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


def test_one_that_is_on_both_sides_is_no_new_name() -> None:
    """What went there is moved, although one is gone and this one could not be looked at."""
    boxes = {"A": GONE_HERE, "B": {}, "C": {}}
    policy = replace(EXPUNGE, unseen_local=frozenset({2}))  # type: ignore[arg-type]
    table = Table("A a . . .\nC c x . .\nB c . - -", policy, boxes)
    assert table.plan() == "Held A; MoveLocal C>B c"


def only(policy: Policy, *boxes: int) -> Policy:
    return replace(policy, only=frozenset(boxes))  # type: ignore[arg-type]


def test_only_makes_renames_and_removes_its_own() -> None:
    boxes = {"A": {}, "B": ON_SERVER, "C": GONE_HERE, "D": GONE_THERE}
    assert Table("A a . - -\nC c . . .", only(EXPUNGE, 1), boxes).plan() == "Download A a"
    renamed = {"A": GONE_THERE | {"mailbox_id": "F"}, "B": ON_SERVER | {"mailbox_id": "F"}}
    lines = "A a . . .\nB a . - -"
    assert Table(lines, only(EXPUNGE, 9), renamed).plan() == ""
    assert Table(lines, only(EXPUNGE, 1), renamed).plan() == "Held A"
    assert Table(lines, only(EXPUNGE, 1, 2), renamed).plan() == "RenameLocalMailbox A>B"
    made = {"A": ON_SERVER, "B": ON_SERVER}
    assert Table("", only(EXPUNGE, 2), made).plan() == "CreateLocalMailbox B"


def test_only_looks_at_all_of_its_own() -> None:
    """What comes before in the list and is not to be touched hides nothing that comes after it."""
    ids = [{"mailbox_id": name} for name in ("F1", "F2")]
    boxes = {"A": GONE_THERE | ids[0], "B": GONE_THERE | ids[1], "C": ON_SERVER | ids[1]}
    assert Table("", only(EXPUNGE, 2, 3), boxes).plan() == "RenameLocalMailbox B>C"
    gone = {"A": GONE_HERE, "B": GONE_HERE}
    assert Table("", only(EXPUNGE, 2), gone).plan() == "RemoveMailbox B"
    boxes |= {"B/D": GONE_THERE, "C/D": ON_SERVER}
    along = "RenameLocalMailbox B>C; RenameLocalMailbox B/D>C/D"
    assert Table("", only(EXPUNGE, 2, 3, 4, 5), boxes).plan() == along


@pytest.mark.parametrize(
    ("numbers", "plan"),
    [((1, 2), "Move A>B b; Move A>B a"), ((1,), "Held A b; Held A"), ((2,), "")],
)
def test_only_renames_by_moves_where_it_may_act_in_both(
    numbers: tuple[int, ...], plan: str
) -> None:
    boxes = {"A": GONE_HERE | {"renamed": 2}, "B": UNSYNCED}
    table = Table("A a . x . name=n\nA b . - -\nB a - . - name=n", only(EXPUNGE, *numbers), boxes)
    assert table.plan() == plan


def test_accepting_a_mailbox_takes_all_of_it_past_the_guard() -> None:
    lines = "\n".join(f"A m{n} . . ." for n in range(12))
    table = Table(lines, Policy(deletions=Deletions.EXPUNGE), {"A": GONE_THERE | ACCEPTED})
    gone = "+".join(f"m{n}" for n in range(12))
    assert table.plan() == f"RemoveLocal A {gone}; RemoveLocalMailbox A"


def test_nothing_is_deleted_in_one_that_was_never_synced() -> None:
    """It was made by a run that was cut off: what is in it is not gone with it."""
    here = Table("B a . S .", EXPUNGE, {"B": GONE_HERE | UNSYNCED})
    assert here.plan() == "CreateLocalMailbox B; StoreFlags B a +S"
    there = Table("B a S . .", EXPUNGE, {"B": GONE_THERE | UNSYNCED})
    assert there.plan() == "CreateMailbox B; SetLocalFlags B a +S"


@pytest.mark.parametrize("synced", [True, False])
def test_a_mailbox_on_neither_side_is_nothing(synced: bool) -> None:
    """Its rows are forgotten, and it is neither made nor held."""
    table = Table("A a S . .", EXPUNGE, {"A": GONE_THERE | {"synced": synced}})
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
