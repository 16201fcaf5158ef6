"""The server room against the simulated server: other clients at work, cuts at any byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from sim.fs import SimFs
from sim.loop import run
from sim.net import Cut
from sim.rand import SimRand
from sim.server import SimServer
from sim.server_faults import Answer, Stop
from sim.server_profile import PRESETS
from sim.steps import Steps
from sim.world import SimWorld, make_world
from support.dialogue import account
from support.replica import Replica, follow

from mailsync.model.errors import Disconnected, Help, MailsyncError, Refused
from mailsync.model.flags import Flags, imap_names
from mailsync.model.ids import UID
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.uidset import UIDSet
from mailsync.server import Outgoing, Server

BOXES = ("INBOX", "Work", "Old")


def body(number: int) -> bytes:
    return b"Message-ID: <%d@sim>\r\nX-Ghost: g%d\r\n\r\n%b\r\n" % (number, number, b"x" * number)


def made(profile: str, seed: int, messages: int = 6) -> tuple[SimServer, SimWorld]:
    server = SimServer(PRESETS[profile](), SimRand(f"{profile}/{seed}"))
    for box in BOXES[1:]:
        server.create(_wire(server, box))
    for number in range(messages):
        for box in BOXES:
            server.deliver(_wire(server, box), body(number))
    return server, make_world(server, SimFs(SimRand(seed)), seed, Steps())


def _wire(server: SimServer, box: str) -> bytes:
    return box.encode() if box == "INBOX" else server.profile.prefix + box.encode()


def play(
    world: SimWorld, step: Callable[[Server], Coroutine[Any, Any, Any]], timeout: float = 60.0
) -> Any:
    async def password() -> str:
        return "secret"

    async def main() -> Any:
        server = Server(account(timeout=timeout), world.net, world.rand, password)
        try:
            await server.connect()
            return await step(server)
        finally:
            await server.close()

    return run(main())


class Others:
    """Other clients: one random change of one mailbox."""

    def __init__(self, server: SimServer, seed: int) -> None:
        self.server, self.rand, self.number = server, SimRand(f"others/{seed}"), 100

    def act(self) -> None:
        box = _wire(self.server, self.rand.choice(BOXES))
        uids = [message.uid for message in self.server.messages(box)]
        kind = self.rand.below(10)
        if kind < 4 or not uids:
            self.number += 1
            self.server.deliver(box, body(self.number))
        elif kind < 7:
            flags = ["\\Seen", "\\Flagged", "$Forwarded", "own"]
            self.server.set_flags(box, [self.rand.choice(uids)], [self.rand.choice(flags)], [])
        elif kind < 9 or len(uids) < 2:
            self.server.expunge(box, [self.rand.choice(uids)])
        else:
            self.server.state.new_uidvalidity(box)


async def look(client: Server, replicas: list[Replica]) -> None:
    """A server may close the connection, or just the mailbox, when that gets a new UIDVALIDITY."""
    for _ in range(5):
        try:
            await client.mailboxes()
            await follow(client, replicas)
            return
        except Disconnected:
            await client.connect()
        except Refused as error:
            if error.help is not Help.RETRY:
                raise
    raise AssertionError("no peace")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("profile", PRESETS)
def test_observations_converge_on_the_truth(profile: str, seed: int) -> None:
    server, world = made(profile, seed)
    others = Others(server, seed)

    async def step(client: Server) -> None:
        boxes = {box.name: box.wire_name for box in await client.mailboxes()}
        replicas = [Replica(MailboxName(box), boxes[MailboxName(box)]) for box in BOXES]
        for turn in range(12):
            # In odd turns the others are at work while we look.
            for _ in range(1 + others.rand.below(4)):
                if turn % 2:
                    world.net.steps.at(world.net.steps.count + others.rand.below(12), others.act)
                else:
                    others.act()
            await look(client, replicas)
        await asyncio.sleep(1)
        await look(client, replicas)
        for replica in replicas:
            truth = {message.uid: message for message in server.messages(replica.wire_name)}
            assert replica.items.keys() == truth.keys(), replica.name
            for uid, item in replica.items.items():
                shown = {name.lower() for name in imap_names(item.flags)}
                shown |= {name.lower() for name in item.extra}
                want = {flag.lower() for flag in truth[uid].flags} - {"\\recent"}
                assert shown == want, (replica.name, uid)

    play(world, step)
    assert not server.violations


def outgoing(number: int) -> Outgoing:
    async def pieces() -> AsyncIterator[bytes]:
        yield body(number)

    return Outgoing(Flags.SEEN, 1_000_000_000, len(body(number)), pieces)


async def everything(client: Server) -> None:
    """A bit of each call."""
    boxes = {box.name: box for box in await client.mailboxes()}
    replicas = [Replica(name, box.wire_name) for name, box in boxes.items()]
    await follow(client, replicas)
    got = [one async for one in client.bodies(INBOX, [UID(uid) for uid in range(6, 0, -1)])]
    assert sorted(one.data or b"" for one in got) == sorted(body(n) for n in range(6))
    batch = [outgoing(201), outgoing(202)] if client.has_multiappend else [outgoing(203)]
    await client.append(MailboxName("Work"), batch)
    await client.store(INBOX, UIDSet([1, 2]), Flags.FLAGGED, Flags.SEEN)
    await client.copy(INBOX, MailboxName("Work"), UIDSet([3]))
    if client.has_move:
        await client.move(INBOX, MailboxName("Work"), UIDSet([4]))
    await client.store(INBOX, UIDSet([5]), Flags.DELETED, Flags.NONE)
    assert await client.deleted(INBOX) == UIDSet([5])
    if client.has_uidplus:
        await client.expunge(INBOX, UIDSet([5]))
    assert len(await client.search_message_id(MailboxName("Work"), "<2@sim>")) == 2
    assert len(await client.headers(INBOX, UIDSet([1, 2]))) == 2
    assert (await client.identify(INBOX, UIDSet([1])))[UID(1)].message_id == "<0@sim>"
    await client.recheck(INBOX, UID(1))
    await client.create(MailboxName("Fresh"))
    await client.rename(MailboxName("Fresh"), MailboxName("Fine"))
    await client.delete(MailboxName("Fine"))


@pytest.mark.parametrize("profile", PRESETS)
def test_every_call_on_every_kind_of_server(profile: str) -> None:
    server, world = made(profile, 0)
    play(world, everything)
    assert not server.violations


@pytest.mark.parametrize("profile", ["strict_qresync", "plain"])
def test_a_cut_at_any_byte_ends_in_disconnected(profile: str) -> None:
    _, world = made(profile, 0)
    play(world, everything)
    up, down = world.net.bytes_up, world.net.bytes_down
    assert up > 500
    rand = SimRand("cuts")
    cuts = [Cut(up=at) for at in range(0, up - 60, 23)]
    cuts += [Cut(down=at) for at in range(0, down - 200, 23 + down // 400)]
    for cut in cuts:
        server, world = made(profile, rand.below(99))
        world.net.cuts.append(cut)
        with pytest.raises(Disconnected):
            play(world, everything)
        # What was cut within a command was never half-done.
        sizes = {len(body(number)) for number in (*range(6), 201, 202, 203)}
        assert {len(m.body) for m in server.messages(_wire(server, "Work"))} <= sizes
        assert not server.violations, cut


@pytest.mark.parametrize("profile", ["strict_qresync", "condstore", "plain"])
@pytest.mark.parametrize(
    "answer", ["NO no", "BAD what?", "BYE enough", Stop.SILENCE, Stop.CUT_AFTER]
)
def test_whatever_a_command_meets_is_an_error_of_ours(profile: str, answer: Answer) -> None:
    lost = not isinstance(answer, str) or answer.startswith("BYE")
    failed: dict[str, MailsyncError] = {}
    for name in sorted(SimServer.commands):
        server, world = made(profile, 0)
        server.fault(name, answer)
        try:
            play(world, everything)
        except MailsyncError as error:
            failed[name] = error
        # What was sent behind a SELECT that then failed hit nothing.
        assert all("without a selected mailbox" in one for one in server.violations)
    assert len(failed) >= 8
    assert {name: str(e) for name, e in failed.items() if isinstance(e, Disconnected) != lost} == {}
