"""SASL mechanisms as small machines without I/O: a first message, then an answer to each challenge
(RFC 4422).

None of them believes a server that says OK before the exchange is complete.
"""

from __future__ import annotations

import base64
import enum
import re
from typing import Protocol

from mailsync.imap import Hidden, cmd
from mailsync.model.errors import (
    ConfigError,
    Help,
    InsecureError,
    MailsyncError,
    ServerDefect,
)
from mailsync.system.hidden import also_secret, redact
from mailsync.system.seams import Rand
from mailsync.system.text import safe

MOST_ITERATIONS = 1_000_000  # of PBKDF2: under a second of work (reliability.md §4.1)
LEAST_ITERATIONS = 4096  # RFC 7677 §4

UNBOUND = ("unsupported-channel-binding-type", "channel-binding-not-supported")  # RFC 5802 §7
_ITERATIONS = re.compile(r"(?:\A|,)i=([^,]*)")


class Mechanism(Protocol):
    name: str
    why: str  # what the server says is wrong, within the exchange; safe to print

    def first(self) -> bytes:
        """The initial response (RFC 4959)."""

    def answer(self, challenge: bytes | None) -> bytes:
        """The response to a challenge, neither in base64; None: it was no base64.

        Raises ServerDefect, InsecureError."""

    def done(self) -> None:
        """The server says OK.  Raises InsecureError where it has not proved what it must."""


class OneMessage:
    """PLAIN (RFC 4616) and EXTERNAL (RFC 4422): all is said at once."""

    why = ""

    def __init__(self, name: str, message: bytes) -> None:
        self.name, self._message = name, message

    def first(self) -> bytes:
        return self._message

    def answer(self, challenge: bytes | None) -> bytes:
        raise ServerDefect(f"a challenge that {self.name} does not have")

    def done(self) -> None:
        return None


class Token:
    """OAUTHBEARER (RFC 7628) and XOAUTH2: a refusal comes as a challenge with JSON in it, which has
    to be answered before the tagged NO comes (§3.2.3)."""

    def __init__(self, name: str, message: bytes) -> None:
        self.name, self.why, self._message = name, "", message

    def first(self) -> bytes:
        return self._message

    def answer(self, challenge: bytes | None) -> bytes:
        if self.why:
            raise ServerDefect(f"{self.name}: a message after the last one")
        self.why = _status(challenge or b"")
        return b"\1" if self.name == "OAUTHBEARER" else b""

    def done(self) -> None:
        if self.why:
            raise ServerDefect(f"{self.name}: the server says {self.why}, and then OK")


def _status(challenge: bytes) -> str:
    """What the JSON says is wrong, such as `invalid_token`."""
    import json

    try:
        found = json.loads(challenge)
        status = found["status"]
    except (ValueError, TypeError, KeyError, RecursionError):
        status = challenge.decode("utf-8", "replace")
    return safe(redact(str(status)))[:100] or "no reason given"


class Scram:
    """SCRAM-SHA-256, SCRAM-SHA-1 and their -PLUS (RFC 5802, 7677), by scramp.

    `binding`: one of `bindings`.  It goes into -PLUS; without -PLUS it tells the server that we
    could have bound, so that a list somebody shortened is noticed.  None: we could not.
    """

    def __init__(
        self, name: str, user: str, password: str, rand: Rand, binding: Binding | None
    ) -> None:
        from scramp import ScramClient, ScramException

        self.name, self.why = name, ""
        self._error = ScramException
        self._state = _State.NEW
        try:
            self._client = ScramClient(
                [name], user, password, channel_binding=binding, c_nonce=f"{rand.bits(192):048x}"
            )
        except ScramException:
            raise ConfigError(
                "the user name or password has a character that SCRAM cannot send (RFC 4013): "
                'set auth = "plain"'
            ) from None

    @property
    def unbound(self) -> bool:
        """It cannot bind as we do: it said so, or refused before anything was proved.  That our
        bindings differ is another thing: then somebody is in between."""
        return self._state is _State.NEW or self.why in UNBOUND

    def first(self) -> bytes:
        return bytes(self._client.get_client_first().encode())

    def answer(self, challenge: bytes | None) -> bytes:
        try:
            text = (challenge or b"").decode()
        except UnicodeDecodeError:
            text = ""
        if not text:
            raise ServerDefect(f"{self.name}: a message that is none", help=Help.ASK)
        if self._state is _State.OVER:
            raise ServerDefect(f"{self.name}: a message after the last one", help=Help.ASK)
        if text.startswith("e="):  # a NO follows (RFC 5802 §7)
            self.why, self._state = safe(redact(text[2:].split(",")[0])), _State.OVER
            return b""
        try:
            return self._prove(text) if self._state is _State.NEW else self._verify(text)
        except self._error as error:
            raise self._defect(safe(redact(str(error)))) from None

    def _prove(self, text: str) -> bytes:
        """The server's first message, looked at before any work is done for it."""
        _check_iterations(text)
        self._client.set_server_first(text)
        proof = Hidden(self._client.get_client_final().encode())
        also_secret(base64.b64encode(proof).decode("ascii"))
        self._state = _State.PROVED
        return proof

    def _verify(self, text: str) -> bytes:
        self._client.set_server_final(text)
        self._verified, self._state = True, _State.OVER
        return b""

    _verified = False

    def _defect(self, why: str) -> MailsyncError:
        if self._state is _State.PROVED:
            return InsecureError(_UNPROVED.format(f"{self.name}: {why}"))
        return ServerDefect(f"{self.name}: {why}", help=Help.ASK)

    def done(self) -> None:
        if not self._verified:
            raise InsecureError(_UNPROVED.format(f"{self.name}: no signature"))


class _State(enum.Enum):
    NEW = "the server has said nothing"
    PROVED = "we have proved that we know the password"
    OVER = "the server has, or has refused"


_UNPROVED = "the server did not prove that it knows the password, it may be another one ({})"


def _check_iterations(text: str) -> None:
    found = _ITERATIONS.search(text)
    count = found[1] if found else ""
    if not (count.isascii() and count.isdigit()):
        return  # scramp says what is wrong
    if len(count) > 9 or int(count) > MOST_ITERATIONS:
        raise ServerDefect(
            f"SCRAM with {count[:20]} iterations would take too long "
            f"(at most {MOST_ITERATIONS} are done): nothing was sent",
            help=Help.ASK,
        )
    if int(count) < LEAST_ITERATIONS:
        raise ServerDefect(
            f"SCRAM with {count} iterations would make the password easy to guess "
            f"(at least {LEAST_ITERATIONS} are wanted): nothing was sent",
            help=Help.ASK,
        )


Binding = tuple[str, bytes]  # its name (RFC 5929) and what it is for this connection
UNIQUE, END_POINT = "tls-unique", "tls-server-end-point"


def bindings(unique: bytes | None, certificate: bytes | None) -> list[Binding]:
    """What a connection can be bound by, best first: what every server with -PLUS must have is
    tls-unique (RFC 5802 §6.1), and it is all that Cyrus has.  For TLS 1.3 there is tls-exporter
    instead (RFC 9266), which Python's ssl cannot tell."""
    hashed = None if certificate is None else end_point(certificate)
    both = ((UNIQUE, unique), (END_POINT, hashed))
    return [(name, data) for name, data in both if data is not None]


def end_point(certificate: bytes) -> bytes | None:
    """The channel binding of a certificate in DER: its hash by its signature's own, but never less
    than SHA-256 (RFC 5929 §4.1); None: its signature has none (Ed25519)."""
    import hashlib

    from asn1crypto.x509 import Certificate

    try:
        name = Certificate.load(certificate, strict=True).hash_algo
        return hashlib.new("sha256" if name in ("md5", "sha1") else name, certificate).digest()
    except ValueError:
        return None


def plain(user: str, password: str) -> Mechanism:
    """Raises ValueError for what cannot be sent."""
    message = cmd.sasl_plain(user, password)
    also_secret(*cmd.forms(message, password))
    return OneMessage("PLAIN", message)


def token(name: str, user: str, secret: str, host: str, port: int) -> Mechanism:
    """Raises ValueError for what cannot be sent."""
    if name == "XOAUTH2":
        message = cmd.sasl_xoauth2(user, secret)
    else:
        message = cmd.sasl_oauthbearer(user, secret, host, port)
    also_secret(*cmd.forms(message, secret))
    return Token(name, message)


def external(user: str) -> Mechanism:
    return OneMessage("EXTERNAL", user.encode())
