"""What a person reads of a plan: every action with its reason, in the order of execution."""

from __future__ import annotations

import pytest
from planner_tables import OFF, Table

from mailsync.model.actions import Copy, lines
from mailsync.model.keywords import Keywords
from mailsync.planner import Policy

BOXES: dict[str, dict[str, object]] = {"Work": {}, "INBOX": {}, "Drafts": {}, "Trash": {}}


def test_all_that_a_plan_can_say() -> None:
    table = Table(
        """
        INBOX pair . - -
        Work  pair . - -
        INBOX pair - . -
        Work  pair - . -
        INBOX forgotten x x .
        INBOX left . x .
        Work  left - . - name=left
        INBOX went x . .
        Work  went . - -
        INBOX copied F . .
        Work  copied - . - read=yes name=copied
        INBOX twin F . . email_id=M
        Work  twin . - - email_id=M
        INBOX new . - -
        INBOX unseen F x .
        INBOX mine - . - name=mine
        INBOX saved x F . name=saved
        INBOX expunged x . .
        INBOX deleted . x .
        Trash old . x .
        Drafts draft D x D
        Drafts anew - D - read=yes message_id=draft name=anew
        INBOX held ? . . name=held
        """,
        Policy(guard=OFF),
        BOXES,
    )
    names = {box.id: box.name for box in table.world.boxes.values()}
    assert list(lines(table.world.plan(), names, Keywords())) == [  # type: ignore[arg-type]
        "Pair Work UID 1 with files that are there: same header",
        "Pair INBOX UID 1 with files that are there: same header",
        "Forget INBOX UID 2: on neither side",
        "Held INBOX UID 12: was synced once and is not on the server; the cache cannot tell why",
        "Move INBOX -> Work UID 3: moved in the Maildir",
        "MoveLocal INBOX -> Work UID 4: moved on the server",
        "Copy INBOX -> Work UID 5: the server has it already",
        "CopyLocal INBOX -> Work UID 6: the Maildir has it already",
        "SetLocalFlags INBOX +F UID 5:6: flags differ",
        "Download INBOX UID 8: deleted in the Maildir, but changed on the server since",
        "Download INBOX UID 7: new on the server",
        "Upload INBOX UID 9: expunged on the server, but changed in the Maildir since",
        "Upload INBOX mine: new in the Maildir",
        "Upload Drafts anew: new in the Maildir",
        "RemoveLocal INBOX UID 10: expunged on the server",
        "Expunge Trash UID 1: deleted in the Maildir",
        "Expunge Drafts UID 1: draft replaced",
        "Move INBOX -> Trash UID 11: deleted in the Maildir",
    ]


# Rows of which the cache met the one with the greater UID, or name, first | the plan
ORDERED = {
    "downloads: the newest first": (
        "INBOX a . - -\nINBOX b . - -\nINBOX c . - -",
        "Download INBOX c+b+a",
    ),
    "downloads: mailboxes by their newest message": (
        "Work a . - - date=10\nWork b . - - date=90\nINBOX c . - - date=70\n"
        "INBOX d . - - date=80\nDrafts e . - - date=95",
        "Download Drafts e; Download Work b+a; Download INBOX d+c",
    ),
    "uploads": (
        "INBOX a - . - name=z\nINBOX b - . - name=y\nINBOX c x F . uid=5",
        "Upload INBOX c; Upload INBOX b+a",
    ),
    "moves": (
        "INBOX a . x . uid=9\nINBOX b . x . uid=8\nWork a - . - read=yes\nWork b - . - read=yes",
        "Move INBOX>Work b+a",
    ),
    "moves from two mailboxes": (
        "INBOX a . x .\nWork b . x .\nDrafts a - . - read=yes\nDrafts b - . - read=yes",
        "Move Work>Drafts b; Move INBOX>Drafts a",
    ),
    "copies": (
        "INBOX a F . . uid=9\nINBOX b F . . uid=8\nWork a - F - read=yes\nWork b - F - read=yes",
        "Copy INBOX>Work b+a; SetLocalFlags INBOX b+a +F",
    ),
    "to the \\Trash mailbox": (
        "INBOX a . x . uid=9\nINBOX b . x . uid=8",
        "Move INBOX>Trash b+a",
    ),
    "drafts by the old version": (
        "Drafts a D x D uid=9\nDrafts b D x D uid=8\n"
        "Drafts c - D - read=yes message_id=a name=c\nDrafts d - D - read=yes message_id=b name=d",
        "Upload Drafts c+d; Expunge Drafts b+a",
    ),
}


@pytest.mark.parametrize("case", ORDERED.values(), ids=ORDERED)
def test_the_order_of_rows(case: tuple[str, str]) -> None:
    lines, plan = case
    assert Table(lines, Policy(guard=OFF), BOXES).plan() == plan


def test_two_copies_of_one_message() -> None:
    lines = "INBOX a F . .\nWork a - . - read=yes name=z\nWork a - . - read=yes name=y"
    copy, *_ = Table(lines, Policy(guard=OFF), BOXES).world.plan().actions
    assert isinstance(copy, Copy)
    assert [row.name for row in copy.joins] == ["y", "z"]
    assert copy.rows[0] == copy.rows[1]
