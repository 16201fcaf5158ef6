"""Scripted misfortune, and the record of what was asked of the server."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass


class Stop(enum.Enum):
    SILENCE = "not executed, no answer, ever"
    CUT_BEFORE = "not executed, connection closed"
    CUT_AFTER = "executed, connection closed without an answer"
    SILENCE_AFTER = "executed, no answer, ever"


Answer = str | Stop | int | Callable[[bytes], bytes] | None
"""`NO …`, `BAD …`, `BYE …`: said instead of executing.  int: executed, and only so many bytes of
the answer are sent before the connection closes.  A function: executed, and the answer (all
lines of it) is what the function makes of it.  None: executed as usual (with a `delay`)."""


@dataclass(slots=True)
class Fault:
    """`command`: `APPEND`, `UID FETCH`, or `*` for any; `nth` counts those seen since scripted."""

    command: str
    answer: Answer
    nth: int = 1
    sticky: bool = False  # that one and all later ones
    early: bool = False  # an APPEND is refused in place of the continuation
    delay: float = 0.0  # seconds that the answer comes late
    mailbox: bytes | None = None  # only where this mailbox is selected or named
    text: bytes = b""  # only where the command has this in it
    seen: int = 0

    def hits(self, name: str, mailbox: bytes | None, text: bytes = b"") -> bool:
        if self.command not in {name, "*"} or self.text not in text:
            return False
        if self.mailbox is not None and self.mailbox != mailbox:
            return False
        self.seen += 1
        return self.seen >= self.nth if self.sticky else self.seen == self.nth


@dataclass(slots=True)
class Executed:
    """One command as it arrived.  `mailbox`: the one it names, else the selected one.
    `messages`: how many it fetched, changed or stored.  `done`: executed with OK."""

    connection: int
    name: str
    mailbox: bytes | None
    text: bytes
    time: float
    messages: int = 0
    answer: str = ""
    done: bool = False


CHANGING = frozenset(
    {
        "APPEND",
        "STORE",
        "UID STORE",
        "COPY",
        "UID COPY",
        "MOVE",
        "UID MOVE",
        "EXPUNGE",
        "UID EXPUNGE",
        "CLOSE",
        "CREATE",
        "DELETE",
        "RENAME",
        "SUBSCRIBE",
        "UNSUBSCRIBE",
    }
)
