"""Names of the server that another mailbox has by now (rule 10)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailsync.model.ids import UID, MailboxId, RowId, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, ServerMailbox
from mailsync.model.rows import Mailbox, Presence, Row, Tally
from mailsync.planner import Policy, exchanged
from mailsync.planner.mailboxes import renames

T = Presence.THERE


def known(text: str) -> Mailbox:
    """`name validity [id] [!property …]`: a mailbox that was synced, and is on both sides."""
    name, validity, *rest = text.split()
    ids = [word for word in rest if word[0] != "!"]
    here = Presence.GONE if "!gone" in rest else T
    here = Presence.NONE if "!local" in rest else here
    return Mailbox(
        MailboxId(1),
        MailboxName(name),
        server=T,
        local=here,
        uid_validity=None if validity == "-" else UIDValidity(int(validity)),
        mailbox_id=ids[0] if ids else None,
        synced="!synced" not in rest,
        selected="!selected" not in rest,
    )


def shown(text: str) -> ServerMailbox:
    name, validity, *rest = text.split()
    ids = [word for word in rest if word[0] != "!"]
    return ServerMailbox(
        MailboxName(name),
        name.encode(),
        selectable="!selectable" not in rest,
        cursor=None if validity == "-" else Cursor(UIDValidity(int(validity)), 1, 0),
        mailbox_id=ids[0] if ids else None,
    )


CASES = {
    "nothing": (["A 1"], ["A 1"], ""),
    "renamed, and no other": (["A 1"], ["B 1"], ""),
    "renamed, and another one": (["A 1"], ["A 2", "B 1"], "A"),
    "made anew": (["A 1"], ["A 2", "B 3"], ""),
    "by its MAILBOXID": (["A 1 F1"], ["A 2 F2", "B 3 F1"], "A"),
    "its MAILBOXID is the same": (["A 1 F1"], ["A 2 F1", "B 1 F2"], ""),
    "no MAILBOXID is known": (["A 1"], ["A 2 F2", "B 1 F1"], "A"),
    "no UIDVALIDITY is known": (["A -"], ["A 2", "B 1"], ""),
    "none is told": (["A 1"], ["A -", "B 1"], ""),
    "two have it": (["A 1"], ["A 2", "B 1", "C 1"], ""),
    "the new name is a mailbox here": (["A 1", "B 5 !synced"], ["A 2", "B 1"], ""),
    "was a mailbox here": (["A 1", "B 5 !local"], ["A 2", "B 1"], ""),
    "is to be one": (["A 1", "B 1 !local !synced"], ["A 2", "B 1"], "A"),
    "cannot be selected": (["A 1"], ["A 2", "B 1 !selectable"], ""),
    "gone here": (["A 1 !gone"], ["A 2", "B 1"], "A"),
    "gone here, and the other one is here": (["A 1 !gone", "B 1"], ["A 2", "B 1"], "A"),
    "a chain": (["A 1", "B 2", "C 3"], ["B 1", "C 2", "D 3"], "B C"),
    "a chain, and the first one anew": (["A 1", "B 2"], ["A 3", "B 1", "C 2"], "A B"),
    "a swap": (["A 1", "B 2"], ["A 2", "B 1"], ""),
    "INBOX": (["INBOX 1"], ["INBOX 2", "B 1"], ""),
    "never synced": (["A 1 !synced"], ["A 2", "B 1"], ""),
    "out of scope": (["A 1 !selected"], ["A 2", "B 1"], ""),
    "not here": (["A 1 !local"], ["A 2", "B 1"], ""),
}


@pytest.mark.parametrize("name", CASES)
def test_exchanged(name: str) -> None:
    boxes, listed, found = CASES[name]
    assert exchanged([known(one) for one in boxes], [shown(one) for one in listed]) == set(
        found.split()
    )


def message(box: int, uid: int, date: int | None = 1, size: int | None = 9) -> Row:
    return Row(
        RowId(100 * box + uid),
        MailboxId(box),
        uid=UID(uid),
        server=T,
        internal_date=date,
        size=size,
    )


A = [message(1, uid, date=uid) for uid in range(1, 6)]
MOVED = {
    "all of it": (A, [1, 2, 3, 4, 5], {}, True),
    "over half of it": (A, [1, 2, 4], {}, True),
    "less than half of it": (A, [2, 4], {}, False),
    "of other dates": (A, [1, 2, 4], {"date": 99}, False),
    "of other sizes": (A, [1, 2, 4], {"size": 99}, False),
    "of unknown sizes": (A, [1, 2, 4], {"size": None}, True),
    "of unknown dates": ([message(1, 1, None)], [1], {"date": None}, False),
    "the cache has more": (A[:3], [1, 2], {}, False),
    "nothing was in it": ([], [1], {}, False),
}


@pytest.mark.parametrize("name", MOVED)
@pytest.mark.parametrize("used_again", [True, False])
def test_what_left_since_is_no_other_mailbox(name: str, used_again: bool) -> None:
    had, uids, other, moved = MOVED[name]
    old = replace(known("A 1"), server=Presence.GONE, on_server=Tally(there=max(4, len(had))))
    new = replace(known("B 1 !local !synced"), id=MailboxId(2))
    rows = {
        MailboxId(1): had,
        MailboxId(2): [message(2, uid, **{"date": uid, **other}) for uid in uids],
    }
    policy = Policy(exchanged=frozenset({MailboxId(1)} if used_again else ()))
    found = renames({one.id: one for one in (old, new)}, rows, policy).commands
    wanted = moved if used_again else set(uids) >= {row.uid for row in had} != set()
    assert bool(found) == wanted


@pytest.mark.parametrize("validity", [1, 2])
@pytest.mark.parametrize(("mailbox_id", "moved"), [("F1", True), ("F2", False)])
def test_by_its_mailboxid(mailbox_id: str, moved: bool, validity: int) -> None:
    old = replace(known("A 1 F1"), server=Presence.GONE)
    new = replace(known(f"B {validity} {mailbox_id} !local !synced"), id=MailboxId(2))
    boxes = {one.id: one for one in (old, new)}
    rows: dict[MailboxId, list[Row]] = {one: [] for one in boxes}
    policy = Policy(exchanged=frozenset({MailboxId(1)}))
    assert bool(renames(boxes, rows, policy).commands) == moved
