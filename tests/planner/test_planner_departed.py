"""Mailboxes that are gone on one side: held, accepted, removed, or renamed where the server cannot
RENAME (rule 10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planner_boxes import (
    ACCEPTED,
    EXPUNGE,
    GONE_HERE,
    GONE_THERE,
    KEEP,
    ON_LOCAL,
    PULL,
    PUSH,
    Case,
    play,
)
from planner_tables import OFF, Table

from mailsync.model.actions import Defer
from mailsync.model.rows import Side
from mailsync.model.settings import Deletions, Guard
from mailsync.planner import Policy

TRASH = Policy(guard=OFF)
MOVING = GONE_HERE | {"renamed": 2}  # to B
UNSYNCED = {"synced": False}  # B is on both sides: an earlier run was cut off

BY_MOVES = {
    "the name is taken: what has no file follows, or is deleted": Case(
        {"A": MOVING, "B": ON_LOCAL},
        "A a . x . name=n\nA b . x . name=m\nA c . x . name=o\nA d . x . name=p\n"
        "A e . x . name=r\nA f F x . name=q\nA g . - -\n"
        "B a - . - name=n\nB b - . - name=m\nB c - . - name=o\nB d - . - name=p\nB h - . -",
        "CreateMailbox B; Move A>B f+g; Move A>B a+b+c+d; Upload B h; Expunge A e",
        "B a b c d f:F g h",
        there=("B", "B"),
    ),
    "it is there already": Case(
        {"A": MOVING, "B": UNSYNCED},
        "A a . x . name=n\nA b . - -\nB a - . - name=n\nB c . . .",
        "Move A>B b; Move A>B a",
        "B a b c",
        there=("B", "B"),
    ),
    "it is here again": Case(
        {"A": {"renamed": 2}, "B": UNSYNCED, "C": GONE_HERE},
        "A b . - -\nB c . . .\nC d . . .",
        "Held C; Download A b",
        "A b | B c | C d",
        "A b | B c",
    ),
    "where it went could not be looked at: nothing is said of it for good": Case(
        {"A": MOVING, "B": ON_LOCAL},
        "A b . - -",
        "",
        "A b",
        "",
        policy=replace(EXPUNGE, unseen_local=frozenset({2})),  # type: ignore[arg-type]
    ),
    "another one is gone, too": Case(
        {"A": MOVING, "B": UNSYNCED, "C": GONE_HERE},
        "A b . - -\nB c . . .\nC d . . .",
        "Held C; Move A>B b",
        "B b c | C d",
        "B b c",
    ),
    "what was copied without MOVE has gone there already": Case(
        {"A": MOVING, "B": UNSYNCED},
        "A a . x . name=n settled=copied\nA b . x . name=m\nA c . - -\n"
        "B a . . . name=n\nB b - . - name=m",
        "Move A>B c; Move A>B b; Expunge A a",
        "B a b c",
        there=("B", "B"),
    ),
    "it may not be changed": Case(
        {"A": MOVING, "B": UNSYNCED | {"read_only": True}},
        "A a . x . name=n\nA b . - -\nB a - . - name=n",
        "Unsent A a+b; Unsent B a",
        "A a b",
        "B a",
    ),
    "a message was moved there meanwhile": Case(
        {"A": MOVING, "B": UNSYNCED, "C": {}},
        "A a . x . name=n\nA c . - - header=c\nB a - . - name=n\nC c x . . header=c",
        "Move A>B c; Move A>B a",
        "B a c",
    ),
    "a message was moved there, and another way here": Case(
        {"A": MOVING, "B": UNSYNCED, "C": {}, "D": {}},
        "A a . x . name=n\nA c . - - header=c\nB a - . - name=n\n"
        "C c x x . header=c name=m\nD c - . - name=m",
        "Move A>B c; Move A>B a",
        "B a c | D c",
    ),
    "what lies below goes by RENAME": Case(
        {"A": MOVING, "B": ON_LOCAL, "A/C": GONE_HERE, "B/C": ON_LOCAL},
        "A a . x . name=n\nB a - . - name=n",
        "RenameMailbox A/C>B/C; CreateMailbox B; Move A>B a",
        "B a",
        there=("B B/C", "B B/C"),
    ),
    "what the guard holds stays": Case(
        {"A": MOVING, "B": UNSYNCED},
        "".join(f"A a{n} . x . name=n{n}\nB a{n} - . - name=n{n}\n" for n in range(7))
        + "".join(f"A b{n} . x . name=m{n}\n" for n in range(5)),
        "Held A b0+b1+b2+b3+b4; Move A>B a0+a1+a2+a3+a4+a5+a6",
        "A b0 b1 b2 b3 b4 | B a0 a1 a2 a3 a4 a5 a6",
        "B a0 a1 a2 a3 a4 a5 a6",
        policy=Policy(deletions=Deletions.EXPUNGE, guard=Guard(share=0.25, floor=1)),
    ),
}

DEPARTED = {
    "gone on the server: the rest is held": Case(
        {"A": GONE_THERE}, "A a . . .", "Held A", "", "A a"
    ),
    "gone in the Maildir: the rest is held": Case(
        {"A": GONE_HERE}, "A a . . .", "Held A", "A a", ""
    ),
    "gone in the Maildir, what was copied goes, and the mailbox with it": Case(
        {"A": GONE_HERE}, "A a . x . settled=copied", "Expunge A a", there=("", "")
    ),
    "what was in it is not forgotten, elsewhere it is": Case(
        {"A": GONE_THERE, "B": {}},
        "A a . x .\nB b x x .\nA c . . .",
        "Forget B b; Held A",
        "",
        "A c",
    ),
    "once told": Case({"A": GONE_THERE | {"held": True}}, "A a . . . wait=held", "", "", "A a"),
    "pull: the server keeps it": Case({"A": GONE_HERE}, "A a . . .", "", "A a", "", policy=PULL),
    "push: the Maildir keeps it": Case({"A": GONE_THERE}, "A a . . .", "", "", "A a", policy=PUSH),
    "an open message in it": Case({"A": GONE_THERE}, "A a - S -", "Held A a; Held A", "", "A a:S"),
    "an open message in it, under pull": Case(
        {"A": GONE_HERE}, "A a S - -", "Unsent A a", "A a:S", "", policy=PULL
    ),
    "an open message in it, under push": Case(
        {"A": GONE_THERE}, "A a - S -", "Unsent A a", "", "A a:S", policy=PUSH
    ),
    "accepted, gone on the server: removed, the files to undo": Case(
        {"A": GONE_THERE | ACCEPTED},
        "A a . . . accepted=yes",
        "RemoveLocal A a; RemoveLocalMailbox A",
        there=("", ""),
    ),
    "accepted, gone in the Maildir": Case(
        {"A": GONE_HERE | ACCEPTED},
        "A a . . . accepted=yes",
        "Expunge A a; RemoveMailbox A",
        there=("", ""),
    ),
    "accepted, a file that was never sent": Case(
        {"A": GONE_THERE | ACCEPTED},
        "A a - S - accepted=yes",
        "RemoveLocal A a; RemoveLocalMailbox A",
    ),
    "accepted, a message that was never fetched": Case(
        {"A": GONE_HERE | ACCEPTED},
        "A a S - - accepted=yes",
        "Expunge A a; RemoveMailbox A",
    ),
    "accepted, a message that was never fetched, but deletions are kept": Case(
        {"A": GONE_HERE | ACCEPTED},
        "A a S - - accepted=yes",
        "Kept A a",
        "A a:S",
        "",
        policy=KEEP,
    ),
    "accepted, but deletions are kept": Case(
        {"A": GONE_HERE | ACCEPTED},
        "A a . . . accepted=yes",
        "Kept A a",
        "A a",
        "",
        policy=KEEP,
    ),
    "accepted, but the \\Trash mailbox may not be changed": Case(
        {"A": GONE_HERE | ACCEPTED, "Trash": {"read_only": True}},
        "A a . . . accepted=yes",
        "Unsent A a",
        "A a",
        "",
        policy=TRASH,
    ),
    "accepted, what came later is held": Case(
        {"A": GONE_THERE | ACCEPTED},
        "A a . . . accepted=yes\nA b - . -",
        "Held A b; RemoveLocal A a",
        "",
        "A b",
    ),
    "a move into it": Case(
        {"A": GONE_THERE, "B": {}},
        "B a . x . name=n\nA a - . - name=n\nA b . . .",
        "Held A a; Held B a; Held A",
        "B a",
        "A a b",
    ),
    "accepted, a move into it goes back": Case(
        {"A": GONE_THERE | ACCEPTED, "B": {}},
        "B a F x . name=n\nA a - S - name=n accepted=yes\nA b . . . accepted=yes",
        "MoveLocal A>B a; RemoveLocal A b",
        "B a:FS",
        there=("B", "B"),
    ),
    "accepted where it came from": Case(
        {"A": GONE_THERE, "B": {}},
        "B a F x F name=n accepted=yes\nA a - . - name=n wait=held\nA b . . .",
        "Held A; MoveLocal A>B a",
        "B a",
        "A b | B a",
    ),
    "accepted, but it cannot go back": Case(
        {"A": GONE_THERE | ACCEPTED, "B": GONE_HERE},
        "B a . x . name=n\nA a - . - name=n accepted=yes",
        "Held A a; Held B a; Held B",
        "B a",
        "A a",
    ),
    "a move into it on the server": Case(
        {"A": GONE_HERE, "B": {}},
        "B a x . . header=a\nA a . - - header=a\nA b . . .",
        "Held A a; Held B a; Held A",
        "A a b",
        "B a",
    ),
    "accepted, a move into it on the server goes back": Case(
        {"A": GONE_HERE | ACCEPTED, "B": {}},
        "B a x S . header=a\nA a F - - header=a accepted=yes\nA b . . . accepted=yes",
        "Move A>B a; Expunge A b",
        "B a:FS",
        there=("B", "B"),
    ),
    "accepted, a move into it on the server cannot go back": Case(
        {"A": GONE_HERE | ACCEPTED, "B": {"read_only": True}},
        "B a x . . header=a\nA a . - - header=a accepted=yes",
        "Held A a; Held B a",
        "A a",
        "B a",
    ),
    "moved apart, into it here": Case(
        {"A": GONE_THERE, "B": {}, "C": {}},
        "C a x x . header=a name=n\nB a . - - header=a\nA a - . - name=n",
        "Forget C a; Held A a; Held A; CopyLocal A>B a",
        "B a",
        "A a | B a",
    ),
    "accepted, moved apart, into it here": Case(
        {"A": GONE_THERE | ACCEPTED, "B": {}, "C": {}},
        "C a x x . header=a name=n\nB a . - - header=a\nA a - . - name=n accepted=yes",
        "Forget C a; CopyLocal A>B a; RemoveLocal A a; RemoveLocalMailbox A",
        "B a",
        there=("B C", "B C"),
    ),
    "moved apart, into it on the server": Case(
        {"A": GONE_HERE, "B": {}, "C": {}},
        "C a x x . header=a name=n\nA a . - - header=a\nB a - . - name=n",
        "Forget C a; Held A a; Held A; Copy A>B a",
        "A a | B a",
        "B a",
    ),
    "accepted, moved apart, into it on the server": Case(
        {"A": GONE_HERE | ACCEPTED, "B": {}, "C": {}},
        "C a x x . header=a name=n\nA a . - - header=a accepted=yes\nB a - . - name=n",
        "Forget C a; Copy A>B a; Expunge A a; RemoveMailbox A",
        "B a",
        there=("B C", "B C"),
    ),
    "accepted, closed rows go with the open ones": Case(
        {"A": GONE_THERE | ACCEPTED},
        "A a x . .\nA b . . . accepted=yes",
        "RemoveLocal A a+b; RemoveLocalMailbox A",
    ),
    "accepted, a closed row that was copied": Case(
        {"A": GONE_HERE | ACCEPTED},
        "A a . x . settled=copied\nA b . . . accepted=yes",
        "Expunge A b; Expunge A a; RemoveMailbox A",
    ),
    "empty: removed there": Case({"A": GONE_HERE}, "", "RemoveMailbox A", there=("", "")),
    "empty: removed here": Case({"A": GONE_THERE}, "", "RemoveLocalMailbox A", there=("", "")),
    "a parent stays": Case({"A": GONE_HERE, "A/B": {}}, "", "", there=("A A/B", "A/B")),
    "a parent goes with all that is below it, children first": Case(
        {"A": GONE_HERE, "A/B": GONE_HERE, "C": {}},
        "",
        "RemoveMailbox A/B; RemoveMailbox A",
        there=("C", "C"),
    ),
    "gone on the server, with all that is below it": Case(
        {"A": GONE_THERE, "A/B": GONE_THERE, "C": {}},
        "",
        "RemoveLocalMailbox A/B; RemoveLocalMailbox A",
        there=("C", "C"),
    ),
    "first the child when it is gone on the other side": Case(
        {"A": GONE_HERE, "A/B": GONE_THERE},
        "",
        "RemoveLocalMailbox A/B",
        there=("", ""),
    ),
    "moved out of it: then it is removed": Case(
        {"A": GONE_HERE, "B": {}},
        "A a . . . name=n\nB a - . - name=n",
        "Move A>B a",
        "B a",
        there=("B", "B"),
    ),
    "never a special-use mailbox": Case(
        {"Archive": GONE_HERE | ACCEPTED},
        "Archive a . . . accepted=yes",
        "Expunge Archive a",
        there=("Archive", "Archive"),
    ),
    "gone on both sides": Case(
        {"A": GONE_THERE},
        "A a x x .",
        "Forget A a; RemoveLocalMailbox A",
    ),
}

ALL = BY_MOVES | DEPARTED


@pytest.mark.parametrize("case", ALL.values(), ids=ALL)
def test_mailboxes(case: Case) -> None:
    play(case)


@pytest.mark.parametrize(
    ("gone", "policy", "side", "reason"),
    [
        (GONE_HERE, EXPUNGE, Side.SERVER, "its mailbox is gone in the Maildir"),
        (GONE_THERE, EXPUNGE, Side.LOCAL, "its mailbox is gone on the server"),
        (GONE_HERE, PULL, Side.SERVER, "the server is not to be changed here"),
        (GONE_THERE, PUSH, Side.LOCAL, "the Maildir is not to be changed here"),
    ],
)
def test_what_is_said_of_what_waits(
    gone: dict[str, object], policy: Policy, side: Side, reason: str
) -> None:
    line = "A a S - -" if gone is GONE_HERE else "A a - S -"
    first, *_ = Table(line, policy, {"A": gone}).world.plan().actions
    assert isinstance(first, Defer)
    assert (first.side, first.reason) == (side, reason)
