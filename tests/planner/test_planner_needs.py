"""What must be looked at before pairing and moves can be decided (rules 4 and 7)."""

from __future__ import annotations

import pytest
from planner_tables import OFF, Table

from mailsync.model.content import ADDED_SIZE
from mailsync.model.settings import Deletions
from mailsync.planner import Policy, needs

EXPUNGE = Policy(deletions=Deletions.EXPUNGE, guard=OFF)

# lines | headers asked for | files asked for | messages to be read whole
NEEDS = {
    "nothing open": ("INBOX a . . .", "", "", ""),
    "new on one side": ("INBOX a . - -", "", "", ""),
    "new on the other": ("INBOX a - . -", "", "", ""),
    "new on both, the same date": ("INBOX a . - -\nINBOX a - . -", "a", "a", ""),
    "the same size": ("INBOX a . - - date=50\nINBOX a - . - date=60", "", "a", ""),
    "a longer file by another date": (
        "INBOX a . - - date=50\nINBOX bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb - . - date=9",
        "",
        "",
        "",
    ),
    "known by our own name": ("INBOX a . - -\nINBOX a - . - origin=1", "", "", ""),
    "known by our own name, unless it was edited in the second it was made": (
        "INBOX a . x .\nINBOX a - . - origin=1",
        "",
        "a",
        "",
    ),
    "known by our own name, its bytes by nobody": (
        "INBOX a . x . body=none\nINBOX a - . - origin=1",
        "",
        "a",
        "a",
    ),
    "and the file is read": (
        "INBOX a . x . body=none\nINBOX a - . - origin=1 read=yes",
        "",
        "",
        "a",
    ),
    "known by EMAILID": ("INBOX a . - - email_id=M\nINBOX a - . - email_id=M", "", "", ""),
    "a draft's header tells nothing": ("INBOX a D - -\nINBOX a - D -", "", "a", ""),
    "any file in \\Drafts": ("Drafts a D x D\nDrafts b - D - date=9 file_size=5000", "", "b", ""),
    "a file that left, a new one": ("INBOX a . x .\nWork a - . -", "", "a", ""),
    "the same under its old name": ("INBOX a . x . name=n\nWork a - . - name=n", "", "", ""),
    "a message that left, a new one": ("INBOX a x . .\nWork a . - -", "a", "", ""),
    "a draft that left, a new one": ("INBOX a x D D\nWork a D - -", "", "", "a"),
    "a source of which no header is known": (
        "INBOX a x . . header=none body=none\nWork a . - -",
        "a",
        "a",
        "",
    ),
    "both left": ("INBOX a x x .\nWork a . - -\nOld a - . -", "a", "a", ""),
    "a file of another length": (
        "INBOX a . x . file_size=5000 size=5000 wire_size=5000\nWork b - . -",
        "",
        "",
        "",
    ),
    "another one lost its message meanwhile: it may have been moved here, and left behind": (
        "INBOX a x . .\nWork a . - -\nWork a - . - origin=1",
        "",
        "a",
        "",
    ),
    "it was never synced": ("INBOX a x . -\nWork a . - -\nWork a - . - origin=1", "", "", ""),
    "the same beside a removed file that is known by EMAILID": (
        "INBOX c ? x . email_id=M\nINBOX c . - - email_id=M\n"
        "INBOX b . - -\nINBOX b - . - origin=3\nWork b x . .",
        "",
        "b",
        "",
    ),
    "known by our own name, one whose file is nowhere": (
        "INBOX a . ? .\nINBOX a - . - origin=1",
        "",
        "a",
        "",
    ),
    "left on both sides, here under its old name": (
        "INBOX a x x . name=n\nWork a - . - name=n",
        "",
        "",
        "",
    ),
    "left on both sides, and new here": ("INBOX a x x .\nWork a - . -", "", "a", ""),
    "left on both sides, and new there": ("INBOX a x x .\nWork a . - -", "a", "", ""),
    "left, and there known by EMAILID": (
        "INBOX a x . . email_id=M\nWork a . - - email_id=M",
        "",
        "",
        "",
    ),
    "left on both sides, and there known by EMAILID": (
        "INBOX a x x . email_id=M\nWork a . - - email_id=M",
        "",
        "",
        "",
    ),
    "left on both sides, and twice there, known by EMAILID where it was": (
        "INBOX a x x . email_id=M\nINBOX b . - - email_id=M date=1001\n"
        "Archive c . - - email_id=M date=1001",
        "c",
        "",
        "",
    ),
    "a file left of whose message nothing is known": (
        "INBOX a . x . header=none body=none\nWork b - . - date=1001",
        "a",
        "b",
        "",
    ),
    "a draft left, what is new is none": ("INBOX a x D D\nWork a . - -", "a", "", "a"),
    "what left is no draft, what is new is one": ("INBOX a x . .\nWork a D - -", "", "", "a"),
    "a draft of another size": ("INBOX a x D D\nWork a D - - size=61", "", "", ""),
    "a draft that was read": ("INBOX a x D D\nWork a D - - body=a", "", "", ""),
    "the same size, after the file was read": (
        "INBOX a . - - date=50\nINBOX a - . - date=60 read=yes",
        "a",
        "",
        "",
    ),
    "its header is known": ("INBOX a . - - header=h\nINBOX a - . -", "", "a", ""),
    "its header is known as the server has it": (
        "INBOX a . - - server_header=h\nINBOX a - . -",
        "",
        "a",
        "",
    ),
    "its body is known": ("INBOX a . - - body=b\nINBOX a - . -", "", "a", ""),
    "nothing is known of a file": (
        "INBOX a . - - date=50\nINBOX b - . - file_size=none mtime_ns=none",
        "",
        "b",
        "",
    ),
    "nothing is known of a file, and there is nothing else": (
        "INBOX b - . - file_size=none mtime_ns=none",
        "",
        "",
        "",
    ),
    "nothing is known of a file but our own name": (
        "INBOX a . - -\nINBOX a - . - origin=1 file_size=none",
        "",
        "",
        "",
    ),
    "a message of no size": (
        "INBOX a . - - date=5 size=none\nINBOX b - . - date=6",
        "",
        "b",
        "",
    ),
}


def asked(table: Table) -> tuple[str, ...]:
    world, due = table.world, table.world.due()
    wanted = needs(due, world.candidates(due), world.mailboxes())
    texts = [
        " ".join(table.texts[row.id] for rows in group.values() for row in rows)
        for group in (wanted.headers, wanted.digests, wanted.bodies)
    ]
    assert bool(wanted) == any(texts)
    return tuple(texts)


@pytest.mark.parametrize("case", NEEDS.values(), ids=NEEDS)
def test_needs(case: tuple[str, str, str, str]) -> None:
    assert asked(Table(case[0], EXPUNGE)) == case[1:]


# A file of 1000 bytes and a message on the server, with CRLFs | is the file asked for?
# The same, and a file that left | is it?
LENGTHS = f"""
    . - - size={1000 - ADDED_SIZE - 1} | no
    . - - size={1000 - ADDED_SIZE} | yes
    . - - size={2000 + ADDED_SIZE} | yes
    . - - size={2000 + ADDED_SIZE + 1} | no
    . x . size=2000 wire_size=2000 file_size={1000 - ADDED_SIZE - 1} | no
    . x . size=2000 wire_size=2000 file_size={1000 - ADDED_SIZE} | yes
    . x . size=2000 wire_size=2000 file_size={1000 + ADDED_SIZE} | yes
    . x . size=2000 wire_size=2000 file_size={1000 + ADDED_SIZE + 1} | no
"""


@pytest.mark.parametrize("line", LENGTHS.strip().splitlines(), ids=str.strip)
def test_lengths(line: str) -> None:
    """A file that another program copied has a field more or less; one with CRLFs is longer."""
    row, _, answer = line.partition("|")
    lines = f"INBOX a {row} date=50\nINBOX b - . - date=60 file_size=1000"
    assert bool(asked(Table(lines, EXPUNGE))[1]) == (answer.strip() == "yes")
