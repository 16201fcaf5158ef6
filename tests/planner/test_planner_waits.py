"""What waits says on which side something would change, and why: the words that a user reads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planner_boxes import ACCEPTED, EXPUNGE, GONE_HERE, GONE_THERE, PULL, PUSH
from planner_tables import OFF, Table

from mailsync.model.actions import Defer, DeferMailbox
from mailsync.model.rows import Side
from mailsync.model.settings import Guard
from mailsync.planner import Bounds, Policy

TRASH, GMAIL = Policy(guard=OFF), Policy(gmail=True, guard=OFF)
GUARDED = replace(EXPUNGE, guard=Guard(share=0.25, floor=1))
TINY = {1: Bounds(EXPUNGE.direction, EXPUNGE.deletions, max_size=100)}
TEN = "\n".join(f"INBOX m{n} {{}}" for n in range(10))
ALL_TEN = "+".join(f"m{n}" for n in range(10))
BOTH = Bounds(EXPUNGE.direction, EXPUNGE.deletions)
TWO = {"INBOX": {}, "Work": {}}
READ_ONLY = {"read_only": True}

Case = tuple[Policy, dict[str, dict[str, object]], str, str]  # the last: lines, as `told` has them

DELETIONS: dict[str, Case] = {
    "Gmail without \\Trash": (
        GMAIL,
        {"INBOX": {}},
        "INBOX a . x .",
        "Unsent INBOX a server: Gmail has no \\Trash mailbox to move it to",
    ),
    "\\Trash is read-only": (
        TRASH,
        {"INBOX": {}, "Trash": READ_ONLY},
        "INBOX a . x .",
        "Unsent INBOX a server: the \\Trash mailbox may not be changed",
    ),
    "the new version of a draft is too large": (
        replace(EXPUNGE, bounds=TINY),  # type: ignore[arg-type]
        {"Drafts": {}},
        "Drafts a . x . message_id=d\nDrafts b - . - read=yes message_id=d wire_size=900",
        "Unsent Drafts a server: its new version is out of scope\n"
        "Out Drafts b server: larger than max-size",
    ),
    "too many on the server": (
        GUARDED,
        {},
        "INBOX a . x .\nINBOX b . x .\nINBOX c . . .\nINBOX d . . .",
        "Held INBOX a+b server: 2 of 4 messages would be deleted on the server within an hour",
    ),
    "too many in the Maildir": (
        GUARDED,
        {},
        "INBOX a x . .\nINBOX b x . .\nINBOX c . . .",
        "Held INBOX a+b local: 2 of 3 messages would be deleted in the Maildir within an hour",
    ),
    "all of them on the server": (
        replace(EXPUNGE, guard=Guard()),
        {},
        TEN.format(*[". x ."] * 10),
        f"Held INBOX {ALL_TEN} server: all 10 messages would be deleted on the server",
    ),
    "all of them in the Maildir": (
        replace(EXPUNGE, guard=Guard()),
        {},
        TEN.format(*["x . ."] * 10),
        f"Held INBOX {ALL_TEN} local: all 10 messages would be deleted in the Maildir",
    ),
    "the mailbox is back in the Maildir": (
        EXPUNGE,
        {"INBOX": {"returned": Side.LOCAL}},
        "INBOX a . x .",
        "Held INBOX a server: "
        "the mailbox was gone in the Maildir and is back, without 1 of its messages",
    ),
    "the mailbox is back on the server": (
        EXPUNGE,
        {"INBOX": {"returned": Side.SERVER}},
        "INBOX a x . .\nINBOX b x . .",
        "Held INBOX a+b local: "
        "the mailbox was gone on the server and is back, without 2 of its messages",
    ),
}

MAILBOXES: dict[str, Case] = {
    "gone in the Maildir": (
        EXPUNGE,
        {"A": GONE_HERE},
        "A a . . .",
        "Held A server: the mailbox is gone in the Maildir",
    ),
    "gone on the server": (
        EXPUNGE,
        {"A": GONE_THERE},
        "A a . . .",
        "Held A local: the mailbox is gone on the server",
    ),
}

DECIDE = "accept moves it back, reject makes the mailbox again"
MOVES: dict[str, Case] = {
    "from where the server may not be changed": (
        EXPUNGE,
        {"INBOX": READ_ONLY},
        "INBOX a . x .\nWork a - . -",
        "Unsent INBOX a server: moved away, but the server may not be changed",
    ),
    "from where the Maildir may not be changed": (
        replace(PUSH, bounds={2: BOTH}),  # type: ignore[arg-type]
        TWO,
        "INBOX a x . .\nWork a . - -",
        "Unsent INBOX a local: moved away, but the Maildir may not be changed",
    ),
    "pull": (
        PULL,
        TWO,
        "INBOX a . x .\nWork a - . -",
        "Unsent INBOX a server: moved in the Maildir; the server may not be changed\n"
        "Unsent Work a server: moved in the Maildir; the server may not be changed",
    ),
    "push": (
        PUSH,
        TWO,
        "INBOX a x . .\nWork a . - -",
        "Unsent INBOX a local: moved on the server; the Maildir may not change\n"
        "Unsent Work a local: moved on the server; the Maildir may not change",
    ),
    "into a mailbox that is gone on the server": (
        EXPUNGE,
        {"A": {}, "B": GONE_THERE},
        "A a . x .\nB a - . -",
        f"Held A a local: moved into a mailbox that is gone on the server: {DECIDE}\n"
        f"Held B a local: moved into a mailbox that is gone on the server: {DECIDE}\n"
        "Held B local: the mailbox is gone on the server",
    ),
    "into a mailbox that is gone in the Maildir": (
        EXPUNGE,
        {"A": {}, "B": GONE_HERE | ACCEPTED},
        "A a x . .\nB a . - -",
        f"Held A a server: moved into a mailbox that is gone in the Maildir: {DECIDE}\n"
        f"Held B a server: moved into a mailbox that is gone in the Maildir: {DECIDE}",
    ),
    "apart, here into a mailbox that is gone": (
        EXPUNGE,
        {"A": GONE_THERE, "B": {}, "C": {}},
        "C a x x . header=a name=n\nB a . - - header=a\nA a - . - name=n",
        "Held A a local: "
        "moved elsewhere on the server, and here into a mailbox that is gone there\n"
        "Held A local: the mailbox is gone on the server",
    ),
    "apart, on the server into a mailbox that is gone": (
        EXPUNGE,
        {"A": GONE_HERE, "B": {}, "C": {}},
        "C a x x . header=a name=n\nA a . - - header=a\nB a - . - name=n",
        "Held A a server: "
        "moved elsewhere here, and on the server into a mailbox that is gone here\n"
        "Held A server: the mailbox is gone in the Maildir",
    ),
}

CASES = DELETIONS | MAILBOXES | MOVES


def told(table: Table) -> str:
    said: list[str] = []
    for action in table.world.plan().actions:
        if not isinstance(action, Defer | DeferMailbox):
            continue
        box = table.world.boxes[action.mailbox].name
        what = f"{action.side}: {action.reason}"
        if isinstance(action, DeferMailbox):
            said.append(f"Held {box} {what}")
        else:
            which = "+".join(table.texts[row.id] for row in action.rows)
            said.append(f"{action.wait.name.capitalize()} {box} {which} {what}")
    return "\n".join(said)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_waits_says_why(case: Case) -> None:
    policy, boxes, lines, words = case
    assert told(Table(lines, policy, boxes)) == words
