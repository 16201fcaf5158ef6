"""Moves: where a message ends (rule 7)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from planner_tables import OFF, Table

from mailsync.model.actions import Defer, RemoveLocal
from mailsync.model.rows import Side, Wait
from mailsync.model.settings import Deletions, Direction
from mailsync.planner import Policy

EXPUNGE = Policy(deletions=Deletions.EXPUNGE, guard=OFF)
PULL = Policy(direction=Direction.PULL, guard=OFF)
PUSH = Policy(direction=Direction.PUSH, deletions=Deletions.EXPUNGE, guard=OFF)
MARKED = replace(EXPUNGE, expunge_deleted=True)
READ_ONLY = {"read_only": True}


@dataclass(frozen=True)
class Case:
    lines: str
    plan: str
    server: str
    local: str | None = None  # as the server
    policy: Policy = EXPUNGE
    boxes: dict[str, dict[str, object]] = field(default_factory=dict)


MOVES = {
    "A>B in the Maildir, the name kept": Case(
        "INBOX a . x . name=n\nWork a - . - name=n", "Move INBOX>Work a", "Work a"
    ),
    "A>B in the Maildir under a new name": Case(
        "INBOX a . x .\nWork a - . -", "Move INBOX>Work a", "Work a"
    ),
    "the same name and date elsewhere, other bytes: another message": Case(
        "INBOX a . x . name=n date=50\nWork b - . - name=n date=50 read=yes",
        "Upload Work b; Expunge INBOX a",
        "Work b",
    ),
    "the same name and date elsewhere, another length": Case(
        "INBOX a . x . name=n date=50 body=none header=none file_size=90\n"
        "Work b - . - name=n date=50",
        "Upload Work b; Expunge INBOX a",
        "Work b",
    ),
    "A>B in the Maildir with changed flags": Case(
        "INBOX a F x .\nWork a - S -", "Move INBOX>Work a", "Work a:FS"
    ),
    "A>B in the Maildir is no deletion, whatever deletions says": Case(
        "INBOX a . x .\nWork a - . -",
        "Move INBOX>Work a",
        "Work a",
        policy=Policy(deletions=Deletions.KEEP, guard=OFF),
    ),
    "A>B by COPY, and the copy is deleted: it stays in A, and its file goes back": Case(
        "INBOX a . x . settled=copied\nWork a x . .", "MoveLocal Work>INBOX a", "INBOX a"
    ),
    "A>B by COPY, and a copy is seen: another twin is deleted": Case(
        "INBOX a . x . settled=copied\nOther a x . .\nWork a F . .",
        "SetLocalFlags Work a +F; RemoveLocal Other a; Expunge INBOX a",
        "Work a:F",
    ),
    "A>B by COPY, and the copy has moved on": Case(
        "INBOX a . x . settled=copied\nWork a x . .\nOther a . - - read=yes",
        "MoveLocal Work>Other a; Expunge INBOX a",
        "Other a",
    ),
    "A>B by COPY, then flagged in A": Case(
        "INBOX a F x . settled=copied name=n\nWork a . . . name=n",
        "StoreFlags Work a +F; Expunge INBOX a",
        "Work a:F",
    ),
    "A>B by COPY, then unread in A, and the copy was never agreed on": Case(
        "INBOX a F x FS settled=copied\nWork a FS FS - read=yes", "Expunge INBOX a", "Work a:FS"
    ),
    "A>B by COPY, then unread in A": Case(
        "INBOX a . x S settled=copied name=n\nWork a S S S name=n",
        "StoreFlags Work a -S; Expunge INBOX a",
        "Work a",
    ),
    "A>B by COPY, flagged before: the copy shows it, and a twin does not": Case(
        "INBOX a F x . settled=copied name=n\nOther a . . . name=o\nWork a F F F name=n",
        "Expunge INBOX a",
        "Other a | Work a:F",
    ),
    "A>B by COPY, then marked in A": Case(
        "INBOX a T x . settled=copied\nWork a F . .",
        "SetLocalFlags Work a +F; Expunge INBOX a",
        "Work a:F",
    ),
    "A>B by COPY, never agreed on": Case("INBOX a F x - settled=copied", "Expunge INBOX a", ""),
    "into \\Trash by COPY, then flagged": Case(
        "INBOX a F x . settled=copied\nTrash a . . .",
        "StoreFlags Trash a +F; Expunge INBOX a",
        "Trash a:F",
        policy=Policy(guard=OFF),
        boxes={"Trash": {}},
    ),
    "into \\Trash by COPY, then flagged: a twin elsewhere is none of it": Case(
        "INBOX a F x . settled=copied\nTrash a . . . name=t\nWork a . . . name=n",
        "StoreFlags Trash a +F; Expunge INBOX a",
        "Trash a:F | Work a",
        policy=Policy(guard=OFF),
        boxes={"Trash": {}},
    ),
    "A>B by COPY, then flagged in A, and the copy may not be changed": Case(
        "INBOX a F x . settled=copied name=n\nWork a . . . name=n",
        "Expunge INBOX a",
        "Work a",
        boxes={"Work": READ_ONLY},
    ),
    "A>B by COPY, then flagged in A, and B>C here": Case(
        "INBOX a F x . settled=copied name=n\nWork a . x . name=n\nOther a - . - name=n",
        "Move Work>Other a",
        "Other a:F",
    ),
    "A>B by COPY under a new name, then flagged in A: an older twin is no copy": Case(
        "Archive a . . . name=o\nINBOX a F x . settled=copied name=m\nWork a . . . name=n",
        "StoreFlags Work a +F; Expunge INBOX a",
        "Archive a | Work a:F",
    ),
    "A>B by COPY, A got another UIDVALIDITY, then flagged in A": Case(
        "Work a . . . name=n\nINBOX a F x . settled=copied name=m",
        "StoreFlags Work a +F; Expunge INBOX a",
        "Work a:F",
    ),
    "A>B by COPY, A got another UIDVALIDITY, and the copy is deleted": Case(
        "Work a x . . name=n\nINBOX a . x . settled=copied name=m",
        "MoveLocal Work>INBOX a",
        "INBOX a",
    ),
    "A>B by COPY, a draft since: an older twin, which is none, is no copy": Case(
        "Archive a . . . name=o\nINBOX a D x . settled=copied name=m\nWork a D D D name=n",
        "Expunge INBOX a",
        "Archive a | Work a:D",
    ),
    "A>B by COPY, a draft since, and an older twin, which is none, is deleted": Case(
        "Archive a x . . name=o\nINBOX a . x . settled=copied name=m\nWork a D D D name=n",
        "RemoveLocal Archive a; Expunge INBOX a",
        "Work a:D",
    ),
    "A>B by COPY, then flagged in A and deleted from B here: it is put back": Case(
        "INBOX a F x . settled=copied name=n\nWork a . x . name=n",
        "StoreFlags Work a +F; Expunge INBOX a",
        "Work a:F",
    ),
    "A>B by COPY under a new name, and another twin is deleted": Case(
        "INBOX a . x . settled=copied name=m\nOther a x . . name=o\nWork a . . . name=n",
        "RemoveLocal Other a; Expunge INBOX a",
        "Work a",
    ),
    "A>B by COPY under a new name, and the copy is deleted, not a twin": Case(
        "Archive a . . . name=o\nINBOX a . x . settled=copied name=m\nWork a x . . name=n",
        "MoveLocal Work>INBOX a",
        "Archive a | INBOX a",
    ),
    "A>B on the server": Case("INBOX a x . .\nWork a . - -", "MoveLocal INBOX>Work a", "Work a"),
    "A>B on the server with changed flags": Case(
        "INBOX a x S .\nWork a F - -", "MoveLocal INBOX>Work a", "Work a:FS"
    ),
    "A>B on the server by EMAILID": Case(
        "INBOX a x . . email_id=M\nWork a D - - email_id=M",
        "MoveLocal INBOX>Work a",
        "Work a:D",
    ),
    "a draft on the server, by its body": Case(
        "INBOX a x D D\nWork a D - -", "MoveLocal INBOX>Work a", "Work a:D"
    ),
    "a draft since: by its header, as it was none when both agreed": Case(
        "INBOX a x D . body=other\nWork a . - -", "MoveLocal INBOX>Work a", "Work a:D"
    ),
    "A>B on both sides is one message": Case(
        "INBOX a x x S\nWork a . - -\nWork a - S -",
        "Pair Work a HEADER; Forget INBOX a",
        "Work a",
    ),
    "A>B on both sides with its flags, told by neither's content: what was removed stays so": Case(
        "INBOX a x x DS email_id=M name=n\nWork a D - - email_id=M\nWork a - DS - name=n",
        "Pair Work a EMAIL_ID; Forget INBOX a",
        "Work a:D",
    ),
    "A>B here, A>C there: both are kept, made from each other": Case(
        "INBOX a x x .\nWork a - . -\nOld a . - -",
        "Forget INBOX a; Copy Old>Work a; CopyLocal Work>Old a",
        "Old a | Work a",
    ),
    "A>B here and unread, A>C there: the copy for B is unread": Case(
        "INBOX a x x S\nWork a - . -\nOld a S - -",
        "Forget INBOX a; Copy Old>Work a; CopyLocal Work>Old a",
        "Old a:S | Work a",
    ),
    "a new name here, A>B there": Case(
        "INBOX a x x .\nINBOX a - . -\nWork a . - -", "Pair INBOX a HEADER", "Work a"
    ),
    "a new name here that is unread, A>B there: it stays so": Case(
        "INBOX a x x S\nINBOX a - . -\nWork a S - -", "Pair INBOX a HEADER", "Work a"
    ),
    "a new UID there that is unread, A>B here: it stays so": Case(
        "INBOX a x x S\nINBOX a . - -\nWork a - S -", "Pair INBOX a HEADER", "Work a"
    ),
    "a new name where it was and a copy, A>B there: the new name is no copy": Case(
        "Drafts a - S - read=yes\nINBOX a x x .\nINBOX a - . - read=yes\nWork a . - -",
        "Pair INBOX a HEADER; Upload Drafts a",
        "Drafts a:S | Work a",
    ),
    "a new UID where it was and a copy, A>B here: the new UID is no copy": Case(
        "Drafts a . - -\nINBOX a x x .\nINBOX a . - -\nWork a - S - read=yes",
        "Pair INBOX a HEADER; Download Drafts a",
        "Drafts a | Work a:S",
    ),
    "among twins by the name of the mailbox, whichever the cache met first": Case(
        "Work a x . .\nOld a . - -\nINBOX a . - -",
        "MoveLocal Work>INBOX a; Download Old a",
        "INBOX a | Old a",
    ),
    "a new UID there, A>B here": Case(
        "INBOX a x x .\nINBOX a . - -\nWork a - . -", "Pair INBOX a HEADER", "Work a"
    ),
    "deleted on the server, moved here: the destination survives": Case(
        "INBOX a x x .\nWork a - . -", "Forget INBOX a; Upload Work a", "Work a"
    ),
    "deleted here, moved on the server: the destination survives": Case(
        "INBOX a x x .\nWork a . - -", "Forget INBOX a; Download Work a", "Work a"
    ),
    "moved by its name although a twin came where it was": Case(
        "INBOX a . x . name=n\nINBOX a - . -\nWork a - . - name=n",
        "Move INBOX>Work a; Upload INBOX a",
        "INBOX a | Work a",
    ),
    "a half-done MoveLocal: the file is under both names": Case(
        "INBOX a x . .\nWork a . - -\nWork a - . - origin=1",
        "Pair Work a OWN_NAME; RemoveLocal INBOX a",
        "Work a",
    ),
    "a half-done MoveLocal to where a twin was expunged: that one is not its file": Case(
        "Work a x F .\nINBOX a . - -\nINBOX a - . - origin=1\nINBOX a x . .",
        "Pair INBOX a OWN_NAME; RemoveLocal Work a; RemoveLocal INBOX a",
        "INBOX a",
    ),
    "a half-done MoveLocal of a draft: told by its body": Case(
        "INBOX a x DF D\nWork a D - -\nWork a - D - origin=1 read=yes",
        "Pair Work a OWN_NAME; RemoveLocal INBOX a",
        "Work a:D",
    ),
    "where it was is a file of other bytes": Case(
        "INBOX a x F . body=other\nWork a . - -\nWork a - . - origin=1 read=yes",
        "Pair Work a OWN_NAME; Upload INBOX a",
        "INBOX a:F | Work a",
    ),
    "a copy that a user made is none": Case(
        "INBOX a x F .\nWork a . - -\nWork a - . -",
        "Pair Work a HEADER; Upload INBOX a",
        "INBOX a:F | Work a",
    ),
    "a half-done MoveLocal of a Maildir that may not be changed": Case(
        "INBOX a x . .\nWork a . - -\nWork a - . - origin=1",
        "Pair Work a OWN_NAME; Unsent INBOX a",
        "Work a",
        "INBOX a | Work a",
        policy=PUSH,
    ),
    "a copy of a message that is open, too, is a COPY with the flags of its file": Case(
        "INBOX a F . .\nWork a - S - read=yes",
        "Copy INBOX>Work a; SetLocalFlags INBOX a +F",
        "INBOX a:F | Work a:S",
    ),
    "two come, and only one has its EMAILID here already": Case(
        "INBOX a . . . email_id=M\nWork a S - - email_id=M\nWork b . - - email_id=N",
        "CopyLocal INBOX>Work a; Download Work b",
        "INBOX a | Work a:S b",
    ),
    "a copy of one that is \\Deleted, where that is a flag like others": Case(
        "INBOX a T S T\nWork a - . - read=yes",
        "Copy INBOX>Work a; StoreFlags INBOX a +S-T",
        "INBOX a:S | Work a",
    ),
    "a copy of one that is not \\Deleted, where others go for that": Case(
        "INBOX a F . .\nWork a - . - read=yes",
        "Copy INBOX>Work a; SetLocalFlags INBOX a +F",
        "INBOX a:F | Work a",
        policy=MARKED,
    ),
    "not of one that is marked here and goes next": Case(
        "INBOX a . T .\nWork a - . - read=yes",
        "StoreFlags INBOX a +T; Upload Work a",
        "Work a",
        policy=MARKED,
    ),
    "a copy on the server, by EMAILID": Case(
        "INBOX a . . . email_id=M\nWork a S - - email_id=M",
        "CopyLocal INBOX>Work a",
        "INBOX a | Work a:S",
    ),
    "not of a message that goes": Case(
        "INBOX a T T T\nWork a - . - read=yes",
        "Upload Work a; Expunge INBOX a",
        "Work a",
        policy=MARKED,
    ),
    "not on Gmail of one that is \\Deleted: its copy would stay so": Case(
        "INBOX a T T T\nWork a - S - read=yes",
        "Upload Work a",
        "INBOX a:T | Work a:S",
        policy=Policy(gmail=True),
    ),
    "not of one whose header the server rewrote": Case(
        "INBOX a F . . server_header=other\nWork a - . - read=yes",
        "SetLocalFlags INBOX a +F; Upload Work a",
        "INBOX a:F | Work a",
    ),
    "a draft to the same mailbox: told by EMAILID there, by its name here": Case(
        "INBOX a x x D email_id=M name=n\nWork a D - - email_id=M\nWork a - D - name=n",
        "Pair Work a EMAIL_ID; Forget INBOX a",
        "Work a:D",
    ),
}

CLOSED = {
    "the source is read-only: a copy, and the source waits": Case(
        "INBOX a . x .\nWork a - . -",
        "Unsent INBOX a; Copy INBOX>Work a",
        "INBOX a | Work a",
        "Work a",
        boxes={"INBOX": READ_ONLY},
    ),
    "the source is read-only: what was removed here is in the copy, too": Case(
        "INBOX a S x S\nWork a - . -",
        "Unsent INBOX a; Copy INBOX>Work a",
        "INBOX a:S | Work a",
        "Work a",
        boxes={"INBOX": READ_ONLY},
    ),
    "the source is read-only, and its flags were never agreed on": Case(
        "INBOX a FT x - read=yes\nWork a - S -",
        "Unsent INBOX a; Copy INBOX>Work a",
        "INBOX a:FT | Work a:FS",
        "Work a:FS",
        boxes={"INBOX": READ_ONLY},
    ),
    "the target is read-only": Case(
        "INBOX a . x .\nWork a - . -",
        "Unsent INBOX a; Unsent Work a",
        "INBOX a",
        "Work a",
        boxes={"INBOX": {}, "Work": READ_ONLY},
    ),
    "pull": Case(
        "INBOX a . x .\nINBOX b . x .\nWork a - . -\nWork b - . -",
        "Unsent INBOX a+b; Unsent Work a+b",
        "INBOX a b",
        "Work a b",
        policy=PULL,
    ),
    "push": Case(
        "INBOX a x . .\nINBOX b x . .\nWork a . - -\nWork b . - -",
        "Unsent INBOX a+b; Unsent Work a+b",
        "Work a b",
        "INBOX a b",
        policy=PUSH,
    ),
    "apart, pull": Case(
        "INBOX a x x .\nWork a - . -\nOld a . - -",
        "Forget INBOX a; Unsent Work a; CopyLocal Work>Old a",
        "Old a",
        "Old a | Work a",
        policy=PULL,
    ),
    "apart, push": Case(
        "INBOX a x x .\nWork a - . -\nOld a . - -",
        "Forget INBOX a; Unsent Old a; Copy Old>Work a",
        "Old a | Work a",
        "Work a",
        policy=PUSH,
    ),
    "into a mailbox that is gone on the server": Case(
        "INBOX a . x .\nWork a - . -",
        "Held INBOX a; Held Work a; Held Work",
        "INBOX a",
        "Work a",
        boxes={"INBOX": {}, "Work": {"gone": "server"}},
    ),
    "into a mailbox that is gone in the Maildir": Case(
        "INBOX a x . .\nWork a . - -",
        "Held INBOX a; Held Work a; Held Work",
        "Work a",
        "INBOX a",
        boxes={"INBOX": {}, "Work": {"gone": "local"}},
    ),
    "into a mailbox that is gone in the Maildir, under pull": Case(
        "INBOX a x . .\nWork a . - -",
        "Unsent INBOX a; Unsent Work a",
        "Work a",
        "INBOX a",
        policy=PULL,
        boxes={"INBOX": {}, "Work": {"gone": "local"}},
    ),
    "out of scope: it counts as deleted": Case(
        "INBOX a . x .\nWork a - . -",
        "Expunge INBOX a",
        "",
        "Work a",
        boxes={"Work": {"selected": False}},
    ),
}


CASES = MOVES | CLOSED


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_moves(case: Case) -> None:
    Table(case.lines, case.policy, case.boxes).play(case.plan, case.server, case.local)


def test_what_is_said_of_a_file_left_behind() -> None:
    lines = MOVES["a half-done MoveLocal: the file is under both names"].lines
    _, remove = Table(lines, EXPUNGE).world.plan().actions
    assert isinstance(remove, RemoveLocal)
    _, defer = Table(lines, PUSH).world.plan().actions
    assert isinstance(defer, Defer)
    assert defer.reason == remove.reason == "moved on the server, and its file with it"
    assert (defer.wait, defer.side) == (Wait.UNSENT, Side.LOCAL)


def test_a_file_left_behind_that_waits_already_is_not_told_again() -> None:
    lines = MOVES["a half-done MoveLocal: the file is under both names"].lines
    lines = lines.replace("x . .", "x . . wait=unsent").replace("origin=1", "origin=1 read=yes")
    table = Table(lines, PUSH)
    assert table.plan() == "Pair Work a OWN_NAME"


def test_a_file_left_behind_in_another_mailbox_waits_for_its_own_sync() -> None:
    policy = Policy(guard=OFF, only=frozenset({2, 3}))  # type: ignore[arg-type]
    lines = MOVES["a half-done MoveLocal: the file is under both names"].lines
    assert Table(lines, policy).plan() == "Pair Work a OWN_NAME"
    lines += "\nOld b x . .\nWork b . - -\nWork b - . - origin=2"
    plan = "Pair Work a OWN_NAME; Pair Work b OWN_NAME; RemoveLocal Old b"
    assert Table(lines, policy).plan() == plan


@pytest.mark.parametrize("only", [1, 2])
def test_a_move_that_touches_another_mailbox_is_left_open(only: int) -> None:
    """`sync A/M`, where the rows of all are seen."""
    policy = Policy(deletions=Deletions.EXPUNGE, guard=OFF, only=frozenset({only}))  # type: ignore[arg-type]
    lines = """
        INBOX a . x .
        Work  a - . -
        Old   b . - -
    """
    assert Table(lines, policy).plan() == ""
    both = replace(policy, only=frozenset({1, 2}))  # type: ignore[arg-type]
    assert Table(lines, both).plan() == "Move INBOX>Work a"


def test_only_acts_in_its_mailbox() -> None:
    policy = Policy(deletions=Deletions.EXPUNGE, guard=OFF, only=frozenset({1}))  # type: ignore[arg-type]
    lines = """
        INBOX a . - -
        Work  b . - -
        Work  c . - -
        Work  c - . -
    """
    assert Table(lines, policy).plan() == "Download INBOX a"


def test_what_waits_is_not_told_again() -> None:
    """A candidate that waits is not due: the move is seen, nothing is written."""
    lines = """
        INBOX a . x . wait=unsent
        Work  a - . - wait=unsent
    """
    assert Table(lines, PULL).plan() == ""
