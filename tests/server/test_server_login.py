"""Greeting to login, as dialogues."""

from __future__ import annotations

import asyncio

import pytest
from support.dialogue import LOGIN, Dialogue, password, server

from mailsync.model.errors import (
    AuthError,
    Disconnected,
    Help,
    InsecureError,
    MailsyncError,
    ServerDefect,
    SlowDown,
    Unavailable,
)
from mailsync.model.settings import Security
from mailsync.server import Server


def connect(script: str, **changes: object) -> Server:
    async def run() -> Server:
        dialogue = Dialogue(script)
        made = server(dialogue, **changes)
        try:
            await made.connect()
        except MailsyncError:
            assert dialogue.closed or not dialogue.connected, "an error leaves no connection"
            dialogue.done()
            raise
        dialogue.done()
        return made

    return asyncio.run(run())


def test_sasl_ir_is_one_round_trip_and_the_answer_brings_the_capabilities() -> None:
    made = connect(LOGIN + "S: $1 OK [CAPABILITY IMAP4rev1 UIDPLUS MOVE] in")
    assert made.has_uidplus
    assert made.has_move
    assert not made.has_condstore
    assert made.traffic.round_trips == 1


def test_capabilities_are_asked_for_where_nobody_says_them() -> None:
    connect("""
        S: * OK hello
        C: CAPABILITY
        S: * CAPABILITY IMAP4rev1
        S: $1 OK done
        C: LOGIN "ann" "secret"
        S: $2 OK in
        C: CAPABILITY
        S: * CAPABILITY IMAP4rev1 UIDPLUS
        S: $3 OK done
    """)


def test_login_command_without_sasl_ir() -> None:
    connect("""
        S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello
        C: LOGIN "ann" "secret"
        S: * CAPABILITY IMAP4rev1
        S: $1 OK in
    """)


def test_challenge_where_login_is_disabled() -> None:
    connect("""
        S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED] hello
        C: AUTHENTICATE PLAIN
        S: +
        C> AGFubgBzZWNyZXQ=
        S: $1 OK [CAPABILITY IMAP4rev1] in
    """)


def test_no_login_when_it_is_disabled() -> None:
    with pytest.raises(InsecureError):
        connect("S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello")


@pytest.mark.parametrize(
    ("answer", "error", "wait"),
    [
        ("NO [AUTHENTICATIONFAILED] no", AuthError, None),
        ("NO [EXPIRED] change it", AuthError, None),
        ("NO LOGIN failed.", AuthError, None),
        ("BAD User is authenticated but not connected.", AuthError, None),
        ("NO [PRIVACYREQUIRED] tls first", InsecureError, None),
        ("NO [UNAVAILABLE] directory is down", Unavailable, None),
        ("NO [LIMIT] enough", SlowDown, None),
        ("NO [LIMIT] LOGIN Rate limit hit", SlowDown, None),
        ("NO Authentication Limit Exceeded", SlowDown, None),
        ("NO [OVERQUOTA] Account exceeded command or bandwidth limits.", SlowDown, None),
        ("NO [INUSE] locked", Unavailable, None),
        ("NO [ALERT] Too many simultaneous connections. (Failure)", Unavailable, None),
        (
            "BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds",
            Unavailable,
            299.961,
        ),
        ("NO Temporary authentication failure.", Unavailable, None),
    ],
)
def test_refused_logins(answer: str, error: type[MailsyncError], wait: float | None) -> None:
    with pytest.raises(error) as caught:
        connect(LOGIN + f"S: $1 {answer}")
    assert caught.value.retry_after == wait
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        "[ALERT] Too many simultaneous connections. (Failure)",
        "[UNAVAILABLE] Maximum number of connections from user+IP exceeded",
        "[LIMIT] Maximum number of connections from user+IP exceeded",
    ],
)
@pytest.mark.parametrize("line", ["$1 NO ", "* BYE "])
def test_too_many_connections(line: str, words: str) -> None:
    """They end by themselves: nothing that a later run has to wait for."""
    with pytest.raises(Unavailable, match=r"mailsync needs one\Z") as caught:
        connect(LOGIN + f"S: {line}{words}")
    assert type(caught.value) is Unavailable


@pytest.mark.parametrize(
    ("bye", "error"),
    [
        ("* BYE [UNAVAILABLE] maintenance", Unavailable),
        ("* BYE Too many connections from your IP", Unavailable),
        ("* BYE Session expired, please login again.", Disconnected),
    ],
)
@pytest.mark.parametrize("when", ["", LOGIN])
def test_bye(when: str, bye: str, error: type[MailsyncError]) -> None:
    with pytest.raises(error, match="closed the connection"):
        connect(when + f"S: {bye}")


@pytest.mark.parametrize(
    "greeting",
    ["HTTP/1.1 400 Bad Request", "+ go on", "* NO not today", "* BAD worse", "a1 OK hello"],
)
def test_garbage_for_a_greeting(greeting: str) -> None:
    with pytest.raises(ServerDefect):
        connect(f"S: {greeting}")


@pytest.mark.parametrize("script", ["", LOGIN, "S: * OK hello\nC: CAPABILITY"])
def test_silence_ends_at_the_deadline(script: str) -> None:
    with pytest.raises(Disconnected, match=r"no progress for 0[.]05 s") as caught:
        connect(script, timeout=0.05)
    assert caught.value.help is Help.RETRY


def test_end_of_stream() -> None:
    with pytest.raises(Disconnected):
        connect(LOGIN + "S: EOF")


@pytest.mark.parametrize("tag", ["A1", "ABCDEF1"])
def test_an_answer_to_a_command_that_was_not_sent(tag: str) -> None:
    with pytest.raises(ServerDefect):
        connect(f"S: * OK [CAPABILITY IMAP4rev1] hi\nS: {tag} OK in")


def test_a_second_answer_to_one_command() -> None:
    async def run() -> None:
        dialogue = Dialogue(LOGIN + "S: $1 OK [CAPABILITY IMAP4rev1] in\nS: $1 OK in again")
        with pytest.raises(ServerDefect):
            await server(dialogue).connect()
        assert dialogue.closed

    asyncio.run(run())


@pytest.mark.parametrize("host", ["mail.example.org", "192.0.2.1", "localhost.example.org"])
def test_no_password_in_clear_to_the_world(host: str) -> None:
    with pytest.raises(InsecureError, match="TLS"):
        connect("", host=host)


def test_unless_it_is_allowed() -> None:
    connect(LOGIN + "S: $1 OK [CAPABILITY X] in", host="mail.example.org", allow_plaintext=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "127.3.2.1", "LOCALHOST"])
def test_loopback_is_this_machine(host: str) -> None:
    connect(LOGIN + "S: $1 OK [CAPABILITY X] in", host=host)


def test_tls_is_believed_of_the_stream_only() -> None:
    with pytest.raises(InsecureError, match="not encrypted"):
        connect("", security=Security.TLS)


def test_a_password_is_asked_for_once_and_late() -> None:
    asked: list[str] = []

    async def ask() -> str:
        asked.append("now")
        return await password()

    async def run() -> None:
        from support.dialogue import Rand, account

        dialogue = Dialogue("S: * BYE busy")
        with pytest.raises(MailsyncError):
            await Server(account(), dialogue, Rand(), ask).connect()

    asyncio.run(run())
    assert asked == []


def test_a_password_beyond_ascii() -> None:
    async def run() -> None:
        from support.dialogue import Rand, account

        async def ask() -> str:
            return 'pä"s'

        dialogue = Dialogue("""
            S: * OK [CAPABILITY IMAP4rev1] hi
            C: LOGIN "ann" {5}
            S: + go on
            C> pÃ¤"s
            S: $1 OK [CAPABILITY IMAP4rev1] in
        """)
        await Server(account(), dialogue, Rand(), ask).connect()
        dialogue.done()

    asyncio.run(run())
