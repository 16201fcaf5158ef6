"""Keywords of what was moved or copied here: what the name of the new file says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planner_boxes import EXPUNGE
from planner_tables import Table

from mailsync.model.actions import Copy, Pair, Plan, Upload
from mailsync.model.flags import KEYWORDS, Flags
from mailsync.model.keywords import Keywords
from mailsync.model.rows import Presence

WORDS = Keywords(["$Junk", "Work"])
JUNK, BOTH = WORDS.flag("$Junk"), WORDS.flag("$Junk") | WORDS.flag("Work")
TOLD = {  # where the merge base of a file in Work is that of another row
    "paired": "INBOX a x x D email_id=M name=n\nWork a D - - email_id=M\nWork a - D - name=n",
    "under a new name": "Work a . x .\nWork a - . -",
    "renamed where it was": "Work a x x .\nWork a - . -\nINBOX a . - -",
    "copied": "INBOX a . x .\nWork a - . -",
    "copied, apart": "Old a x x .\nWork a - . -\nINBOX a . - -",
}


@pytest.mark.parametrize("lines", TOLD.values(), ids=TOLD)
@pytest.mark.parametrize(
    ("shown", "lettered", "base"),
    [(JUNK, KEYWORDS, BOTH), (JUNK, JUNK, JUNK), (Flags.NONE, KEYWORDS, Flags.NONE)],
    ids=["shown", "without a letter", "silent"],
)
def test_what_a_file_elsewhere_says_of_keywords(
    lines: str, shown: Flags, lettered: Flags, base: Flags
) -> None:
    """Both had been on the message: one that its new file does not show was removed, if it could
    be shown there, and if the name shows any."""
    boxes = {"INBOX": {"read_only": True}, "Work": {"lettered": lettered}}
    assert _base(_worded(Table(lines, EXPUNGE, boxes), shown)) & KEYWORDS == base


@pytest.mark.parametrize(("shown", "base"), [(JUNK, BOTH), (Flags.NONE, Flags.NONE)])
def test_what_a_copied_file_says_of_keywords(shown: Flags, base: Flags) -> None:
    table = Table("INBOX a F . .\nWork a - . - read=yes", EXPUNGE)
    assert _base(_worded(table, shown)) & KEYWORDS == base


@pytest.mark.parametrize(("shows", "sent"), [(0, Flags.SEEN | BOTH), (JUNK, Flags.SEEN | JUNK)])
def test_a_moved_file_that_lost_its_letters_is_sent_with_its_keywords(
    shows: int, sent: int
) -> None:
    """Its message was expunged meanwhile; a file that shows some letters shows all it has."""
    table = Table("INBOX a x x S\nWork a - S - read=yes", EXPUNGE)
    old, new = table.world.rows[1], table.world.rows[2]
    table.world.rows[1] = replace(old, local_flags=Flags.SEEN | BOTH)
    table.world.rows[2] = replace(new, local_flags=Flags(Flags.SEEN | shows))
    (upload,) = [one for one in table.world.plan().actions if isinstance(one, Upload)]
    assert [row.local_flags for row in upload.rows] == [sent]


def _worded(table: Table, shown: Flags) -> Plan:
    """Messages have both keywords, and so had what was agreed on; the new file shows `shown`."""
    for row in table.world.rows.values():
        new = row.server is Presence.NONE
        table.world.rows[row.id] = replace(
            row,
            server_flags=row.server_flags | BOTH,
            local_flags=row.local_flags | (shown if new else BOTH),
            synced=None if row.synced is None else row.synced | BOTH,
        )
    return table.world.plan()


def _base(made: Plan) -> Flags:
    (base,) = [
        base
        for action in made.actions
        if isinstance(action, Pair | Copy)
        for base in (action.bases if isinstance(action, Copy) else (action.synced,))
    ]
    assert base is not None
    return base
