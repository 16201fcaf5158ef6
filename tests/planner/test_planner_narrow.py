"""A run that is asked for less: what is taken out of a plan, and that the next run does it."""

from __future__ import annotations

import pytest
from planner_tables import OFF, Table, words

from mailsync.model.actions import Action, Plan
from mailsync.model.settings import Deletions
from mailsync.planner import Narrow, Policy, narrowed

EXPUNGE = Policy(deletions=Deletions.EXPUNGE, guard=OFF)
TRASH = Policy(expunge_deleted=True, guard=OFF)
COPYING = Policy(deletions=Deletions.EXPUNGE, guard=OFF, has_move=False)

ALL = """
    INBOX new . - -
    INBOX mine - . -
    INBOX read S . .
    INBOX flagged . F .
    INBOX deleted . x .
    INBOX expunged x . .
    INBOX went . x .
    Work went - . -
    INBOX left x . .
    Work left . - -
"""

CASES = [
    (
        Narrow(pull=True),
        "MoveLocal INBOX>Work left; SetLocalFlags INBOX read +S; Download INBOX new; "
        "RemoveLocal INBOX expunged",
        "Move INBOX>Work went; StoreFlags INBOX flagged +F; Upload INBOX mine; "
        "Expunge INBOX deleted",
    ),
    (
        Narrow(push=True),
        "Move INBOX>Work went; StoreFlags INBOX flagged +F; Upload INBOX mine; "
        "Expunge INBOX deleted",
        "MoveLocal INBOX>Work left; SetLocalFlags INBOX read +S; Download INBOX new; "
        "RemoveLocal INBOX expunged",
    ),
    (
        Narrow(no_delete=True),
        "Move INBOX>Work went; MoveLocal INBOX>Work left; StoreFlags INBOX flagged +F; "
        "SetLocalFlags INBOX read +S; Download INBOX new; Upload INBOX mine",
        "RemoveLocal INBOX expunged; Expunge INBOX deleted",
    ),
    (
        Narrow(pull=True, no_delete=True),
        "MoveLocal INBOX>Work left; SetLocalFlags INBOX read +S; Download INBOX new",
        "Move INBOX>Work went; StoreFlags INBOX flagged +F; Upload INBOX mine; "
        "RemoveLocal INBOX expunged; Expunge INBOX deleted",
    ),
]


def split(table: Table, narrow: Narrow) -> tuple[Plan, tuple[Action, ...], str, str]:
    made, left = narrowed(table.world.plan(), narrow)
    shown = [words(plan, table.world, table.texts) for plan in (made, Plan(left))]
    return made, left, shown[0], shown[1]


@pytest.mark.parametrize(("narrow", "does", "leaves"), CASES, ids=[c[0].words for c in CASES])
def test_what_is_left(narrow: Narrow, does: str, leaves: str) -> None:
    _, _, made, left = split(Table(ALL, EXPUNGE), narrow)
    assert (made, left) == (does, leaves)


@pytest.mark.parametrize("narrow", [case[0] for case in CASES], ids=[c[0].words for c in CASES])
@pytest.mark.parametrize("policy", [EXPUNGE, COPYING], ids=["", "without MOVE"])
def test_the_next_run_does_it(narrow: Narrow, policy: Policy) -> None:
    """Narrow runs until nothing happens, then whole ones: the end is that of whole ones alone."""
    table = Table(ALL, policy)
    for _ in range(4):
        table.world.execute(narrowed(table.world.plan(), narrow)[0])
    assert not narrowed(table.world.plan(), narrow)[0].actions
    assert table.end() == Table(ALL, policy).end()


def test_a_whole_run_leaves_nothing() -> None:
    table = Table(ALL, EXPUNGE)
    assert narrowed(table.world.plan(), Narrow()) == (table.world.plan(), ())
    assert not Narrow()
    assert all([Narrow(pull=True), Narrow(push=True), Narrow(no_delete=True)])


def test_to_the_trash_mailbox_with_its_mark() -> None:
    """\\Deleted is taken away of what goes there, and of nothing else."""
    table = Table("INBOX a T T T\nINBOX b T - -\nINBOX c T . T", TRASH, {"INBOX": {}, "Trash": {}})
    assert table.plan() == "StoreFlags INBOX c -T; Download INBOX b; Move INBOX>Trash a -T"
    _, _, made, left = split(table, Narrow(no_delete=True))
    assert (made, left) == ("StoreFlags INBOX c -T; Download INBOX b", "Move INBOX>Trash a -T")
    table = Table("INBOX a T T T", TRASH, {"INBOX": {}, "Trash": {}})
    assert split(table, Narrow(no_delete=True))[2] == ""


def test_mailboxes_stay() -> None:
    boxes = {"A": {"gone": "server"}, "B": {"gone": "local"}}
    table = Table("", EXPUNGE, boxes)
    assert table.plan() == "RemoveMailbox B; RemoveLocalMailbox A"
    assert split(table, Narrow(no_delete=True))[2:] == ("", table.plan())
    assert split(table, Narrow(pull=True))[2:] == ("RemoveLocalMailbox A", "RemoveMailbox B")


def test_a_move_that_was_begun_is_finished() -> None:
    table = Table("INBOX a . x . settled=copied", EXPUNGE)
    assert split(table, Narrow(no_delete=True))[2:] == ("Expunge INBOX a", "")
    assert split(table, Narrow(pull=True))[2:] == ("", "Expunge INBOX a")
    behind = "INBOX a x . .\nWork a . - - read=yes\nWork a - . - read=yes origin=1"
    table = Table(behind, EXPUNGE)
    assert split(table, Narrow(no_delete=True))[2:] == (table.plan(), "")
