"""What the stories of semantics.md found: tables of rows and what is planned for them."""

from __future__ import annotations

from dataclasses import replace

from mailsync.model.actions import Expunge, Move, RemoveLocal, Upload
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId, UIDValidity, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Presence, Role, Row
from mailsync.model.settings import Deletions
from mailsync.planner import Policy, plan

T, G = Presence.THERE, Presence.GONE
DRAFTS, TRASH = (
    Mailbox(
        MailboxId(number),
        MailboxName(name),
        T,
        T,
        role=role,
        uid_validity=UIDValidity(1),
        synced=True,
    )
    for number, name, role in ((1, "Drafts", Role.DRAFTS), (2, "Trash", Role.TRASH))
)
POLICY = Policy(deletions=Deletions.TRASH, trash=TRASH.id)
# Edited in place: the row lost its file, which is a new row under our own name.
OLD = Row(
    RowId(1),
    DRAFTS.id,
    uid=UID(5),
    server=T,
    local=G,
    synced=Flags.DRAFT,
    server_flags=Flags.DRAFT,
    message_id="old@x",
    body=b"old",
)
NEW = Row(
    RowId(2),
    DRAFTS.id,
    local=T,
    local_flags=Flags.DRAFT,
    name=UniqueName("ours"),
    origin=UID(5),
    message_id="new@x",
    body=b"new",
)


def test_a_draft_edited_in_place_is_known_by_our_own_name() -> None:
    upload, expunge = plan([OLD, NEW], [], [DRAFTS, TRASH], POLICY).actions
    assert upload == Upload(DRAFTS.id, (NEW,), "new in the Maildir")
    assert expunge == Expunge(DRAFTS.id, (OLD,), "draft replaced", (NEW,))


def test_a_draft_saved_anew_is_known_by_its_message_id() -> None:
    anew = replace(NEW, origin=None, message_id=OLD.message_id)
    _, expunge = plan([OLD, anew], [], [DRAFTS, TRASH], POLICY).actions
    assert expunge == Expunge(DRAFTS.id, (OLD,), "draft replaced", (anew,))


def test_while_the_new_version_is_parked_the_old_one_stays() -> None:
    assert plan([OLD], [replace(NEW, parked=True)], [DRAFTS, TRASH], POLICY).actions == ()


def test_one_that_the_server_has_is_no_new_version_although_it_is_parked() -> None:
    there = replace(NEW, server=T, uid=UID(6), origin=None, message_id=OLD.message_id, parked=True)
    (move,) = plan([OLD], [there], [DRAFTS, TRASH], POLICY).actions
    assert move == Move(DRAFTS.id, TRASH.id, (OLD,), (), "deleted in the Maildir")


def test_what_was_accepted_goes_whatever_its_flags_were_then() -> None:
    inbox = replace(DRAFTS, name=MailboxName("INBOX"), role=None)
    flagged = replace(OLD, server_flags=Flags.FLAGGED, synced=Flags.NONE)
    there = replace(NEW, server=G, local_flags=Flags.FLAGGED, synced=Flags.NONE, uid=UID(6))
    policy = Policy(deletions=Deletions.EXPUNGE)
    saved = plan([flagged, there], [], [inbox], policy).actions
    assert {type(one).__name__ for one in saved} == {"Download", "Upload"}
    rows = [replace(row, accepted=True) for row in (flagged, there)]
    remove, expunge = plan(rows, [], [inbox], policy).actions
    assert isinstance(remove, RemoveLocal)
    assert isinstance(expunge, Expunge)
