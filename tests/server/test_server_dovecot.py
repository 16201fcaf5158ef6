"""The server room against a real Dovecot, with all of its capabilities and with fewer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from support.dialogue import Rand, account
from support.dovecot import Dovecot, without
from support.replica import Replica, observe

from mailsync.model.errors import AuthError, Refused
from mailsync.model.flags import ALL_FLAGS, Flags
from mailsync.model.ids import UID, UIDValidity
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import ServerObservation
from mailsync.model.rows import Role
from mailsync.model.settings import Security
from mailsync.model.uidset import UIDSet
from mailsync.server import Ask, Outgoing, Server
from mailsync.system.net import TcpNet

pytestmark = pytest.mark.dovecot
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


@pytest.fixture
def ann(dovecot: Dovecot) -> Ann:
    return Ann(dovecot)


async def caught_up(server: Server, replica: Replica) -> ServerObservation:
    """One observation, which must add up at once."""
    seen = (await observe(server, replica.ask()))[replica.name]
    assert replica.apply(seen)
    return seen


@pytest.mark.parametrize("mode", MODES)
def test_deltas_lead_where_a_full_listing_does(dovecot_with: DovecotWith, mode: str) -> None:
    ann = Ann(dovecot_with(capability=MODES[mode]))
    for number in range(1, 9):
        ann.save(number)

    async def step(server: Server) -> None:
        await server.mailboxes()
        replica = Replica(INBOX)
        first = await caught_up(server, replica)
        assert first.complete == UIDSet.span(1, 8)
        assert all(item.internal_date and item.size for item in first.items)

        changes = [
            lambda: None,
            lambda: ann.save(9),
            lambda: ann.doveadm("flags add", "\\Seen $Forwarded $Own", "uid", "2,5"),
            lambda: ann.doveadm("expunge", "mailbox", "INBOX", "uid", "3"),
            lambda: (ann.doveadm("expunge", "mailbox", "INBOX", "uid", "9,1"), ann.save(10)),
            lambda: ann.doveadm("flags remove", "\\Seen", "uid", "5"),
            lambda: ann.doveadm("expunge", "mailbox", "INBOX", "all"),
            lambda: ann.save(11),
        ]
        for change in changes:
            await asyncio.to_thread(change)
            await server.mailboxes()
            seen = await caught_up(server, replica)
            if mode in ("qresync", "condstore"):
                assert seen.cursor.highest_modseq
            truth = Replica(INBOX)
            await caught_up(server, truth)
            assert replica.items == truth.items
            assert replica.cursor == truth.cursor
        assert list(replica.items) == [11]

    ann.play(step)


@pytest.mark.parametrize("mode", MODES)
def test_a_mailbox_made_anew_is_listed_in_full(dovecot_with: DovecotWith, mode: str) -> None:
    ann = Ann(dovecot_with(capability=MODES[mode]))
    ann.doveadm("mailbox create", "Work")
    ann.save(1, "Work")

    async def step(server: Server) -> None:
        await server.mailboxes()
        replica = Replica(WORK)
        old = await caught_up(server, replica)
        await observe(server, Ask(INBOX, b"INBOX"))
        await asyncio.sleep(1.1)  # Dovecot's UIDVALIDITY is the time in seconds
        await asyncio.to_thread(ann.doveadm, "mailbox delete", "Work")
        await asyncio.to_thread(ann.doveadm, "mailbox create", "Work")
        await asyncio.to_thread(ann.save, 2, "Work")
        with pytest.raises(Refused) as caught:
            await server.store(WORK, UIDSet([1]), Flags.DELETED, Flags.NONE)
        assert caught.value.code == "UIDVALIDITY"
        with pytest.raises(Refused):
            await anext(server.bodies(WORK, [UID(1)]))
        seen = await caught_up(server, replica)
        assert seen.cursor.uid_validity != old.cursor.uid_validity
        assert seen.complete
        assert seen.items[0].flags == Flags.NONE

    ann.play(step)


def test_an_unchanged_account_takes_two_round_trips(ann: Ann) -> None:
    async def step(server: Server) -> None:
        boxes = await server.mailboxes()
        assert server.traffic.round_trips == 2
        assert [box.name for box in boxes] == ["INBOX"]
        assert boxes[0].cursor is not None
        assert boxes[0].cursor.highest_modseq

    ann.play(step)


def test_mailboxes_with_names_and_roles(ann: Ann) -> None:
    for name in ("Work", "Work/Ümläut & Söhne", "Sent", "Trash", "a.b", "100%", "日本"):
        ann.doveadm("mailbox create", name)

    async def step(server: Server) -> None:
        boxes = {box.name: box for box in await server.mailboxes()}
        assert set(boxes) == {
            "INBOX",
            "Work",
            "Work/Ümläut & Söhne",
            "Sent",
            "Trash",
            "a.b",
            "100%",
            "日本",
        }
        assert boxes[MailboxName("Sent")].role is Role.SENT
        assert boxes[MailboxName("Trash")].role is Role.TRASH
        seen = await observe(server, *(Ask(box.name, box.wire_name) for box in boxes.values()))
        assert seen.keys() == boxes.keys()

    ann.play(step)


def test_prefix_and_separator_of_another_kind(dovecot_with: DovecotWith) -> None:
    ann = Ann(dovecot_with(prefix="INBOX.", separator="."))

    async def step(server: Server) -> None:
        await server.mailboxes()
        assert await server.create(MailboxName("Work/Sub")) == b"INBOX.Work.Sub"
        names = {box.name for box in await server.mailboxes() if box.selectable}
        assert names == {"INBOX", "Work/Sub"}
        with pytest.raises(Refused):
            await server.create(MailboxName("a.b"))

    ann.play(step)


@pytest.mark.parametrize("capability", [without(), without("LIST-STATUS", "SPECIAL-USE")])
def test_hundreds_of_mailboxes(dovecot_with: DovecotWith, capability: str) -> None:
    ann = Ann(dovecot_with(capability=capability))

    async def step(server: Server) -> None:
        await server.mailboxes()
        for number in range(250):
            await server.link.session.run(call(server, number))
        before = server.traffic.round_trips
        boxes = await server.mailboxes()
        assert len(boxes) == 251
        assert all(box.cursor for box in boxes)
        assert server.traffic.round_trips - before <= 10
        seen = await observe(server, *(Ask(box.name, box.wire_name) for box in boxes))
        assert len(seen) == 251

    def call(server: Server, number: int) -> Any:
        from mailsync.imap import cmd
        from mailsync.server.calls import Call

        return Call(cmd.create(b"m%d" % number))

    ann.play(step)


class TestBodies:
    def test_all_of_them_byte_for_byte(self, ann: Ann) -> None:
        async def step(server: Server) -> None:
            sent = {}
            for at in range(0, 250, 50):
                batch = [message(number, number * 7) for number in range(at, at + 50)]
                done = await server.append(INBOX, [outgoing(one) for one in batch])
                assert done.uids is not None
                sent.update(zip(done.uids, batch, strict=True))
            before = server.traffic.round_trips
            got = {}
            async for body in server.bodies(INBOX, sorted(sent, reverse=True)):
                assert body.flags == Flags.NONE
                assert body.internal_date == 1_000_000_000
                got[body.uid] = body.data
            assert got == sent
            assert server.traffic.bodies == 250
            assert server.traffic.round_trips - before <= 4
            assert await server.alive(INBOX, UIDSet([*sent, 9999])) == UIDSet(sent)

        ann.play(step)

    @pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS, Security.NONE])
    def test_thirty_megabytes_streamed(self, ann: Ann, security: Security) -> None:
        data = message(1) + b"line of a large message\r\n" * (30 * 1024 * 1024 // 25)
        port = ann.dovecot.tls_port if security is Security.TLS else ann.dovecot.port

        async def step(server: Server) -> None:
            done = await server.append(INBOX, [outgoing(data)])
            assert done.uids is not None
            got = bytearray()
            biggest = 0
            async for body in server.bodies(INBOX, done.uids):
                assert body.chunks is not None
                async for chunk in body.chunks:
                    biggest = max(biggest, len(chunk))
                    got += chunk
                assert body.uid == done.uids[0]
            assert got == data
            assert biggest <= 1 << 20
            head = (await server.headers(INBOX, UIDSet(done.uids)))[done.uids[0]]
            assert head == data[: data.index(b"\r\n\r\n") + 4]

        ann.play(step, security=security, port=port)

    def test_left_in_the_middle(self, ann: Ann) -> None:
        large = message(1, 3 << 20)

        async def step(server: Server) -> None:
            await server.append(INBOX, [outgoing(large), outgoing(message(2))])
            async for body in server.bodies(INBOX, [UID(1), UID(2)]):
                if body.chunks is not None:
                    async for _ in body.chunks:
                        break
            stream = server.bodies(INBOX, [UID(1), UID(2)])
            async for _ in stream:
                break
            await stream.aclose()  # type: ignore[attr-defined]
            assert await server.alive(INBOX, UIDSet([1, 2, 3])) == UIDSet([1, 2])
            bodies = [body.uid async for body in server.bodies(INBOX, [UID(2)])]
            assert bodies == [2]

        ann.play(step)


class TestChanges:
    @pytest.mark.parametrize("cut", [(), ("MULTIAPPEND",), ("LITERAL+",), ("UIDPLUS",)])
    def test_append(self, dovecot_with: DovecotWith, cut: tuple[str, ...]) -> None:
        ann = Ann(dovecot_with(capability=without(*cut)))

        async def step(server: Server) -> None:
            many = [outgoing(message(1), Flags.SEEN | Flags.FORWARDED), outgoing(message(2))]
            if "MULTIAPPEND" in cut:
                assert not server.has_multiappend
                done = [await server.append(INBOX, [one]) for one in many]
                assert [one.uids for one in done] == [(1,), (2,)]
            else:
                done = [await server.append(INBOX, many)]
                assert done[0].uids == (1, 2)
            shown = await server.identify(INBOX, UIDSet([1, 2]))
            assert shown[UID(1)].flags == Flags.SEEN | Flags.FORWARDED
            assert shown[UID(1)].message_id == "<1@test>"
            assert shown[UID(2)].internal_date == 1_000_000_000
            assert shown[UID(2)].size == len(message(2))
            assert await server.search_message_id(INBOX, "<2@test>") == UIDSet([2])

        ann.play(step)

    def test_append_to_nowhere(self, ann: Ann) -> None:
        async def step(server: Server) -> None:
            with pytest.raises(Refused) as caught:
                await server.append(WORK, [outgoing(message(1))])
            assert caught.value.code == "TRYCREATE"
            assert await server.create(WORK) == b"Work"
            assert await server.create(WORK) == b"Work", "what is there already is fine"
            await server.append(WORK, [outgoing(message(1))])

        ann.play(step)

    def test_a_message_that_looks_like_commands(self, ann: Ann) -> None:
        body = b"Subject: x\r\n\r\nx CREATE evil\r\nx LOGOUT\r\n"

        async def step(server: Server) -> None:
            with pytest.raises(Refused):
                await server.append(WORK, [outgoing(body)])
            await server.append(INBOX, [outgoing(body)])
            assert [box.name for box in await server.mailboxes()] == ["INBOX"]

        ann.play(step)

    def test_store_and_expunge(self, ann: Ann) -> None:
        for number in range(1, 5):
            ann.save(number)

        async def step(server: Server) -> None:
            replica = Replica(INBOX)
            await caught_up(server, replica)
            assert replica.cursor is not None
            validity, since = replica.cursor.uid_validity, replica.cursor.highest_modseq
            await server.store(INBOX, UIDSet([1, 2, 3]), ALL_FLAGS, Flags.NONE)
            await server.store(INBOX, UIDSet([3]), Flags.NONE, Flags.DELETED | Flags.SEEN)
            stored = await server.store(
                INBOX, UIDSet([3, 4]), Flags.DELETED, Flags.NONE, unchanged_since=since
            )
            assert stored.modified == UIDSet([3])
            assert await server.deleted(INBOX) == UIDSet([1, 2, 4])
            await server.expunge(INBOX, UIDSet([1, 3]), uid_validity=validity)
            seen = await caught_up(server, replica)
            assert list(replica.items) == [2, 3, 4]
            assert replica.items[UID(3)].flags == ALL_FLAGS & ~(Flags.DELETED | Flags.SEEN)
            assert seen.permanent == ALL_FLAGS
            await server.plain_expunge(INBOX)
            await caught_up(server, replica)
            assert list(replica.items) == [3]
            with pytest.raises(Refused):
                await server.expunge(INBOX, UIDSet([3]), uid_validity=UIDValidity(1))

        ann.play(step)

    @pytest.mark.parametrize("cut", [(), ("UIDPLUS",), ("MOVE",)])
    def test_copy_and_move(self, dovecot_with: DovecotWith, cut: tuple[str, ...]) -> None:
        ann = Ann(dovecot_with(capability=without(*cut)))
        for number in range(1, 5):
            ann.save(number)
        ann.doveadm("mailbox create", "Work")

        async def step(server: Server) -> None:
            copied = await server.copy(INBOX, WORK, UIDSet([1, 3]))
            assert copied is not None
            assert (copied.source, copied.target) == ((1, 3), (1, 2))
            if "MOVE" in cut:
                with pytest.raises(Refused):
                    await server.move(INBOX, WORK, UIDSet([2]))
                return
            moved = await server.move(INBOX, WORK, UIDSet([2, 4]))
            assert moved is not None
            assert (moved.source, moved.target) == ((2, 4), (3, 4))
            assert await server.alive(INBOX, UIDSet.span(1, 9)) == UIDSet([1, 3])
            assert await server.alive(WORK, UIDSet.span(1, 9)) == UIDSet.span(1, 4)
            with pytest.raises(Refused):
                await server.copy(INBOX, MailboxName("Nowhere"), UIDSet([1]))

        ann.play(step)

    def test_recheck_sees_what_came_meanwhile(self, ann: Ann) -> None:
        ann.save(1)

        async def step(server: Server) -> None:
            assert [i.uid for i in (await server.recheck(INBOX, UID(1))).items] == [1]
            await asyncio.to_thread(ann.save, 2)
            again = await server.recheck(INBOX, UID(2))
            assert [item.uid for item in again.items] == [2]
            assert again.cursor.messages == 2

        ann.play(step)

    def test_mailboxes_made_renamed_deleted(self, ann: Ann) -> None:
        async def step(server: Server) -> None:
            await server.mailboxes()
            await server.create(MailboxName("A/B"))
            await observe(server, Ask(MailboxName("A/B"), b"A/B"))
            await server.rename(MailboxName("A/B"), MailboxName("C/Ö"))
            names = {box.name for box in await server.mailboxes()}
            assert "C/Ö" in names
            assert "A/B" not in names
            await observe(server, Ask(MailboxName("C/Ö"), b"C/&ANY-"))
            await server.delete(MailboxName("C/Ö"))
            assert "C/Ö" not in {box.name for box in await server.mailboxes()}
            with pytest.raises(Refused) as caught:
                await server.delete(MailboxName("C/Ö"))
            assert caught.value.code == "NONEXISTENT"

        ann.play(step)


class TestConnection:
    def test_wrong_password(self, ann: Ann) -> None:
        async def wrong() -> str:
            return "wrong"

        async def run() -> None:
            server = ann.server()
            server.link._password = wrong
            with pytest.raises(AuthError) as caught:
                await server.connect()
            assert "wrong" not in str(caught.value)

        asyncio.run(run())

    def test_pinned(self, ann: Ann) -> None:
        changes = {"tls_ca_file": None, "tls_fingerprint": ann.dovecot.fingerprint}
        ann.play(lambda server: server.mailboxes(), **changes)

    @pytest.mark.parametrize("compress", [True, None])
    def test_compress(self, ann: Ann, compress: bool | None) -> None:
        for number in range(30):
            ann.save(number)
        data = message(1) + b"line of a large message\r\n" * 100_000

        async def step(server: Server) -> None:
            await server.mailboxes()
            if compress is None:
                assert "COMPRESS" not in server.traffic.commands
                assert await server.start_compress()
            assert await server.start_compress(), "once is enough"
            assert server.traffic.commands["COMPRESS"] == 1
            before = server.traffic.bytes_in, server.traffic.bytes_out
            done = await server.append(INBOX, [outgoing(data)])
            assert done.uids is not None
            async for body in server.bodies(INBOX, done.uids):
                assert body.chunks is not None
                assert b"".join([chunk async for chunk in body.chunks]) == data
            assert server.traffic.bytes_in - before[0] < len(data) // 10
            assert server.traffic.bytes_out - before[1] < len(data) // 10
            assert len((await observe(server, Ask(INBOX, b"INBOX")))[INBOX].items) == 31

        ann.play(step, compress=compress)

    def test_compress_is_not_for_clear_text(self, ann: Ann) -> None:
        async def step(server: Server) -> None:
            assert not await server.start_compress()

        ann.play(step, security=Security.NONE, port=ann.dovecot.port, compress=True)

    def test_read_only_observation_changes_nothing(self, ann: Ann) -> None:
        ann.save(1)

        async def step(server: Server) -> None:
            async for seen in server.observe([Ask(INBOX, b"INBOX")], read_only=True):
                assert isinstance(seen, ServerObservation)
                assert not seen.read_only
                assert seen.permanent == ALL_FLAGS
            assert server.traffic.commands["EXAMINE"] == 1
            await server.store(INBOX, UIDSet([1]), Flags.SEEN, Flags.NONE)
            assert server.traffic.commands["SELECT"] == 1

        ann.play(step)
