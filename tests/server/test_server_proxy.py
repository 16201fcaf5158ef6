"""By a SOCKS5 proxy to a real Dovecot, and what proxies say."""

from __future__ import annotations

import asyncio
import sys

import pytest
from support.ann import Ann
from support.dialogue import Rand, account, password
from support.dovecot import Dovecot
from support.socks import Socks

from mailsync.model.errors import ConfigError, Disconnected, InsecureError
from mailsync.model.settings import Proxy, Security
from mailsync.server import Server
from mailsync.system.net import TcpNet


def connect(socks: Socks, proxy: Proxy | None = None, **changes: object) -> None:
    async def run() -> None:
        async with socks.serving():
            by = proxy or Proxy("127.0.0.1", socks.port, "me", "word-of-7")
            made = Server(
                account(**({"timeout": 20.0, "proxy": by} | changes)), TcpNet(), Rand(), password
            )
            try:
                await made.connect()
                assert made.link.session.capabilities.has("IDLE")
            finally:
                await made.close()

    asyncio.run(run())


@pytest.mark.dovecot
@pytest.mark.parametrize("user", ["", "me"])
@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_dovecot_behind_a_proxy(dovecot: Dovecot, user: str, security: Security) -> None:
    """The name is resolved by the proxy: nobody here can.  The certificate is the server's."""
    port = dovecot.tls_port if security is Security.TLS else dovecot.port
    socks = Socks({"localhost": port, "imap.invalid": port}, user, "word-of-7")
    settings = {
        "user": Ann(dovecot).user,
        "security": security,
        "port": 993,
        "tls_ca_file": dovecot.cert,
    }
    connect(socks, **settings)
    assert socks.asked == [("localhost", 993)]
    with pytest.raises(InsecureError, match="certificate is not valid"):
        connect(socks, host="imap.invalid", **settings)
    assert socks.asked[1:] == [("imap.invalid", 993)]


@pytest.mark.parametrize(
    ("socks", "said"),
    [
        (Socks({}), "localhost:143 cannot be reached: the proxy 127.0.0.1:{}: Host unreachable"),
        (
            Socks({}, reply=2),
            "localhost:143 cannot be reached: the proxy 127.0.0.1:{}: Connection not allowed by "
            "ruleset",
        ),
        (
            Socks({}, "other", "x"),
            "localhost:143 cannot be reached: the proxy 127.0.0.1:{}: Username and password "
            "authentication failure",
        ),
    ],
    ids=["unknown host", "ruleset", "login"],
)
def test_what_a_proxy_says(socks: Socks, said: str) -> None:
    with pytest.raises(Disconnected) as caught:
        connect(socks)
    assert str(caught.value) == said.format(socks.port)
    assert "word-of-7" not in str(caught.value)


def test_no_proxy_there() -> None:
    with pytest.raises(Disconnected, match=r"the proxy 127\.0\.0\.1:1 cannot be reached"):
        connect(Socks({}), Proxy("127.0.0.1", 1))


def test_a_password_that_cannot_be_sent() -> None:
    async def run() -> None:
        socks = Socks({}, "me", "x")
        async with socks.serving():
            by = Proxy("127.0.0.1", socks.port, "me", "wörd")
            await Server(account(proxy=by), TcpNet(), Rand(), password).connect()

    with pytest.raises(ConfigError, match="ASCII characters only"):
        asyncio.run(run())


def test_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "python_socks"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(ConfigError) as caught:
        connect(Socks({}))
    assert str(caught.value) == "proxy needs one more package: pip install 'mailsync[proxy]'"


def test_a_proxy_does_not_show_its_password() -> None:
    assert "word" not in repr(Proxy("h", 1, "me", "word"))
