"""What another program knew of a mailbox that it kept the same: hints, never proof.

The program gave each file a number in its name (`,U=7`); its state says which UID on the server
that is, and which flags both sides had when it last looked.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from mailsync.model.errors import Exit, worst
from mailsync.model.flags import Flags
from mailsync.model.ids import UID

Json = dict[str, object]


class Kind(enum.Enum):
    SYNCED = "synced"
    EXPIRED = "expired"  # the program itself took the file away; the message stays on the server
    PLACEHOLDER = "placeholder"  # the file only says that the message was too large


@dataclass(frozen=True, slots=True)
class FormerMessage:
    """`uid` None: gone on the server, `number` None: gone in the Maildir, when the program last
    looked, and it had not carried that across."""

    uid: UID | None
    number: int | None
    flags: Flags
    kind: Kind = Kind.SYNCED


@dataclass(frozen=True, slots=True)
class FormerMailbox:
    """`uid_validity`: the server's, to which the UIDs belong.  `tags`: what stands as FMD5 in the
    names of files that belong to this mailbox; empty: their names have no such field.
    `expired_to`: messages up to this UID that are not known any more had expired."""

    program: str
    path: str
    uid_validity: int
    messages: tuple[FormerMessage, ...]
    tags: frozenset[str] = frozenset()
    expired_to: int = 0


# -- what taking over came to ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AdoptedMailbox:
    """Numbers of messages.  `known` were paired as the former state says, `alike` by content,
    `before` in an earlier run.  `held_here`, `held_there`: one side lacks them, and accept would
    remove them from the Maildir, or the server.  `fetched`, `sent`: what a sync will do."""

    name: str
    known: int = 0
    alike: int = 0
    before: int = 0
    held_here: int = 0
    held_there: int = 0
    fetched: int = 0
    sent: int = 0
    notices: tuple[str, ...] = ()

    @property
    def paired(self) -> int:
        return self.known + self.alike + self.before

    def as_json(self) -> Json:
        return {
            "paired": self.paired,
            "by-state": self.known,
            "by-content": self.alike,
            "before": self.before,
            "held-in-the-maildir": self.held_here,
            "held-on-the-server": self.held_there,
            "to-be-fetched": self.fetched,
            "to-be-sent": self.sent,
            "notices": list(self.notices),
        }


@dataclass(frozen=True, slots=True)
class Adoption:
    """One account; `errors` say what could not be looked at or done."""

    name: str
    mailboxes: tuple[AdoptedMailbox, ...] = ()
    errors: tuple[str, ...] = ()
    exits: frozenset[Exit] = frozenset()

    @property
    def exit(self) -> Exit:
        held = any(box.held_here or box.held_there for box in self.mailboxes)
        return worst({*self.exits, *([Exit.HELD] if held else [])})

    def as_json(self) -> Json:
        return {
            "mailboxes": {box.name: box.as_json() for box in self.mailboxes},
            "errors": list(self.errors),
            "exit-status": int(self.exit),
        }


def as_json(adoptions: Iterable[Adoption]) -> Json:
    """The one object of `adopt --json`."""
    found = list(adoptions)
    return {
        "accounts": {one.name: one.as_json() for one in found},
        "exit-status": int(worst_of(found)),
    }


def worst_of(adoptions: Iterable[Adoption]) -> Exit:
    return worst({one.exit for one in adoptions})
