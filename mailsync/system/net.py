"""The production Net: asyncio transports behind the Stream of `seams`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence
from typing import cast

from aiohappyeyeballs import start_connection

from mailsync.model.settings import Proxy
from mailsync.system.seams import Stream

READ_LIMIT = 256 << 10  # bytes given by one read()
HIGH_WATER = 1 << 20  # unread bytes at which the peer is made to wait
HAPPY_EYEBALLS = 0.25  # seconds before the next address is tried too (RFC 8305)

# Seconds, seconds, count: a peer that is gone is noticed after two minutes; on data, after 30 s.
_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3))
_USER_TIMEOUT_MS = 30_000


class TcpNet:
    """Connects by TCP, with or without TLS, a proxy or a command in between."""

    async def connect(self, host: str, port: int, tls: ssl.SSLContext | None) -> Stream:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except UnicodeError as error:  # a label that IDNA cannot encode
            raise OSError(f"{host!r} is not a host name") from error
        # Not asyncio's own race, which loses sockets when a deadline ends it.
        sock = await start_connection(found, happy_eyeballs_delay=HAPPY_EYEBALLS)
        return await _stream(sock, host, tls)

    async def connect_through(
        self, proxy: Proxy, host: str, port: int, tls: ssl.SSLContext | None
    ) -> Stream:
        from mailsync.system.socks import connect

        return await _stream(await connect(proxy, host, port), host, tls)

    async def tunnel(self, words: Sequence[str]) -> Stream:
        from mailsync.system.tunnel import TunnelStream, start

        process, ours = start(words)
        try:
            _, stream = await asyncio.get_running_loop().create_connection(TcpStream, sock=ours)
        except BaseException:
            ours.close()
            process.kill()
            process.communicate()
            raise
        return TunnelStream(process, stream, words[0])


async def _stream(sock: socket.socket, host: str, tls: ssl.SSLContext | None) -> Stream:
    """Over a connected socket, which asyncio owns from now on: it closes it in any case."""
    _, stream = await asyncio.get_running_loop().create_connection(
        TcpStream, sock=sock, ssl=tls, server_hostname=host if tls else None
    )
    return stream


class TcpStream(asyncio.Protocol):
    """One connection: a Stream to its user, a Protocol to asyncio."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._writable = True
        self._paused = False
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # -- what asyncio calls --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            _keep_alive(sock)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > HIGH_WATER and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        self._ended = True
        _wake(self._reader)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._error = exc
        _wake(self._reader)
        _wake(self._writer)
        _wake(self._lost)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        _wake(self._writer)

    # -- Stream --------------------------------------------------------------------------------

    async def read(self) -> bytes:
        while not self._received:
            if self._ended:
                if self._error is not None:
                    raise _as_os_error(self._error)
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        data = bytes(self._received[:READ_LIMIT])
        del self._received[:READ_LIMIT]
        if self._paused and len(self._received) <= HIGH_WATER // 2 and self._transport is not None:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        transport = self._open()
        transport.write(data)
        while not self._writable and not self._lost.done():
            self._writer = asyncio.get_running_loop().create_future()
            try:
                await self._writer
            finally:
                self._writer = None
        self._open()

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        transport = self._open()
        if self._received:
            raise OSError("data arrived in clear before TLS could start")
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(transport, self, context, server_hostname=host)
            if secured is None:
                raise ConnectionAbortedError("the connection was closed while TLS started")
        except BaseException:
            transport.abort()
            self.connection_lost(None)  # asyncio no longer tells us
            raise
        self._transport = secured

    def peer_certificate(self) -> bytes | None:
        found = self._transport.get_extra_info("ssl_object") if self._transport else None
        return found.getpeercert(binary_form=True) if found is not None else None

    def tls_unique(self) -> bytes | None:
        # Sessions are never resumed here, so it is safe without the extended master secret too.
        found = self._transport.get_extra_info("ssl_object") if self._transport else None
        if found is None or found.version() != "TLSv1.2":
            return None
        binding: bytes | None = found.get_channel_binding("tls-unique")
        return binding

    async def close(self) -> None:
        if self._transport is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._transport.abort()
            await asyncio.wait({self._lost}, timeout=1)

    def _open(self) -> asyncio.Transport:
        if self._transport is None or self._lost.done() or self._transport.is_closing():
            raise _as_os_error(self._error)
        return self._transport


def _as_os_error(error: Exception | None) -> OSError:
    if isinstance(error, OSError):
        return error
    return ConnectionResetError(str(error) if error else "the connection is closed")


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _keep_alive(sock: socket.socket) -> None:
    """Best effort: the deadlines of the session hold without it."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            option = getattr(socket, name, None)
            if option is not None:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, _USER_TIMEOUT_MS)
