"""Observing and fetching from a real Dovecot, with all of its capabilities and with fewer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.ann import MODES, WORK, Ann, DovecotWith, caught_up, message, outgoing
from support.dovecot import without
from support.replica import Replica, observe

from mailsync.model.content import Head
from mailsync.model.errors import Refused
from mailsync.model.flags import Flags
from mailsync.model.ids import UID
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.rows import Role
from mailsync.model.settings import Security
from mailsync.model.uidset import UIDSet
from mailsync.server import Ask, Server

pytestmark = pytest.mark.dovecot


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
        assert await server.create(MailboxName("Work/Sub")) == (b"INBOX.Work.Sub", False)
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
            assert head == Head.of(data[: data.index(b"\r\n\r\n") + 4])

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
