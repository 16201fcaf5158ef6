"""Changes on a real Dovecot, and connections of each kind."""

from __future__ import annotations

import asyncio

import pytest
from support.ann import WORK, Ann, DovecotWith, caught_up, message, outgoing
from support.dovecot import without
from support.replica import Replica, observe

from mailsync.model.errors import AuthError, Refused
from mailsync.model.flags import ALL_FLAGS, SYSTEM, Flags
from mailsync.model.ids import UID, UIDValidity
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import ServerObservation
from mailsync.model.settings import Security
from mailsync.model.uidset import UIDSet
from mailsync.server import Ask, Server, link
from mailsync.server.link import WORTH_COMPRESSING

pytestmark = pytest.mark.dovecot


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
            assert await server.create(WORK) == (b"Work", False)
            assert await server.create(WORK) == (b"Work", True), "what is there already is fine"
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
            assert replica.items[UID(3)].flags == SYSTEM & ~(Flags.DELETED | Flags.SEEN)
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
    def test_compress(
        self, ann: Ann, compress: bool | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(30):
            ann.save(number)
        data = message(1) + b"line of a large message\r\n" * 100_000

        async def step(server: Server) -> None:
            await server.mailboxes()
            if compress is None:
                await server.expect(WORTH_COMPRESSING)
                assert "COMPRESS" not in server.traffic.commands, "to this very machine"
                monkeypatch.setattr(link, "is_loopback", lambda host: False)
                await server.expect(WORTH_COMPRESSING - 1)
                assert "COMPRESS" not in server.traffic.commands, "too little"
            await server.expect(WORTH_COMPRESSING)
            await server.expect(WORTH_COMPRESSING)
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

    @pytest.mark.parametrize("compress", [True, None, False])
    def test_compress_is_not_for_clear_text_and_may_be_forbidden(
        self, ann: Ann, compress: bool | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def step(server: Server) -> None:
            await server.mailboxes()
            monkeypatch.setattr(link, "is_loopback", lambda host: False)
            await server.expect(WORTH_COMPRESSING)
            assert "COMPRESS" not in server.traffic.commands

        clear = {"security": Security.NONE, "port": ann.dovecot.port}
        ann.play(step, compress=compress, **({} if compress is False else clear))

    def test_read_only_observation_changes_nothing(self, ann: Ann) -> None:
        ann.save(1)

        async def step(server: Server) -> None:
            async for seen in server.observe([Ask(INBOX, b"INBOX")], read_only=True):
                assert isinstance(seen, ServerObservation)
                assert not seen.read_only
                assert seen.permanent is None
            assert server.traffic.commands["EXAMINE"] == 1
            await server.store(INBOX, UIDSet([1]), Flags.SEEN, Flags.NONE)
            assert server.traffic.commands["SELECT"] == 1

        ann.play(step)
