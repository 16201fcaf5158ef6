"""TLS and STARTTLS over real sockets: nothing secret in clear, nothing in clear believed."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import ssl
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from support.dialogue import Rand, account, password

from mailsync.model.errors import (
    ConfigError,
    Disconnected,
    InsecureError,
    MailsyncError,
    ServerDefect,
)
from mailsync.model.settings import Security
from mailsync.server import Server
from mailsync.system.net import TcpNet

CREDENTIALS = (b"secret", b"AGFubgBzZWNyZXQ")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Certificates:
    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(self.ca_file)
        self.other_ca_file = folder / "other.pem"
        trustme.CA().cert_pem.write_to_path(self.other_ca_file)

    def context(self, *names: str, expired: bool = False) -> tuple[ssl.SSLContext, str]:
        """A server's context and its leaf's fingerprint."""
        past = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC) if expired else None
        leaf = self.authority.issue_cert(*(names or ("localhost",)), not_after=past)
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(made)
        der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
        return made, hashlib.sha256(der).hexdigest()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"))


async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that logs in whoever comes."""
    writer.write(b"* OK [CAPABILITY IMAP4rev1] hi\r\n")
    while line := await reader.readline():
        tag = line.split()[0]
        writer.write(b"* CAPABILITY IMAP4rev1 MOVE\r\n" + tag + b" OK done\r\n")


def connect(handler: Handler, tls: ssl.SSLContext | None, **changes: object) -> Server:
    async def run() -> Server:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        listener = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
        port = listener.sockets[0].getsockname()[1]
        settings = {"host": "localhost", "port": port, "timeout": 3.0} | changes
        made = Server(account(**settings), TcpNet(), Rand(), password)
        try:
            async with asyncio.timeout(20):
                await made.connect()
            assert made.has_move
        finally:
            await made.close()
            listener.close()
            await listener.wait_closed()
            await asyncio.sleep(0.01)
        return made

    return asyncio.run(run())


class TestImplicit:
    def connect(self, tls: ssl.SSLContext, **changes: object) -> None:
        connect(welcome, tls, security=Security.TLS, **changes)

    def test_good(self, certificates: Certificates) -> None:
        tls, _ = certificates.context()
        self.connect(tls, tls_ca_file=certificates.ca_file)

    def test_an_address_is_checked_like_a_name(self, certificates: Certificates) -> None:
        tls, _ = certificates.context("127.0.0.1")
        self.connect(tls, tls_ca_file=certificates.ca_file, host="127.0.0.1")

    def test_wrong_host(self, certificates: Certificates) -> None:
        tls, _ = certificates.context("mail.example.org")
        with pytest.raises(InsecureError, match="certificate"):
            self.connect(tls, tls_ca_file=certificates.ca_file)

    def test_unknown_authority(self, certificates: Certificates) -> None:
        tls, _ = certificates.context()
        with pytest.raises(InsecureError, match="certificate"):
            self.connect(tls)

    def test_expired(self, certificates: Certificates) -> None:
        tls, _ = certificates.context(expired=True)
        with pytest.raises(InsecureError, match="expired"):
            self.connect(tls, tls_ca_file=certificates.ca_file)

    def test_pinned(self, certificates: Certificates) -> None:
        tls, fingerprint = certificates.context("whatever.example.org")
        self.connect(tls, tls_fingerprint=fingerprint)

    def test_pinned_another(self, certificates: Certificates) -> None:
        tls, _ = certificates.context()
        with pytest.raises(InsecureError, match="another certificate"):
            self.connect(tls, tls_fingerprint="0" * 64)

    def test_a_pin_beside_an_authority_needs_both(self, certificates: Certificates) -> None:
        tls, fingerprint = certificates.context()
        self.connect(tls, tls_fingerprint=fingerprint, tls_ca_file=certificates.ca_file)
        with pytest.raises(InsecureError):
            self.connect(tls, tls_fingerprint=fingerprint, tls_ca_file=certificates.other_ca_file)
        with pytest.raises(InsecureError):
            self.connect(tls, tls_fingerprint="f" * 64, tls_ca_file=certificates.ca_file)

    def test_tls_1_1(self, certificates: Certificates) -> None:
        tls, _ = certificates.context()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
        tls.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((InsecureError, Disconnected)):  # an alert, or just a reset
            self.connect(tls, tls_ca_file=certificates.ca_file)

    @pytest.mark.parametrize("name", ["absent.pem", "empty.pem"])
    def test_an_authority_that_cannot_be_read(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "empty.pem").touch()
        with pytest.raises(ConfigError, match=name):
            connect(welcome, None, security=Security.TLS, tls_ca_file=tmp_path / name)


@pytest.mark.parametrize("text", [b"* OK hello\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_clear_text_where_tls_should_be(text: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        assert not any(word in await reader.read(9999) for word in CREDENTIALS)

    with pytest.raises(InsecureError, match="TLS"):
        connect(talk, None, security=Security.TLS)


def test_silence_instead_of_tls() -> None:
    async def sulk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(9999)
        await asyncio.sleep(0.4)

    with pytest.raises(Disconnected, match="does not answer"):
        connect(sulk, None, security=Security.TLS, timeout=0.2)


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("localhost", "cannot be reached"),
        ("nosuch.invalid", "cannot be resolved"),
        ("x" * 70 + ".example", "cannot be"),
    ],
)
def test_nobody_there(host: str, text: str) -> None:
    async def run() -> None:
        nobody = account(host=host, port=1, allow_plaintext=True)
        with pytest.raises(Disconnected, match=text):
            await Server(nobody, TcpNet(), Rand(), password).connect()

    asyncio.run(run())


class Upgrading:
    """A server with STARTTLS that writes down what it hears in clear."""

    def __init__(
        self, tls: ssl.SSLContext, greeting: bytes, answer: bytes, *, upgrades: bool = True
    ) -> None:
        self.tls, self.greeting, self.answer, self.upgrades = tls, greeting, answer, upgrades
        self.clear = bytearray()
        self.secured: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting)
        while line := await reader.readline():
            self.clear += line
            tag, command = line.split()[:2]
            if command.upper() != b"STARTTLS":
                writer.write(b"* CAPABILITY IMAP4rev1 STARTTLS EVIL\r\n" + tag + b" OK done\r\n")
                continue
            writer.write(self.answer.replace(b"TAG", tag))
            await writer.drain()
            if self.upgrades and self.answer.rstrip().endswith(b"go"):
                await self._secure(reader, writer)
                return

    async def _secure(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.start_tls(self.tls)
        while line := await reader.readline():
            self.secured.append(line)
            tag = line.split()[0]
            writer.write(b"* CAPABILITY IMAP4rev1 MOVE\r\n" + tag + b" OK done\r\n")


GOOD_GREETING = b"* OK [CAPABILITY IMAP4rev1 STARTTLS EVIL] hi\r\n"
GOOD_ANSWER = b"TAG OK go\r\n"


class TestStartTLS:
    def connect(
        self,
        certificates: Certificates,
        greeting: bytes = GOOD_GREETING,
        answer: bytes = GOOD_ANSWER,
        *,
        upgrades: bool = True,
        name: str = "localhost",
        **changes: object,
    ) -> Upgrading:
        tls, _ = certificates.context(name)
        peer = Upgrading(tls, greeting, answer, upgrades=upgrades)
        settings = {"security": Security.STARTTLS, "tls_ca_file": certificates.ca_file} | changes
        try:
            connect(peer, None, **settings)
        finally:
            assert not any(word in peer.clear for word in CREDENTIALS), "a password in clear"
            verbs = {line.split()[1] for line in bytes(peer.clear).splitlines() if b" " in line}
            assert verbs <= {b"CAPABILITY", b"STARTTLS", b"LOGOUT"}
        return peer

    @pytest.mark.parametrize("greeting", [GOOD_GREETING, b"* OK hi\r\n"])
    def test_good(self, certificates: Certificates, greeting: bytes) -> None:
        peer = self.connect(certificates, greeting)
        assert [line.split()[1] for line in peer.secured] == [b"CAPABILITY", b"LOGIN", b"LOGOUT"]

    def test_what_was_said_in_clear_is_forgotten(self, certificates: Certificates) -> None:
        answer = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR EVIL\r\n" + GOOD_ANSWER
        peer = self.connect(certificates, GOOD_GREETING, answer)
        assert peer.secured[1].split()[1] == b"LOGIN", "not AUTHENTICATE, as the clear text said"

    def test_no_quirk_comes_of_a_greeting_in_clear(self, certificates: Certificates) -> None:
        """Exchange 2013 is not asked to MOVE; `connect` asserts that this server is."""
        greeting = GOOD_GREETING.replace(b"hi", b"Microsoft Exchange Server 2013 is ready")
        said = b'* ID ("name" "Microsoft Exchange Server 2013")\r\n' + GOOD_ANSWER
        self.connect(certificates, greeting)
        self.connect(certificates, GOOD_GREETING, said)

    def test_pinned(self, certificates: Certificates) -> None:
        with pytest.raises(InsecureError):
            self.connect(certificates, tls_fingerprint="0" * 64, tls_ca_file=None)

    def test_wrong_certificate(self, certificates: Certificates) -> None:
        with pytest.raises(InsecureError, match="certificate"):
            self.connect(certificates, name="mail.example.org")

    @pytest.mark.parametrize(
        "answer",
        [
            GOOD_ANSWER + b"* CAPABILITY IMAP4rev1 EVIL\r\n",
            GOOD_ANSWER + b"* OK [ALERT] buy this\r\n",
            GOOD_ANSWER + b"* ",
            GOOD_ANSWER + b"X",
            GOOD_ANSWER + b"\r\n",
            GOOD_ANSWER + b"* PREAUTH you are in\r\n",
            GOOD_ANSWER + b"A2 OK logged in\r\n",
            GOOD_ANSWER + GOOD_ANSWER,
            GOOD_ANSWER + b'* LIST () "/" evil\r\n',
        ],
    )
    def test_text_behind_the_consent(self, certificates: Certificates, answer: bytes) -> None:
        with pytest.raises((InsecureError, ServerDefect)):
            self.connect(certificates, GOOD_GREETING, answer)

    @pytest.mark.parametrize(
        "answer",
        [b"TAG NO not now\r\n", b"TAG BAD what?\r\n", b"TAG NO [UNAVAILABLE] no TLS here\r\n"],
    )
    def test_refused(self, certificates: Certificates, answer: bytes) -> None:
        with pytest.raises(InsecureError, match="refuses"):
            self.connect(certificates, GOOD_GREETING, answer)

    @pytest.mark.parametrize(
        ("greeting", "error"),
        [
            (b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", InsecureError),
            (b"* PREAUTH hi\r\n", InsecureError),
            (b"* OK [CAPABILITY IMAP4rev1] stripped\r\n", InsecureError),
            (b"* OK [CAPABILITY IMAP4rev1 XTARTTLS] stripped\r\n", InsecureError),
            (b"* BYE no\r\n", Disconnected),
            (b"* NO hi\r\n", ServerDefect),
            (b"220 mail ESMTP\r\n", ServerDefect),
            (b"ABCDEF1 OK go\r\n", ServerDefect),
            (b"* OK hi\r\nABCDEF1 OK go\r\n", ServerDefect),
            (b"+ hi\r\n", ServerDefect),
        ],
    )
    @pytest.mark.parametrize("answer", [GOOD_ANSWER, b"TAG NO no\r\n"])
    def test_greetings(
        self,
        certificates: Certificates,
        greeting: bytes,
        error: type[MailsyncError],
        answer: bytes,
    ) -> None:
        with pytest.raises(error):
            self.connect(certificates, greeting, answer)

    @pytest.mark.parametrize("answer", [b"", b"TAG", b"TAG OK go", b"* OK wait\r\n"])
    def test_silence(self, certificates: Certificates, answer: bytes) -> None:
        with pytest.raises(Disconnected):
            self.connect(certificates, GOOD_GREETING, answer, upgrades=False, timeout=0.2)

    def test_silence_instead_of_the_handshake(self, certificates: Certificates) -> None:
        class Mute(Upgrading):
            async def _secure(
                self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
            ) -> None:
                await asyncio.sleep(0.5)

        tls, _ = certificates.context()
        peer = Mute(tls, GOOD_GREETING, GOOD_ANSWER)
        settings = {"security": Security.STARTTLS, "tls_ca_file": certificates.ca_file}
        with pytest.raises(Disconnected, match="no progress"):
            connect(peer, None, timeout=0.2, **settings)

    def test_clear_text_instead_of_the_handshake(self, certificates: Certificates) -> None:
        class Chatty(Upgrading):
            async def _secure(
                self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
            ) -> None:
                await asyncio.sleep(0.05)
                writer.write(b"* OK [CAPABILITY IMAP4rev1 LOGIN] go on in clear\r\n")
                self.clear += await reader.read(9999)

        tls, _ = certificates.context()
        peer = Chatty(tls, GOOD_GREETING, GOOD_ANSWER)
        settings = {"security": Security.STARTTLS, "tls_ca_file": certificates.ca_file}
        with pytest.raises(InsecureError, match="TLS"):
            connect(peer, None, **settings)
        assert not any(word in peer.clear for word in CREDENTIALS)
