"""Plans in words."""

# ruff: noqa: E501 (tables are read in rows)

from __future__ import annotations

from pathlib import Path

import pytest

from mailsync.model import actions
from mailsync.model.actions import Action, Plan, Rung, describe, uid_of, uids_of
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UniqueName
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, LocalObservation, ServerObservation
from mailsync.model.rows import Mailbox, Presence, Row, Side, Wait
from mailsync.model.settings import Account, Guard, Secret, Security
from mailsync.model.uidset import UIDSet

A, B = MailboxId(1), MailboxId(2)
NAMES = {A: MailboxName("INBOX"), B: MailboxName("Trash")}
KEYWORDS = Keywords(["$Junk", "Work"])
WORDS = KEYWORDS.all


def rows(*uids: int) -> tuple[Row, ...]:
    return tuple(Row(RowId(uid), A, uid=UID(uid)) for uid in uids)


def files(count: int) -> tuple[Row, ...]:
    return tuple(Row(RowId(n), A, name=UniqueName(f"f{n}")) for n in range(count))


SEEN, GONE = Flags.SEEN, Flags.DELETED | Flags.FLAGGED
TABLE: list[tuple[Action, str]] = [
    (actions.Pair(A, rows(3)[0], files(1)[0], Rung.HEADER, None), "Pair INBOX UID 3 with f0: same header"),
    (actions.Move(A, B, rows(1, 2), (), "deleted"), "Move INBOX -> Trash UID 1:2: deleted"),
    (actions.MoveLocal(A, B, rows(1), (), "x"), "MoveLocal INBOX -> Trash UID 1: x"),
    (actions.Copy(A, MailboxId(9), rows(1), (), "x", ()), "Copy INBOX -> ? UID 1: x"),
    (actions.CopyLocal(A, B, rows(1), (), "x"), "CopyLocal INBOX -> Trash UID 1: x"),
    (actions.StoreFlags(A, rows(1, 3), SEEN, GONE), "StoreFlags INBOX +S -FT UID 1,3: flags differ"),
    (actions.StoreFlags(A, rows(1), SEEN, Flags.NONE), "StoreFlags INBOX +S UID 1: flags differ"),
    (
        actions.SetLocalFlags(A, rows(1), SEEN | WORDS, WORDS),
        "SetLocalFlags INBOX +S $Junk Work -$Junk Work UID 1: flags differ",
    ),
    (actions.SetLocalFlags(A, rows(1), Flags.NONE, SEEN), "SetLocalFlags INBOX -S UID 1: flags differ"),
    (actions.Defer(A, rows(1), Wait.HELD, "too many", Side.LOCAL), "Held INBOX UID 1: too many"),
    (actions.DeferMailbox(A, "gone", Side.SERVER), "Held INBOX: gone"),
    (actions.Forget(A, (), "gone"), "Forget INBOX 0 rows: gone"),
    (actions.Download(A, rows(1), "new"), "Download INBOX UID 1: new"),
    (actions.Upload(A, files(3), "new"), "Upload INBOX f0, f1, f2: new"),
    (actions.Upload(A, files(4), "new"), "Upload INBOX 4 files, f0 …: new"),
    (actions.RemoveLocal(A, rows(7) + files(1), "x"), "RemoveLocal INBOX UID 7 and f0: x"),
    (actions.Expunge(A, rows(7), "x"), "Expunge INBOX UID 7: x"),
    (actions.RenameMailbox(A, B), "RenameMailbox INBOX -> Trash: renamed in the Maildir"),
    (actions.RenameLocalMailbox(A, MailboxId(9)), "RenameLocalMailbox INBOX -> ?: renamed on the server"),
    (actions.CreateMailbox(A), "CreateMailbox INBOX: new in the Maildir"),
    (actions.CreateLocalMailbox(A), "CreateLocalMailbox INBOX: new on the server"),
    (actions.RemoveMailbox(MailboxId(9)), "RemoveMailbox ?: removed from the Maildir"),
    (actions.RemoveLocalMailbox(A), "RemoveLocalMailbox INBOX: removed from the server"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "text"), TABLE, ids=[type(row[0]).__name__ for row in TABLE])
def test_describe(action: Action, text: str) -> None:
    assert describe(action, NAMES, KEYWORDS) == text


def test_pairs_of_one_reason_are_one_line() -> None:
    pairs = [
        actions.Pair(A, rows(uid)[0], files(1)[0], rung, None)
        for uid, rung in ((3, Rung.HEADER), (4, Rung.BODY), (5, Rung.HEADER))
    ]
    plan = Plan((*pairs, actions.CreateMailbox(A)))
    assert list(actions.lines(plan, NAMES, KEYWORDS)) == [
        "Pair INBOX UID 3,5 with files that are there: same header",
        "Pair INBOX UID 4 with files that are there: same content",
        "CreateMailbox INBOX: new in the Maildir",
    ]


def test_every_action_is_described_here() -> None:
    assert {type(action) for action, _ in TABLE} == set(Action.__args__)


def test_uids() -> None:
    assert uids_of(rows(3, 1) + files(2)) == UIDSet([1, 3])
    assert uid_of(rows(3)[0]) == 3
    with pytest.raises(AssertionError):
        uid_of(files(1)[0])


def test_defaults_promise_nothing() -> None:
    assert Plan().actions == ()
    seen = ServerObservation(NAMES[A], Cursor(1, 2, 3))  # type: ignore[arg-type]
    assert not seen.complete
    assert not seen.vanished
    assert LocalObservation(NAMES[A], (), proven=False).stamp is None
    box = Mailbox(A, NAMES[A], Presence.THERE, Presence.UNKNOWN)
    assert (box.held, box.accepted, box.on_server.there) == (False, False, 0)


def test_settings_print_no_secret() -> None:
    account = Account("a", "h", 993, "u", Path("m"), Path("s"), secret=Secret(inline="sesame"))
    assert "sesame" not in repr(account)
    assert account.security is Security.TLS
    assert account.guard == Guard(0.25, 25)


def test_mtime_in_whole_seconds() -> None:
    assert Row(RowId(1), A).mtime is None
    assert Row(RowId(1), A, mtime_ns=1_999_999_999).mtime == 1
    assert Row(RowId(1), A, mtime_ns=-1).mtime == -1
