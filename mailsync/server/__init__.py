"""One account's IMAP server: transport, login, session, observe, bodies, changes."""

from mailsync.imap import CopyUID
from mailsync.server.login import Password
from mailsync.server.past import Past
from mailsync.server.server import Server
from mailsync.server.values import (
    Appended,
    Ask,
    FetchedBody,
    Identity,
    Outgoing,
    Stored,
    Traffic,
)

__all__ = [
    "Appended",
    "Ask",
    "CopyUID",
    "FetchedBody",
    "Identity",
    "Outgoing",
    "Password",
    "Past",
    "Server",
    "Stored",
    "Traffic",
]
