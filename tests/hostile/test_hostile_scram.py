"""SCRAM with servers that lie, want too much work, or do not know the password."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.dialogue import Rand, account, password
from support.scram import ScramPeer

from mailsync.model.errors import AuthError, Help, InsecureError, MailsyncError, ServerDefect
from mailsync.server import Server
from mailsync.server.sasl import UNBOUND

from .certificates import issue


def connect(peer: ScramPeer, **changes: object) -> Server:
    async def run() -> Server:
        made = Server(account(**changes), peer, Rand(), password)
        try:
            await made.connect()
        except MailsyncError:
            assert peer.closed, "an error leaves no connection"
            raise
        return made

    return asyncio.run(run())


def refused(peer: ScramPeer, error: type[MailsyncError]) -> str:
    with pytest.raises(error) as caught:
        connect(peer)
    assert type(caught.value) is error
    assert caught.value.help is Help.ASK, "it is not tried again"
    assert "secret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["SCRAM-SHA-256", "SCRAM-SHA-1"])
@pytest.mark.parametrize("initial", ["SASL-IR ", ""])
def test_an_honest_server(name: str, initial: str) -> None:
    peer = ScramPeer(f"AUTH={name}", capabilities=f"IMAP4rev1 {initial}LOGINDISABLED")
    connect(peer)
    assert peer.used == [name]
    assert peer.heard[0].startswith("n,,n=ann,r=")
    assert not any("secret" in line for line in peer.heard)


def test_the_best_one_is_taken() -> None:
    peer = ScramPeer("AUTH=PLAIN AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256 AUTH=CRAM-MD5")
    connect(peer)
    assert peer.used == ["SCRAM-SHA-256"]


@pytest.mark.parametrize("count", ["1000001", "2147483647", "9" * 40, "1" + "0" * 5000])
def test_a_bomb_costs_nothing(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object) -> bytes:
        raise AssertionError("work was done")

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", work)
    peer = ScramPeer(iterations=count)
    said = refused(peer, ServerDefect)
    assert said.startswith(
        f"SCRAM with {count[:20]} iterations would take too long (at most 1000000 "
    )
    assert peer.derived == 0


@pytest.mark.parametrize("count", ["1", "0", "4095"])
def test_too_few_iterations_are_a_trap(count: str) -> None:
    peer = ScramPeer(iterations=count)
    said = refused(peer, ServerDefect)
    assert said.startswith(f"SCRAM with {count} iterations would make the password easy to guess")
    assert peer.derived == 0


def test_the_most_that_is_done() -> None:
    connect(ScramPeer(iterations="1000000"))


def without(attribute: str) -> Callable[[str], str]:
    return lambda text: ",".join(p for p in text.split(",") if not p.startswith(f"{attribute}="))


FIRST: dict[str, Callable[[str], str]] = {
    "another nonce": lambda text: re.sub("r=[^,]*", "r=other", text),
    "our nonce and nothing more": lambda text: text.replace("Server,", ","),
    "our nonce cut": lambda text: re.sub("r=..", "r=", text),
    "no nonce": without("r"),
    "no salt": without("s"),
    "no iterations": without("i"),
    "iterations in words": lambda text: re.sub("i=.*", "i=many", text),
    "negative iterations": lambda text: re.sub("i=.*", "i=-4096", text),
    "iterations twice": lambda text: f"{text},i=4096",
    "a mandatory extension": lambda text: f"m=new,{text}",
    "a salt that is no base64": lambda text: re.sub("s=[^,]*", "s=!!!", text),
    "nothing": lambda _: "",
    "nonsense": lambda _: "hello",
    "the last message first": lambda _: "v=AAAA",
}


@pytest.mark.parametrize("name", FIRST)
def test_first_messages_that_are_none(name: str) -> None:
    peer = ScramPeer(first=FIRST[name])
    refused(peer, ServerDefect)
    assert peer.derived == 0, "nothing was proved to it"


@pytest.mark.parametrize("line", ["+ !!!", "+ ", "+ AP8=", "* OK go on\r\n+ %%%"])
def test_challenges_that_are_none(line: str) -> None:
    peer = ScramPeer(capabilities="IMAP4rev1 LOGINDISABLED")
    peer._on_first = lambda data: f"{line}\r\n"  # type: ignore[method-assign]
    refused(peer, ServerDefect)


def test_a_message_cut_in_two_is_not_waited_for() -> None:
    """Two challenges at once: one of them waits for no answer."""
    peer = ScramPeer(capabilities="IMAP4rev1 LOGINDISABLED")
    peer._on_first = lambda data: "+ AAAA\r\n+ AAAA\r\n"  # type: ignore[method-assign]
    with pytest.raises(ServerDefect, match="waits for no answer"):
        connect(peer)


SIGNATURES: dict[str, Callable[[str], str]] = {
    "a wrong one": lambda _: "v=" + base64.b64encode(b"x" * 32).decode(),
    "a short one": lambda text: "v=" + base64.b64encode(base64.b64decode(text[2:])[:16]).decode(),
    "no base64": lambda _: "v=???",
    "none": lambda _: "x=1",
    "an empty one": lambda _: "v=",
    "text": lambda _: "welcome",
    "the first message again": lambda _: "r=a,s=b,i=4096",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_server_that_does_not_know_the_password(name: str) -> None:
    said = refused(ScramPeer(final=SIGNATURES[name]), InsecureError)
    assert said.startswith("the server did not prove that it knows the password")


def test_ok_without_a_signature() -> None:
    assert "no signature" in refused(ScramPeer(early=True), InsecureError)


def test_ok_at_once() -> None:
    peer = ScramPeer()
    peer._on_first = lambda data: f"{peer.tag} OK in\r\n"  # type: ignore[method-assign]
    assert "no signature" in refused(peer, InsecureError)


def test_a_message_after_the_last_one() -> None:
    said = refused(ScramPeer(then="+ AAAA"), ServerDefect)
    assert said == "SCRAM-SHA-256: a message after the last one"


def test_an_error_and_then_ok() -> None:
    peer = ScramPeer(final=lambda _: "e=other-error")
    refused(peer, InsecureError)


def test_a_wrong_password() -> None:
    said = refused(ScramPeer(password="other"), AuthError)
    assert said == (
        "the server refused the login: [AUTHENTICATIONFAILED] no (invalid-proof) "
        '(by SCRAM-SHA-256; if the password is right, try auth = "plain")'
    )


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "=,\u202e", "x" * 3000])
def test_an_error_that_steers_no_terminal(text: str) -> None:
    peer = ScramPeer(password="other", then="$ NO no")
    peer._refuse = lambda data: f"{peer.tag} NO no\r\n"  # type: ignore[method-assign]
    peer._on_final = lambda data: (  # type: ignore[method-assign]
        peer._steps.append(peer._refuse)
        or f"+ {base64.b64encode(f'e={text}'.encode()).decode()}\r\n"
    )
    said = refused(peer, AuthError)
    assert said.isprintable()
    assert len(said) < 700


# -- channel binding -----------------------------------------------------------------------------

PLUS = "AUTH=SCRAM-SHA-1-PLUS AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-1"


def bound(**changes: object) -> ScramPeer:
    from cryptography.hazmat.primitives.serialization import Encoding

    leaf = issue("localhost").certificate.public_bytes(Encoding.DER)
    return replace(ScramPeer(PLUS, certificate=leaf), **changes)  # type: ignore[arg-type]


def test_plus_is_bound_to_the_certificate() -> None:
    peer = bound()
    connect(peer)
    assert peer.used == ["SCRAM-SHA-256-PLUS"]
    assert peer.heard[0].startswith("p=tls-server-end-point,,n=ann,r=")


def test_plus_through_somebody_with_another_certificate() -> None:
    """Who sits in between with a certificate of his own gets no valid proof."""
    peer = bound()

    async def run() -> None:
        made = Server(account(), peer, Rand(), password)
        seen = bound().certificate
        peer.peer_certificate = lambda: seen  # type: ignore[method-assign]
        await made.connect()

    with pytest.raises(AuthError, match="channel-bindings-dont-match"):
        asyncio.run(run())


@pytest.mark.parametrize("said", ["", *UNBOUND])
def test_plus_with_a_binding_the_server_has_not(said: str) -> None:
    peer = bound(binds=(), unbound=said)
    connect(peer)
    assert peer.used == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]
    assert peer.heard[-2].startswith("n,,")


def headers(peer: ScramPeer) -> list[str]:
    """How each login was begun."""
    return [one.partition("n=")[0] for one in peer.heard if ",r=" in one and "c=" not in one]


TWELVE = b"finished in TLS 1.2"


def test_tls_unique_comes_first() -> None:
    """What a server with -PLUS must have (RFC 5802 §6.1)."""
    peer = bound(unique=TWELVE, binds=("tls-unique", "tls-server-end-point"))
    connect(peer)
    assert headers(peer) == ["p=tls-unique,,"]


@pytest.mark.parametrize("auth", ["auto", "scram-sha-256-plus"])
@pytest.mark.parametrize("said", ["", *UNBOUND])
def test_a_server_without_tls_unique_is_bound_to_by_its_certificate(said: str, auth: str) -> None:
    peer = bound(unique=TWELVE, unbound=said)
    connect(peer, auth=auth)
    assert headers(peer) == ["p=tls-unique,,", "p=tls-server-end-point,,"]
    assert peer.used == ["SCRAM-SHA-256-PLUS"] * 2


CYRUS = "bad protocol / cancel"


def test_cyrus_says_only_behind_the_proof_that_it_binds_otherwise() -> None:
    """By TLS 1.3, where there is no tls-unique: the login was refused, three times a day."""
    peer = bound(binds=("tls-unique",), late=CYRUS)
    connect(peer)
    assert headers(peer) == ["p=tls-server-end-point,,", "n,,"]


def test_what_cyrus_has_itself_and_refuses_is_no_matter_of_kind() -> None:
    """Then somebody is in between, who relays with a connection of his own."""
    peer = bound(unique=TWELVE, binds=("tls-unique",), late=CYRUS)
    peer.tls_unique = lambda: b"another connection"  # type: ignore[method-assign]
    assert CYRUS in refused(peer, AuthError)
    assert headers(peer) == ["p=tls-unique,,"]


def test_a_wrong_password_is_not_tried_without_binding() -> None:
    peer = bound(password="other")
    refused(peer, AuthError)
    assert headers(peer) == ["p=tls-server-end-point,,"]


def test_who_insists_on_plus_is_not_logged_in_without() -> None:
    peer = bound(binds=("tls-exporter",), late=CYRUS)
    with pytest.raises(AuthError, match="bad protocol"):
        connect(peer, auth="scram-sha-256-plus")
    assert headers(peer) == ["p=tls-server-end-point,,"]


def test_plus_that_was_cut_out_of_the_list_is_told() -> None:
    peer = bound(mechanisms="AUTH=SCRAM-SHA-256")
    connect(peer)
    assert peer.heard[0].startswith("y,,"), "an honest server that has it refuses that"


def test_plus_without_tls_is_not_tried() -> None:
    peer = ScramPeer(PLUS)
    connect(peer)
    assert peer.used == ["SCRAM-SHA-256"]
    assert peer.heard[0].startswith("n,,")
