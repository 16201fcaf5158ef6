"""How much a server may send, and the error when it sends something else (reliability.md §4.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailsync.model.errors import Reach, ServerDefect
from mailsync.model.ids import UID, SeqNum

if TYPE_CHECKING:
    from mailsync.imap.events import Event

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """All in bytes unless said otherwise."""

    line: int = 64 * KIB  # one response without its literals
    code: int = 8 * KIB  # one response code, unless it is a UID set
    set_line: int = 64 * MIB  # a SEARCH, ESEARCH, VANISHED, COPYUID or MODIFIED line
    ranges: int = 500_000  # of one UID set, counted
    body: int = 256 * MIB  # one literal that is a BODY[…] or BINARY[…]
    literal: int = 1 * MIB  # all other literals of one response together
    nesting: int = 32  # parentheses inside each other, counted
    responses: int = 10_000_000  # untagged, since the last tagged one, counted
    uid_list: int = 50_000  # UIDs of COPYUID and APPENDUID, expanded, counted: 500 are asked for


class ProtocolError(ServerDefect):
    """The server broke the protocol or a limit.  Close the connection, send nothing more.

    `events` are what the same bytes had completed before.
    """

    def __init__(self, text: str, *, events: tuple[Event, ...] = ()) -> None:
        super().__init__(text)
        self.events = events


class LiteralError(ProtocolError):
    """A literal with an impossible or forbidden size, refused before anything was allocated.

    `uid` and `seq` say whose it was, as far as the response had told until then; `size` is None
    when it is not a number that makes sense.
    """

    reach = Reach.MESSAGE

    def __init__(self, text: str, *, seq: SeqNum | None, uid: UID | None, size: int | None) -> None:
        super().__init__(text)
        self.seq = seq
        self.uid = uid
        self.size = size
