"""What waits while a mailbox could not be looked at (semantics.md, rule 2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UIDValidity, UniqueName
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.rows import Mailbox, Presence, Row
from mailsync.model.settings import Deletions
from mailsync.planner import Policy, plan

N, T, G = Presence.NONE, Presence.THERE, Presence.GONE
HERE, THERE = MailboxId(1), MailboxId(2)  # HERE was seen, THERE was not
BOXES = [
    Mailbox(number, MailboxName(name), T, T, uid_validity=UIDValidity(1), synced=True)
    for number, name in ((HERE, INBOX), (THERE, "Archive"))
]
BOTH = Row(
    RowId(1),
    HERE,
    uid=UID(5),
    server=T,
    local=T,
    name=UniqueName("a"),
    synced=Flags.NONE,
    internal_date=7,
    mtime_ns=7 * 10**9,
)
EXPUNGED = replace(BOTH, server=G)
UNLINKED = replace(BOTH, local=G)
CHANGED_UP = replace(EXPUNGED, local_flags=Flags.FLAGGED)
CHANGED_DOWN = replace(UNLINKED, server_flags=Flags.FLAGGED)
NEW_FILE = Row(RowId(1), HERE, local=T, name=UniqueName("a"))
NEW_MESSAGE = Row(RowId(1), HERE, uid=UID(5), server=T)
NEITHER = replace(BOTH, server=G, local=G)
DELETED = replace(BOTH, synced=Flags.DELETED, server_flags=Flags.DELETED, local_flags=Flags.DELETED)
EXPUNGE = Deletions.EXPUNGE
KEEP = Deletions.KEEP

TABLE = [
    # row, deletions, action once all was seen; does it come about while the other mailbox, or its
    # own, could not be seen on the server, or in the Maildir?
    ("expunged", EXPUNGED, EXPUNGE, "RemoveLocal", "-- o-"),
    ("unlinked", UNLINKED, EXPUNGE, "Expunge", "o- --"),
    ("unlinked, kept", UNLINKED, KEEP, "Defer", "o- --"),
    ("expunged, changed", CHANGED_UP, EXPUNGE, "Upload", "-- oo"),
    ("unlinked, changed", CHANGED_DOWN, EXPUNGE, "Download", "oo --"),
    ("new file", NEW_FILE, EXPUNGE, "Upload", "o- oo"),
    ("new message", NEW_MESSAGE, EXPUNGE, "Download", "oo o-"),
    ("on neither", NEITHER, EXPUNGE, "Forget", "-- --"),
    ("\\Deleted", DELETED, EXPUNGE, "Expunge", "o- oo"),
    ("flags", replace(BOTH, local_flags=Flags.SEEN), EXPUNGE, "StoreFlags", "o- oo"),
]


def done(row: Row, policy: Policy) -> list[str]:
    return [type(one).__name__ for one in plan([row], [], BOXES, policy).actions]


@pytest.mark.parametrize(("row", "deletions", "action", "marks"), [one[1:] for one in TABLE])
def test_what_is_done_and_what_waits(
    row: Row, deletions: Deletions, action: str, marks: str
) -> None:
    policy = Policy(deletions=deletions, expunge_deleted=True)
    assert done(row, policy) == [action]
    unseen = [
        {side: frozenset({box})}
        for side in ("unseen_server", "unseen_local")
        for box in (THERE, HERE)
    ]
    for blind, mark in zip(unseen, marks.replace(" ", ""), strict=True):
        wanted = [action] if mark == "o" else []
        assert done(row, replace(policy, **blind)) == wanted, blind  # type: ignore[arg-type]
