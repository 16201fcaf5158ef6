"""What the \\Trash mailbox holds is expunged elsewhere, if it is sure to stay (rule 7)."""

from __future__ import annotations

from dataclasses import replace

from mailsync.model.actions import Expunge, Move
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UIDValidity, UniqueName
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.rows import Mailbox, Presence, Role, Row
from mailsync.planner import Policy, plan

T, G = Presence.THERE, Presence.GONE
HERE, TRASH = [
    Mailbox(MailboxId(number), MailboxName(name), T, T, role, UIDValidity(1), synced=True)
    for number, name, role in ((1, INBOX, None), (2, "Trash", Role.TRASH))
]
POLICY = Policy(trash=TRASH.id)
DELETED = Row(
    RowId(1),
    HERE.id,
    uid=UID(5),
    server=T,
    local=G,
    name=UniqueName("a"),
    synced=Flags.NONE,
    body=b"body",
)
HELD = Row(
    RowId(2),
    TRASH.id,
    uid=UID(7),
    server=T,
    local=T,
    name=UniqueName("b"),
    synced=Flags.NONE,
    body=b"body",
)


def kinds(row: Row, trash: Mailbox = TRASH, policy: Policy = POLICY) -> list[tuple[type, int]]:
    due = [DELETED] if row.synced is row.local_flags is Flags.NONE else [DELETED, row]
    more = [] if row in due else [row]
    return [(type(one), one.mailbox) for one in plan(due, more, [HERE, trash], policy).actions]


def test_held_there() -> None:
    assert kinds(HELD) == [(Expunge, HERE.id)]


def test_not_looked_at() -> None:
    assert kinds(HELD, replace(TRASH, selected=False)) == [(Move, HERE.id)]
    unseen = replace(POLICY, unseen_server=frozenset({TRASH.id}))
    assert kinds(HELD, TRASH, unseen) == [(Move, HERE.id)]


def test_on_its_way_out_of_the_trash() -> None:
    flags = Flags.DELETED
    going = replace(HELD, synced=flags, server_flags=flags, local_flags=flags)
    policy = replace(POLICY, expunge_deleted=True)
    assert kinds(going, policy=policy) == [(Expunge, TRASH.id), (Move, HERE.id)]
