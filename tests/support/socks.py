"""A small SOCKS5 server on loopback (RFC 1928, 1929): it notes what it is asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Socks:
    """`names`: the host names it knows, and the ports on loopback behind them; `reply`: what it
    answers instead of letting through; `user`, `word`: who may."""

    names: Mapping[str, int]
    user: str = ""
    word: str = ""
    reply: int = 0
    port: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Socks]:
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listener.close()
            await asyncio.sleep(0.05)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                await self._talk(reader, writer)
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        version, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        assert version == 5
        wanted = 2 if self.user else 0
        if wanted not in methods:
            writer.write(b"\x05\xff")
            return
        writer.write(bytes([5, wanted]))
        if self.user:
            await reader.readexactly(1)
            user = await reader.readexactly((await reader.readexactly(1))[0])
            word = await reader.readexactly((await reader.readexactly(1))[0])
            good = (user.decode(), word.decode()) == (self.user, self.word)
            writer.write(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return
        _, command, _, kind = await reader.readexactly(4)
        assert (command, kind) == (1, 3), "a name, not an address: the proxy resolves it"
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append((host, port))
        reply = self.reply or (0 if host in self.names else 4)
        writer.write(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if reply:
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.names[host])
        await asyncio.gather(_pass(reader, back), _pass(there, writer))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
