"""SimNet, the seams' other twins, and what happens when the process dies."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Awaitable, Callable

import pytest
from sim.fs import SimFs
from sim.loop import run
from sim.net import Cut, SimNet, SimStream
from sim.rand import SimRand
from sim.server import SimServer
from sim.server_faults import Stop
from sim.steps import Crash, Steps
from sim.world import SimWorld, make_world

LOGIN = b"A LOGIN joe secret\r\n"


def world_of(server: SimServer, steps: Steps | None = None, seed: int = 0) -> SimWorld:
    return make_world(server, SimFs(SimRand(seed)), seed, steps or Steps())


async def until(stream: SimStream, mark: bytes) -> bytes:
    """Read up to a line that begins with `mark`."""
    got = b""
    while mark not in got or not got.endswith(b"\r\n"):
        data = await stream.read()
        if not data:
            raise EOFError(got)
        got += data
    return got


async def opened(net: SimNet) -> SimStream:
    stream = await net.connect("sim", 993, None)
    await until(stream, b"* OK")
    await stream.write(LOGIN)
    await until(stream, b"A OK")
    return stream


def with_stream(server: SimServer, act: Callable[[SimStream], Awaitable[object]]) -> SimNet:
    net = world_of(server).net

    async def main() -> None:
        await act(await opened(net))

    run(main())
    return net


def test_a_dialogue_in_pieces_takes_virtual_time() -> None:
    server = SimServer()

    async def talk(stream: SimStream) -> None:
        began = asyncio.get_running_loop().time()
        await stream.write(b"B SELECT INBOX\r\nC NOOP\r\n")
        assert b"B OK" in await until(stream, b"C OK")
        assert 0 < asyncio.get_running_loop().time() - began < 1
        assert stream.peer_certificate() is None
        await stream.start_tls(ssl.create_default_context(), "sim")
        assert stream.peer_certificate() is not None
        await stream.close()
        with pytest.raises(OSError, match="closed"):
            await stream.read()

    net = with_stream(server, talk)
    assert server.counts() == {"LOGIN": 1, "SELECT": 1, "NOOP": 1}
    assert net.bytes_up == len(LOGIN) + 24
    assert not net.streams
    assert not server.connections


def test_the_same_seed_gives_the_same_run() -> None:
    def trace(seed: int) -> tuple[list[float], list[str]]:
        server, steps = SimServer(rand=SimRand(seed)), Steps(record=True)
        net = world_of(server, steps, seed).net

        async def main() -> None:
            await opened(net)

        run(main())
        return [record.time for record in server.executed], steps.names

    assert trace(1) == trace(1)
    assert trace(1) != trace(2)


def test_the_servers_end_and_refusal() -> None:
    server = SimServer()
    server.fault("NOOP", "BYE tired")

    async def talk(stream: SimStream) -> None:
        await stream.write(b"B NOOP\r\n")
        assert await until(stream, b"BYE") == b"* BYE tired\r\n"
        assert await stream.read() == b""
        with pytest.raises(BrokenPipeError):
            await stream.write(b"C NOOP\r\n")

    net = with_stream(server, talk)
    net.refuse = 1

    async def refused() -> None:
        await net.connect("sim", 993, None)

    with pytest.raises(ConnectionRefusedError):
        run(refused())


def test_silence_waits_for_a_deadline() -> None:
    server = SimServer()
    server.fault("NOOP", Stop.SILENCE)

    async def talk(stream: SimStream) -> None:
        await stream.write(b"B NOOP\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await stream.read()

    with_stream(server, talk)


def test_a_late_answer() -> None:
    server = SimServer()
    server.fault("NOOP", None, delay=45)

    async def talk(stream: SimStream) -> None:
        began = asyncio.get_running_loop().time()
        await stream.write(b"B NOOP\r\n")
        await until(stream, b"B OK")
        assert asyncio.get_running_loop().time() - began > 45

    with_stream(server, talk)


@pytest.mark.parametrize("count", range(1, len(LOGIN) + 8))
def test_a_cut_at_every_byte_up(count: int) -> None:
    server = SimServer()
    server.zombie(lambda complete: (complete, 1.0))
    net = world_of(server).net
    net.cuts.append(Cut(up=count))

    async def main() -> None:
        stream = await opened(net)
        await stream.write(b"B NOOP\r\n")
        await until(stream, b"B OK")

    with pytest.raises(ConnectionResetError) as caught:
        run(main())
    assert caught.value.errno == errno.ECONNRESET
    server.settle()
    assert server.counts()["LOGIN"] == (count >= len(LOGIN))
    assert server.counts()["NOOP"] == (count >= len(LOGIN) + 8)
    assert server.violations == []


def test_a_cut_down_ends_the_stream_there() -> None:
    server = SimServer()
    for count in (1, 10, 60):
        net = world_of(server).net
        net.cuts.append(Cut(down=count))

        async def main(net: SimNet = net) -> None:
            await opened(net)

        with pytest.raises(EOFError):
            run(main())
        assert net.bytes_down == count


BODY = b"X-Ghost: g\r\n\r\nhello\r\n"


def killed_after_append(server: SimServer) -> None:
    """A process writes two whole APPENDs in one go, and dies before any answer."""
    steps = Steps()
    net = world_of(server, steps).net

    async def main() -> None:
        stream = await opened(net)
        append = b"APPEND INBOX {%d+}\r\n" % len(BODY) + BODY + b"\r\n"
        await stream.write(b"B " + append + b"C " + append)
        steps.crash()

    with pytest.raises(Crash):
        run(main())
    with pytest.raises(Crash):
        steps.step("again")


def listed(server: SimServer, wait: float = 0.0) -> int:
    """What the next process sees in INBOX, `wait` seconds after it connected."""
    found = 0

    async def talk(stream: SimStream) -> None:
        nonlocal found
        await asyncio.sleep(wait)
        await stream.write(b"B SELECT INBOX\r\n")
        got = await until(stream, b"B OK")
        found = int(got.split(b" EXISTS")[0].rsplit(b" ", 1)[1])

    with_stream(server, talk)
    return found


def test_buffered_commands_run_after_the_client_died() -> None:
    for count in (0, 1, 2):
        server = SimServer()
        server.zombie(lambda complete, count=count: (min(count, complete), 20.0))  # type: ignore[misc]
        killed_after_append(server)
        assert listed(server) == 0
        assert server.haunted is (count > 0)
        assert listed(server, 25.0) == count
        assert server.ghosts() == ({"g": count} if count else {})
        assert not server.haunted


def test_the_late_twin() -> None:
    server = SimServer()
    killed_after_append(server)
    server.zombie(lambda complete: (complete, 100.0))
    assert listed(server, 60.0) == 0
    server.time.now += 60
    assert listed(server) == 2


def test_the_seed_picks_what_still_runs() -> None:
    outcomes = set()
    for seed in range(30):
        server = SimServer()
        server.pause = 5.0  # the server is slower than the crash
        killed_after_append(server)
        server.zombie(SimRand(seed))
        outcomes.add((listed(server, 10.0), listed(server, 31.0)))
    assert {(0, 0), (0, 1), (0, 2), (1, 1), (2, 2)} <= outcomes


def test_a_command_that_waits_for_its_continuation_never_runs() -> None:
    server = SimServer()
    server.zombie(lambda complete: (complete, 0.0))
    steps = Steps()
    net = world_of(server, steps).net

    async def main() -> None:
        stream = await opened(net)
        await stream.write(b"B APPEND INBOX {5}\r\n")
        await until(stream, b"+")
        await stream.write(b"hel")
        steps.crash()

    with pytest.raises(Crash):
        run(main())
    server.settle()
    assert server.messages("INBOX") == []
    assert server.violations == []


def test_a_body_sent_before_its_continuation_is_seen() -> None:
    server = SimServer()

    async def talk(stream: SimStream) -> None:
        await stream.write(b"B APPEND INBOX {5}\r\n")
        await asyncio.sleep(0.0)
        await stream.write(b"hello\r\n")
        await until(stream, b"B OK")

    with_stream(server, talk)
    assert "before the continuation" in server.violations[0]


def test_every_seam_is_dead_after_the_crash() -> None:
    server, steps = SimServer(), Steps()
    world = world_of(server, steps)
    stuck: list[str] = []

    async def reader() -> None:
        stream = await opened(world.net)
        try:
            await stream.read()
        except Crash:
            stuck.append("reader")
            raise

    async def main() -> None:
        task = asyncio.create_task(reader())
        await asyncio.sleep(10)
        with pytest.raises(Crash):
            steps.crash()
        for call in (
            lambda: world.fs.stat("/"),
            world.clock.wall,
            world.clock.boot,
            world.rand.fraction,
            lambda: world.rand.bits(4),
        ):
            with pytest.raises(Crash):
                call()
        for later in (world.pool.disk(print), world.pool.cache(print), opened(world.net)):
            with pytest.raises(Crash):
                await later
        with pytest.raises(Crash):
            await task

    run(main())
    assert stuck == ["reader"]


def test_pool_counts_steps_and_time_is_the_worlds() -> None:
    server, steps = SimServer(), Steps(record=True)
    world = world_of(server, steps)

    def work(number: int) -> int:
        return number + 1

    async def main() -> None:
        assert await world.pool.disk(work, 1) == 2
        assert await world.pool.cache(work, number=2) == 3
        wall, (boot_id, since) = world.clock.wall(), world.clock.boot()
        await asyncio.sleep(3600)
        world.clock.jump(-86400)
        assert world.clock.wall() == pytest.approx(wall + 3600 - 86400)
        assert world.clock.boot()[0] == boot_id
        assert world.clock.boot()[1] == pytest.approx(since + 3600)

    run(main())
    assert steps.names == ["disk.work", "cache.work", "cache.work.done"]


def test_idle_is_pushed_through_the_net() -> None:
    server = SimServer()

    async def talk(stream: SimStream) -> None:
        await stream.write(b"B SELECT INBOX\r\nC IDLE\r\n")
        await until(stream, b"+ idling")
        await asyncio.sleep(100)
        server.deliver("INBOX", BODY)
        assert b"1 EXISTS" in await until(stream, b"EXISTS")
        await stream.write(b"DONE\r\n")
        await until(stream, b"C OK")

    with_stream(server, talk)
