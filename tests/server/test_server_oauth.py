"""OAUTHBEARER and XOAUTH2: with a real Dovecot that checks tokens, and as dialogues."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from support.ann import Ann, DovecotWith
from support.dialogue import Dialogue, Rand, account
from support.oauth import prepared, token

from mailsync.model.errors import AuthError, ConfigError, MailsyncError, ServerDefect
from mailsync.model.settings import Secret, Security
from mailsync.server import Past, Server
from mailsync.system.net import TcpNet

TOKENS = Secret(token_command=("x",))


class Renewing(Past):
    """Gives `words` one after another; None: there is no other."""

    def __init__(self, *words: str | None) -> None:
        self.words = list(words)
        self.refused: list[str] = []
        self.used: list[str] = []

    async def first(self) -> str:
        return self.words.pop(0) or ""

    async def renewed(self, refused: str) -> str | None:
        return self.words.pop(0)

    def failed(self, error: AuthError) -> AuthError:
        self.refused.append(str(error))
        return error

    def succeeded(self, mechanism: str, unbound: Collection[str] = ()) -> None:
        self.used.append(mechanism)


@pytest.fixture(scope="module")
def extra() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="oauth-", dir="/tmp") as folder:
        yield prepared(Path(folder))


def connect(ann: Ann, past: Renewing, **changes: object) -> None:
    async def run() -> None:
        settings = {
            "user": ann.user,
            "port": ann.dovecot.tls_port,
            "security": Security.TLS,
            "tls_ca_file": ann.dovecot.cert,
            "timeout": 20.0,
            "secret": TOKENS,
        }
        made = Server(account(**(settings | changes)), TcpNet(), Rand(), past.first, past=past)
        await made.connect()
        try:
            assert made.link.session.capabilities.has("IDLE")
        finally:
            await made.close()

    asyncio.run(run())


@pytest.mark.dovecot
@pytest.mark.parametrize("auth", ["auto", "oauthbearer", "xoauth2"])
def test_dovecot(dovecot_with: DovecotWith, extra: str, auth: str) -> None:
    ann = Ann(dovecot_with(extra=extra))
    past = Renewing(token(ann.user))
    connect(ann, past, auth=auth)
    assert past.used == ["XOAUTH2" if auth == "xoauth2" else "OAUTHBEARER"]
    assert past.refused == []


@pytest.mark.dovecot
@pytest.mark.parametrize("auth", ["oauthbearer", "xoauth2"])
@pytest.mark.parametrize("bad", ["ended", "forged", "nonsense"])
def test_dovecot_takes_the_renewed_one(
    dovecot_with: DovecotWith, extra: str, auth: str, bad: str
) -> None:
    ann = Ann(dovecot_with(extra=extra))
    stale = {
        "ended": token(ann.user, seconds=-3600),
        "forged": token(ann.user, key=b"another key of thirty-two bytes."),
        "nonsense": "abc",
    }[bad]
    past = Renewing(stale, token(ann.user))
    connect(ann, past, auth=auth)
    assert len(past.refused) == len(past.used) == 1


@pytest.mark.dovecot
@pytest.mark.parametrize("auth", ["oauthbearer", "xoauth2"])
def test_dovecot_refuses_both(dovecot_with: DovecotWith, extra: str, auth: str) -> None:
    ann = Ann(dovecot_with(extra=extra))
    past = Renewing(token(ann.user, seconds=-9), token(ann.user, seconds=-8))
    with pytest.raises(AuthError, match="sign in anew with the program of token-command"):
        connect(ann, past, auth=auth)
    assert len(past.refused) == 2


# -- dialogues -----------------------------------------------------------------------------------


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BEARER = "n,a=ann,\1host=localhost\1port=143\1auth=Bearer {}\1\1"
GOOGLE = "user=ann\1auth=Bearer {}\1\1"
WRONG = coded('{"status":"invalid_token","schemes":"bearer","scope":"mail"}')


def play(script: str, past: Renewing, **changes: object) -> None:
    async def run() -> None:
        dialogue = Dialogue(script)
        made = Server(
            account(**({"secret": TOKENS} | changes)), dialogue, Rand(), past.first, past=past
        )
        try:
            await made.connect()
        finally:
            dialogue.done()

    asyncio.run(run())


def test_bearer_first_where_both_are() -> None:
    past = Renewing("tok")
    play(
        f"""
        S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER AUTH=PLAIN] hi
        C: AUTHENTICATE OAUTHBEARER {coded(BEARER.format("tok"))}
        S: $1 OK [CAPABILITY IMAP4rev1] in
        """,
        past,
    )
    assert past.used == ["OAUTHBEARER"]


def test_a_token_too_long_for_a_command_waits_for_a_challenge() -> None:
    long = "x" * 5000
    play(
        f"""
        S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
        C: AUTHENTICATE XOAUTH2
        S: +
        C> {coded(GOOGLE.format(long))}
        S: $1 OK [CAPABILITY IMAP4rev1] in
        """,
        Renewing(long),
    )


def test_without_an_initial_response() -> None:
    play(
        f"""
        S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi
        C: AUTHENTICATE XOAUTH2
        S: + go ahead
        C> {coded(GOOGLE.format("tok"))}
        S: $1 OK [CAPABILITY IMAP4rev1] in
        """,
        Renewing("tok"),
    )


@pytest.mark.parametrize(
    ("name", "form", "answer"), [("OAUTHBEARER", BEARER, "AQ=="), ("XOAUTH2", GOOGLE, "")]
)
def test_an_error_is_answered_and_the_token_renewed(name: str, form: str, answer: str) -> None:
    """RFC 7628 §3.2.3; then the other token is good."""
    empty = "C> " if answer == "" else f"C> {answer}"
    past = Renewing("old", "new")
    play(
        f"""
        S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH={name}] hi
        C: AUTHENTICATE {name} {coded(form.format("old"))}
        S: + {WRONG}
        {empty}
        S: $1 NO [AUTHENTICATIONFAILED] no
        C: AUTHENTICATE {name} {coded(form.format("new"))}
        S: $2 OK [CAPABILITY IMAP4rev1] in
        """,
        past,
    )
    assert past.refused == [
        "the server refused the login: [AUTHENTICATIONFAILED] no (invalid_token) "
        f"(by {name}: sign in anew with the program of token-command)"
    ]
    assert past.used == [name]


def test_there_is_no_other_token() -> None:
    with pytest.raises(AuthError, match="invalid_token"):
        play(
            f"""
            S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
            C: AUTHENTICATE XOAUTH2 {coded(GOOGLE.format("old"))}
            S: + {WRONG}
            C>
            S: $1 NO no
            """,
            Renewing("old", None),
        )


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (coded('{"status":400}'), "400"),
        (coded("[1]"), "[1]"),
        (coded("not json \x1b"), r"not json \x1b"),
        (coded('{"status":"' + "x" * 500 + '"}'), "x" * 99),
        (coded("[" * 5000), "[" * 99),
        ("", "no reason given"),
        ("%%", "no reason given"),
    ],
)
def test_errors_of_any_kind(said: str, why: str) -> None:
    with pytest.raises(AuthError) as caught:
        play(
            f"""
            S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
            C: AUTHENTICATE XOAUTH2 {coded(GOOGLE.format("old"))}
            S: + {said}
            C>
            S: $1 NO no
            """,
            Renewing("old", None),
        )
    assert f"({why}" in str(caught.value)


@pytest.mark.parametrize("end", [f"S: + {WRONG}", "S: $1 OK in"])
def test_nonsense_after_an_error(end: str) -> None:
    with pytest.raises(ServerDefect):
        play(
            f"""
            S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
            C: AUTHENTICATE XOAUTH2 {coded(GOOGLE.format("old"))}
            S: + {WRONG}
            C>
            {end}
            """,
            Renewing("old"),
        )


def fails(script: str, *words: str, **changes: object) -> str:
    with pytest.raises(MailsyncError) as caught:
        play(script, Renewing(*words), **changes)
    assert isinstance(caught.value, AuthError | ConfigError)
    return str(caught.value)


def test_what_is_said_where_no_token_is_taken() -> None:
    script = "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi"
    assert fails(script) == "localhost takes no token: it offers LOGIN, PLAIN"
    script = "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2] hi"
    said = fails(script, secret=Secret(inline="x"))
    assert said == "localhost takes no password: it offers XOAUTH2; set token-command"


@pytest.mark.parametrize("bad", ["a b", "a\1b", "tök"])
def test_a_token_that_cannot_be_sent(bad: str) -> None:
    said = fails("S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi", bad)
    assert said == "the user name or token has a character IMAP cannot send"


def test_no_token_is_fetched_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    past = Renewing()
    with pytest.raises(MailsyncError):
        play("S: * BYE busy", past)
