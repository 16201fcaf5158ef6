"""IMAP as bytes ⇄ values, sans-IO: nothing here reads, writes, waits or guesses.

In: `Receiver.receive(bytes)` gives events.  Out: a function of `cmd` gives a `Command`, `encode`
the pieces to write.  `names`, `dates`, `quirks` and `Deflate` are what a session needs besides.
"""

from mailsync.imap import commands as cmd
from mailsync.imap import dates, names, quirks
from mailsync.imap.capabilities import Capabilities
from mailsync.imap.codes import AppendUID, Code, CodeArgs, CopyUID
from mailsync.imap.commands import AppendMessage, Header
from mailsync.imap.deflate import Deflate
from mailsync.imap.events import (
    STREAMED,
    BodyBegin,
    BodyData,
    BodyEnd,
    Capability,
    Continuation,
    Enabled,
    ESearch,
    Event,
    Exists,
    Expunged,
    Fetch,
    Id,
    Ignored,
    List,
    MailboxFlags,
    Namespace,
    Search,
    Section,
    Status,
    StatusData,
    StatusKind,
    Streamed,
    Vanished,
)
from mailsync.imap.limits import Limits, LiteralError, ProtocolError
from mailsync.imap.names import from_wire, to_wire
from mailsync.imap.quirks import Quirk
from mailsync.imap.receiver import Receiver
from mailsync.imap.tags import Pending, Tags
from mailsync.imap.wire import (
    WAIT,
    Body,
    Command,
    Hidden,
    Literal,
    LiteralMode,
    Piece,
    Wait,
    encode,
    is_flag,
)

__all__ = [
    "STREAMED", "WAIT", "AppendMessage", "AppendUID", "Body", "BodyBegin", "BodyData", "BodyEnd",
    "Capabilities", "Capability", "Code", "CodeArgs", "Command", "Continuation", "CopyUID",
    "Deflate", "ESearch", "Enabled", "Event", "Exists", "Expunged", "Fetch", "Header", "Hidden",
    "Id", "Ignored", "Limits", "List", "Literal", "LiteralError", "LiteralMode", "MailboxFlags",
    "Namespace", "Pending", "Piece", "ProtocolError", "Quirk", "Receiver", "Search", "Section",
    "Status", "StatusData", "StatusKind", "Streamed", "Tags", "Vanished", "Wait", "cmd", "dates",
    "encode", "from_wire", "is_flag", "names", "quirks", "to_wire",
]  # fmt: skip
