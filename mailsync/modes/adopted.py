"""What taking over a mailbox came to, in numbers and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailsync.model.former import AdoptedMailbox
from mailsync.model.rows import Mailbox, Presence, Row, Side, Wait
from mailsync.planner.policy import Bounds

N, T = Presence.NONE, Presence.THERE


@dataclass(slots=True)
class Counts:
    """Of messages, as far as the rows do not tell."""

    before: int = 0  # paired when the run began
    known: int = 0
    expired: int = 0  # taken away by the former program itself
    rewritten: int = 0
    doubted: int = 0  # files whose number is a message's that they are not
    program: str = ""


def told(
    box: Mailbox, rows: Sequence[Row], counts: Counts, said: Sequence[str], bounds: Bounds
) -> AdoptedMailbox:
    alone = [row for row in rows if row.wait is Wait.NO and not bounds.leaves_out(row)]
    paired = sum(row.server is T and row.local is T for row in rows)
    held = [row for row in rows if row.wait is Wait.HELD]
    here = sum(row.local is T for row in held if _loses(row) is Side.LOCAL)
    notices = list(said)
    if counts.expired:
        notices.append(
            f"{counts.expired} messages that {counts.program} had removed here by MaxMessages "
            "will be fetched"
        )
    if counts.rewritten:
        notices.append(
            f"{counts.rewritten} files have another size than their messages on the server: "
            f"{counts.program} wrote them otherwise; they are paired by its word and Message-ID"
        )
    if counts.doubted:
        notices.append(
            f"{counts.doubted} files are other than their messages on the server, and nothing but "
            f"the word of {counts.program} says that they are one: a sync keeps both"
        )
    return AdoptedMailbox(
        name=box.name,
        known=counts.known,
        alike=paired - counts.known - counts.before,
        before=counts.before,
        held_here=here,
        held_there=len(held) - here,
        fetched=sum(row.server is T and row.local is N for row in alone),
        sent=sum(row.local is T and row.server is N for row in alone),
        notices=tuple(dict.fromkeys(notices)),
    )


def _loses(row: Row) -> Side:
    return Side.SERVER if row.server is T else Side.LOCAL
