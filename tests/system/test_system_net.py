"""The production Stream over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from mailsync.system.net import HIGH_WATER, READ_LIMIT, TcpNet
from mailsync.system.seams import Stream

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def talk(peer: Peer, client: Callable[[Stream], Awaitable[None]]) -> None:
    async def run() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await peer(reader, writer)
            except OSError:
                pass
            finally:
                writer.close()

        listener = await asyncio.start_server(handle, "127.0.0.1", 0)
        stream = await TcpNet().connect("127.0.0.1", listener.sockets[0].getsockname()[1], None)
        try:
            async with asyncio.timeout(20):
                await client(stream)
        finally:
            await stream.close()
            listener.close()
            await listener.wait_closed()
            await asyncio.sleep(0.01)

    asyncio.run(run())


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def test_bytes_and_their_end() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello " + await reader.readexactly(3))

    async def client(stream: Stream) -> None:
        await stream.write(b"you")
        got = b""
        while data := await stream.read():
            got += data
        assert got == b"hello you"
        assert await stream.read() == b""
        assert stream.peer_certificate() is None

    talk(peer, client)


def test_a_slow_reader_slows_the_peer_down() -> None:
    total = 40 << 20
    sent = 0

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        for _ in range(total // READ_LIMIT):
            writer.write(b"x" * READ_LIMIT)
            await writer.drain()
            sent += READ_LIMIT

    async def client(stream: Stream) -> None:
        await asyncio.sleep(0.5)
        assert sent < total, "it was all taken into memory"
        got = 0
        while data := await stream.read():
            assert len(data) <= READ_LIMIT
            assert len(stream._received) <= HIGH_WATER + READ_LIMIT  # type: ignore[attr-defined]
            got += len(data)
        assert got == total

    talk(peer, client)


def test_write_waits_for_a_slow_peer() -> None:
    async def client(stream: Stream) -> None:
        async def flood() -> None:
            for _ in range(1000):
                await stream.write(b"x" * (1 << 20))

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flood(), 0.3)

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)

    talk(peer, client)


def test_a_reset_connection_is_an_oserror() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async def client(stream: Stream) -> None:
        async def write_on() -> None:
            for _ in range(100):
                await stream.write(b"x" * 9999)
                await asyncio.sleep(0.01)

        with pytest.raises(OSError):
            await write_on()
        with pytest.raises(OSError):
            await stream.read()

    talk(peer, client)


def test_nothing_after_close() -> None:
    async def client(stream: Stream) -> None:
        await stream.close()
        await stream.close()
        with pytest.raises(OSError):
            await stream.write(b"x")
        assert await stream.read() == b""

    talk(silent, client)


def test_a_cancelled_read_loses_nothing() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(b"late")
        await reader.read()

    async def client(stream: Stream) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await stream.read()
        assert await stream.read() == b"late"

    talk(peer, client)


def test_unread_clear_text_forbids_tls() -> None:
    import ssl

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"injected")
        await reader.read()

    async def client(stream: Stream) -> None:
        await asyncio.sleep(0.1)
        with pytest.raises(OSError, match="in clear"):
            await stream.start_tls(ssl.create_default_context(), "localhost")

    talk(peer, client)


# -- addresses -----------------------------------------------------------------------------------


class Dead:
    """A listener that takes no more connections: whoever connects waits."""

    def __init__(self) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.waiting = [socket.socket() for _ in range(4)]
        for one in self.waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))

    def close(self) -> None:
        for one in (*self.waiting, self.listener):
            one.close()


@pytest.mark.parametrize("last", ["127.0.0.1", "::1"])
def test_a_dead_first_address_costs_a_moment(last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Happy eyeballs (RFC 8305), also from one family to the other."""
    dead = Dead()

    async def run() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"here")
            writer.close()

        listener = await asyncio.start_server(handle, last, 0)
        port = listener.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in last else socket.AF_INET
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", dead.port)),
            (family, socket.SOCK_STREAM, 6, "", (last, port)),
        ]

        async def resolved(*args: object, **kwargs: object) -> object:
            return found

        monkeypatch.setattr(loop, "getaddrinfo", resolved)
        async with asyncio.timeout(60):
            stream = await TcpNet().connect("mail.example.org", 993, None)
            assert await stream.read() == b"here"
        await stream.close()
        listener.close()
        await listener.wait_closed()
        await asyncio.sleep(0.01)

    try:
        asyncio.run(run())
    finally:
        dead.close()


@pytest.mark.parametrize("addresses", [1, 2])
def test_a_deadline_at_any_step_leaves_no_socket_open(
    addresses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio's own race loses a socket that connects in the moment in which it is cancelled."""
    made: list[socket.socket] = []

    class Seen(socket.socket):
        def __init__(self, *args: int, **kwargs: int) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)

    async def attempt(steps: int) -> bool:
        connecting = asyncio.ensure_future(TcpNet().connect("mail.example.org", 993, None))
        for _ in range(steps):
            await asyncio.sleep(0)
        connecting.cancel()
        try:
            stream = await connecting
        except asyncio.CancelledError:
            await asyncio.sleep(0.02)
            return False
        await stream.close()
        return True

    async def run(place: object) -> int:
        async def resolved(*args: object, **kwargs: object) -> object:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place)] * addresses

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
        steps = 0
        while not await attempt(steps):
            steps += 1
        return steps

    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        monkeypatch.setattr(socket, "socket", Seen)
        steps = asyncio.run(run(listener.getsockname()))
        left = [sock for sock in made if sock.type == socket.SOCK_STREAM and sock.fileno() != -1]
        for sock in left:
            sock.close()
    assert steps > 3
    assert not left, f"{len(left)} of {steps} open"


def test_an_ipv6_address() -> None:
    async def run() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"six")
            writer.close()

        listener = await asyncio.start_server(handle, "::1", 0)
        stream = await TcpNet().connect("::1", listener.sockets[0].getsockname()[1], None)
        assert await stream.read() == b"six"
        await stream.close()
        listener.close()
        await listener.wait_closed()
        await asyncio.sleep(0.01)

    asyncio.run(run())
