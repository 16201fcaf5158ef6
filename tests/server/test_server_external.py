"""EXTERNAL with a client certificate, against a real Dovecot that asks for one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from support.ann import Ann, DovecotWith
from support.dialogue import Dialogue, Rand, account
from support.dovecot import Dovecot

from mailsync.model.errors import AuthError, ConfigError, MailsyncError
from mailsync.model.settings import Secret
from mailsync.server import Server
from mailsync.server.transport import tls_context

USER = "carol"


class Papers:
    """Client certificates: of the authority that Dovecot trusts, and of another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        authority = trustme.CA()
        self.authority = folder / "clients.pem"
        authority.cert_pem.write_to_path(self.authority)
        self.authority.chmod(0o644)
        self.cert, self.key = self._issue(authority, "good")
        self.foreign_cert, self.foreign_key = self._issue(trustme.CA(), "foreign")
        self.both = folder / "both.pem"
        self.both.write_bytes(self.key.read_bytes() + self.cert.read_bytes())
        self.both.chmod(0o600)

    def _issue(self, authority: trustme.CA, name: str) -> tuple[Path, Path]:
        made = authority.issue_cert("client.example.org", common_name=USER)
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        made.cert_chain_pems[0].write_to_path(cert)
        made.private_key_pem.write_to_path(key)
        key.chmod(0o600)
        return cert, key

    @property
    def extra(self) -> str:
        return (
            f"ssl_ca = <{self.authority}\nssl_verify_client_cert = yes\n"
            "ssl_require_crl = no\nauth_ssl_username_from_cert = yes\n"
            "auth_mechanisms = external plain\n"
            "passdb {\n  driver = static\n  args = nopassword=yes\n  mechanisms = external\n}\n"
        )


@pytest.fixture(scope="module")
def papers() -> Iterator[Papers]:
    with tempfile.TemporaryDirectory(prefix="papers-", dir="/tmp") as folder:
        yield Papers(Path(folder))


@pytest.fixture
def dovecot(dovecot_with: DovecotWith, papers: Papers) -> Dovecot:
    return dovecot_with(extra=papers.extra)


async def nothing(server: Server) -> None:
    assert server.link.session.capabilities.has("IDLE")


def connect(dovecot: Dovecot, **changes: object) -> None:
    Ann(dovecot).play(nothing, user=USER, **changes)


@pytest.mark.dovecot
@pytest.mark.parametrize("auth", ["auto", "external"])
@pytest.mark.parametrize("files", ["two", "one"])
def test_a_certificate_is_all_it_takes(
    dovecot: Dovecot, papers: Papers, auth: str, files: str
) -> None:
    if files == "two":
        connect(dovecot, auth=auth, tls_client_cert=papers.cert, tls_client_key=papers.key)
    else:
        connect(dovecot, auth=auth, tls_client_cert=papers.both)
    assert "method=EXTERNAL" in dovecot.log()


@pytest.mark.dovecot
def test_without_one(dovecot: Dovecot) -> None:
    with pytest.raises(MailsyncError):
        connect(dovecot, auth="external")


@pytest.mark.dovecot
def test_one_of_another_authority(dovecot: Dovecot, papers: Papers) -> None:
    with pytest.raises(MailsyncError):
        connect(
            dovecot,
            auth="external",
            tls_client_cert=papers.foreign_cert,
            tls_client_key=papers.foreign_key,
        )


def said(script: str, papers: Papers, **changes: object) -> str:
    import asyncio

    async def never() -> str:
        raise AssertionError("a password was asked for")

    async def run() -> None:
        dialogue = Dialogue(script)
        made = account(tls_client_cert=papers.cert, tls_client_key=papers.key, **changes)
        try:
            await Server(made, dialogue, Rand(), never).connect()
        finally:
            dialogue.done()

    with pytest.raises(AuthError) as caught:
        asyncio.run(run())
    return str(caught.value)


def test_a_server_without_external(papers: Papers) -> None:
    script = "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi"
    assert said(script, papers) == (
        "localhost does not log in by a client certificate (EXTERNAL): it offers LOGIN, PLAIN"
    )


def test_external_refused(papers: Papers) -> None:
    text = "the server refused the login: [AUTHENTICATIONFAILED] no"
    script = """
        S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=EXTERNAL AUTH=PLAIN] hi
        C: AUTHENTICATE EXTERNAL YW5u
        S: $1 NO [AUTHENTICATIONFAILED] no
    """
    assert said(script, papers) == text
    script = """
        S: * OK [CAPABILITY IMAP4rev1 AUTH=EXTERNAL] hi
        C: AUTHENTICATE EXTERNAL
        S: +
        C> YW5u
        S: $1 NO [AUTHENTICATIONFAILED] no
    """
    assert said(script, papers, secret=Secret(inline="x")) == text


def test_files_that_are_no_certificate(papers: Papers, tmp_path: Path) -> None:
    def wrong(cert: Path, key: Path | None = None) -> str:
        with pytest.raises(ConfigError) as caught:
            tls_context(account(tls_client_cert=cert, tls_client_key=key))
        return str(caught.value)

    none = tmp_path / "none"
    assert wrong(none) == f"tls-client-cert {none}: No such file or directory"
    assert wrong(papers.cert, none) == f"tls-client-key {none}: No such file or directory"
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("hello")
    nonsense.chmod(0o600)
    assert wrong(nonsense).startswith(f"tls-client-cert {nonsense}: no certificate with its key: ")
    assert "key values mismatch" in wrong(papers.cert, papers.foreign_key)
    nonsense.write_bytes(papers.key.read_bytes())
    nonsense.chmod(0o640)
    assert wrong(papers.cert, nonsense) == (
        f"tls-client-key {nonsense}: others may read the key: run `chmod 600` on it"
    )


def test_a_key_with_a_password(papers: Papers, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(papers.key.read_bytes(), None)
    path = tmp_path / "locked"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"word"),
        )
    )
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="the key has a password: take it off"):
        tls_context(account(tls_client_cert=papers.cert, tls_client_key=path))
