"""LIST and STATUS, as dialogues."""

from __future__ import annotations

import pytest
from support.dialogue import play

from mailsync.model.errors import Refused, ServerDefect
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, ServerMailbox
from mailsync.model.rows import Role
from mailsync.server import Server

ITEMS = "(MESSAGES UIDNEXT UIDVALIDITY)"
ALL_ITEMS = "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ MAILBOXID)"


def listed(script: str, capabilities: str = "") -> tuple[dict[str, ServerMailbox], list[str]]:
    async def step(server: Server) -> tuple[dict[str, ServerMailbox], list[str]]:
        found = await server.mailboxes()
        return {box.name: box for box in found}, server.notices

    result: tuple[dict[str, ServerMailbox], list[str]] = play(script, step, capabilities)
    return result


def test_everything_in_one_write() -> None:
    boxes, notices = listed(
        f"""
        C: ID ("name" "mailsync" "vendor" "mailsync")
        C: ENABLE QRESYNC
        C: NAMESPACE
        C: LIST "" "*" RETURN (SPECIAL-USE STATUS {ALL_ITEMS})
        S: * ID NIL
        S: $2 OK done
        S: * ENABLED QRESYNC
        S: $3 OK done
        S: * NAMESPACE (("" "/")) NIL NIL
        S: $4 OK done
        S: * LIST (\\\\HasNoChildren) "/" inbox
        S: * STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 HIGHESTMODSEQ 4 MAILBOXID (F1))
        S: * LIST (\\\\Trash) "/" Papierkorb
        S: * STATUS Papierkorb (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 3 HIGHESTMODSEQ 0)
        S: * LIST (\\\\NoSelect) "/" Work
        S: $5 OK done
        """,
        "ID ENABLE QRESYNC NAMESPACE LIST-EXTENDED LIST-STATUS SPECIAL-USE OBJECTID",
    )
    inbox, trash = boxes["INBOX"], boxes["Papierkorb"]
    assert inbox.cursor == Cursor(3, 2, 1, 4)  # type: ignore[arg-type]
    assert inbox.wire_name == b"INBOX", "any case will do, so always the same"
    assert inbox.mailbox_id == "F1"
    assert trash.role is Role.TRASH
    assert not trash.guessed
    assert trash.cursor is not None
    assert trash.cursor.highest_modseq is None
    assert not boxes["Work"].selectable
    assert notices == []


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        ("NO [UNAVAILABLE] later", Refused, "refused NAMESPACE"),
        ("BAD what?", Refused, "refused NAMESPACE"),
        ("OK nothing to tell", ServerDefect, "answered NAMESPACE by OK alone"),
    ],
)
def test_without_the_namespace_no_mailbox_has_a_name(
    answer: str, error: type[Exception], text: str
) -> None:
    """`INBOX.Work` would be another mailbox than `Work`, and that one renamed."""
    script = f"""
        C: NAMESPACE
        C: LIST "" "*"
        S: $2 {answer}
        S: * LIST () "." INBOX.Work
        S: $3 OK done
    """
    with pytest.raises(error, match=f"{text}.*quirks = no-namespace"):
        listed(script, "NAMESPACE")


def test_a_refused_list_status_is_done_by_hand() -> None:
    boxes, _ = listed(
        f"""
        C: LIST "" "*" RETURN (STATUS {ITEMS})
        S: $2 BAD Command Argument Error. 12
        C: LIST "" "*"
        S: * LIST () "/" a
        S: * LIST () "/" b
        S: $3 OK done
        C: STATUS "a" {ITEMS}
        C: STATUS "b" {ITEMS}
        C: STATUS "INBOX" {ITEMS}
        S: * STATUS a (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)
        S: $4 OK done
        S: $5 NO [NOPERM] no
        S: * STATUS INBOX ()
        S: $6 OK done
        """,
        "LIST-STATUS",
    )
    assert boxes["a"].cursor == Cursor(3, 2, 1)  # type: ignore[arg-type]
    assert boxes["b"].cursor is None, "not known, which is not empty"
    assert boxes["INBOX"].cursor is None


def test_names_that_cannot_be_are_told_and_left_out() -> None:
    boxes, notices = listed(
        f"""
        C: LIST "" "*"
        S: * LIST () "/" "INBOX"
        S: * LIST () "/" "../../etc/passwd"
        S: * LIST () "/" "a//b"
        S: * LIST () "/" "/abs"
        S: $2 OK done
        C: STATUS "../../etc/passwd" {ITEMS}
        C: STATUS "INBOX" {ITEMS}
        S: $3 OK done
        S: $4 OK done
        """
    )
    assert len(notices) == 2
    assert all(not name.startswith(("/", ".")) and ".." not in name.split("/") for name in boxes)


def test_of_many_that_are_left_out_the_first_are_named() -> None:
    lines = "\n".join(f'S: * LIST () "/" "/{number:03}"' for number in range(150))
    _, notices = listed(
        f"""
        C: LIST "" "*"
        S: * LIST () "/" "INBOX"
        {lines}
        S: $2 OK done
        C: STATUS "INBOX" {ITEMS}
        S: $3 OK done
        """
    )
    assert len(notices) == 101
    assert notices[99].startswith("mailbox /099 is left out: ")
    assert notices[100] == "50 more mailboxes are left out, as these are"


def test_roles_by_name_where_none_are_announced() -> None:
    boxes, _ = listed(
        f"""
        C: LIST "" "*"
        S: * LIST () "/" INBOX
        S: * LIST () "/" "Deleted Items"
        S: * LIST () "/" "Sent"
        S: * LIST () "/" "Work/Drafts"
        S: $2 OK done
        C: STATUS "Deleted Items" {ITEMS}
        C: STATUS "Sent" {ITEMS}
        C: STATUS "Work/Drafts" {ITEMS}
        C: STATUS "INBOX" {ITEMS}
        S: $3 OK done
        S: $4 OK done
        S: $5 OK done
        S: $6 OK done
        """
    )
    assert boxes["Deleted Items"].role is Role.TRASH
    assert boxes["Deleted Items"].guessed
    assert boxes["Sent"].role is Role.SENT
    assert boxes[MailboxName("Work/Drafts")].role is None
