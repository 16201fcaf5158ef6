"""Mailboxes for which something else holds than for the account, and messages beyond a limit
(rule 9): out of scope nothing is fetched, sent or deleted."""

from __future__ import annotations

import pytest
from planner_tables import OFF, Table

from mailsync.model.rows import Presence
from mailsync.model.settings import Deletions, Direction
from mailsync.planner import Bounds, Policy, plan
from mailsync.planner.policy import TOO_LARGE, TOO_OLD

BOTH, PULL, PUSH = Direction.BOTH, Direction.PULL, Direction.PUSH
EXPUNGE, KEEP, TRASH = Deletions.EXPUNGE, Deletions.KEEP, Deletions.TRASH
TWO = {"INBOX": {}, "Work": {}}
SINCE = 500  # what the tables call old is of 100


def second(bounds: Bounds, **more: object) -> Policy:
    """`bounds` hold in the second mailbox, in the first one what holds for the account."""
    return Policy(deletions=EXPUNGE, guard=OFF, bounds={2: bounds}, **more)  # type: ignore[arg-type, dict-item]


def everywhere(bounds: Bounds, **more: object) -> Policy:
    return Policy(  # type: ignore[arg-type]
        deletions=EXPUNGE,
        guard=OFF,
        bounds=dict.fromkeys((1, 2, 3), bounds),  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )


TINY = everywhere(Bounds(BOTH, EXPUNGE, max_size=59))  # a message in the tables has 60 bytes
SMALL = everywhere(Bounds(BOTH, EXPUNGE, max_size=100))
YOUNG = everywhere(Bounds(BOTH, EXPUNGE, since=SINCE))

# direction of Work | deletions | lines | plan | server | Maildir
OTHERWISE = """
    pull | expunge | INBOX a - . -, Work b - . -  | Unsent Work b; Upload INBOX a | INBOX a | INBOX a, Work b
    pull | expunge | INBOX a . - -, Work b . - -  | Download Work b; Download INBOX a | INBOX a, Work b |
    pull | expunge | INBOX a . x ., Work b . x .  | Unsent Work b; Expunge INBOX a | Work b | -
    pull | expunge | INBOX a . S ., Work b . S .  | Unsent Work b; StoreFlags INBOX a +S | INBOX a:S, Work b | INBOX a:S, Work b:S
    push | expunge | INBOX a . - -, Work b . - -  | Unsent Work b; Download INBOX a | INBOX a, Work b | INBOX a
    push | expunge | INBOX a x . ., Work b x . .  | Unsent Work b; RemoveLocal INBOX a | - | Work b
    both | keep    | INBOX a . x ., Work b . x .  | Kept Work b; Expunge INBOX a | Work b | -
    pull | expunge | INBOX a . x ., Work a - . -  | Unsent INBOX a; Unsent Work a | INBOX a | Work a
    pull | expunge | Work a . x ., INBOX a - . -  | Unsent Work a; Copy Work>INBOX a | INBOX a, Work a | INBOX a
    pull | expunge | INBOX a x . ., Work a . - -  | MoveLocal INBOX>Work a | Work a |
    push | expunge | INBOX a x . ., Work a . - -  | Unsent INBOX a; Unsent Work a | Work a | INBOX a
    push | expunge | Work a x . ., INBOX a . - -  | Unsent Work a; CopyLocal Work>INBOX a | INBOX a | INBOX a, Work a
    push | expunge | INBOX a . x ., Work a - . -  | Move INBOX>Work a | Work a |
"""  # noqa: E501


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


@pytest.mark.parametrize("line", cells(OTHERWISE), ids=lambda line: f"{line[0]}: {line[2]}")
def test_a_section_for_one_mailbox(line: list[str]) -> None:
    direction, deletions, lines, planned, server, local = line
    policy = second(Bounds(Direction(direction), Deletions(deletions)))
    table = Table(lines.replace(", ", "\n"), policy, TWO)
    ends = [end.replace(", ", " | ").replace("-", "") for end in (server, local or server)]
    table.play(planned, *ends)


@pytest.mark.parametrize(
    ("in_trash", "planned", "server"),
    [
        (BOTH, "Move INBOX>Trash a", "Trash a"),
        (PUSH, "Move INBOX>Trash a", "Trash a"),
        (PULL, "Unsent INBOX a", "INBOX a"),
    ],
)
def test_the_trash_mailbox_has_a_section(in_trash: Direction, planned: str, server: str) -> None:
    bounds = {2: Bounds(in_trash, TRASH)}
    policy = Policy(guard=OFF, bounds=bounds)  # type: ignore[arg-type]
    table = Table("INBOX a . x .", policy, {"INBOX": {}, "Trash": {}})
    assert table.plan() == planned
    assert table.end(2)[0] == server


def test_some_to_trash_and_some_expunged() -> None:
    policy = Policy(guard=OFF, bounds={2: Bounds(BOTH, EXPUNGE)})  # type: ignore[dict-item]
    lines = "INBOX a . x .\nWork b . x ."
    table = Table(lines, policy, {"INBOX": {}, "Work": {}, "Trash": {}})
    assert table.plan() == "Expunge Work b; Move INBOX>Trash a"


GONE_HERE, ON_LOCAL = {"gone": "local"}, {"only": "local"}
GONE_THERE, ON_SERVER = {"gone": "server"}, {"only": "server"}
HERE = "A a . x . name=n\nB a - . - name=n"

RENAMES = [
    ({"A": GONE_HERE, "B": ON_LOCAL}, {}, HERE, "RenameMailbox A>B"),
    ({"A": GONE_HERE, "B": ON_LOCAL}, {1: PULL}, HERE, "Unsent A a; CreateMailbox B; Copy A>B a"),
    ({"A": GONE_HERE, "B": ON_LOCAL}, {2: PULL}, HERE, "Unsent A a; Unsent B a; Held A"),
    (
        {"A": GONE_HERE, "B": ON_LOCAL, "A/C": GONE_HERE},
        {3: PULL},
        HERE,
        "CreateMailbox B; Move A>B a",
    ),
    (
        {"A": GONE_HERE, "B": ON_LOCAL, "B/C": ON_LOCAL, "A/C": GONE_HERE},
        {3: PULL},
        HERE,
        "CreateMailbox B; Move A>B a; RemoveMailbox A/C",
    ),
    (
        {"A": GONE_HERE | {"renamed": 2}, "B": {"synced": False}},
        {2: PULL},
        HERE,
        "Unsent A a; Unsent B a; Held A",
    ),
    (
        {"A": GONE_THERE | {"mailbox_id": "F"}, "B": ON_SERVER | {"mailbox_id": "F"}},
        {1: PUSH},
        "A a . . .\nB a . - -",
        "CreateLocalMailbox B; CopyLocal A>B a",
    ),
]


@pytest.mark.parametrize(("boxes", "sections", "lines", "planned"), RENAMES)
def test_mailboxes_are_renamed_only_where_all_may_change(
    boxes: dict[str, dict[str, object]],
    sections: dict[int, Direction],
    lines: str,
    planned: str,
) -> None:
    bounds = {box: Bounds(direction, EXPUNGE) for box, direction in sections.items()}
    policy = Policy(deletions=EXPUNGE, guard=OFF, bounds=bounds)  # type: ignore[arg-type]
    assert Table(lines, policy, boxes).plan() == planned


@pytest.mark.parametrize(
    ("side", "direction"), [("server", PUSH), ("local", PULL)], ids=["push", "pull"]
)
def test_a_mailbox_is_made_only_where_its_section_allows(side: str, direction: Direction) -> None:
    policy = second(Bounds(direction, EXPUNGE))
    Table("", policy, {"A": {"only": side}, "B": {"only": side}}).play(
        f"Create{'Local' if side == 'server' else ''}Mailbox A", ""
    )


# state of a message that is out of scope | first plan | server | Maildir
LEFT_OUT = """
    .  -  -          | Out INBOX a              | INBOX a   | -
    -  .  -          | Out INBOX a              | -         | INBOX a
    .  .  .          |                          | INBOX a   | INBOX a
    .  x  .          | Out INBOX a              | INBOX a   | -
    F  x  .          | Out INBOX a              | INBOX a:F | -
    x  .  .          | Out INBOX a              | -         | INBOX a
    x  F  .          | Out INBOX a              | -         | INBOX a:F
    ?  .  .          | Out INBOX a              | -         | INBOX a
    .  ?  .          | Out INBOX a              | INBOX a   | -
    .  S  .          | StoreFlags INBOX a +S    | INBOX a:S | INBOX a:S
    S  .  .          | SetLocalFlags INBOX a +S | INBOX a:S | INBOX a:S
    x  x  .          | Forget INBOX a           | -         | -
    .  x  . settled=copied | Expunge INBOX a    | -         | -
"""


@pytest.mark.parametrize("line", cells(LEFT_OUT), ids=lambda line: line[0])
@pytest.mark.parametrize("limit", ["size", "age"])
def test_out_of_scope(limit: str, line: list[str]) -> None:
    state, planned, server, local = line
    more, policy = {"size": ("", TINY), "age": (" date=100", YOUNG)}[limit]
    table = Table(f"INBOX a {state}{more}", policy)
    table.play(planned, server.replace("-", ""), local.replace("-", ""))


def reasons(table: Table) -> list[str]:
    return [getattr(action, "reason", "") for action in table.world.plan().actions]


def test_why_is_said() -> None:
    assert reasons(Table("INBOX a . - - size=1000", SMALL)) == [TOO_LARGE]
    assert reasons(Table("INBOX a . - - date=100", YOUNG)) == [TOO_OLD]


@pytest.mark.parametrize(
    ("state", "policy"),
    [
        (". - - size=100", SMALL),
        (". - - size=x", SMALL),  # not told by the server
        (". - - date=500", YOUNG),
        ("- . - date=500", YOUNG),
    ],
)
def test_at_the_limit_it_is_in_scope(state: str, policy: Policy) -> None:
    table = Table(f"INBOX a {state}".replace("size=x", ""), policy)
    if "size=x" in state:
        (row,) = table.world.rows.values()
        table.world.rows[row.id] = Table("INBOX a . - -").world.rows[1]
    assert table.plan().split()[0] in ("Download", "Upload")


@pytest.mark.parametrize(
    ("state", "out", "planned"),
    [
        (". - -", ". - -", "Download INBOX a"),
        ("- . -", "- . -", "Upload INBOX a"),
        (". x .", ". ? .", "Download INBOX a"),  # nobody looked after it: no deletion
        ("x . .", "? . .", "Held INBOX a"),
        ("x F .", "? F .", "Held INBOX a"),
    ],
)
def test_a_limit_that_is_raised_brings_the_rest(state: str, out: str, planned: str) -> None:
    """What went while it was out of scope is fetched again, or held."""
    table = Table(f"INBOX a {state} date=100", YOUNG)
    table.end()
    names = {".": Presence.THERE, "F": Presence.THERE, "?": Presence.UNKNOWN, "-": Presence.NONE}
    (row,) = table.world.rows.values()
    assert (row.server, row.local) == tuple(names[cell] for cell in out.split()[:2])
    world = table.world
    world.policy = Policy(deletions=EXPUNGE, guard=OFF)
    world.changed(row)
    assert table.plan() == planned
    table.end()


@pytest.mark.parametrize(
    ("lines", "planned", "end"),
    [
        ("INBOX a . x . date=100\nWork a - . - date=100", "Move INBOX>Work a", "Work a"),
        ("INBOX a x . . date=100\nWork a . - - date=100", "MoveLocal INBOX>Work a", "Work a"),
    ],
)
def test_a_move_is_made_whatever_the_limits(lines: str, planned: str, end: str) -> None:
    Table(lines, YOUNG).play(planned, end)


def test_what_is_out_of_scope_keeps_its_mailbox() -> None:
    """Gone in the Maildir, and accepted: what was never here is not deleted there."""
    lines = "A a . x .\nA b . - - date=100"
    boxes = {"A": {"gone": "local", "accepted": True}}
    Table(lines, YOUNG, boxes).play("Out A b; Expunge A a", "A b", "")


@pytest.mark.parametrize("fits", [True, False])
def test_a_draft_whose_new_version_is_too_large(fits: bool) -> None:
    """The old one stays on the server while the new one may not go there."""
    lines = f"""
        Drafts a . x . message_id=d
        Drafts b - . - read=yes message_id=d wire_size={90 if fits else 900}
    """
    table = Table(lines, SMALL, {"Drafts": {}})
    if fits:
        table.play("Upload Drafts b; Expunge Drafts a", "Drafts b")
    else:
        table.play("Unsent Drafts a; Out Drafts b", "Drafts a", "Drafts b")


def test_a_draft_whose_new_version_was_deleted_goes() -> None:
    lines = """
        Drafts a . x . message_id=d
        Drafts b - x - message_id=d wire_size=900
    """
    Table(lines, SMALL, {"Drafts": {}}).play("Forget Drafts b; Expunge Drafts a", "")


def test_bounds_of_no_mailbox_are_those_of_the_account() -> None:
    policy = Policy(direction=PULL, deletions=KEEP)
    assert policy.of(7) == Bounds(PULL, KEEP)  # type: ignore[arg-type]
    assert not policy.server_may_change(7)  # type: ignore[arg-type]
    assert policy.maildir_may_change(7)  # type: ignore[arg-type]


def test_a_mailbox_that_nobody_has_seen_is_in_no_section() -> None:
    table = Table("INBOX a . - -", SMALL)
    (row,) = table.world.rows.values()
    assert plan([row], [], [], SMALL).actions == ()


def test_a_trash_mailbox_out_of_sight_is_used_all_the_same() -> None:
    table = Table("INBOX a . x .", Policy(guard=OFF, trash=9))  # type: ignore[arg-type]
    (action,) = table.world.plan().actions
    assert (type(action).__name__, action.target) == ("Move", 9)  # type: ignore[union-attr]
