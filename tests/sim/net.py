"""SimNet: the twin of `mailsync.system.seams.Net`, wired to a SimServer in memory.

Bytes travel in pieces that the seed cuts, each with a small virtual latency.  TLS is a word both
sides know; nothing is encrypted.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ssl
from collections import deque
from dataclasses import dataclass

from .rand import SimRand
from .server import SimServer
from .server_connection import Connection
from .steps import Steps

READ_LIMIT = 256 * 1024


@dataclass(slots=True)
class Cut:
    """Break one connection after so many bytes: `up` those that reach the server, `down` those
    that reach the client.  `silent`: it is not broken, but nothing more comes down."""

    up: int | None = None
    down: int | None = None
    silent: bool = False


class SimNet:
    """`latency`: seconds one way; each piece takes up to twice that.

    `cuts` is used up one entry for each connection that is made (None: uncut); `refuse`: so many
    connections are refused.
    """

    def __init__(
        self,
        server: SimServer,
        rand: SimRand,
        steps: Steps,
        *,
        latency: float = 0.01,
        certificate: bytes | None = b"a pretended certificate",
    ) -> None:
        self.server = server
        self.rand = rand
        self.steps = steps
        self.latency = latency
        self.certificate = certificate
        self.pieces = 4  # at most so many for one write, either way
        self.cuts: deque[Cut | None] = deque()
        self.refuse = 0
        self.streams: list[SimStream] = []
        self.bytes_up = self.bytes_down = 0

    async def connect(self, host: str, port: int, tls: ssl.SSLContext | None) -> SimStream:
        self.steps.step("net.connect")
        self.server.attach()
        await asyncio.sleep(self.delay())
        self.steps.check()
        if self.server.down or self.refuse > 0:
            self.refuse -= 1
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"{host} port {port} refused")
        stream = SimStream(self, self.cuts.popleft() if self.cuts else None)
        self.streams.append(stream)
        stream.start(tls=tls is not None)
        return stream

    def delay(self) -> float:
        return self.latency * 2 * self.rand.fraction()

    def kill(self) -> None:
        """The client process died: what it had written may still arrive."""
        for stream in self.streams:
            stream.leave()
        self.streams.clear()


class SimStream:
    """Twin of `mailsync.system.seams.Stream`."""

    def __init__(self, net: SimNet, cut: Cut | None) -> None:
        self._net = net
        self._steps = net.steps
        self._cut = cut or Cut()
        self._tls = False
        self._buffer = bytearray()
        self._ended = False  # the server closed; what is buffered can be read
        self._broken = False
        self._closed = False
        self._wake = asyncio.Event()
        self._up: deque[tuple[bytes, int]] = deque()
        self._down: deque[bytes | None] = deque()
        self._up_last = self._down_last = 0.0
        self._read = self._received = self._arrived = 0
        self._connection: Connection = net.server.accept(self._from_server, self._hang_up)

    def start(self, *, tls: bool) -> None:
        self._tls = tls
        self._connection.start(tls=tls)

    # -- the seam ------------------------------------------------------------------------------

    async def read(self) -> bytes:
        self._steps.step("net.read")
        self._check()
        while not self._buffer and not self._ended:
            self._wake.clear()
            await self._wake.wait()
            self._steps.check()
            self._check()
        data = bytes(self._buffer[:READ_LIMIT])
        del self._buffer[:READ_LIMIT]
        self._read += len(data)
        return data

    async def write(self, data: bytes) -> None:
        self._steps.step("net.write")
        self._check()
        if self._ended:
            raise BrokenPipeError(errno.EPIPE, "the server has closed the connection")
        loop = asyncio.get_running_loop()
        for piece in self._net.rand.split(bytes(data), self._net.pieces):
            self._up.append((piece, self._read))
            self._up_last = max(self._up_last, loop.time() + self._net.delay())
            loop.call_at(self._up_last, self._to_server)
        await asyncio.sleep(0)
        self._steps.check()

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        self._steps.step("net.start_tls")
        self._check()
        if self._buffer:
            raise ConnectionAbortedError(errno.ECONNABORTED, "bytes before TLS")
        await asyncio.sleep(self._net.delay() * 2)
        self._steps.check()
        self._tls = True

    def peer_certificate(self) -> bytes | None:
        return self._net.certificate if self._tls else None

    def tls_unique(self) -> bytes | None:
        return None

    async def close(self) -> None:
        if not self._closed:
            self._steps.step("net.close")
            self.leave()
            with contextlib.suppress(ValueError):
                self._net.streams.remove(self)

    # -- both directions -----------------------------------------------------------------------

    def _check(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, "the stream is closed")
        if self._broken:
            raise ConnectionResetError(errno.ECONNRESET, "connection reset")

    def leave(self) -> None:
        """This end is gone; what was written and not yet there is left to the server."""
        if not self._closed:
            self._closed = True
            self._wake.set()
            self._lose()

    def _lose(self) -> None:
        rest = b"".join(piece for piece, _ in self._up)
        if self._cut.up is not None:
            rest = rest[: max(self._cut.up - self._arrived, 0)]
        self._up.clear()
        self._down.clear()
        self._connection.lost(rest)

    def snap(self) -> None:
        """The connection breaks now."""
        self._break()

    def _break(self) -> None:
        self._broken = True
        self._wake.set()
        self._lose()

    def _to_server(self) -> None:
        if not self._up:
            return
        data, seen = self._up.popleft()
        limit = self._cut.up
        if limit is not None and self._arrived + len(data) >= limit:
            data = data[: limit - self._arrived]
            self._up.clear()
        self._arrived += len(data)
        self._net.bytes_up += len(data)
        if data:
            self._connection.feed(data, seen)
        if limit is not None and self._arrived >= limit:
            self._break()

    def _from_server(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for piece in self._net.rand.split(data, self._net.pieces):
            self._schedule(loop, piece)

    def _hang_up(self) -> None:
        self._schedule(asyncio.get_running_loop(), None)

    def _schedule(self, loop: asyncio.AbstractEventLoop, piece: bytes | None) -> None:
        self._down.append(piece)
        self._down_last = max(self._down_last, loop.time() + self._net.delay())
        loop.call_at(self._down_last, self._to_client)

    def _to_client(self) -> None:
        if not self._down or self._closed:
            return
        piece = self._down.popleft()
        if piece is None:
            self._ended = True
        else:
            limit = self._cut.down
            if limit is not None and self._received + len(piece) >= limit:
                piece = piece[: limit - self._received]
            self._received += len(piece)
            self._net.bytes_down += len(piece)
            self._buffer += piece
            if limit is not None and self._received >= limit and not self._cut.silent:
                self._ended = True
                self._lose()
        self._wake.set()
