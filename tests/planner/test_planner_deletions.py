"""Deletions: where they go, drafts that were replaced, and the guard (rules 3, 9 and 10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planner_tables import OFF, Table

from mailsync.model.ids import UID, MailboxId, RowId
from mailsync.model.rows import Mailbox, Presence, Role, Row, Side, Tally
from mailsync.model.settings import Deletions, Direction, Guard
from mailsync.planner import Bounds, Policy
from mailsync.planner.guard import beyond_view, stops

TRASH = Policy(guard=OFF)
EXPUNGE = Policy(deletions=Deletions.EXPUNGE, guard=OFF)
KEEP = Policy(deletions=Deletions.KEEP, guard=OFF)
GMAIL = Policy(deletions=Deletions.KEEP, gmail=True, guard=OFF)
MARKED = Policy(expunge_deleted=True, guard=OFF)
HAS = {"INBOX": {}, "Trash": {}}

# what | policy, lines, boxes | first plan | end
WHERE = {
    "to the \\Trash mailbox": (TRASH, "INBOX a . x .", HAS, "Move INBOX>Trash a", "Trash a"),
    "there they are expunged": (TRASH, "Trash a . x .", HAS, "Expunge Trash a", ""),
    "without one they are expunged": (TRASH, "INBOX a . x .", {}, "Expunge INBOX a", ""),
    "expunge": (EXPUNGE, "INBOX a . x .", HAS, "Expunge INBOX a", ""),
    "what \\Trash holds already is expunged": (
        TRASH,
        "INBOX a . x .\nTrash a S . .",
        HAS,
        "SetLocalFlags Trash a +S; Expunge INBOX a",
        "Trash a:S",
    ),
    "by EMAILID, too": (
        TRASH,
        "INBOX a . x . email_id=M\nTrash a S . . email_id=M body=none",
        HAS,
        "SetLocalFlags Trash a +S; Expunge INBOX a",
        "Trash a:S",
    ),
    "marked \\Deleted: without the flag, else it would go from \\Trash, too": (
        MARKED,
        "INBOX a T T T",
        HAS,
        "Move INBOX>Trash a -T",
        "Trash a",
    ),
    "marked \\Deleted, and a run ended when the flag was off": (
        MARKED,
        "INBOX a . T T accepted=yes",
        HAS,
        "Move INBOX>Trash a -T",
        "Trash a",
    ),
    "marked in \\Trash": (MARKED, "Trash a T T T", HAS, "Expunge Trash a", ""),
    "Gmail: to \\Trash, even with keep": (
        GMAIL,
        "INBOX a . x .",
        HAS,
        "Move INBOX>Trash a",
        "Trash a",
    ),
    "Gmail: expunged only in \\Trash": (GMAIL, "Trash a . x .", HAS, "Expunge Trash a", ""),
    "a \\Trash mailbox that is in the Maildir only is made": (
        TRASH,
        "INBOX a . x .",
        {"INBOX": {}, "Trash": {"only": "local"}},
        "CreateMailbox Trash; Move INBOX>Trash a",
        "Trash a",
    ),
    "one that was removed on the server is made again": (
        TRASH,
        "INBOX a . x .",
        {"INBOX": {}, "Trash": {"gone": "server"}},
        "CreateMailbox Trash; Move INBOX>Trash a",
        "Trash a",
    ),
}


@pytest.mark.parametrize("case", WHERE.values(), ids=WHERE)
def test_where_deletions_go(
    case: tuple[Policy, str, dict[str, dict[str, object]], str, str],
) -> None:
    policy, lines, boxes, plan, end = case
    Table(lines, policy, boxes).play(plan, end)


# What we marked \\Deleted in a run that was cut off (reliability.md I16).
BY_US = {
    "it goes": (EXPUNGE, "INBOX a . x . marked=yes", HAS, "Expunge INBOX a", ""),
    "it is put back": (
        EXPUNGE,
        "INBOX a F x . marked=yes",
        HAS,
        "StoreFlags INBOX a -T; Download INBOX a",
        "INBOX a:F",
    ),
    "its file is there again": (
        EXPUNGE,
        "INBOX a . S . marked=yes",
        HAS,
        "StoreFlags INBOX a -T; StoreFlags INBOX a +S",
        "INBOX a:S",
    ),
    "it moved: a Move takes its own mark back": (
        EXPUNGE,
        "INBOX a . x . marked=yes name=n\nWork a - . - read=yes name=n",
        {"INBOX": {}, "Work": {}},
        "Move INBOX>Work a",
        "Work a:T",
    ),
    "a draft that is replaced goes": (
        EXPUNGE,
        "Drafts a D x D marked=yes\nDrafts b - D - origin=1 read=yes",
        {"Drafts": {}},
        "Upload Drafts b; Expunge Drafts a",
        "Drafts b:D",
    ),
}


@pytest.mark.parametrize("case", BY_US.values(), ids=BY_US)
def test_marks_of_our_own(case: tuple[Policy, str, dict[str, dict[str, object]], str, str]) -> None:
    policy, lines, boxes, plan, end = case
    Table(lines, policy, boxes).play(plan, end)


@pytest.mark.parametrize(
    "policy",
    [replace(EXPUNGE, direction=Direction.PULL), replace(EXPUNGE, only=frozenset())],
    ids=["the server is not to be changed", "another mailbox is synced"],
)
def test_a_mark_stays_where_nothing_may_be_done(policy: Policy) -> None:
    assert "StoreFlags" not in Table("INBOX a F x . marked=yes", policy).plan()


def test_a_mark_is_taken_back_where_the_run_looks() -> None:
    policy = replace(EXPUNGE, only=frozenset({1}))  # type: ignore[arg-type]
    assert "StoreFlags" in Table("INBOX a F x . marked=yes", policy).plan()


def test_a_draft_whose_new_version_may_not_go_there_stays_without_its_mark() -> None:
    bounds = {1: Bounds(Direction.BOTH, Deletions.EXPUNGE, max_size=100)}
    policy = replace(EXPUNGE, bounds=bounds)  # type: ignore[arg-type]
    lines = """
        Drafts a D x D marked=yes
        Drafts b - D - origin=1 read=yes wire_size=900
    """
    plan = "Unsent Drafts a; Out Drafts b; StoreFlags Drafts a -T"
    Table(lines, policy, {"Drafts": {}}).play(plan, "Drafts a:D", "Drafts b:D")


WAITING = {
    "Gmail without \\Trash": (GMAIL, {"INBOX": {}}),
    "a \\Trash mailbox that is read-only": (TRASH, {"INBOX": {}, "Trash": {"read_only": True}}),
}


@pytest.mark.parametrize("case", WAITING.values(), ids=WAITING)
def test_deletions_that_wait(case: tuple[Policy, dict[str, dict[str, object]]]) -> None:
    policy, boxes = case
    Table("INBOX a . x .", policy, boxes).play("Unsent INBOX a", "INBOX a", "")


def test_a_trash_mailbox_that_this_sync_would_not_make() -> None:
    """`sync A/INBOX`: the mailbox for what is deleted there is made all the same."""
    boxes = {"INBOX": {}, "New": {"only": "local"}, "Trash": {"only": "local"}}
    for only, made in (
        ((1,), "CreateMailbox Trash"),
        ((1, 2), "CreateMailbox New; CreateMailbox Trash"),
    ):
        policy = replace(TRASH, only=frozenset(only))  # type: ignore[arg-type]
        table = Table("INBOX a . x .", policy, boxes)
        assert table.plan() == f"{made}; Move INBOX>Trash a"


def test_a_trash_mailbox_out_of_sight_takes_them_all_the_same() -> None:
    boxes = {"INBOX": {}, "Trash": {"selected": False}}
    Table("INBOX a . x .", TRASH, boxes).play("Move INBOX>Trash a", "Trash a", "")


def test_trash_that_is_made_in_the_same_plan() -> None:
    """Mail came into it in the Maildir, so that it is to be made anyway: once."""
    boxes = {"INBOX": {}, "Trash": {"only": "local"}}
    plan = "CreateMailbox Trash; Upload Trash b; Move INBOX>Trash a"
    Table("INBOX a . x .\nTrash b - . -", TRASH, boxes).play(plan, "Trash a b")


# -- drafts ------------------------------------------------------------------------------------

DRAFTS = {
    "edited in place: known by our name": (
        "Drafts a D x D\nDrafts b - D - origin=1 read=yes",
        "Upload Drafts b; Expunge Drafts a",
        "Drafts b:D",
    ),
    "saved anew: known by the Message-ID": (
        "Drafts a D x D\nDrafts b - D - read=yes message_id=a",
        "Upload Drafts b; Expunge Drafts a",
        "Drafts b:D",
    ),
    "another draft": (
        "Drafts a D x D\nDrafts b - D - read=yes message_id=b",
        "Upload Drafts b; Move Drafts>Trash a",
        "Drafts b:D | Trash a:D",
    ),
    "a message without a Message-ID": (
        "Drafts a D x D message_id=\nDrafts b - D - read=yes message_id=",
        "Upload Drafts b; Move Drafts>Trash a",
        "Drafts b:D | Trash a:D",
    ),
    "not even in another special-use mailbox": (
        "Archive a . x .\nArchive b - . - read=yes message_id=a",
        "Upload Archive b; Move Archive>Trash a",
        "Archive b | Trash a",
    ),
    "elsewhere nothing is replaced": (
        "INBOX a . x .\nINBOX b - . - read=yes message_id=a",
        "Upload INBOX b; Move INBOX>Trash a",
        "INBOX b | Trash a",
    ),
}


@pytest.mark.parametrize("case", DRAFTS.values(), ids=DRAFTS)
def test_drafts(case: tuple[str, str, str]) -> None:
    lines, plan, end = case
    Table(lines, TRASH, {"INBOX": {}, "Drafts": {}, "Trash": {}}).play(plan, end)


def test_a_replaced_draft_stays_while_the_new_version_waits_for_a_download() -> None:
    """The new file may be the very message that is fetched: the old one goes only afterwards."""
    lines = """
        Drafts a D x D
        Drafts b D - -
        Drafts b - D - message_id=a read=yes origin=1
    """
    table = Table(lines, TRASH, {"Drafts": {}, "Trash": {}})
    first = table.plan()
    assert "Download Drafts b" in first
    assert "Expunge" not in first
    assert "Move" not in first


# -- the guard ---------------------------------------------------------------------------------


def box(there: int, executed: int = 0, held: int = 0, role: Role | None = None) -> Mailbox:
    tally = Tally(there, executed, held)
    made = Mailbox(1, "Work", Presence.THERE, Presence.THERE, role=role)  # type: ignore[arg-type]
    return replace(made, on_server=tally, on_local=tally)


# there, executed, held, planned | held?
GUARD = """
    1000  0   0   250 | no
    1000  0   0   251 | yes
    1000  0   0   25  | no
    40    0   0   25  | no
    40    0   0   26  | yes
    100   0   0   25  | no
    100   0   0   26  | yes
    104   0   0   26  | no
    30    0   0   25  | no
    30    0   0   30  | yes
    25    0   0   25  | yes
    10    0   0   10  | yes
    10    0   0   9   | no
    9     0   0   9   | no
    9     1   0   9   | yes
    1     0   0   1   | no
    0     0   0   0   | no
    75    25  0   1   | yes
    76    25  0   0   | no
    80    24  0   1   | no
    80    24  0   2   | no
    80    24  0   3   | yes
    100   0   25  1   | yes
    100   0   24  1   | no
"""


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("line", GUARD.strip().splitlines(), ids=str.strip)
def test_the_guard(line: str, side: Side) -> None:
    there, executed, held, planned, _, answer = line.split()
    asked = box(int(there), int(executed), int(held))
    why = stops(asked, side, int(planned), Guard(), trash=False)
    assert (why is not None) == (answer == "yes"), why
    if why is not None:
        assert ("on the server" in why) == (side is Side.SERVER)


@pytest.mark.parametrize("role", list(Role))
def test_where_there_is_no_guard(role: Role) -> None:
    asked = box(100, role=role)
    free = role in (Role.TRASH, Role.JUNK, Role.DRAFTS)
    assert (stops(asked, Side.LOCAL, 100, Guard(), trash=False) is None) == free
    assert stops(box(100), Side.LOCAL, 100, Guard(), trash=True) is None
    assert stops(box(100), Side.LOCAL, 100, Guard(share=None), trash=False) is None


@pytest.mark.parametrize("side", list(Side))
def test_a_mailbox_that_is_back_without_messages(side: Side) -> None:
    """However few, and whatever `guard` says; what went on the other side goes on."""
    other = Side.LOCAL if side is Side.SERVER else Side.SERVER
    asked = replace(box(100), returned=other)
    for guard in (Guard(), Guard(share=None)):
        why = stops(asked, side, 1, guard, trash=False)
        assert why is not None
        assert ("gone in the Maildir" in why) == (side is Side.SERVER)
        assert stops(asked, other, 1, guard, trash=False) is None
        assert stops(asked, side, 0, guard, trash=False) is None
        assert stops(asked, side, 1, guard, trash=True) is None


@pytest.mark.parametrize(
    ("uid", "lowest", "role", "held"),
    [
        (6, UID(7), None, True),
        (8, UID(7), None, False),
        (None, UID(7), None, False),
        (6, None, None, False),
        (6, UID(7), Role.JUNK, False),
    ],
)
def test_a_view_of_the_newest(
    uid: int | None, lowest: UID | None, role: Role | None, held: bool
) -> None:
    asked = replace(box(1000, role=role), lowest=lowest)
    row = Row(RowId(1), MailboxId(1), uid=None if uid is None else UID(uid))
    why = beyond_view(asked, row, trash=False)
    assert (why is not None) == held
    assert beyond_view(asked, row, trash=True) is None


def test_what_is_pushed_out_of_a_view_is_held_whatever_the_guard() -> None:
    lines = "INBOX a x . .\nINBOX b . . .\nINBOX c x . ."
    for boxes, plan in (
        ({"INBOX": {"lowest": UID(2)}}, "Held INBOX a; RemoveLocal INBOX c"),
        ({"INBOX": {}}, "RemoveLocal INBOX a+c"),
    ):
        assert Table(lines, Policy(guard=OFF), boxes).plan() == plan


TEN = "\n".join(f"INBOX m{n} . x ." for n in range(10))


def test_all_of_ten_are_held_and_everything_else_goes_on() -> None:
    names = "+".join(f"m{n}" for n in range(10))
    table = Table(TEN + "\nWork a . - -\nWork b . x .", Policy(deletions=Deletions.EXPUNGE))
    assert table.plan() == f"Held INBOX {names}; Download Work a; Expunge Work b"


BY_NAME = {"role": Role.TRASH, "guessed": True}
# Bin, policy | what becomes of one deletion there, and of all of ten
BINS = {
    "by the user's word": ({}, Policy(trash=1), "Expunge", "Expunge"),  # type: ignore[arg-type]
    "by its name alone": (
        BY_NAME,
        Policy(trash=1, trash_guessed=True),  # type: ignore[arg-type]
        "Expunge",
        "Held",
    ),
    "another one, by the server's word": ({"role": Role.TRASH}, Policy(), "Expunge", "Expunge"),
    "another one, though this one is so by its name alone": (
        {"role": Role.TRASH},
        Policy(trash_guessed=True),
        "Expunge",
        "Expunge",
    ),
    "another one, by its name alone": (BY_NAME, Policy(), "Move", "Held"),
}


@pytest.mark.parametrize("case", BINS.values(), ids=BINS)
def test_a_trash_mailbox(case: tuple[dict[str, object], Policy, str, str]) -> None:
    facts, policy, one, ten = case
    for lines, verb in (("Bin a . x .", one), (TEN.replace("INBOX", "Bin"), ten)):
        assert Table(lines, policy, {"Bin": facts, "Trash": {}}).plan().split()[0] == verb


def test_accepted_ones_go_and_do_not_count() -> None:
    lines = TEN.replace("x .", "x . accepted=yes")
    Table(lines, Policy(deletions=Deletions.EXPUNGE)).play(
        "Expunge INBOX " + "+".join(f"m{n}" for n in range(10)), ""
    )


def test_held_ones_count() -> None:
    """26 of 100 are held; one more would go by itself, and does not."""
    lines = [f"INBOX h{n} . x . wait=held" for n in range(26)]
    lines += [f"INBOX k{n} . . ." for n in range(73)]
    table = Table("\n".join([*lines, "INBOX a . x ."]), Policy(deletions=Deletions.EXPUNGE))
    assert table.plan() == "Held INBOX a"


def test_what_went_within_the_hour_counts() -> None:
    lines = [f"INBOX k{n} . . ." for n in range(60)]
    table = Table("\n".join([*lines, "INBOX a . x ."]), Policy(deletions=Deletions.EXPUNGE))
    table.world.named("INBOX").removed[Side.SERVER] = 25
    assert table.plan() == "Held INBOX a"
    table.world.an_hour_passes()
    assert table.plan() == "Expunge INBOX a"


def test_moves_do_not_count() -> None:
    lines = TEN + "".join(f"\nArchive m{n} - . -" for n in range(10))
    table = Table(lines, Policy(deletions=Deletions.EXPUNGE))
    assert table.plan() == "Move INBOX>Archive " + "+".join(f"m{n}" for n in range(10))
    server, local = table.end()
    assert server == local == "Archive " + " ".join(f"m{n}" for n in range(10))


@pytest.mark.parametrize(("guessed", "what"), [(False, "Expunge"), (True, "Held")])
def test_what_the_user_calls_trash_has_no_guard(guessed: bool, what: str) -> None:
    policy = Policy(trash=1, trash_guessed=guessed)  # type: ignore[arg-type]
    table = Table(TEN.replace("INBOX", "Bin"), policy)
    assert table.plan().startswith(f"{what} Bin m0+")


def test_the_guard_for_files() -> None:
    table = Table(TEN.replace(". x .", "x . ."), Policy())
    assert table.plan().startswith("Held INBOX m0")
