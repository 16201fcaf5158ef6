"""APPEND and its literals, refusals, stalls: what may go wrong on the way out."""

from __future__ import annotations

import asyncio

import pytest
from support.dialogue import SELECTED, Dialogue, logged_in, message, play

from mailsync.model.errors import (
    AuthError,
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
from mailsync.model.mailboxname import INBOX
from mailsync.model.uidset import UIDSet
from mailsync.server import Appended, Outgoing, Server


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
            ("BAD User is authenticated but not connected.", AuthError, Help.ASK),
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

    @pytest.mark.parametrize(
        ("bye", "error"),
        [("* BYE shutting down", Disconnected), ("* BYE [UNAVAILABLE] later", Unavailable)],
    )
    def test_what_a_server_refuses_as_it_goes_is_not_refused(
        self, bye: str, error: type[MailsyncError]
    ) -> None:
        with pytest.raises(error) as caught:
            play(
                f'C: APPEND "INBOX" {{5}}\nS: {bye}\nS: $2 NO aborted',
                lambda server: server.append(INBOX, [message(b"hello")]),
            )
        assert "the server closed the connection" in str(caught.value)

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
