"""A removed file whose message gets another UID stays removed (semantics.md, rule 4)."""

from __future__ import annotations

from dataclasses import replace

from mailsync.model.actions import Forget, Pair, Rung
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UIDValidity
from mailsync.model.mailboxname import INBOX
from mailsync.model.rows import Mailbox, Presence, Row
from mailsync.planner import Policy, needs, plan

BOX = Mailbox(
    MailboxId(1),
    INBOX,
    Presence.THERE,
    Presence.THERE,
    uid_validity=UIDValidity(2),
    synced=True,
)
REMOVED = Row(
    RowId(1),
    BOX.id,
    server=Presence.UNKNOWN,
    local=Presence.GONE,
    synced=Flags.SEEN,
    header=b"header",
    internal_date=7,
)
SHOWN = Row(RowId(2), BOX.id, uid=UID(11), server=Presence.THERE, internal_date=7)


def test_its_header_is_asked_for_and_no_file() -> None:
    wants = needs([SHOWN, REMOVED], [], [BOX])
    assert (wants.headers, wants.digests) == ({BOX.id: (SHOWN,)}, {})


def test_it_is_paired_with_its_base() -> None:
    shown = replace(SHOWN, header=b"header")
    (pair,) = plan([shown, REMOVED], [], [BOX], Policy()).actions
    assert pair == Pair(BOX.id, shown, REMOVED, Rung.HEADER, Flags.SEEN)


def test_by_email_id_without_looking() -> None:
    shown, removed = replace(SHOWN, email_id="M"), replace(REMOVED, email_id="M")
    assert not needs([shown, removed], [], [BOX])
    (pair,) = plan([shown], [removed], [BOX], Policy()).actions
    assert isinstance(pair, Pair)


def test_a_file_that_is_there_comes_first() -> None:
    shown = replace(SHOWN, header=b"header")
    twin = replace(REMOVED, id=RowId(3), local=Presence.THERE, mtime_ns=7 * 10**9)
    kinds = {type(one): one for one in plan([shown, REMOVED, twin], [], [BOX], Policy()).actions}
    assert kinds[Pair].file == twin  # type: ignore[union-attr]
    assert kinds[Forget].rows == (REMOVED,)  # type: ignore[union-attr]


def test_one_that_was_never_synced_is_nothing() -> None:
    shown = replace(SHOWN, header=b"header")
    forget, download = plan([shown, replace(REMOVED, synced=None)], [], [BOX], Policy()).actions
    assert isinstance(forget, Forget)
    assert download.rows == (shown,)  # type: ignore[union-attr]
