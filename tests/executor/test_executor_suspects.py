"""At which message the server fails: by what was asked for when the connection was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from mailsync.executor import suspects
from mailsync.executor.run import Run, Tallies
from mailsync.model.errors import Disconnected, MailsyncError, Reach, ServerDefect
from mailsync.model.ids import UID, MailboxId, RowId
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Presence, Row

BOX = Mailbox(MailboxId(2), MailboxName("Work"), Presence.THERE, Presence.THERE)
OTHER = Mailbox(MailboxId(3), MailboxName("Other"), Presence.THERE, Presence.THERE)
LIMIT = 1000


def row(number: int, size: int | None = 1, parked: bool = False) -> Row:
    return Row(RowId(number), BOX.id, UID(number), size=size, parked=parked)


class Stage:
    """What is parked, and why."""

    def __init__(self) -> None:
        self.said: list[tuple[int, str]] = []
        server = SimpleNamespace(body_limit=LIMIT)
        made = SimpleNamespace(server=server, tallies=Tallies(), trouble=self._trouble)
        self.run = cast(Run, made)

    async def _trouble(self, mailbox: MailboxId, rows: Sequence[Row], text: str) -> None:
        assert mailbox == BOX.id
        self.said += [(one.id, text) for one in rows]

    def ask(self, *rows: Row) -> list[int]:
        return [one.id for one in asyncio.run(suspects.to_ask(self.run, BOX, rows))]

    def blame(self, error: MailsyncError, *unanswered: int) -> MailsyncError:
        rows = [row(number) for number in unanswered]
        return asyncio.run(suspects.blamed(self.run, BOX, rows, error))


@pytest.mark.parametrize("parked", [False, True])
def test_the_newest_first_and_none_that_is_too_large(parked: bool) -> None:
    """What is larger than is taken from any server is parked and said, once."""
    stage = Stage()
    rows = [row(1), row(3, LIMIT), row(4, None), row(2, LIMIT + 1, parked)]
    assert stage.ask(*rows) == [4, 3, 1]
    said = [(2, "UID 2: it has 1001 bytes, and at most 1000 are taken")]
    assert stage.said == ([] if parked else said)


def test_after_a_lost_connection_one_by_one() -> None:
    """In that mailbox."""
    stage, lost = Stage(), Disconnected("lost")
    assert suspects.one_by_one(stage.run, BOX) == 0
    assert stage.blame(lost, 9, 8) is lost
    assert stage.said == []
    assert suspects.one_by_one(stage.run, BOX) == suspects.IN_FLIGHT
    assert suspects.one_by_one(stage.run, OTHER) == 0


def test_the_oldest_unanswered_one_is_it_when_it_is_so_again() -> None:
    """Twice for the same message; another one, or none at all, is another matter."""
    stage, lost = Stage(), Disconnected("lost")
    for unanswered in ([9, 8], [9, 8], [], [8]):
        assert stage.blame(lost, *unanswered) is lost
        assert stage.said == []
    stage.blame(lost, 9)
    assert stage.said == [(9, "UID 9: the server fails at this message: lost")]


def test_an_answer_that_names_it_is_proof() -> None:
    """As soon as messages are asked for one by one; the connection is closed all the same."""
    stage = Stage()
    broken = ServerDefect("a text without an end", reach=Reach.MESSAGE)
    for said in ([], [(9, "UID 9: the server fails at this message: a text without an end")]):
        error = stage.blame(broken, 9, 8)
        assert (type(error), str(error), error.reach) == (
            ServerDefect, "a text without an end", Reach.ACCOUNT,
        )  # fmt: skip
        assert stage.said == said
