"""Mailboxes that were renamed, and what went along with them (rule 10)."""

from __future__ import annotations

import pytest
from planner_boxes import GONE_HERE, GONE_THERE, ON_LOCAL, ON_SERVER, PULL, PUSH, Case, play

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
    "on the server, by all of its UIDs and no other": Case(
        {"A": GONE_THERE, "B": ON_SERVER},
        "A a . . .\nA b . . .\nB a . - -\nB b . - -",
        "RenameLocalMailbox A>B",
        "B a b",
        there=("B", "B"),
    ),
    "on the server, by its UIDs although only its new name has a MAILBOXID": Case(
        {"A": GONE_THERE, "B": ON_SERVER | {"mailbox_id": "F1"}},
        "A a . . .\nB a . - -",
        "RenameLocalMailbox A>B",
        "B a",
        there=("B", "B"),
    ),
    "on the server, an empty one: nothing tells": Case(
        {"A": GONE_THERE, "B": ON_SERVER},
        "",
        "CreateLocalMailbox B; RemoveLocalMailbox A",
        there=("B", "B"),
    ),
    "on the server, to one that is here already": Case(
        {"A": GONE_THERE | {"mailbox_id": "F1"}, "B": {"mailbox_id": "F1", "synced": False}},
        "A a . . .\nB b . . .",
        "Held A",
        "B b",
        "A a | B b",
    ),
    "on the server, two at once: by their old names": Case(
        {"A": GONE_THERE | {"mailbox_id": "F1"}, "C": GONE_THERE | {"mailbox_id": "F2"}}
        | {"D": ON_SERVER | {"mailbox_id": "F1"}, "B": ON_SERVER | {"mailbox_id": "F2"}},
        "",
        "RenameLocalMailbox A>D; RenameLocalMailbox C>B",
        there=("B D", "B D"),
    ),
    "in the Maildir, an empty one: nothing tells": Case(
        {"A": GONE_HERE, "B": ON_LOCAL},
        "",
        "CreateMailbox B; RemoveMailbox A",
        there=("B", "B"),
    ),
    "in the Maildir, to one that is there already": Case(
        {"A": GONE_HERE, "B": {"synced": False}},
        "A a . . . name=n\nB b . S . name=n",
        "Held A; StoreFlags B b +S",
        "A a | B b:S",
        "B b:S",
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
    "on the server: what went elsewhere from below goes first": Case(
        {"A": GONE_THERE | F1, "A/C": GONE_THERE | F2, "B": ON_SERVER | F1, "D": ON_SERVER | F2}
        | {"B/C": ON_SERVER},
        "A a . . .\nA/C c . . .\nB a . - -\nD c . - -",
        "RenameLocalMailbox A/C>D; RenameLocalMailbox A>B; CreateLocalMailbox B/C",
        "B a | D c",
        there=("B B/C D", "B B/C D"),
    ),
    "on the server: one child was removed, another one went along": Case(
        {"A": GONE_THERE | F1, "A/C": GONE_THERE, "A/D": GONE_THERE, "B": ON_SERVER | F1}
        | {"B/D": ON_SERVER},
        "A a . . .\nB a . - -",
        "RenameLocalMailbox A>B; RenameLocalMailbox A/D>B/D; RemoveLocalMailbox A/C",
        "B a",
        there=("B B/D", "B B/D"),
    ),
    "on the server: below two that were renamed, once": Case(
        {"A": GONE_THERE | F1, "A/C/D": GONE_THERE, "A/C": GONE_THERE | F2, "B": ON_SERVER | F1}
        | {"B/C": ON_SERVER | F2, "B/C/D": ON_SERVER},
        "A a . . .\nB a . - -",
        "RenameLocalMailbox A>B; RenameLocalMailbox A/C>B/C; RenameLocalMailbox A/C/D>B/C/D",
        "B a",
        there=("B B/C B/C/D", "B B/C B/C/D"),
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
    "in the Maildir: what went elsewhere from below goes first": Case(
        {"A": GONE_HERE, "A/C": GONE_HERE, "B": ON_LOCAL, "D": ON_LOCAL},
        "A a . . . name=n\nA/C c . . . name=m\nB a - . - name=n\nD c - . - name=m",
        "RenameMailbox A/C>D; RenameMailbox A>B",
        "B a | D c",
        there=("B D", "B D"),
    ),
    "in the Maildir: each of three is to go before the next": Case(
        {"A": GONE_HERE, "A/C": GONE_HERE, "A/C/D": GONE_HERE}
        | {"B": ON_LOCAL, "B/D": ON_LOCAL, "C": ON_LOCAL},
        "A a . . . name=n\nA/C c . . . name=m\nA/C/D d . . . name=o\n"
        "B a - . - name=n\nC c - . - name=m\nB/D d - . - name=o",
        "RenameMailbox A>B; RenameMailbox A/C/D>B/D; RenameMailbox A/C>C",
        "B a | B/D d | C c",
        there=("B B/D C", "B B/D C"),
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

ALL = RENAMED | ALONG


@pytest.mark.parametrize("case", ALL.values(), ids=ALL)
def test_renames(case: Case) -> None:
    play(case)
