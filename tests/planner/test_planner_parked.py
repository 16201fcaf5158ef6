"""A move that was refused waits as a whole (semantics.md, rules 1 and 7)."""

from __future__ import annotations

from dataclasses import replace

from mailsync.model.actions import Move
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UIDValidity, UniqueName
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.rows import Mailbox, Presence, Row
from mailsync.planner import Policy, plan

BOXES = [
    Mailbox(
        MailboxId(number),
        MailboxName(name),
        Presence.THERE,
        Presence.THERE,
        uid_validity=UIDValidity(1),
        synced=True,
    )
    for number, name in ((1, INBOX), (2, "Archive"))
]
LEFT = Row(
    RowId(1),
    MailboxId(1),
    uid=UID(5),
    server=Presence.THERE,
    local=Presence.GONE,
    name=UniqueName("a"),
    synced=Flags.NONE,
    body=b"body",
    internal_date=7,
)
FILE = Row(
    RowId(2),
    MailboxId(2),
    local=Presence.THERE,
    name=UniqueName("a"),
    body=b"body",
    mtime_ns=7 * 10**9,
)


def test_once_due_it_is_one_move() -> None:
    (move,) = plan([LEFT, FILE], [], BOXES, Policy()).actions
    assert isinstance(move, Move)
    assert (move.rows, move.joins) == ((LEFT,), (FILE,))


def test_its_file_is_not_new_and_its_message_not_deleted() -> None:
    parked = replace(LEFT, parked=True)
    assert plan([FILE], [parked], BOXES, Policy()).actions == ()
    assert plan([LEFT], [replace(FILE, parked=True)], BOXES, Policy()).actions == ()
