"""TLS and STARTTLS, case by case: each name is an attack or a mistake, each over a real socket.

`test_hostile_tls.py` has the first of them; together they are over a hundred.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from mailsync.model.errors import Disconnected, InsecureError, MailsyncError, ServerDefect
from mailsync.model.settings import Security

from .certificates import DAY, Issued, context, issue
from .test_hostile_tls import CREDENTIALS, GOOD_ANSWER, GOOD_GREETING, Upgrading, connect, welcome

REFUSED = (InsecureError, ServerDefect, Disconnected)
INSECURE = (InsecureError,)

# -- certificates: by implicit TLS and by STARTTLS -------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """What the server shows, and what the client was told to trust."""

    chain: list[Issued]
    trusted: Issued | None = None
    pin: str = ""
    host: str = "localhost"
    good: bool = False
    tweak: Callable[[ssl.SSLContext], None] = field(default=lambda made: None)


def old(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], None]:
    def tweak(made: ssl.SSLContext) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            made.minimum_version = ssl.TLSVersion.TLSv1
            made.maximum_version = version
        made.set_ciphers("ALL:@SECLEVEL=0")

    return tweak


def only(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], None]:
    def tweak(made: ssl.SSLContext) -> None:
        made.minimum_version = made.maximum_version = version

    return tweak


def _shown() -> dict[str, Shown]:
    ca, other = issue(authority=True, common_name="CA"), issue(authority=True, common_name="Other")
    between = issue(authority=True, common_name="Between", by=ca)
    good, alone = issue("localhost", by=ca), issue("localhost")
    leaf = issue("localhost", by=good)
    far = issue("mail.example.org", by=ca)
    return {
        "good": Shown([good], ca, good=True),
        "good by an intermediate": Shown([issue("localhost", by=between), between], ca, good=True),
        "the intermediate is missing": Shown([issue("localhost", by=between)], ca),
        "TLS 1.2": Shown([good], ca, good=True, tweak=only(ssl.TLSVersion.TLSv1_2)),
        "TLS 1.3": Shown([good], ca, good=True, tweak=only(ssl.TLSVersion.TLSv1_3)),
        "TLS 1.1 at most": Shown([good], ca, tweak=old(ssl.TLSVersion.TLSv1_1)),
        "TLS 1.0 at most": Shown([good], ca, tweak=old(ssl.TLSVersion.TLSv1)),
        "TLS 1.1 at most and the right pin": Shown(
            [good], None, good.fingerprint, tweak=old(ssl.TLSVersion.TLSv1_1)
        ),
        "self-signed": Shown([alone]),
        "self-signed beside an authority": Shown([alone], ca),
        "self-signed and pinned": Shown([alone], None, alone.fingerprint, good=True),
        "self-signed and trusted": Shown([alone], alone, good=True),
        "self-signed and trusted, for another host": Shown([far], far),
        "another authority": Shown([good], other),
        "the system's authorities only": Shown([good]),
        "signed by a leaf": Shown([leaf, good], ca),
        "signed by an authority of the same name": Shown(
            [issue("localhost", by=issue(authority=True, common_name="CA"))], ca
        ),
        "expired": Shown([issue("localhost", by=ca, begins=-9 * DAY, ends=-DAY)], ca),
        "not yet valid": Shown([issue("localhost", by=ca, begins=DAY, ends=9 * DAY)], ca),
        "for clients only": Shown(
            [issue("localhost", by=ca, usage=ExtendedKeyUsageOID.CLIENT_AUTH)], ca
        ),
        "for another host": Shown([far], ca),
        "for a host that begins alike": Shown([issue("localhost.example.org", by=ca)], ca),
        "for a host that ends alike": Shown([issue("mylocalhost", by=ca)], ca),
        "the host only in the common name": Shown([issue(by=ca, common_name="localhost")], ca),
        "another name beside the common name": Shown(
            [issue("mail.example.org", by=ca, common_name="localhost")], ca
        ),
        "a wildcard for everything": Shown([issue("*", by=ca)], ca),
        "an address for a name": Shown([issue("127.0.0.1", by=ca)], ca),
        "a name for an address": Shown([good], ca, host="127.0.0.1"),
        "the address": Shown([issue("127.0.0.1", by=ca)], ca, host="127.0.0.1", good=True),
        "another address": Shown([issue("127.0.0.2", by=ca)], ca, host="127.0.0.1"),
        "pinned for another host": Shown([far], None, far.fingerprint, good=True),
        "the wrong pin": Shown([good], None, far.fingerprint),
        "the pin of the authority": Shown([good, ca], None, ca.fingerprint),
        "the pin but another authority": Shown([good], other, good.fingerprint),
        "the authority but another pin": Shown([good], ca, far.fingerprint),
        "pin and authority but another host": Shown([far], ca, far.fingerprint),
        "pin and authority": Shown([good], ca, good.fingerprint, good=True),
    }


SHOWN = _shown()


def settings(shown: Shown, folder: Path) -> dict[str, object]:
    made: dict[str, object] = {"host": shown.host, "tls_fingerprint": shown.pin}
    if shown.trusted is not None:
        path = folder / "trusted.pem"
        path.write_bytes(shown.trusted.pem)
        made["tls_ca_file"] = path
    return made


@pytest.mark.parametrize("how", ["tls", "starttls"])
@pytest.mark.parametrize("name", SHOWN)
def test_certificates(tmp_path: Path, name: str, how: str) -> None:
    shown = SHOWN[name]
    tls = context(shown.chain, tmp_path)
    shown.tweak(tls)
    heard = bytearray()
    peer = Upgrading(tls, GOOD_GREETING, GOOD_ANSWER)

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await welcome(reader, writer)
        heard.extend(b"a login")

    def attempt() -> None:
        more = settings(shown, tmp_path)
        if how == "tls":
            connect(listen, tls, security=Security.TLS, **more)
        else:
            connect(peer, None, security=Security.STARTTLS, **more)

    if shown.good:
        attempt()
        assert heard or any(b"LOGIN" in line for line in peer.secured)
        return
    with pytest.raises(REFUSED):
        attempt()
    assert not heard
    assert not peer.secured, "nothing is said to a server that is not known"
    assert not any(word in peer.clear for word in CREDENTIALS)


# -- what is said in clear -------------------------------------------------------------------------

Errors = tuple[type[MailsyncError], ...]


@dataclass(frozen=True)
class Said:
    """`errors` empty: TLS begins, and nothing of this is believed."""

    answer: bytes = GOOD_ANSWER
    errors: Errors = ()
    greeting: bytes = GOOD_GREETING
    capability: bytes = b"* CAPABILITY IMAP4rev1 STARTTLS EVIL\r\n"


def behind(text: bytes) -> Said:
    return Said(GOOD_ANSWER + text, (InsecureError, ServerDefect))


SAID: dict[str, Said] = {
    "NUL behind the consent": behind(b"\0"),
    "many NULs behind the consent": behind(b"\0" * 5000),
    "a space behind the consent": behind(b" "),
    "an LF behind the consent": behind(b"\n"),
    "a CR behind the consent": behind(b"\r"),
    "a BYE behind the consent": Said(GOOD_ANSWER + b"* BYE go away\r\n", REFUSED),
    "a continuation behind the consent": behind(b"+ \r\n"),
    "half a response behind the consent": behind(b"* CAPABILITY IMAP4rev1"),
    "a literal behind the consent": behind(b"* OK {5}\r\nabc"),
    "a FETCH behind the consent": behind(b"* 1 FETCH (UID 1 FLAGS ())\r\n"),
    "half a body behind the consent": behind(b"* 1 FETCH (UID 1 BODY[] {999999}\r\nabc"),
    "a ServerHello behind the consent": behind(b"\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00"),
    "a TLS alert behind the consent": behind(b"\x15\x03\x03\x00\x02\x02\x28"),
    "64 KiB behind the consent": behind(b"* OK x\r\n" * 8192),
    "an ALERT that steers the terminal": behind(b"* OK [ALERT] \x1b[2J\r\n"),
    "an answer to the login to come": behind(b"A3 OK [CAPABILITY IMAP4rev1] logged in\r\n"),
    "the consent twice": Said(GOOD_ANSWER * 2, (InsecureError, ServerDefect)),
    "consent, then refusal": Said(GOOD_ANSWER + b"TAG NO no\r\n", (InsecureError, ServerDefect)),
    "refusal, then consent": Said(b"TAG NO no\r\n" + GOOD_ANSWER, (InsecureError, ServerDefect)),
    "consent to another tag": Said(b"TAGX OK go\r\n", (ServerDefect,)),
    "consent to a guessed tag": Said(b"A1 OK go\r\nA2 OK go\r\n", (ServerDefect,)),
    "consent without a tag": Said(b"* OK go\r\n", (Disconnected,)),
    "consent as a continuation": Said(b"+ go\r\n", (Disconnected,)),
    "consent in a NO's text": Said(b"TAG NO [TAG OK go] no\r\n", INSECURE),
    "a bare OK": Said(b"OK go\r\n", (Disconnected,)),
    "PREAUTH as the answer": Said(b"TAG PREAUTH go\r\n", (Disconnected,)),
    "BYE as the answer": Said(b"* BYE no TLS today\r\n", (Disconnected,)),
    "BYE before the consent": Said(b"* BYE no\r\n" + GOOD_ANSWER, REFUSED),
    "nonsense before the consent": Said(b"* 1 FETCH (((\r\n" + GOOD_ANSWER, (ServerDefect,)),
    "a consent of 70 KB": Said(b"TAG OK " + b"x" * 70_000 + b" go\r\n", (ServerDefect,)),
    "capabilities in the consent": Said(
        b"TAG OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR EVIL] go\r\n"
    ),
    "PREAUTH before the consent": Said(b"* PREAUTH you are in\r\n" + GOOD_ANSWER),
    "ENABLED before the consent": Said(b"* ENABLED QRESYNC EVIL\r\n" + GOOD_ANSWER),
    "mailboxes before the consent": Said(b'* LIST () "/" EVIL\r\n* 5 EXISTS\r\n' + GOOD_ANSWER),
    "an ALERT before the consent": Said(b"* OK [ALERT] visit http://evil\r\n" + GOOD_ANSWER),
    "a referral before the consent": Said(
        b"* OK [REFERRAL imap://evil.example.org/] go there\r\n" + GOOD_ANSWER
    ),
    "a referral as the answer": Said(
        b"TAG NO [REFERRAL imap://evil.example.org/] go there\r\n", INSECURE
    ),
    "the consent in small letters": Said(b"TAG ok go\r\n"),
    "PREAUTH that offers STARTTLS": Said(
        greeting=b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", errors=INSECURE
    ),
    "preauth in small letters": Said(greeting=b"* preauth hi\r\n", errors=INSECURE),
    "NULs before PREAUTH": Said(greeting=b"\0\0* PREAUTH hi\r\n", errors=INSECURE),
    "OK and PREAUTH": Said(greeting=b"* OK hi\r\n* PREAUTH hi\r\n"),
    "STARTTLS cut out of the greeting": Said(
        greeting=b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", errors=INSECURE
    ),
    "no capabilities told, and none asked for": Said(
        greeting=b"* OK hi\r\n", capability=b"* CAPABILITY IMAP4rev1\r\n"
    ),
    "STARTTLS only in the text": Said(
        greeting=b"* OK [CAPABILITY IMAP4rev1] STARTTLS is here\r\n", errors=INSECURE
    ),
    "STARTTLS with a letter more": Said(
        greeting=b"* OK [CAPABILITY IMAP4rev1 STARTTLSX] hi\r\n", errors=INSECURE
    ),
    "no greeting, but an answer": Said(greeting=b"A1 OK go\r\n", errors=(ServerDefect,)),
    "a greeting of POP3": Said(greeting=b"+OK hi\r\n", errors=(ServerDefect,)),
    "a greeting of SMTP": Said(greeting=b"220 hi ESMTP\r\n", errors=(ServerDefect,)),
    "a greeting of HTTP": Said(greeting=b"HTTP/1.1 400 Bad\r\n\r\n", errors=(ServerDefect,)),
    "a captive portal": Said(
        greeting=b"HTTP/1.1 302 Found\r\nLocation: http://evil\r\n\r\n", errors=(ServerDefect,)
    ),
    "BYE as the greeting": Said(greeting=b"* BYE busy\r\n", errors=(Disconnected,)),
    "NO as the greeting": Said(greeting=b"* NO hi\r\n", errors=(ServerDefect,)),
    "an endless greeting": Said(greeting=b"* OK " + b"x" * 70_000, errors=(ServerDefect,)),
}


class Talking(Upgrading):
    """Answers CAPABILITY as the case says; goes on with TLS only where the client may."""

    def __init__(self, tls: ssl.SSLContext, said: Said) -> None:
        super().__init__(tls, said.greeting, said.answer)
        self.said = said

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting)
        while line := await reader.readline():
            self.clear += line
            words = line.split()
            if words[1:2] != [b"STARTTLS"]:
                writer.write(self.said.capability + words[0] + b" OK done\r\n")
                continue
            writer.write(self.answer.replace(b"TAG", words[0]))
            await writer.drain()
            if self.said.errors:
                self.clear += await reader.read(9999)
                return
            await self._secure(reader, writer)
            return


@pytest.mark.parametrize("name", SAID)
def test_said_in_clear(tmp_path: Path, name: str) -> None:
    said, shown = SAID[name], SHOWN["good"]
    peer = Talking(context(shown.chain, tmp_path), said)
    more = settings(shown, tmp_path) | {"security": Security.STARTTLS, "timeout": 1.0}
    if said.errors:
        with pytest.raises(said.errors):
            connect(peer, None, **more)
    else:
        made = connect(peer, None, **more)
        verbs = [line.split()[1] for line in peer.secured]
        assert verbs[:2] == [b"CAPABILITY", b"LOGIN"], "what was said in clear is forgotten"
        assert not made.link.listed
    assert not any(word in peer.clear for word in CREDENTIALS)
    hello = peer.clear.find(b"\x16\x03")  # what follows is TLS
    lines = bytes(peer.clear if hello < 0 else peer.clear[:hello]).splitlines()
    verbs_in_clear = {line.split()[1] for line in lines if b" " in line}
    assert verbs_in_clear <= {b"CAPABILITY", b"STARTTLS", b"LOGOUT"}


def test_there_are_as_many_as_promised() -> None:
    print(f"TLS: {2 * len(SHOWN)} certificates shown, {len(SAID)} things said in clear")
    assert 2 * len(SHOWN) + len(SAID) >= 120
