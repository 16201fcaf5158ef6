"""Pipelining, attribution, literals, deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from support.dialogue import Dialogue, logged_in

from mailsync.model.errors import (
    Disconnected,
    Help,
    MailsyncError,
    Reach,
    Refused,
    ServerDefect,
    StorageError,
    Unavailable,
)
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UIDValidity
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.uidset import UIDSet
from mailsync.server import Appended, Outgoing, Server

Step = Callable[[Server], Coroutine[Any, Any, Any]]
SELECTED = """
    S: * 3 EXISTS
    S: * OK [UIDVALIDITY 7] fine
    S: * OK [UIDNEXT 10] next
    S: $2 OK [READ-WRITE] done
"""


def play(script: str, step: Step, capabilities: str = "", **changes: object) -> Any:
    """The step's result, or its error raised; the script must be played to its end."""

    async def run() -> Any:
        server, dialogue = await logged_in(script, capabilities, **changes)
        try:
            return await step(server)
        finally:
            dialogue.done()

    return asyncio.run(run())


def message(text: bytes, flags: Flags = Flags.NONE, binary: bool = False) -> Outgoing:
    async def pieces() -> AsyncIterator[bytes]:
        yield text[:3]
        yield text[3:]

    return Outgoing(flags, None, len(text), pieces, binary)


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
            C: UID SEARCH RETURN (ALL) HEADER "Message-ID" "<a@b>"
            {SELECTED}
            S: {answer}
            S: $3 OK done
            """,
            lambda server: server.search_message_id(INBOX, "<a@b>"),
            "ESEARCH",
        )
        assert found == UIDSet([3, 5])

    def test_a_search_without_an_answer_is_not_empty(self) -> None:
        with pytest.raises(Refused):
            play(
                f"""
                C: SELECT "INBOX"
                C: UID SEARCH RETURN (ALL) DELETED
                {SELECTED}
                S: * ESEARCH (TAG "$3") UID COUNT 4
                S: $3 OK done
                """,
                lambda server: server.deleted(INBOX),
                "ESEARCH",
            )


class TestAppend:
    def append(self, script: str, *messages: Outgoing, capabilities: str = "LITERAL+") -> Appended:
        result: Appended = play(script, lambda server: server.append(INBOX, messages), capabilities)
        return result

    def test_the_first_literal_waits_even_with_literal_plus(self) -> None:
        done = self.append(
            """
            C: APPEND "INBOX" (\\Seen) {5}
            S: + go
            C> hello
            S: $2 OK [APPENDUID 7 12] done
            """,
            message(b"hello", Flags.SEEN),
        )
        assert done == Appended(UIDValidity(7), (UID(12),))

    @pytest.mark.parametrize("kind", ["NO [TRYCREATE]", "BAD", "NO [OVERQUOTA]"])
    def test_nothing_of_a_body_before_the_invitation(self, kind: str) -> None:
        with pytest.raises(Refused) as caught:
            self.append(
                f"""
                C: APPEND "INBOX" {{26}}
                S: $2 {kind} no
                """,
                message(b"x STORE 1:* +FLAGS (\\Seen)"),
            )
        assert caught.value.bad == (kind == "BAD")

    def test_after_a_refusal_the_connection_goes_on(self) -> None:
        async def step(server: Server) -> UIDSet:
            with pytest.raises(Refused):
                await server.append(INBOX, [message(b"hello")])
            return await server.alive(INBOX, UIDSet([1]))

        play(
            f"""
            C: APPEND "INBOX" {{5}}
            S: $2 NO [OVERQUOTA] full
            C: SELECT "INBOX"
            C: UID SEARCH UID 1
            {SELECTED.replace("$2", "$3")}
            S: * SEARCH 1
            S: $4 OK done
            """,
            step,
        )

    def test_multiappend(self) -> None:
        done = self.append(
            """
            C: APPEND "INBOX" {5} {3+}
            S: + go
            """.replace(" {3+}", "")
            + """
            C> hello {3+}
            C> you
            S: $2 OK [APPENDUID 7 12:13] done
            """,
            message(b"hello"),
            message(b"you"),
            capabilities="LITERAL+ MULTIAPPEND",
        )
        assert done.uids == (12, 13)

    def test_multiappend_without_literal_plus_waits_each_time(self) -> None:
        done = self.append(
            """
            C: APPEND "INBOX" {5}
            S: + go
            C> hello {3}
            S: + go
            C> you
            S: $2 OK done
            """,
            message(b"hello"),
            message(b"you"),
            capabilities="MULTIAPPEND",
        )
        assert done == Appended(None, None)

    @pytest.mark.parametrize("code", ["APPENDUID 7 12", "APPENDUID 7 12:14", "APPENDUID 0 12:13"])
    def test_an_appenduid_that_does_not_fit_is_none(self, code: str) -> None:
        done = self.append(
            f"""
            C: APPEND "INBOX" {{5}}
            S: + go
            C> hello {{3+}}
            C> you
            S: $2 OK [{code}] done
            """,
            message(b"hello"),
            message(b"you"),
            capabilities="LITERAL+ MULTIAPPEND",
        )
        assert done.uids is None

    def test_bad_after_an_uninvited_literal_closes(self) -> None:
        async def step(server: Server) -> None:
            with pytest.raises(Refused):
                await server.append(INBOX, [message(b"hello"), message(b"you")])
            with pytest.raises(Disconnected, match="literal"):
                await server.deleted(INBOX)

        play(
            """
            C: APPEND "INBOX" {5}
            S: + go
            C> hello {3+}
            C> you
            S: $2 BAD what?
            """,
            step,
            "LITERAL+ MULTIAPPEND",
        )

    @pytest.mark.parametrize("size", [4, 6])
    def test_a_file_that_changes_while_it_is_sent(self, size: int) -> None:
        """Half a message would be stored, or the rest read as commands."""

        async def step() -> None:
            server, dialogue = await logged_in(f'C: APPEND "INBOX" {{{size}}}\nS: + go')
            torn = Outgoing(Flags.NONE, None, size, message(b"hello").open)
            with pytest.raises(StorageError) as caught:
                await server.append(INBOX, [torn])
            assert caught.value.reach is Reach.MESSAGE
            assert dialogue.closed
            assert not b"".join(dialogue.writes).endswith(b"hello\r\n")

        asyncio.run(step())

    def test_an_ok_before_the_message_was_sent(self) -> None:
        with pytest.raises(ServerDefect):
            self.append('C: APPEND "INBOX" {5}\nS: $2 OK thanks', message(b"hello"))

    def test_binary(self) -> None:
        self.append(
            """
            C: APPEND "INBOX" ~{5}
            S: + go
            C> he\x00lo
            S: $2 OK done
            """,
            message(b"he\0lo", binary=True),
            capabilities="BINARY",
        )


class TestErrors:
    @pytest.mark.parametrize(
        ("answer", "error", "help_"),
        [
            ("NO [INUSE] busy", Refused, Help.RETRY),
            ("NO [UNAVAILABLE] later", Refused, Help.RETRY),
            ("NO [OVERQUOTA] full", Refused, Help.WAIT),
            ("NO [NOPERM] no", Refused, Help.ASK),
            ("NO [TOOBIG] no", Refused, Help.ASK),
            (
                "BAD Request is throttled. Suggested Backoff Time: 1500 milliseconds",
                Unavailable,
                Help.WAIT,
            ),
            ("NO [THROTTLED] slow down", Unavailable, Help.WAIT),
        ],
    )
    def test_classes(self, answer: str, error: type[MailsyncError], help_: Help) -> None:
        with pytest.raises(error) as caught:
            play(
                f'C: APPEND "INBOX" {{5}}\nS: $2 {answer}',
                lambda server: server.append(INBOX, [message(b"hello")]),
            )
        assert caught.value.help is help_
        if "1500" in answer:
            assert caught.value.retry_after == 1.5

    def test_text_of_the_server_cannot_steer_a_terminal(self) -> None:
        with pytest.raises(Refused) as caught:
            play(
                'C: APPEND "INBOX" {5}\nS: $2 NO \\x1b[2Jgone',
                lambda server: server.append(INBOX, [message(b"hello")]),
            )
        assert "\x1b" not in str(caught.value)

    @pytest.mark.parametrize("end", ["", "S: EOF", "S: * BYE enough"])
    def test_whatever_ends_a_connection_is_said_by_every_later_call(self, end: str) -> None:
        async def step(server: Server) -> None:
            with pytest.raises(Disconnected) as first:
                await server.append(INBOX, [message(b"hello")])
            with pytest.raises(Disconnected) as second:
                await server.mailboxes()
            assert str(first.value) == str(second.value)
            await server.close()

        play(f'C: APPEND "INBOX" {{5}}\n{end}', step, timeout=0.05)

    def test_bye_behind_the_answer_spoils_only_the_next_call(self) -> None:
        async def step(server: Server) -> None:
            await server.append(INBOX, [message(b"hello")])
            with pytest.raises(Unavailable):
                await server.mailboxes()

        play(
            'C: APPEND "INBOX" {5}\nS: + go\nC> hello\nS: $2 OK done\nS: * BYE [UNAVAILABLE] bye',
            step,
        )

    @pytest.mark.parametrize("dribble", [b"* OK Still here\r\n", b"x"])
    def test_noise_is_no_progress_for_ever(self, dribble: bytes) -> None:
        class Dribbling(Dialogue):
            async def read(self) -> bytes:
                if not self._steps and not self._said:
                    await asyncio.sleep(0.002)
                    return dribble
                return await super().read()

        async def run() -> None:
            from support.dialogue import LOGIN, server

            script = f'{LOGIN}\nS: $1 OK [CAPABILITY X] in\nC: APPEND "INBOX" {{5}}'
            if dribble == b"x":
                script += "\nS: * 1 FETCH (UID 1 BODY[] {9000000}"
            dialogue = Dribbling(script)
            made = server(dialogue, timeout=0.03)
            await made.connect()
            with pytest.raises(Disconnected, match="no progress"):
                await asyncio.wait_for(made.append(INBOX, [message(b"hello")]), 10)
            assert dialogue.closed

        asyncio.run(run())

    def test_a_write_that_nobody_takes(self) -> None:
        class Stuck(Dialogue):
            async def write(self, data: bytes) -> None:
                if self.tags:
                    await asyncio.sleep(3600)
                await super().write(data)

        async def run() -> None:
            from support.dialogue import LOGIN, server

            made = server(Stuck(f"{LOGIN}\nS: $1 OK [CAPABILITY X] in"), timeout=0.05)
            await made.connect()
            with pytest.raises(Disconnected):
                await asyncio.wait_for(made.mailboxes(), 10)

        asyncio.run(run())


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
