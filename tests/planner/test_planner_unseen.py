"""What waits while a mailbox cannot be looked at (rule 2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planner_tables import OFF, Table

from mailsync.model.actions import CopyLocal, Download, RemoveLocal, Upload
from mailsync.model.content import ADDED_SIZE
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Presence, Row, Wait
from mailsync.model.settings import Deletions
from mailsync.planner import Policy, plan

N, T, G, U = Presence.NONE, Presence.THERE, Presence.GONE, Presence.UNKNOWN
INBOX, WORK = MailboxId(1), MailboxId(2)
BOXES = [
    Mailbox(INBOX, MailboxName("INBOX"), T, T, synced=True, messages=2),
    Mailbox(WORK, MailboxName("Work"), T, T, synced=True, messages=2),
]
SHUT = {
    "unseen": Policy(unseen_server=frozenset({WORK})),
    "closed": Policy(closed_server=frozenset({WORK})),
}
HIDDEN = Row(
    RowId(1), WORK, UID(7), T, name=UniqueName("old"), folder="cur", local=T, synced=Flags.NONE,
    internal_date=100, size=10, file_size=9, mtime_ns=100_000_000_000,
)  # fmt: skip


def message(**facts: object) -> Row:
    new = Row(RowId(2), INBOX, UID(9), T, internal_date=100, size=10)
    return replace(new, **facts)  # type: ignore[arg-type]


def file(**facts: object) -> Row:
    new = Row(
        RowId(2), INBOX, name=UniqueName("new"), folder="cur", local=T, file_size=9,
        mtime_ns=100_500_000_000,
    )  # fmt: skip
    return replace(new, **facts)  # type: ignore[arg-type]


def downloads(new: Row, hidden: Row, policy: Policy) -> bool:
    made = plan([new], [hidden], BOXES, policy)
    return any(isinstance(action, Download | CopyLocal) for action in made.actions)


@pytest.mark.parametrize("policy", SHUT.values(), ids=SHUT)
@pytest.mark.parametrize(
    ("new", "hidden", "comes"),
    [
        (message(), HIDDEN, False),
        (message(size=11), HIDDEN, True),
        (message(internal_date=101), HIDDEN, True),
        (message(size=None), HIDDEN, True),
        (message(), replace(HIDDEN, size=None), False),  # sent there: the server told none
        (message(internal_date=None), replace(HIDDEN, internal_date=None), True),
        (message(email_id="M1", size=11), replace(HIDDEN, email_id="M1"), False),
        # deleted on one side: where it went it survives (I11)
        (message(), replace(HIDDEN, local=G), True),
        (message(), replace(HIDDEN, server=G), True),
        (message(), replace(HIDDEN, local=U), False),
        (message(), replace(HIDDEN, mailbox=INBOX), True),
        # it is not new: it was never agreed on
        (message(local=G, name=UniqueName("lost")), HIDDEN, True),
    ],
)
def test_messages(policy: Policy, new: Row, hidden: Row, comes: bool) -> None:
    assert downloads(new, hidden, policy) is comes
    assert downloads(new, hidden, Policy())


@pytest.mark.parametrize(
    ("new", "hidden", "goes"),
    [
        (file(), HIDDEN, False),
        (file(file_size=8), HIDDEN, True),
        (file(mtime_ns=101_000_000_000), HIDDEN, True),
        (file(mtime_ns=None), HIDDEN, True),
        (file(mtime_ns=None), replace(HIDDEN, mtime_ns=None), True),
        (file(file_size=8, name=UniqueName("old")), HIDDEN, False),
        (file(), replace(HIDDEN, name=None, local=U), False),
        (file(), replace(HIDDEN, server=G), True),
        # its message went, and it was changed since: it goes back to where it was
        (file(server=G, uid=UID(5), synced=Flags.NONE, local_flags=Flags.FLAGGED), HIDDEN, True),
    ],
)
def test_files(new: Row, hidden: Row, goes: bool) -> None:
    for policy, expected in ((Policy(unseen_local=frozenset({WORK})), goes), (Policy(), True)):
        made = plan([new], [hidden], BOXES, policy)
        assert any(isinstance(action, Upload) for action in made.actions) is expected


# server local synced | it waits while this cannot be looked at
WAITS = """
    .  S  .     | server
    -  .  -     | server
    .  -  -     | local
    x  .  .     | server, server elsewhere, local
    x  F  .     | server, server elsewhere, closed elsewhere
    .  x  .     | server, local, local elsewhere
    F  x  .     | local, local elsewhere
    x  x  .     | server, server elsewhere, local, local elsewhere
    T  T  T     | server
    ?  .  .     |
    x  .  . settled=copied | server, server elsewhere, local
    .  x  . settled=copied |
"""
OUT_OF_SIGHT = {
    "server": {"unseen_server": {1}},
    "server elsewhere": {"unseen_server": {2}},
    "local": {"unseen_local": {1}},
    "local elsewhere": {"unseen_local": {2}},
    "closed elsewhere": {"closed_server": {2}},
}


@pytest.mark.parametrize("line", WAITS.strip().splitlines(), ids=str.strip)
def test_what_may_have_moved_waits(line: str) -> None:
    """Neither its source nor its target may be seen: Work could not be looked at, or its own."""
    state, _, waits = line.partition("|")
    policy = Policy(deletions=Deletions.EXPUNGE, expunge_deleted=True, guard=OFF)
    for what, facts in OUT_OF_SIGHT.items():
        lines = f"INBOX a {state}\nWork z . . ."
        shut = {key: frozenset(boxes) for key, boxes in facts.items()}
        first = Table(lines, replace(policy, **shut)).plan()  # type: ignore[arg-type]
        assert first == ("" if what in waits.strip().split(", ") else Table(lines, policy).plan())


def test_what_is_kept_waits_like_what_is_deleted() -> None:
    lines, keep = "INBOX a . x .\nWork z . . .", Policy(deletions=Deletions.KEEP, guard=OFF)
    assert Table(lines, keep).plan() == "Kept INBOX a"
    shut = frozenset({WORK})
    assert Table(lines, replace(keep, unseen_local=shut)).plan() == ""
    assert Table(lines, replace(keep, unseen_server=shut)).plan() == "Kept INBOX a"


@pytest.mark.parametrize("side", ["server", "local"])
def test_what_was_seen_last_in_a_mailbox_that_is_gone_is_not_forgotten(side: str) -> None:
    """Neither while that is held nor while it may not be repeated; accepted, it is over."""
    other = "local" if side == "server" else "server"
    box = replace(BOXES[1], **{side: G}, held=True)  # type: ignore[arg-type]
    row = replace(HIDDEN, **{other: G})  # type: ignore[arg-type]
    for gone, forgotten in ((box, []), (replace(box, accepted=True), [row])):
        made = plan([row], [], [BOXES[0], gone], Policy())
        assert [r for action in made.actions for r in getattr(action, "rows", ())] == forgotten


def test_what_went_to_a_mailbox_that_is_not_made_yet_waits_for_nothing_but_that() -> None:
    """It may be the new name of one that is gone: neither is it made, nor is a move or an upload
    into it put off until somebody decides."""
    gone = replace(BOXES[1], local=G, held=True)
    fresh = Mailbox(MailboxId(3), MailboxName("New"), N, T)
    moved = file(mailbox=fresh.id, name=HIDDEN.name)
    new = file(id=RowId(3), mailbox=fresh.id, name=UniqueName("other"), file_size=77)
    rest = [replace(HIDDEN, id=RowId(n), uid=UID(n), name=UniqueName(f"n{n}")) for n in (8, 9)]
    rest = [replace(row, wait=Wait.HELD, file_size=10 * row.id) for row in rest]
    boxes, policy = [BOXES[0], gone, fresh], Policy(unseen_local=frozenset({fresh.id}))
    assert plan([moved, new], [HIDDEN, *rest], boxes, policy).actions == ()
    late = file(id=RowId(20), name=UniqueName("late"), file_size=78)
    (upload,) = plan([moved, new, late], [HIDDEN, *rest], boxes, policy).actions
    assert upload == Upload(INBOX, (late,), "new in the Maildir")
    made = plan([moved, new], [HIDDEN, *rest], boxes, Policy())
    assert [type(action).__name__ for action in made.actions] == ["CreateMailbox", "Move", "Upload"]


# -- a file that nobody could read ------------------------------------------------------------

UNREAD = file(id=RowId(3), mailbox=WORK, parked=True, attempts=1, file_size=900)
LOST = Row(
    RowId(4), INBOX, UID(5), T, name=UniqueName("was"), folder="cur", local=G, synced=Flags.NONE,
    internal_date=7, size=1000, file_size=900, mtime_ns=8_000_000_000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("unread", "lost", "goes"),
    [
        (UNREAD, LOST, False),  # the size
        (replace(UNREAD, file_size=950), LOST, False),  # a reader counted it anew
        (replace(UNREAD, file_size=2000), LOST, True),
        (replace(UNREAD, file_size=2000, mtime_ns=7_000_000_000), LOST, False),  # a date
        (replace(UNREAD, file_size=2000, mtime_ns=8_500_000_000), LOST, False),
        (replace(UNREAD, file_size=None, mtime_ns=None), LOST, True),
        # written over: of what it was only the server tells the size
        (UNREAD, replace(LOST, file_size=None), False),
        (replace(UNREAD, file_size=400), replace(LOST, file_size=None), True),
        (replace(UNREAD, file_size=2000), replace(LOST, file_size=None), True),
        # each of its LFs may be a CRLF there, and a reader may have counted it anew
        (replace(UNREAD, file_size=(1001 - ADDED_SIZE) // 2), replace(LOST, file_size=None), False),
        (replace(UNREAD, file_size=1000 + ADDED_SIZE), replace(LOST, file_size=None), False),
        (replace(UNREAD, file_size=1001 + ADDED_SIZE), replace(LOST, file_size=None), True),
        (UNREAD, replace(LOST, file_size=None, size=None), True),
        # it is none that could be one of them
        (replace(UNREAD, parked=False, body=b"other"), LOST, True),
        (replace(UNREAD, body=b"other"), LOST, True),
        (replace(UNREAD, server=T, uid=UID(9), synced=Flags.NONE), LOST, True),
        (replace(UNREAD, server=U), LOST, False),
        (replace(UNREAD, local=G), LOST, True),
    ],
)
@pytest.mark.parametrize("deletions", [Deletions.EXPUNGE, Deletions.KEEP])
def test_a_message_whose_file_may_be_one_that_could_not_be_read_is_not_deleted(
    unread: Row, lost: Row, goes: bool, deletions: Deletions
) -> None:
    made = plan([lost], [unread], BOXES, Policy(deletions=deletions, guard=OFF))
    assert bool(made.actions) is goes


def test_what_both_sides_marked_is_deleted_all_the_same() -> None:
    """Its file is there."""
    marked = replace(
        LOST, local=T, synced=Flags.DELETED, server_flags=Flags.DELETED, local_flags=Flags.DELETED
    )
    policy = Policy(deletions=Deletions.EXPUNGE, expunge_deleted=True, guard=OFF)
    assert plan([marked], [UNREAD], BOXES, policy).actions


@pytest.mark.parametrize(
    ("unread", "comes"),
    [
        (replace(UNREAD, mailbox=INBOX), False),
        (UNREAD, True),  # elsewhere
        (replace(UNREAD, mailbox=INBOX, mtime_ns=99_000_000_000, file_size=10), True),
    ],
)
def test_a_message_that_may_be_a_file_that_could_not_be_read_is_not_fetched(
    unread: Row, comes: bool
) -> None:
    assert downloads(message(), unread, Policy()) is comes
    assert downloads(message(internal_date=None), unread, Policy())


# -- a message of which the server gives nothing -----------------------------------------------

LEFT = Row(
    RowId(5), WORK, UID(7), G, name=UniqueName("left"), folder="cur", local=T, synced=Flags.NONE,
    internal_date=100, size=10, file_size=9, mtime_ns=100_000_000_000, body=b"left",
)  # fmt: skip


@pytest.mark.parametrize(
    ("new", "goes"),
    [
        (message(), False),
        (message(parked=True), False),
        (message(size=None), True),
        (message(header=b"other"), True),
        (message(server_header=b"other"), True),
        (message(body=b"other"), True),
        (message(email_id="M2"), True),
        (message(size=11), True),
        (message(internal_date=101), True),
        (message(local=G, synced=Flags.NONE), True),
    ],
)
def test_a_file_whose_message_may_be_one_of_which_nothing_is_told_stays(
    new: Row, goes: bool
) -> None:
    """It was moved there perhaps: then the file is moved when that can be told."""
    made = plan([LEFT], [new], BOXES, Policy(guard=OFF))
    assert any(isinstance(action, RemoveLocal) for action in made.actions) is goes


def test_nor_where_the_server_never_told_its_size() -> None:
    made = plan([replace(LEFT, size=None)], [message()], BOXES, Policy(guard=OFF))
    assert not made.actions


SENT = file(id=RowId(6), file_size=9, mtime_ns=100_000_000_000, wire_size=10, body=b"sent")
REFUSED = message(parked=True)


@pytest.mark.parametrize(
    ("refused", "waits"),
    [
        (REFUSED, True),
        (replace(REFUSED, local=U), True),
        (replace(REFUSED, email_id="M2"), True),  # a file has none
        (replace(REFUSED, mailbox=WORK), False),
        (replace(REFUSED, internal_date=101), False),
        (replace(REFUSED, size=11), False),
        (replace(REFUSED, size=None), False),
        (replace(REFUSED, header=b"other"), False),
        (replace(REFUSED, server_header=b"other"), False),
        (replace(REFUSED, body=b"other"), False),
        (replace(REFUSED, server=U), False),
        (replace(REFUSED, local=T, name=UniqueName("its"), synced=Flags.NONE), False),
    ],
)
def test_a_new_file_that_may_be_a_message_which_the_server_does_not_give_is_not_sent(
    refused: Row, waits: bool
) -> None:
    """After the cache was lost, say: it would be there twice."""
    made = plan([SENT], [refused], BOXES, Policy(guard=OFF))
    assert any(isinstance(action, Upload) for action in made.actions) is not waits


def test_but_it_is_put_back_where_it_was_expunged() -> None:
    changed = replace(SENT, server=G, uid=UID(3), synced=Flags.NONE, local_flags=Flags.FLAGGED)
    (action,) = plan([changed], [REFUSED], BOXES, Policy(guard=OFF)).actions
    assert isinstance(action, Upload)
