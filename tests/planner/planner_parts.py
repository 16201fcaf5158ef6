"""What the world in memory is made of: messages and mailboxes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from mailsync.model.content import header_hash
from mailsync.model.flags import Flags
from mailsync.model.rows import Mailbox, Presence, Side

N, T, G, U = Presence.NONE, Presence.THERE, Presence.GONE, Presence.UNKNOWN
NS = 1_000_000_000

_OWN = re.compile(r"\d+\.O(\w+)V(\d+)U(\d+)R\d+")


@dataclass
class Message:
    """On either side; `text` stands for the bytes, its first word for the header."""

    text: str
    flags: Flags = Flags.NONE
    date: int = 0
    keywords: frozenset[str] = frozenset()  # on the server only

    @property
    def body(self) -> bytes:
        return self.text.encode()

    @property
    def header(self) -> bytes:
        return header_hash(self.text.split()[0].encode())

    @property
    def size(self) -> int:
        return len(self.text) * 10


@dataclass
class Box:
    id: int
    name: str
    server: dict[int, Message] | None = None
    local: dict[str, Message] | None = None
    uid_next: int = 1
    uid_validity: int = 1
    mailbox_id: str | None = None
    facts: Mailbox = None  # type: ignore[assignment]
    removed: Counter[Side] = field(default_factory=Counter)  # within the hour, for the guard
    relink: bool = False
    hints: set[int] = field(default_factory=set)  # rows whose uid is a hint only

    def own_name(self, uid: int, date: int, number: int) -> str:
        place = re.sub(r"\W", "_", self.name)
        return f"{date}.O{place}V{self.uid_validity}U{uid}R{number}"

    def origin(self, name: str) -> int | None:
        """The UID that one of our own names claims, in this mailbox under this UIDVALIDITY."""
        found = _OWN.fullmatch(name)
        place = re.sub(r"\W", "_", self.name)
        mine = found is not None and found[1] == place and int(found[2]) == self.uid_validity
        return int(found[3]) if found is not None and mine else None
