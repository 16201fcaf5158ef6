"""A command as the way to the server: a real Dovecot's imap, and commands that fail."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from support.ann import Ann, message
from support.dialogue import Dialogue, Rand, account, password
from support.dovecot import Dovecot

from mailsync.model.errors import ConfigError, Disconnected, InsecureError, MailsyncError
from mailsync.model.ids import UID
from mailsync.model.mailboxname import INBOX
from mailsync.model.settings import Security
from mailsync.server import Server
from mailsync.server.link import WORTH_COMPRESSING
from mailsync.server.values import Traffic
from mailsync.system.hidden import keep_from_children
from mailsync.system.net import TcpNet

HELPER = """\
import os, sys
seen = "\\n".join(f"{k}={v}" for k, v in os.environ.items())
open(sys.argv[1], "w").write(f"{os.getpid()}\\n{seen}")
os.write(2, b"hello from the \\x1b[2J other side\\n")
os.write(1, b"* PREAUTH [CAPABILITY IMAP4rev1] hi\\r\\n")
while line := sys.stdin.buffer.readline():
    tag = line.split()[0]
    if b"LOGOUT" in line and "stubborn" in sys.argv:
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    os.write(1, b'* LIST () "/" INBOX\\r\\n' + tag + b" OK done\\r\\n")
"""


def tunnel(*words: str, **changes: object) -> Server:
    return Server(account(tunnel=words, **changes), TcpNet(), Rand(), password)


def relay(port: int) -> tuple[str, ...]:
    """`nc` in Python."""
    program = (
        "import socket, sys, threading, os\n"
        "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "def up():\n"
        "    while d := os.read(0, 65536): s.sendall(d)\n"
        "    s.shutdown(socket.SHUT_WR)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while d := s.recv(65536):\n"
        "    while d: d = d[os.write(1, d):]\n"
    )
    return (sys.executable, "-c", program, str(port))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.dovecot
def test_dovecot_as_the_command(dovecot: Dovecot) -> None:
    """PREAUTH, because whoever may run it is the user."""
    ann = Ann(dovecot)
    ann.save(1)
    words = dovecot.tunnel(ann.user)

    async def run() -> list[str]:
        made = tunnel(*words, timeout=20.0)
        await made.connect()
        try:
            assert made.link.session.capabilities.has("IDLE")
            return [str(box.name) for box in await made.mailboxes()]
        finally:
            await made.close()

    assert INBOX in asyncio.run(run())


@pytest.mark.dovecot
@pytest.mark.parametrize("compress", [True, None, False])
def test_a_tunnel_is_compressed(dovecot: Dovecot, compress: bool | None) -> None:
    """ssh does not by itself.  `host` is another machine."""
    ann = Ann(dovecot)
    data = message(1) + b"line of a large message\r\n" * 100_000
    dovecot.save(ann.user, data)
    words = relay(dovecot.port)

    async def run() -> Traffic:
        where = {"host": "imap.example.org", "user": ann.user, "security": Security.NONE}
        made = tunnel(*words, **where, compress=compress, timeout=20.0)
        await made.connect()
        try:
            await made.mailboxes()
            await made.expect(WORTH_COMPRESSING)
            async for body in made.bodies(INBOX, [UID(1)]):
                assert body.chunks is not None
                assert b"".join([chunk async for chunk in body.chunks]) == data
            return made.traffic
        finally:
            await made.close()

    traffic = asyncio.run(run())
    assert traffic.commands["COMPRESS"] == (compress is not False)
    assert (traffic.bytes_in < len(data) // 10) is (compress is not False)


@pytest.mark.dovecot
@pytest.mark.parametrize("security", [Security.NONE, Security.STARTTLS, Security.TLS])
def test_a_login_and_tls_within_a_tunnel(dovecot: Dovecot, security: Security) -> None:
    """The certificate is checked against `host`."""
    port = dovecot.tls_port if security is Security.TLS else dovecot.port
    ann = Ann(dovecot)

    async def run() -> None:
        made = tunnel(
            *relay(port),
            user=ann.user,
            security=security,
            host="localhost",
            tls_ca_file=dovecot.cert,
            timeout=20.0,
        )
        await made.connect()
        assert made.link.session.capabilities.has("IDLE")
        await made.close()
        if security is not Security.NONE:
            made = tunnel(
                *relay(port), user=ann.user, security=security, host="other.example.org",
                tls_ca_file=dovecot.cert, timeout=20.0,
            )  # fmt: skip
            with pytest.raises(InsecureError, match="certificate is not valid"):
                await made.connect()

    asyncio.run(run())


@pytest.mark.parametrize("how", ["polite", "stubborn"])
def test_the_command_ends_with_the_connection(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It has the user's environment, but no password of ours; what it says steers no terminal."""
    from mailsync.system import tunnel as tunnels

    monkeypatch.setattr(tunnels, "PATIENCE", 0.2)
    monkeypatch.setenv("MAIL_WORD", "tAint-7c1e")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    keep_from_children("MAIL_WORD")
    caplog.set_level("INFO", "mailsync.tunnel")
    report = tmp_path / "report"

    async def run() -> None:
        made = tunnel(sys.executable, "-c", HELPER, str(report), how, timeout=20.0)
        await made.connect()
        await made.mailboxes()
        await made.close()

    asyncio.run(run())
    pid, *environment = report.read_text().splitlines()
    assert gone(int(pid)), "a zombie would still be there"
    assert "SSH_AUTH_SOCK=/agent" in environment
    assert "tAint" not in report.read_text()
    assert r"hello from the \x1b[2J other side" in caplog.text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("sh", "-c", "printf 'no \\033[2J route\\nto host' >&2; exit 255"),
            r"the connection is lost: the tunnel sh: ended with status 255: no \x1b[2J route to "
            "host",
        ),
        (("sh", "-c", "kill -9 $$"), "the connection is lost: the tunnel sh: killed by signal 9"),
        (("true",), "the connection is lost: the tunnel true: ended with status 0"),
    ],
)
def test_commands_that_end_early(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(Disconnected) as caught:
        asyncio.run(tunnel(*words).connect())
    assert str(caught.value) == said


@pytest.mark.parametrize("word", ["/none", "a\0b"])
def test_commands_that_cannot_be_run(word: str) -> None:
    with pytest.raises(ConfigError, match=r"^tunnel .*: cannot be run: "):
        asyncio.run(tunnel(word).connect())


def test_a_silent_command() -> None:
    began = time.monotonic()
    with pytest.raises(Disconnected, match="no progress"):
        asyncio.run(tunnel("sleep", "600", timeout=0.1).connect())
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("security", [Security.NONE, Security.TLS])
def test_preauth_is_believed_of_a_tunnel_only(security: Security) -> None:
    async def run() -> None:
        dialogue = Dialogue("S: * PREAUTH [CAPABILITY IMAP4rev1] hi", certificate=b"x")
        await Server(account(security=security), dialogue, Rand(), password).connect()

    with pytest.raises(InsecureError, match="greets with PREAUTH"):
        asyncio.run(run())


def test_preauth_in_a_tunnel_that_is_to_start_tls() -> None:
    with pytest.raises(MailsyncError, match="PREAUTH: that would leave TLS out"):
        asyncio.run(
            tunnel(
                "printf", "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\\r\\n",
                security=Security.STARTTLS,
            ).connect()
        )  # fmt: skip
