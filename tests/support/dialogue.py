"""A server that is a script: what it says, and what it insists on hearing.

    S: * OK hello              the server says a line
    C: LOGIN "ann" "secret"    the client must send this line; its tag is $1, the next one's $2 …
    C> rest of a line          … goes on after a literal: no tag
    S: $1 OK [ALERT] done
    S: EOF                     the server closes the connection

Lines of the server that follow each other arrive in one piece; after the last one: silence.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from mailsync.model.flags import Flags
from mailsync.model.settings import Account, Security
from mailsync.server import Outgoing, Server

CAPABILITIES = "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+"
LOGIN = f"""
    S: * OK [CAPABILITY {CAPABILITIES}] ready
    C: AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=
"""


class Rand:
    """Random enough for tags."""

    def __init__(self) -> None:
        self._state = 88172645463325252

    def bits(self, count: int) -> int:
        for shift in (13, -7, 17):
            moved = self._state << shift if shift > 0 else self._state >> -shift
            self._state = (self._state ^ moved) & ((1 << 64) - 1)
        return self._state & ((1 << count) - 1)

    def fraction(self) -> float:
        return self.bits(32) / (1 << 32)


class Dialogue:
    """A Stream, and a Net that connects to it."""

    def __init__(self, script: str, *, certificate: bytes | None = None) -> None:
        self._steps = [line.strip() for line in script.strip().splitlines() if line.strip()]
        self._heard = bytearray()
        self._said = bytearray()
        self._eof = False
        self._news = asyncio.Event()
        self._certificate = certificate
        self.tags: list[str] = []
        self.writes: list[bytes] = []
        self.connected = self.closed = False
        self._advance()

    # -- Net and Stream ------------------------------------------------------------------------

    async def connect(self, host: str, port: int, tls: ssl.SSLContext | None) -> Dialogue:
        self.connected = True
        return self

    async def tunnel(self, words: Sequence[str]) -> Dialogue:
        self.connected = True
        return self

    async def read(self) -> bytes:
        while not self._said:
            if self.closed:
                raise ConnectionResetError("closed by ourselves")
            if self._eof:
                return b""
            self._news.clear()
            await self._news.wait()
        data = bytes(self._said)
        self._said.clear()
        return data

    async def write(self, data: bytes) -> None:
        assert not self.closed, "a write after close"
        self.writes.append(data)
        self._heard += data
        self._advance()

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        raise AssertionError("a script has no TLS")

    def peer_certificate(self) -> bytes | None:
        return self._certificate

    def tls_unique(self) -> bytes | None:
        return None

    async def close(self) -> None:
        self.closed = True
        self._news.set()

    # -- the script ------------------------------------------------------------------------------

    def _advance(self) -> None:
        while self._steps:
            kind, text = self._steps[0][:2], self._steps[0][2:].lstrip()
            if kind == "S:":
                self._say(text)
            elif b"\r\n" not in self._heard:
                break
            else:
                self._hear(kind, text)
            self._steps.pop(0)
        self._news.set()

    def _say(self, text: str) -> None:
        if text == "EOF":
            self._eof = True
            return
        for number in range(len(self.tags), 0, -1):
            text = text.replace(f"${number}", self.tags[number - 1])
        ends = not text.endswith("\\")
        line = text.removesuffix("\\").encode().decode("unicode_escape").encode("latin-1")
        self._said += line + (b"\r\n" if ends else b"")

    def _hear(self, kind: str, text: str) -> None:
        line, _, rest = bytes(self._heard).partition(b"\r\n")
        self._heard = bytearray(rest)
        got = line.decode("latin-1")
        if kind == "C:":
            tag, _, got = got.partition(" ")
            self.tags.append(tag)
        assert got == text, f"expected {text!r}, heard {got!r}"

    def done(self) -> None:
        """Everything was said and heard, and nothing more."""
        assert not self._steps, f"not reached: {self._steps}"
        assert not self._heard, f"unexpected: {bytes(self._heard)!r}"


def account(**changes: object) -> Account:
    """An account in clear on loopback, for ann, with a short deadline."""
    settings: dict[str, object] = {
        "name": "test",
        "host": "localhost",
        "port": 143,
        "user": "ann",
        "maildir": Path("/nonexistent"),
        "state": Path("/nonexistent"),
        "security": Security.NONE,
        "timeout": 5.0,
    }
    return Account(**(settings | changes))  # type: ignore[arg-type]


async def password() -> str:
    return "secret"


def server(dialogue: Dialogue, **changes: object) -> Server:
    return Server(account(**changes), dialogue, Rand(), password)


async def logged_in(
    script: str, capabilities: str = "", **changes: object
) -> tuple[Server, Dialogue]:
    """A server that answered the login with `capabilities`; in `script` the first tag is $2."""
    caps = f"[CAPABILITY IMAP4rev1 {capabilities}] " if capabilities else "[CAPABILITY IMAP4rev1] "
    dialogue = Dialogue(f"{LOGIN}\nS: $1 OK {caps}in\n{script}")
    made = server(dialogue, **changes)
    await made.connect()
    return made, dialogue


Step = Callable[[Server], Coroutine[Any, Any, Any]]
SELECTED = """
    S: * 3 EXISTS
    S: * OK [UIDVALIDITY 7] fine
    S: * OK [UIDNEXT 10] next
    S: $2 OK [READ-WRITE] done
"""


def play(script: str, step: Step, capabilities: str = "", **changes: object) -> Any:
    """The step's result, or its error raised; the script must be played to its end."""

    async def run() -> Any:
        server, dialogue = await logged_in(script, capabilities, **changes)
        try:
            return await step(server)
        finally:
            dialogue.done()

    return asyncio.run(run())


def message(text: bytes, flags: Flags = Flags.NONE, binary: bool = False) -> Outgoing:
    async def pieces() -> AsyncIterator[bytes]:
        yield text[:3]
        yield text[3:]

    return Outgoing(flags, None, len(text), pieces, binary)
