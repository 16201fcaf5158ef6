"""The verdict table, row by row: three trees -> plan -> both sides in the end (rules 1, 6, 9)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planner_tables import OFF, Table

from mailsync.model.actions import Pair
from mailsync.model.rows import Settled
from mailsync.model.settings import Deletions, Direction
from mailsync.planner import Policy, plan

TRASH = {"Trash": {}}
EXPUNGE = Policy(deletions=Deletions.EXPUNGE, guard=OFF)
KEEP = Policy(deletions=Deletions.KEEP, guard=OFF)
PULL = Policy(direction=Direction.PULL, guard=OFF)
PUSH = Policy(direction=Direction.PUSH, guard=OFF)
MARKED = Policy(deletions=Deletions.EXPUNGE, expunge_deleted=True, guard=OFF)

# server local synced | first plan | server in the end | Maildir, when it is not the same
VERDICTS = """
    .  -  - | Download INBOX a                        | INBOX a   |
    SF -  - | Download INBOX a                        | INBOX a:FS |
    .  ?  - | Download INBOX a                        | INBOX a   |
    .  ?  S | Download INBOX a                        | INBOX a   |
    .  .  . |                                         | INBOX a   |
    S  .  . | SetLocalFlags INBOX a +S                | INBOX a:S |
    S  F  - | StoreFlags INBOX a +F; SetLocalFlags INBOX a +S | INBOX a:FS |
    .  S  . | StoreFlags INBOX a +S                   | INBOX a:S |
    S  F  . | StoreFlags INBOX a +F; SetLocalFlags INBOX a +S | INBOX a:FS |
    .  x  . | Expunge INBOX a                         |           |
    .  x  - | Download INBOX a                        | INBOX a   |
    S  x  . | Expunge INBOX a                         |           |
    F  x  . | Download INBOX a                        | INBOX a:F |
    x  .  . | RemoveLocal INBOX a                     |           |
    x  S  . | RemoveLocal INBOX a                     |           |
    x  F  . | Upload INBOX a                          | INBOX a:F |
    x  .  - | Upload INBOX a                          | INBOX a   |
    -  .  - | Upload INBOX a                          | INBOX a   |
    -  S  - | Upload INBOX a                          | INBOX a:S |
    ?  .  . | Held INBOX a                            |           | INBOX a
    ?  .  - | Upload INBOX a                          | INBOX a   |
    -  -  . | Forget INBOX a                          |           |
    -  x  . | Forget INBOX a                          |           |
    -  ?  . | Forget INBOX a                          |           |
    x  -  . | Forget INBOX a                          |           |
    x  x  . | Forget INBOX a                          |           |
    x  ?  . | Forget INBOX a                          |           |
    ?  -  . | Forget INBOX a                          |           |
    ?  x  . | Forget INBOX a                          |           |
    ?  ?  . | Forget INBOX a                          |           |
"""


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


@pytest.mark.parametrize("line", rows(VERDICTS), ids=lambda line: line[0])
def test_every_state(line: list[str]) -> None:
    state, plan, server, local = line
    Table(f"INBOX a {state}", EXPUNGE).play(plan, server, local or server)


# policy | state | first plan | server in the end | Maildir in the end
POLICIES = """
    keep    | .  x  .            | Kept INBOX a        | INBOX a   |
    keep    | F  x  .            | Download INBOX a    | INBOX a:F | INBOX a:F
    keep    | .  x  . settled=kept |                   | INBOX a   |
    keep    | F  x  . settled=kept |                   | INBOX a:F |
    pull    | .  x  .            | Unsent INBOX a      | INBOX a   |
    pull    | F  x  .            | Unsent INBOX a      | INBOX a:F |
    pull    | .  -  -            | Download INBOX a    | INBOX a   | INBOX a
    pull    | -  .  -            | Unsent INBOX a      |           | INBOX a
    pull    | x  .  .            | RemoveLocal INBOX a |           |
    pull    | x  F  .            | Unsent INBOX a      |           | INBOX a:F
    pull    | S  .  .            | SetLocalFlags INBOX a +S | INBOX a:S | INBOX a:S
    pull    | .  S  .            | Unsent INBOX a      | INBOX a   | INBOX a:S
    pull    | F  S  .            | SetLocalFlags INBOX a +F | INBOX a:F | INBOX a:FS
    push    | .  x  .            | Expunge INBOX a     |           |
    push    | F  x  .            | Unsent INBOX a      | INBOX a:F |
    push    | .  -  -            | Unsent INBOX a      | INBOX a   |
    push    | -  .  -            | Upload INBOX a      | INBOX a   | INBOX a
    push    | x  .  .            | Unsent INBOX a      |           | INBOX a
    push    | x  F  .            | Unsent INBOX a      |           | INBOX a:F
    push    | S  .  .            | Unsent INBOX a      | INBOX a:S | INBOX a
    push    | .  S  .            | StoreFlags INBOX a +S | INBOX a:S | INBOX a:S
    push    | F  S  .            | StoreFlags INBOX a +S | INBOX a:FS | INBOX a:S
    marked  | T  T  T            | Expunge INBOX a     |           |
    marked  | T  .  .            | SetLocalFlags INBOX a +T |      |
    marked  | .  T  T            | SetLocalFlags INBOX a -T | INBOX a | INBOX a
    marked  | T  .  T            | StoreFlags INBOX a -T | INBOX a   | INBOX a
    marked  | T  T  .            |                     | INBOX a:T | INBOX a:T
    marked  | .  .  T            |                     | INBOX a   | INBOX a
    expunge | T  T  T            |                     | INBOX a:T | INBOX a:T
    expunge | .  x  . settled=copied | Expunge INBOX a |           |
    pull    | .  x  . settled=copied | Unsent INBOX a  | INBOX a   |
    expunge | x  .  . settled=copied | RemoveLocal INBOX a |       |
    expunge | x  x  . settled=copied | Forget INBOX a  |           |
"""
NAMED = {"keep": KEEP, "pull": PULL, "push": PUSH, "marked": MARKED, "expunge": EXPUNGE}


@pytest.mark.parametrize("line", rows(POLICIES), ids=lambda line: f"{line[0]}: {line[1]}")
def test_policy(line: list[str]) -> None:
    policy, state, plan, server, local = line
    Table(f"INBOX a {state}", NAMED[policy]).play(plan, server, local)


def test_marked_messages_are_kept_where_deletions_are() -> None:
    policy = Policy(deletions=Deletions.KEEP, expunge_deleted=True, guard=OFF)
    Table("INBOX a T T T", policy).play("Kept INBOX a", "INBOX a:T")


def test_a_marked_message_that_was_spared_loses_the_mark() -> None:
    plan = "StoreFlags INBOX a -T; SetLocalFlags INBOX a -T"
    Table("INBOX a T T T settled=spared", MARKED).play(plan, "INBOX a")


def test_marked_by_flags_that_the_server_cannot_keep_alike() -> None:
    """\\Flagged is not shared here, so the sides agree."""
    from mailsync.model.flags import Flags

    boxes = {"INBOX": {"permanent": ~Flags.FLAGGED & Flags(63)}}
    Table("INBOX a T TF T", MARKED, boxes).play("Expunge INBOX a", "")


@pytest.mark.parametrize(
    ("state", "policy"),
    [
        ("x F . accepted=yes", EXPUNGE),
        ("F x . accepted=yes", EXPUNGE),
        ("? . . accepted=yes", PUSH),
    ],
)
def test_accepted_goes_whatever_its_flags(state: str, policy: Policy) -> None:
    table = Table(f"INBOX a {state}", replace_direction(policy))
    assert table.end() == ("", "")


def replace_direction(policy: Policy) -> Policy:
    return Policy(deletions=policy.deletions, guard=OFF)


def test_kept_is_closed_for_good_where_the_file_is_gone() -> None:
    """A marked message whose file is there waits instead: it may lose the mark."""
    world = Table("INBOX a . x .", KEEP).play("Kept INBOX a", "INBOX a", "")
    assert world.rows[1].settled is Settled.KEPT
    marked = Policy(deletions=Deletions.KEEP, expunge_deleted=True, guard=OFF)
    world = Table("INBOX a T T T", marked).play("Kept INBOX a", "INBOX a:T")
    assert world.rows[1].settled is Settled.NO


def test_kept_is_opened_again_by_accept() -> None:
    table = Table("INBOX a . x . settled=kept accepted=yes", EXPUNGE)
    row = table.world.rows[1]
    from mailsync.planner import plan

    (action,) = plan([row], [], table.world.mailboxes(), EXPUNGE).actions
    assert type(action).__name__ == "Expunge"


@pytest.mark.parametrize("state", ["- . -", "x . -", "- S -"])
def test_a_download_that_a_crash_kept_from_the_cache(state: str) -> None:
    """The file says by its name which message it was; that one was expunged meanwhile.  It is not
    forgotten before the file is gone: what a run that ends in between left would be sent."""
    lines = f"""
        INBOX a x - - internal_date=1 date=1
        INBOX a {state} date=1 origin=1
    """
    Table(lines, EXPUNGE).play("RemoveLocal INBOX a", "")


def test_a_download_of_what_had_a_file_before() -> None:
    """Removed in the Maildir, put back for a flag, cut off by a crash, expunged since."""
    lines = """
        INBOX a x x .
        INBOX a - . - origin=1
    """
    Table(lines, EXPUNGE).play("RemoveLocal INBOX a", "")


@pytest.mark.parametrize("lost", ["", " name=none file_size=none mtime_ns=none"])
def test_a_file_edited_in_the_second_of_its_date_is_sent(lost: str) -> None:
    """It has our name and the date of a message that is gone, and other bytes."""
    lines = f"""
        INBOX a x x . date=1{lost}
        INBOX b - . - date=1 origin=1
    """
    Table(lines, EXPUNGE).play("Forget INBOX a; Upload INBOX b", "INBOX b")


def test_a_file_under_our_name_that_cannot_be_read_is_taken_for_no_message() -> None:
    """Whether it was edited in the second of its date only its bytes could tell."""
    world = Table("INBOX a . x . date=1\nINBOX b - . - date=1 origin=1", EXPUNGE).world
    message, file = world.rows.values()
    made = plan([message], [replace(file, parked=True)], world.mailboxes(), EXPUNGE)
    assert not any(isinstance(one, Pair) for one in made.actions), made


@pytest.mark.parametrize("gone", ["x", "."])
def test_a_copy_of_what_it_was_is_none_of_an_edited_file(gone: str) -> None:
    """Put there by another client; the edited file kept header and date."""
    lines = f"""
        INBOX a {gone} x . date=1 header=h
        INBOX b - . - date=1 origin=1 read=yes header=h
        INBOX a . - - date=1 header=h
    """
    first = (
        "Forget INBOX a; Download INBOX a" if gone == "x" else "Download INBOX a; Expunge INBOX a"
    )
    Table(lines, EXPUNGE).play(first, "INBOX a b")


def test_an_edited_file_is_sent_even_if_nobody_knows_what_it_was() -> None:
    """After the cache was lost, pairs are made by names alone."""
    lines = """
        INBOX a x x . date=1 body=none name=none
        INBOX b - . - date=1 origin=1
    """
    Table(lines, EXPUNGE).play("Forget INBOX a; Upload INBOX b", "INBOX b")


@pytest.mark.parametrize(
    ("state", "first", "end"),
    [
        ("F . .", "Copy INBOX>INBOX a; SetLocalFlags INBOX a +F", "INBOX a a:F"),
        ("x . .", "Upload INBOX a; RemoveLocal INBOX a", "INBOX a"),
    ],
)
def test_a_copy_that_a_user_made_under_our_name(state: str, first: str, end: str) -> None:
    """The file of that message is there, too."""
    Table(f"INBOX a {state}\nINBOX a - . - origin=1 read=yes", EXPUNGE).play(first, end)


@pytest.mark.parametrize("more", ["origin=2", "origin=1 mtime_ns=5000000000"])
def test_a_name_alone_proves_nothing(more: str) -> None:
    lines = f"""
        INBOX a x x .
        INBOX a - . - {more}
    """
    table = Table(lines, EXPUNGE)
    assert table.plan() == "Forget INBOX a; Upload INBOX a"


def test_a_downloaded_copy_that_was_flagged_is_sent() -> None:
    lines = """
        INBOX a x x .
        INBOX a - F - origin=1
    """
    assert Table(lines, EXPUNGE).plan() == "Forget INBOX a; Upload INBOX a"


def test_our_own_name_under_an_unknown_uid_is_held() -> None:
    Table("INBOX a ? . - origin=7", EXPUNGE).play("Held INBOX a", "", "INBOX a")


def test_what_is_new_stays_open_where_pairing_got_no_answer() -> None:
    """It may be the same as what is new on the other side; elsewhere and otherwise all goes on."""
    lines = """
        INBOX a . - -
        INBOX b - . - date=9
        INBOX c x . .
        Work  d . - -
    """
    policy = Policy(guard=OFF, untold=frozenset({1}))  # type: ignore[arg-type]
    assert Table(lines, policy).plan() == "Download Work d; RemoveLocal INBOX c"


def test_rows_with_an_intent_or_of_a_mailbox_out_of_sight_are_left_alone() -> None:
    lines = """
        INBOX a . x . intent=yes
        Work  b . x .
        INBOX c . x .
    """
    table = Table(lines, EXPUNGE, {"Work": {"selected": False}})
    assert table.plan() == "Expunge INBOX c"
