"""SCRAM with a real Dovecot, and which mechanism is taken."""

from __future__ import annotations

import pytest
from support.ann import Ann, DovecotWith
from support.dialogue import account

from mailsync.model.errors import AuthError, InsecureError, MailsyncError
from mailsync.model.settings import Security
from mailsync.server import Past, Server
from mailsync.server.ways import STRENGTH, choose

SCRAM = "auth_mechanisms = plain login scram-sha-1 scram-sha-256"


async def nothing(server: Server) -> None:
    assert server.link.session.capabilities.has("IDLE")


@pytest.mark.dovecot
@pytest.mark.parametrize("auth", ["auto", "scram-sha-256", "scram-sha-1", "plain", "login"])
def test_dovecot(dovecot_with: DovecotWith, auth: str) -> None:
    dovecot = dovecot_with(extra=SCRAM)
    ann = Ann(dovecot)
    ann.play(nothing, auth=auth)
    ann.play(nothing, auth=auth, security=Security.NONE, port=dovecot.port)
    used = [line for line in dovecot.log().splitlines() if f"user=<{ann.user}>" in line]
    name = "SCRAM-SHA-256" if auth == "auto" else auth.upper().replace("LOGIN", "PLAIN")
    assert len([line for line in used if f"method={name}" in line]) == 2, used


@pytest.mark.dovecot
@pytest.mark.parametrize("auth", ["scram-sha-256", "scram-sha-1", "plain"])
def test_dovecot_with_another_password(dovecot_with: DovecotWith, auth: str) -> None:
    dovecot = dovecot_with(extra=SCRAM, password="another")
    ann = Ann(dovecot)
    ann.dovecot = dovecot
    ann.play(nothing, auth=auth)
    dovecot.password, right = "wrong", dovecot.password
    try:
        with pytest.raises(AuthError, match="AUTHENTICATIONFAILED"):
            ann.play(nothing, auth=auth)
    finally:
        dovecot.password = right


@pytest.mark.dovecot
def test_dovecot_does_not_have_what_was_asked_for(dovecot_with: DovecotWith) -> None:
    with pytest.raises(AuthError, match=r'auth = "scram-sha-256-plus", but localhost offers LOGIN'):
        Ann(dovecot_with(extra=SCRAM)).play(nothing, auth="scram-sha-256-plus")


def test_the_order_is_by_strength() -> None:
    passwords = [name for name in STRENGTH if name not in ("EXTERNAL", "OAUTHBEARER", "XOAUTH2")]
    for at, name in enumerate(passwords):
        offered = passwords[at:]
        assert choose(account(), offered, "", bindable=True) == name
    assert choose(account(), passwords, "", bindable=False) == "SCRAM-SHA-256"


WEAKER = [
    (best, now)
    for best in STRENGTH
    for now in STRENGTH
    if STRENGTH[now] < STRENGTH[best] and best not in ("EXTERNAL", "OAUTHBEARER", "XOAUTH2")
    if now not in ("OAUTHBEARER", "XOAUTH2")
]


@pytest.mark.parametrize(("best", "now"), WEAKER)
def test_it_never_gets_weaker(best: str, now: str) -> None:
    with pytest.raises(InsecureError) as caught:
        choose(account(), [now], best, bindable=True)
    assert str(caught.value) == (
        f"localhost no longer offers {best}, only {now}: somebody in between may want the "
        f'password.  If it is right: set auth = "{now.lower()}" in [accounts.test]'
    )
    assert choose(account(auth=now.lower()), [now], best, bindable=True) == now


def test_plain_and_login_are_alike() -> None:
    assert choose(account(), ["LOGIN"], "PLAIN", bindable=False) == "LOGIN"


@pytest.mark.parametrize(
    ("auth", "offered", "said"),
    [
        ("auto", ["CRAM-MD5"], "localhost takes no password: it offers CRAM-MD5"),
        ("plain", ["LOGIN"], 'auth = "plain", but localhost offers LOGIN: set another one, or '
         'auth = "auto"'),
        ("plain", [], 'auth = "plain", but localhost offers nothing: set another one, or '
         'auth = "auto"'),
        ("scram-sha-1-plus", ["SCRAM-SHA-1-PLUS"], 'auth = "scram-sha-1-plus" needs TLS and a '
         "certificate that can be bound to; localhost shows none"),
    ],
)  # fmt: skip
def test_what_cannot_be(auth: str, offered: list[str], said: str) -> None:
    with pytest.raises(MailsyncError) as caught:
        choose(account(auth=auth), offered, "", bindable=False)
    assert str(caught.value) == said


def test_nothing_is_known_at_first() -> None:
    past = Past()
    past.check()
    past.succeeded("PLAIN")
    error = AuthError("no")
    assert past.failed(error) is error
    assert past.strongest == ""
