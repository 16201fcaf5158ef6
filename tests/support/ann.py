"""A user of a real Dovecot, and the server room connected to it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from mailsync.model.flags import Flags
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import ServerObservation
from mailsync.model.settings import Security
from mailsync.server import Outgoing, Server
from mailsync.system.net import TcpNet
from support.dialogue import Rand, account
from support.dovecot import Dovecot, without
from support.replica import Replica, observe

WORK = MailboxName("Work")
NUMBERS = itertools.count(1)
MODES = {
    "qresync": without(),
    "condstore": without("QRESYNC"),
    "plain": without("QRESYNC", "CONDSTORE"),
    "bare": "IMAP4rev1",
}
DovecotWith = Callable[..., Dovecot]


def message(number: int, size: int = 0) -> bytes:
    head = b"Subject: m%d\r\nMessage-ID: <%d@test>\r\n\r\n" % (number, number)
    return head + b"x" * size + b"\r\n"


def outgoing(data: bytes, flags: Flags = Flags.NONE, date: int = 1_000_000_000) -> Outgoing:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 1 << 20):
            yield data[at : at + (1 << 20)]

    return Outgoing(flags, date, len(data), pieces)


class Ann:
    """A user of her own for one test, and a connected server room."""

    def __init__(self, dovecot: Dovecot, **settings: object) -> None:
        self.dovecot, self.settings = dovecot, settings
        self.user = f"u{next(NUMBERS)}"

    def save(self, number: int, mailbox: str = "INBOX") -> None:
        self.dovecot.save(self.user, message(number), mailbox)

    def doveadm(self, command: str, *args: str) -> str:
        verb, _, sub = command.partition(" ")
        return self.dovecot.doveadm(verb, *sub.split(), "-u", self.user, *args)

    def server(self, **changes: object) -> Server:
        async def password() -> str:
            return self.dovecot.password

        settings = {
            "user": self.user,
            "port": self.dovecot.tls_port,
            "security": Security.TLS,
            "tls_ca_file": self.dovecot.cert,
            "timeout": 20.0,
        }
        made = account(**(settings | self.settings | changes))
        return Server(made, TcpNet(), Rand(), password)

    def play(self, step: Callable[[Server], Coroutine[Any, Any, Any]], **changes: object) -> Any:
        async def run() -> Any:
            server = self.server(**changes)
            await server.connect()
            try:
                return await step(server)
            finally:
                await server.close()

        return asyncio.run(run())


async def caught_up(server: Server, replica: Replica) -> ServerObservation:
    """One observation, which must add up at once."""
    seen = (await observe(server, replica.ask()))[replica.name]
    assert replica.apply(seen)
    return seen
