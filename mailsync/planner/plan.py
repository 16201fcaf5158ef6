"""The plan: pairing, moves, verdicts and guard, composed in a safe order."""

from __future__ import annotations

from collections.abc import Sequence

from mailsync.model.actions import Plan
from mailsync.model.rows import Mailbox, Row
from mailsync.planner.policy import Policy


def plan(
    rows: Sequence[Row],
    candidates: Sequence[Row],
    mailboxes: Sequence[Mailbox],
    policy: Policy,
) -> Plan:
    """What shall be done about `rows`, the open rows that are due.

    `candidates` are rows that may be partners of theirs (same content hash, EMAILID or unique
    name), all held rows, and all rows of mailboxes that are gone on one side; of those only
    pairs, moves and copies are planned.  A row of a mailbox that is not among `mailboxes`, or
    is out of scope or unknown on a side, is left alone.  The order of the arguments is of no
    consequence.
    """
    raise NotImplementedError
