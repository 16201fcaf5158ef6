"""Relink: a side is unknown, content decides (rule 4)."""

from __future__ import annotations

import pytest
from planner_tables import OFF, Table

from mailsync.model.settings import Deletions
from mailsync.planner import Policy

EXPUNGE = Policy(deletions=Deletions.EXPUNGE, guard=OFF)

# new UIDs (server unknown on the old rows), new files (local unknown), both
RELINK = {
    "new UIDVALIDITY": (
        "INBOX a ? S S\nINBOX b ? . .\nINBOX a S - -\nINBOX b F - -",
        "Pair INBOX a HEADER; Pair INBOX b HEADER",
        "INBOX a:S b:F",
        None,
    ),
    "new UIDVALIDITY, expunged meanwhile: held": (
        "INBOX a ? S S\nINBOX b ? . .\nINBOX a S - -",
        "Pair INBOX a HEADER; Held INBOX b",
        "INBOX a:S",
        "INBOX a:S b",
    ),
    "new UIDVALIDITY, new on both sides": (
        "INBOX a ? S S\nINBOX a S - -\nINBOX c . - -\nINBOX d - . -",
        "Pair INBOX a HEADER; Download INBOX c; Upload INBOX d",
        "INBOX a:S c d",
        None,
    ),
    "new UIDVALIDITY, the file removed meanwhile: it stays so": (
        "INBOX a ? x .\nINBOX a . - -",
        "Pair INBOX a HEADER",
        "",
        None,
    ),
    "new UIDVALIDITY, the file removed and not synced: fetched": (
        "INBOX a ? x - read=yes\nINBOX a . - -",
        "Forget INBOX a; Download INBOX a",
        "INBOX a",
        None,
    ),
    "new UIDVALIDITY, a draft: told by its body, neither held nor doubled": (
        "INBOX a ? DS DS\nINBOX b ? D D\nINBOX a DS - -",
        "Download INBOX a",
        "INBOX a:DS",
        "INBOX a:DS b:D",
    ),
    "flags of both sides since": (
        "INBOX a ? SF S\nINBOX a SR - -",
        "Pair INBOX a HEADER",
        "INBOX a:FRS",
        None,
    ),
    "the Maildir was restored under other names": (
        "INBOX a S ? S\nINBOX a - . - read=yes",
        "Pair INBOX a HEADER",
        "INBOX a",
        None,
    ),
    "the Maildir was restored without it: fetched": (
        "INBOX a S ? S",
        "Download INBOX a",
        "INBOX a:S",
        None,
    ),
    "the cache was lost": (
        "INBOX a S - -\nINBOX a - . -\nINBOX b . - -\nINBOX c - . -",
        "Pair INBOX a HEADER; Download INBOX b; Upload INBOX c",
        "INBOX a:S b c",
        None,
    ),
    "the cache was lost, expunged meanwhile: held by its own name": (
        "INBOX a ? . - origin=4",
        "Held INBOX a",
        "",
        "INBOX a",
    ),
    "accepted: what was not found goes": (
        "INBOX a ? . . accepted=yes",
        "RemoveLocal INBOX a",
        "",
        None,
    ),
    "moved on the server meanwhile: both are kept": (
        "INBOX a ? . .\nWork a . - -",
        "Held INBOX a; Download Work a",
        "Work a",
        "INBOX a | Work a",
    ),
    "a file whose message is not found again is no new one": (
        "INBOX a . x .\nWork a ? . .",
        "Held Work a; Expunge INBOX a",
        "",
        "Work a",
    ),
    "nor is one of our own name": (
        "INBOX a . x .\nWork a ? . - origin=7",
        "Held Work a; Expunge INBOX a",
        "",
        "Work a",
    ),
    "a file that was never synced and moved": (
        "INBOX a . x .\nWork a ? . -",
        "Move INBOX>Work a",
        "Work a",
        None,
    ),
}


@pytest.mark.parametrize("case", RELINK.values(), ids=RELINK)
def test_relink(case: tuple[str, str, str, str | None]) -> None:
    lines, plan, server, local = case
    Table(lines, EXPUNGE).play(plan, server, local)


RELINKED = {"INBOX": {"relink": True}}
SHOWN = "header=x message_id=a"  # by a server that rewrites headers

# what was uploaded there and is seen anew: paired in a relink, by a Message-ID and a date that
# both sides have once, and nowhere else
REWRITTEN = {
    "new UIDVALIDITY": (
        f"INBOX a ? F S\nINBOX a S - - {SHOWN}",
        "Pair INBOX a MESSAGE_ID",
        "INBOX a:F",
        None,
    ),
    "the cache was lost": (
        f"INBOX a - S - read=yes\nINBOX a S - - {SHOWN}",
        "Pair INBOX a MESSAGE_ID",
        "INBOX a:S",
        None,
    ),
    "another header goes first": (
        f"INBOX a ? S S\nINBOX a S - -\nINBOX a S - - {SHOWN}",
        "Pair INBOX a HEADER; Download INBOX a",
        "INBOX a:S a:S",
        None,
    ),
    "twice on the server": (
        f"INBOX a ? S S\nINBOX a S - - {SHOWN}\nINBOX a S - - {SHOWN}",
        "Held INBOX a; Download INBOX a+a",
        "INBOX a:S a:S",
        "INBOX a:S a:S a:S",
    ),
    "twice here": (
        f"INBOX a ? S S\nINBOX a ? S S\nINBOX a S - - {SHOWN}",
        "Held INBOX a+a; Download INBOX a",
        "INBOX a:S",
        "INBOX a:S a:S a:S",
    ),
    "another date": (
        f"INBOX a ? S S\nINBOX a S - - {SHOWN} date=7",
        "Held INBOX a; Download INBOX a",
        "INBOX a:S",
        "INBOX a:S a:S",
    ),
    "no Message-ID": (
        "INBOX a ? S S message_id=\nINBOX a S - - header=x message_id=",
        "Held INBOX a; Download INBOX a",
        "INBOX a:S",
        "INBOX a:S a:S",
    ),
    "a draft": (
        f"INBOX a ? D D\nINBOX a D - - {SHOWN}",
        "Held INBOX a; Download INBOX a",
        "INBOX a:D",
        "INBOX a:D a:D",
    ),
    "a file that was removed takes nothing along": (
        f"INBOX a ? x .\nINBOX a . - - {SHOWN}",
        "Forget INBOX a; Download INBOX a",
        "INBOX a",
        None,
    ),
}


@pytest.mark.parametrize("case", REWRITTEN.values(), ids=REWRITTEN)
def test_rewritten(case: tuple[str, str, str, str | None]) -> None:
    lines, plan, server, local = case
    Table(lines, EXPUNGE, RELINKED).play(plan, server, local)


def test_outside_a_relink_a_message_with_another_header_is_another() -> None:
    table = Table(f"INBOX a - S - read=yes\nINBOX a S - - {SHOWN}", EXPUNGE)
    assert table.plan() == "Download INBOX a; Upload INBOX a"
