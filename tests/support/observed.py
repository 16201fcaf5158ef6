"""Dialogues of observe, and what came of them."""

from __future__ import annotations

import asyncio

from mailsync.model.errors import MailsyncError
from mailsync.model.ids import ModSeq, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, ServerObservation
from mailsync.server import Ask
from support.dialogue import Dialogue, logged_in

A, B = MailboxName("a"), MailboxName("b")
NEW = "(UID FLAGS INTERNALDATE RFC822.SIZE)"
TOP = 4294967295
DATE = 'INTERNALDATE "01-Jul-1996 02:44:25 +0200"'


def cursor(
    uid_next: int = 4, messages: int = 3, modseq: int | None = 20, validity: int = 7
) -> Cursor:
    return Cursor(
        UIDValidity(validity), uid_next, messages, None if modseq is None else ModSeq(modseq)
    )


def ask(name: MailboxName, had: Cursor | None = None, full: bool = False, known: int = 3) -> Ask:
    return Ask(name, name.encode(), had, full, known if had is not None else 0)


def selected(
    exists: int = 3, uid_next: int | None = 4, modseq: int | None = 20, validity: int | None = 7
) -> str:
    lines = [f"S: * {exists} EXISTS"]
    lines += [f"S: * OK [UIDVALIDITY {validity}] x"] if validity is not None else []
    lines += [f"S: * OK [UIDNEXT {uid_next}] x"] if uid_next is not None else []
    lines += [f"S: * OK [HIGHESTMODSEQ {modseq}] x"] if modseq is not None else []
    return "\n".join(lines)


ENABLED = """
    C: ENABLE QRESYNC
    S: * ENABLED QRESYNC
    S: $2 OK enabled
"""


class Seen:
    """What an observation gave, by mailbox."""

    def __init__(self, script: str, capabilities: str, *asks: Ask) -> None:
        self.ok: dict[MailboxName, ServerObservation] = {}
        self.errors: dict[MailboxName, MailsyncError] = {}
        self.dialogue: Dialogue | None = None
        asyncio.run(self._run(script, capabilities, asks))

    async def _run(self, script: str, capabilities: str, asks: tuple[Ask, ...]) -> None:
        server, self.dialogue = await logged_in(script, capabilities)
        async for seen in server.observe(asks):
            if isinstance(seen, tuple):
                self.errors[seen[0]] = seen[1]
            else:
                self.ok[seen.mailbox] = seen
        self.dialogue.done()

    def only(self) -> ServerObservation:
        assert not self.errors
        (found,) = self.ok.values()
        return found


def uids(seen: ServerObservation) -> list[int]:
    return [item.uid for item in seen.items]
