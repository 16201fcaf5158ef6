"""Pairs beside each other: what one of them says of another (rules 4 and 7)."""

from __future__ import annotations

import pytest
from planner_tables import OFF, Table

from mailsync.model.settings import Deletions
from mailsync.planner import Policy

EXPUNGE = Policy(deletions=Deletions.EXPUNGE, guard=OFF)

# lines | first plan | the server in the end | the Maildir, when it is not the same
CASES = {
    "twins: what has no UID comes after, by its name": (
        "INBOX a - F - name=z\nINBOX a - T - name=y\nINBOX a ? S S\nINBOX a R - -\nINBOX a R - -",
        "Pair INBOX a HEADER; Pair INBOX a HEADER; Upload INBOX a",
        "INBOX a:F a:R a:R",
    ),
    "the copy of a file, edited, under the name of ours": (
        "INBOX a . . . date=1 header=h\nINBOX b - . - date=1 origin=1 read=yes header=h\n"
        "INBOX b . - - date=1 header=h",
        "Pair INBOX b HEADER",
        "INBOX a b",
    ),
    "a new name goes before a new UID, whichever is older": (
        "INBOX a . - -\nINBOX a S x S\nINBOX a - . -",
        "Pair INBOX a HEADER; Download INBOX a",
        "INBOX a a",
    ),
    "a draft that only its body can tell, under a header that is known": (
        "INBOX a D - - header=h date=50 size=999\nINBOX a - D - header=h date=60 read=yes",
        "Download INBOX a",
        "INBOX a:D",
    ),
    "with its size and date and under a name of ours, too": (
        "INBOX a D - - header=h\nINBOX a - D - header=h read=yes origin=7",
        "Download INBOX a",
        "INBOX a:D",
    ),
    "by its date alone": (
        "INBOX a D - - size=999\nINBOX a - D - read=yes",
        "Download INBOX a",
        "INBOX a:D",
    ),
    "neither by its date nor by its size": (
        "INBOX a D - - date=50 size=999\nINBOX b - D - date=60 read=yes",
        "Download INBOX a; Upload INBOX b",
        "INBOX a:D b:D",
    ),
    "a message whose body is known is told at once": (
        "INBOX a F x .\nINBOX a - . - read=yes body=other date=9",
        "Download INBOX a; Upload INBOX a",
        "INBOX a a:F",
    ),
    "an edited file is known by its bytes alone": (
        "INBOX a . x .\nINBOX b . x .\nINBOX b - . - origin=1 read=yes",
        "Pair INBOX b BODY; Expunge INBOX a",
        "INBOX b",
    ),
    "beside an edited file the others are known by all that they are": (
        "INBOX a . x .\nINBOX e - . - origin=1 read=yes\n"
        "INBOX b . - - email_id=M\nINBOX b - . - email_id=M read=yes header=h\n"
        "INBOX c . - -\nINBOX c - . - origin=3 read=yes header=h\n"
        "INBOX d . - - header=d\nINBOX d - . - read=yes header=d\n"
        "INBOX f . x . header=f date=7\nINBOX g - . - header=f date=7 read=yes",
        "Pair INBOX b EMAIL_ID; Pair INBOX c OWN_NAME; Pair INBOX d HEADER; "
        "Upload INBOX e+g; Expunge INBOX a+f",
        "INBOX b c d e g",
    ),
    "moved by both sides, and another one by half": (
        "INBOX a x x F\nWork a . - -\nWork a - F -\n"
        "INBOX b x F S\nWork b S - -\nWork b - F - origin=2",
        "Pair Work a HEADER; Pair Work b OWN_NAME; Forget INBOX a; RemoveLocal INBOX b",
        "Work a b:F",
    ),
    "moved by both sides: among twins by the name of the mailbox": (
        "Work a F - -\nOld a F - -\nINBOX a x x F\nWork a - . -\nOld a - . -",
        "Pair Work a HEADER; Pair Old a HEADER; Forget INBOX a",
        "Old a | Work a:F",
    ),
    "moved by both sides: a twin at home goes first": (
        "Work a x x F\nOld a F - -\nOld a - . -\nWork a F - -\nWork a - . -",
        "Pair Work a HEADER; Pair Old a HEADER; Forget Work a",
        "Old a:F | Work a",
    ),
    "moved by both sides, by EMAILID": (
        "INBOX a x x F email_id=M body=none header=none\nWork a F - - email_id=M\n"
        "Work a - . - email_id=M",
        "Pair Work a EMAIL_ID; Forget INBOX a",
        "Work a",
    ),
    "moved by both sides: a pair that has a base keeps it": (
        "INBOX a x x .\nWork a F x F\nWork a - . -",
        "Pair Work a HEADER; Forget INBOX a",
        "Work a",
    ),
    "a twin of a file under a new name is not left behind": (
        "INBOX a x F .\nWork a . x .\nWork a - . - origin=1",
        "Pair Work a OWN_NAME; Upload INBOX a",
        "INBOX a:F | Work a",
    ),
    "a twin of what both sides moved is not left behind": (
        "Old a x x . email_id=M\nINBOX a x F .\nWork a . - - email_id=M\nWork a - . - origin=1",
        "Pair Work a OWN_NAME; Forget Old a; Upload INBOX a",
        "INBOX a:F | Work a",
    ),
    "a file that got another UID is not left behind": (
        "INBOX a . - -\nINBOX a x . .\nWork a . - -\nWork a - . - origin=1",
        "Pair INBOX a HEADER; Pair Work a OWN_NAME",
        "INBOX a | Work a",
    ),
    "a file that was never synced is not left behind": (
        "INBOX a x F - read=yes\nWork a . - -\nWork a - . - origin=1 read=yes",
        "Pair Work a OWN_NAME; Upload INBOX a",
        "INBOX a:F | Work a",
    ),
    "a file whose message is not gone for sure is not left behind": (
        "INBOX a ? F .\nWork a . - -\nWork a - . - origin=1 read=yes",
        "Pair Work a OWN_NAME; Held INBOX a",
        "Work a",
        "INBOX a:F | Work a",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_pairs(case: tuple[str, str, str] | tuple[str, str, str, str]) -> None:
    lines, plan, server, *local = case
    Table(lines, EXPUNGE).play(plan, server, *local)


def test_a_message_that_is_kept_is_none_that_comes() -> None:
    """It has its file: what comes is another one, whatever it looks like."""
    keep = Policy(deletions=Deletions.KEEP, expunge_deleted=True, guard=OFF)
    lines = "INBOX a T T T\nINBOX a . - -"
    Table(lines, keep).play("Kept INBOX a; Download INBOX a", "INBOX a a:T")
