"""Pipelining and attribution: what is said between the lines, and of which mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from support.dialogue import SELECTED, logged_in, play

from mailsync.model.errors import (
    Refused,
    ServerDefect,
)
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UIDValidity
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.uidset import UIDSet
from mailsync.server import Server


async def bodies(server: Server, *uids: int) -> list[tuple[int | None, bytes | None]]:
    found = []
    async for body in server.bodies(INBOX, [UID(uid) for uid in uids]):
        data = body.data
        if body.chunks is not None:
            data = b"".join([chunk async for chunk in body.chunks])
        found.append((body.uid, data))
    return found


FETCH_BODY = "(UID FLAGS INTERNALDATE BODY.PEEK[])"


class TestAttribution:
    def test_news_between_bodies_is_not_taken_for_one(self) -> None:
        found = play(
            f"""
            C: SELECT "INBOX"
            C: UID FETCH 1:3 {FETCH_BODY}
            {SELECTED}
            S: * 1 FETCH (UID 1 FLAGS () BODY[] {{3}}
            S: abc)
            S: * 2 FETCH (FLAGS (\\\\Seen))
            S: * 2 FETCH (UID 2 FLAGS (\\\\Seen))
            S: * OK still here
            S: * 4 EXISTS
            S: * 3 FETCH (UID 3 BODY[] "x" FLAGS ())
            S: * 2 FETCH (BODY[] {{2}}
            S: hi UID 2)
            S: * 3 FETCH (UID 3 BODY[] "twice")
            S: $3 OK done
            """,
            lambda server: bodies(server, 1, 2, 3),
        )
        assert found == [(1, b"abc"), (3, b"x"), (2, b"hi")]

    def test_nil_is_nothing_known(self) -> None:
        async def step(server: Server) -> None:
            async for body in server.bodies(INBOX, [UID(1)]):
                assert body.data is None
                assert body.chunks is None

        play(
            f"""
            C: SELECT "INBOX"
            C: UID FETCH 1 {FETCH_BODY}
            {SELECTED}
            S: * 1 FETCH (UID 1 BODY[] NIL)
            S: $3 OK done
            """,
            step,
        )

    def test_a_message_that_nobody_asked_for(self) -> None:
        found = play(
            f"""
            C: SELECT "INBOX"
            C: UID FETCH 1 {FETCH_BODY}
            {SELECTED}
            S: * 9 FETCH (UID 9 BODY[] "x")
            S: $3 OK done
            """,
            lambda server: bodies(server, 1),
        )
        assert found == []

    def test_a_large_body_is_streamed_and_its_uid_may_come_last(self) -> None:
        size = 300_000

        async def step(server: Server) -> None:
            seen = 0
            async for body in server.bodies(INBOX, [UID(1)]):
                assert body.chunks is not None
                assert body.uid is None
                async for chunk in body.chunks:
                    seen += len(chunk)
                assert body.uid == 1
                assert body.flags == Flags.SEEN
            assert seen == size

        play(
            f"""
            C: SELECT "INBOX"
            C: UID FETCH 1 {FETCH_BODY}
            {SELECTED}
            S: * 1 FETCH (BODY[] {{{size}}}
            S: {"m" * size} FLAGS (\\\\Seen) UID 1)
            S: $3 OK done
            """,
            step,
        )

    def test_a_large_body_is_of_one_message_only(self) -> None:
        """Its file has the name, date and flags of the first by then."""
        with pytest.raises(ServerDefect, match="two UIDs"):
            play(
                f"""
                C: SELECT "INBOX"
                C: UID FETCH 1:2 {FETCH_BODY}
                {SELECTED}
                S: * 1 FETCH (UID 1 BODY[] {{300000}}
                S: {"m" * 300_000} UID 2)
                """,
                lambda server: bodies(server, 1, 2),
            )

    TWO = f"""
        C: SELECT "INBOX"
        C: UID FETCH 1:2 {FETCH_BODY}
        {SELECTED}
        S: * 1 FETCH (UID 1 BODY[] "a")
        S: * 2 FETCH (UID 2 BODY[] "b")
        S: $3 OK done
        C: NOOP
        S: $4 OK done
        C: UID SEARCH DELETED
        S: * SEARCH 2
        S: $5 OK done
    """

    def test_an_abandoned_stream_is_drained_before_the_next_command(self) -> None:
        async def step(server: Server) -> UIDSet:
            stream = server.bodies(INBOX, [UID(1), UID(2)])
            await anext(stream)  # and never again, nor closed
            found = await server.deleted(INBOX)
            with pytest.raises(RuntimeError, match="took the connection over"):
                await anext(stream)
            return found

        assert play(self.TWO, step) == UIDSet([2])

    def test_another_task_waits_for_its_turn(self) -> None:
        async def step(server: Server) -> UIDSet:
            stream = server.bodies(INBOX, [UID(1), UID(2)])
            await anext(stream)
            other = asyncio.create_task(server.deleted(INBOX))
            await asyncio.sleep(0.05)
            assert not other.done()
            assert len([body async for body in stream]) == 1
            return await other

        assert play(self.TWO, step) == UIDSet([2])

    def test_a_task_that_ended_in_the_middle_blocks_nobody(self) -> None:
        async def step(server: Server) -> UIDSet:
            stream = server.bodies(INBOX, [UID(1), UID(2)])

            async def leave() -> None:
                await anext(stream)

            await asyncio.create_task(leave())
            return await server.deleted(INBOX)

        assert play(self.TWO, step) == UIDSet([2])

    @pytest.mark.parametrize("answer", ["* SEARCH 3 5", '* ESEARCH (TAG "$3") UID ALL 3,5'])
    def test_search_or_esearch(self, answer: str) -> None:
        found = play(
            f"""
            C: SELECT "INBOX"
            C: UID SEARCH RETURN (ALL COUNT) HEADER "Message-ID" "<a@b>"
            {SELECTED}
            S: {answer}
            S: $3 OK done
            """,
            lambda server: server.search_message_id(INBOX, "<a@b>"),
            "ESEARCH",
        )
        assert found == UIDSet([3, 5])

    @pytest.mark.parametrize("answer", ["UID COUNT 4", "UID", "UID MIN 3"])
    def test_an_esearch_that_does_not_list_is_asked_again_by_plain_search(
        self, answer: str
    ) -> None:
        found = play(
            f"""
            C: SELECT "INBOX"
            C: UID SEARCH RETURN (ALL COUNT) DELETED
            {SELECTED}
            S: * ESEARCH (TAG "$3") {answer}
            S: $3 OK done
            C: UID SEARCH DELETED
            S: * SEARCH 3 5
            S: $4 OK done
            """,
            lambda server: server.deleted(INBOX),
            "ESEARCH",
        )
        assert found == UIDSet([3, 5])

    def test_count_0_means_none(self) -> None:
        found = play(
            f"""
            C: SELECT "INBOX"
            C: UID SEARCH RETURN (ALL COUNT) DELETED
            {SELECTED}
            S: * ESEARCH (TAG "$3") UID COUNT 0
            S: $3 OK done
            """,
            lambda server: server.deleted(INBOX),
            "ESEARCH",
        )
        assert not found

    def test_a_search_without_an_answer_is_not_empty(self) -> None:
        with pytest.raises(Refused):
            play(
                f"""
                C: SELECT "INBOX"
                C: UID SEARCH RETURN (ALL COUNT) DELETED
                {SELECTED}
                S: * ESEARCH (TAG "$3") UID COUNT 4
                S: $3 OK done
                C: UID SEARCH DELETED
                S: $4 OK done
                """,
                lambda server: server.deleted(INBOX),
                "ESEARCH",
            )


class TestSelection:
    def test_a_new_uidvalidity_refuses_before_a_change(self) -> None:
        with pytest.raises(Refused) as caught:
            play(
                f'C: SELECT "INBOX"\n{SELECTED}',
                lambda server: server.store(
                    INBOX, UIDSet([1]), Flags.SEEN, Flags.NONE, uid_validity=UIDValidity(6)
                ),
            )
        assert caught.value.code == "UIDVALIDITY"

    def test_no_uidvalidity_no_change(self) -> None:
        with pytest.raises(Refused) as caught:
            play(
                'C: SELECT "INBOX"\nS: * 1 EXISTS\nS: $2 OK [READ-WRITE] done',
                lambda server: server.move(INBOX, MailboxName("b"), UIDSet([1])),
                "MOVE",
            )
        assert caught.value.code == "UIDVALIDITY"

    def test_the_selected_mailbox_is_not_selected_again(self) -> None:
        async def step(server: Server) -> None:
            for _ in range(2):
                await server.store(INBOX, UIDSet([1, 2]), Flags.SEEN, Flags.FLAGGED)

        play(
            f"""
            C: SELECT "INBOX"
            {SELECTED}
            C: UID STORE 1:2 +FLAGS.SILENT (\\Seen)
            C: UID STORE 1:2 -FLAGS.SILENT (\\Flagged)
            S: $3 OK done
            S: $4 OK done
            C: UID STORE 1:2 +FLAGS.SILENT (\\Seen)
            C: UID STORE 1:2 -FLAGS.SILENT (\\Flagged)
            S: $5 OK done
            S: $6 OK done
            """,
            step,
        )

    def test_a_failed_select_leaves_none_selected(self) -> None:
        async def step(server: Server) -> None:
            await server.deleted(INBOX)
            with pytest.raises(Refused) as caught:
                await server.deleted(MailboxName("b"))
            assert caught.value.code == "NONEXISTENT"
            await server.deleted(INBOX)

        play(
            f"""
            C: SELECT "INBOX"
            C: UID SEARCH DELETED
            {SELECTED}
            S: * SEARCH
            S: $3 OK done
            C: SELECT "b"
            C: UID SEARCH DELETED
            S: $4 NO [NONEXISTENT] no
            S: $5 BAD nothing selected
            C: SELECT "INBOX"
            C: UID SEARCH DELETED
            {SELECTED.replace("$2", "$6")}
            S: * SEARCH
            S: $7 OK done
            """,
            step,
        )

    def test_modified(self) -> None:
        async def step(server: Server) -> None:
            for _ in range(2):
                stored = await server.store(
                    INBOX,
                    UIDSet([1, 2]),
                    Flags.DELETED,
                    Flags.NONE,
                    unchanged_since=5,  # type: ignore[arg-type]
                )
                assert stored.modified == UIDSet([2])

        play(
            f"""
            C: SELECT "INBOX" (CONDSTORE)
            {SELECTED}
            C: UID STORE 1:2 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Deleted)
            S: * 1 FETCH (UID 1 MODSEQ (6))
            S: $3 OK [MODIFIED 2] done
            C: UID STORE 1:2 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Deleted)
            S: $4 NO [MODIFIED 2] failed
            """,
            step,
            "CONDSTORE",
        )

    def test_what_the_flags_are_after_a_store_that_is_not_silent(self) -> None:
        """Only of those that were named: a server may say much else in between."""

        async def step(server: Server) -> None:
            await server.store(INBOX, UIDSet([9]), Flags.SEEN, Flags.NONE)
            stored = await server.store(
                INBOX, UIDSet([1, 2]), Flags.DELETED, Flags.NONE, shown=True
            )
            assert stored.modified == UIDSet()
            assert stored.flags == {1: Flags.DELETED | Flags.ANSWERED}

        play(
            f"""
            C: SELECT "INBOX"
            {SELECTED}
            C: UID STORE 9 +FLAGS.SILENT (\\Seen)
            S: * 9 FETCH (UID 9 FLAGS (\\\\Seen))
            S: $3 OK done
            C: UID STORE 1:2 +FLAGS (\\Deleted)
            S: * 1 FETCH (UID 1 FLAGS (\\\\Answered \\\\Deleted))
            S: * 2 FETCH (FLAGS (\\\\Deleted))
            S: * 3 FETCH (UID 3 FLAGS (\\\\Seen))
            S: $4 OK done
            """,
            step,
        )

    @pytest.mark.parametrize(
        ("before", "tagged"),
        [("S: * OK [COPYUID 9 1:2 5:6] moved", ""), ("", "[COPYUID 9 1:2 5:6]")],
    )
    def test_copyuid_of_a_move_tagged_or_not(self, before: str, tagged: str) -> None:
        copied = play(
            f"""
            C: SELECT "INBOX"
            {SELECTED}
            C: UID MOVE 1:2 "b"
            {before}
            S: * 1 EXPUNGE
            S: * 1 EXPUNGE
            S: $3 OK {tagged} done
            """,
            lambda server: server.move(INBOX, MailboxName("b"), UIDSet([1, 2])),
            "MOVE",
        )
        assert copied.target == (5, 6)

    @pytest.mark.parametrize("code", ["", "[COPYUID 9  ]", "[COPYUID 9 1:2 5]"])
    def test_a_copyuid_that_says_nothing_is_none(self, code: str) -> None:
        copied = play(
            f"""
            C: SELECT "INBOX"
            {SELECTED}
            C: UID COPY 1:2 "b"
            S: $3 OK {code} done
            """,
            lambda server: server.copy(INBOX, MailboxName("b"), UIDSet([1, 2])),
        )
        assert copied is None

    def test_uid_expunge_needs_uidplus(self) -> None:
        with pytest.raises(Refused):
            play("", lambda server: server.expunge(INBOX, UIDSet([1])))


def test_logout_is_bounded() -> None:
    async def run() -> float:
        server, dialogue = await logged_in("C: LOGOUT", timeout=0.05)
        began = asyncio.get_running_loop().time()
        await server.close()
        assert dialogue.closed
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(run()) < 1


def test_logout_says_goodbye() -> None:
    def close(server: Server) -> Coroutine[Any, Any, None]:
        return server.close()

    play("C: LOGOUT\nS: * BYE see you\nS: $2 OK done\nS: EOF", close)
