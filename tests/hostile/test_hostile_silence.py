"""A server that falls silent, or speaks a byte at a time: every wait ends, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import pytest
from sim.loop import Time, run
from support.dialogue import Rand, password

from mailsync.imap import Limits
from mailsync.model.errors import Disconnected, MailsyncError, ServerDefect, Unavailable
from mailsync.server import Server
from mailsync.server.wire import PATIENCE

from .flood import Answer, Ended, Flood
from .floods import (
    CAPABILITIES,
    Step,
    account,
    bodies,
    compressed,
    mailboxes,
    observe,
    select,
    told,
)

TIMEOUT = 60.0


class Slow(Flood):
    """Each piece comes after `pause` seconds; when all is said, nothing more, and no end."""

    def __init__(self, answers: dict[str, Answer], greeting: Iterator[bytes], pause: float) -> None:
        super().__init__(answers, greeting, most=1 << 30)
        self.pause, self.slow = pause, False

    async def read(self) -> bytes:
        if self.slow:
            await asyncio.sleep(self.pause)
        try:
            return await super().read()
        except Ended:
            await asyncio.Event().wait()
            raise


STEPS: dict[str, tuple[str, Step]] = {
    "the login": ("AUTHENTICATE", mailboxes),
    "LIST": ("LIST", mailboxes),
    "NAMESPACE": ("NAMESPACE", mailboxes),
    "SELECT": ("SELECT", observe),
    "FETCH": ("FETCH", observe),
    "bodies": ("FETCH", bodies),
    "COMPRESS": ("COMPRESS", compressed),
}
SAID: dict[str, bytes] = {
    "nothing": b"",
    "a byte at a time": b"* OK [ALERT] " + b"x" * 50_000,
    "Still here": b"* OK Still here\r\n",
    "half a body": b"* 1 FETCH (UID 1 BODY[] {9000000}\r\n",
    "half a line": b"* LIST",
    "NULs": b"\0",
    "continuations": b"+ \r\n",
    "what is new": b"* 1 EXISTS\r\n",
    "flags that nobody asked for": b"* 1 FETCH (FLAGS ())\r\n",
    "flags of one message": b"* 1 FETCH (UID 1 FLAGS ())\r\n",
    "a mailbox": b'* LIST () "/" INBOX\r\n',
    "what is no use": b"* X-IDLE\r\n",
    "what it can do": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN NAMESPACE ENABLE\r\n",
}


ONCE = ("nothing", "half a body", "half a line")  # nothing comes behind it


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("step", STEPS)
def test_every_wait_ends(step: str, said: str) -> None:
    verb, then = STEPS[step]
    text = SAID[said]

    def stall(tag: bytes) -> Iterator[bytes]:
        """Slow from its first byte on; what is answered before it comes at once."""
        peer.slow, peer._starting = True, False
        if said == "a byte at a time":
            yield from (bytes((byte,)) for byte in text)
        elif said not in ONCE:
            yield from itertools.repeat(text)
        elif text:
            yield text

    answers: dict[str, Answer] = {
        "AUTHENTICATE": told(end=b"%%b OK [CAPABILITY %b] in\r\n" % CAPABILITIES.encode()),
        "ENABLE": told([b"* ENABLED QRESYNC CONDSTORE\r\n"]),
        "SELECT": select(),
    }
    greeting = iter([b"* OK [CAPABILITY %b] hi\r\n" % CAPABILITIES.encode()])
    peer = Slow(answers | {verb: stall}, greeting, TIMEOUT - 1)
    time = Time()
    began = time.now

    async def attempt() -> None:
        server = Server(account(), peer, Rand(), password, Limits())
        try:
            await server.connect()
            await then(server)
        finally:
            await server.close()

    plain = (step, said) == ("the login", "continuations")  # PLAIN has no challenges: told at once
    with pytest.raises(ServerDefect if plain else (Disconnected, Unavailable)) as caught:
        run(attempt(), time)
    assert isinstance(caught.value, MailsyncError)
    assert time.now - began <= TIMEOUT * (PATIENCE + 2), "a person would have given up"
    if said in ONCE:
        assert time.now - began <= 3 * TIMEOUT
    assert peer.closed
