"""The server's side of SCRAM in memory, honest or with a twist; written apart from the client's."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

SALT = b"0123456789abcdef"
Change = Callable[[str], str]


def same(text: str) -> str:
    return text


@dataclass
class ScramPeer:
    """A Net and its one Stream.  `first` and `final` change what the server says, `then` is said
    instead of the tagged OK ($: the tag); `heard` are the client's messages, decoded."""

    mechanisms: str = "AUTH=SCRAM-SHA-256"
    capabilities: str = "IMAP4rev1 SASL-IR LOGINDISABLED"
    password: str = "secret"
    iterations: str = "4096"
    first: Change = same
    final: Change = same
    then: str = "$ OK [CAPABILITY IMAP4rev1] in"
    certificate: bytes | None = None
    unique: bytes | None = None  # tls-unique of the connection
    binds: tuple[str, ...] = ("tls-server-end-point",)
    unbound: str = ""  # how it says that it does not know one; "": by a NO
    late: str = ""  # it says so only behind the proof, in these words
    early: bool = False  # says OK in place of the signature
    heard: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    closed: bool = False
    derived: int = 0  # how often the client proved something

    # -- Net and Stream ------------------------------------------------------------------------

    async def connect(self, host: str, port: int, tls: ssl.SSLContext | None) -> ScramPeer:
        self._out = bytearray(
            f"* OK [CAPABILITY {self.capabilities} {self.mechanisms}] hi\r\n".encode()
        )
        self._in = bytearray()
        self._steps: list[Callable[[bytes], str]] = []
        self._news = asyncio.Event()
        return self

    async def read(self) -> bytes:
        while not self._out:
            if self.closed:
                raise ConnectionResetError("closed")
            self._news.clear()
            await self._news.wait()
        data = bytes(self._out)
        self._out.clear()
        return data

    async def write(self, data: bytes) -> None:
        assert not self.closed
        self._in += data
        while b"\r\n" in self._in:
            line, _, rest = bytes(self._in).partition(b"\r\n")
            self._in = bytearray(rest)
            self._out += self._hear(line.decode("latin-1")).encode("latin-1")
            self._news.set()

    def peer_certificate(self) -> bytes | None:
        return self.certificate

    def tls_unique(self) -> bytes | None:
        return self.unique

    async def close(self) -> None:
        self.closed = True
        self._news.set()

    # -- what it says --------------------------------------------------------------------------

    def _hear(self, line: str) -> str:
        self.lines.append(line)
        if self._steps:
            data = base64.b64decode(line)
            if data:
                self.heard.append(data.decode())
            return self._steps.pop(0)(data)
        self.tag, verb, *rest = line.split(" ")
        if verb == "CAPABILITY":
            return f"* CAPABILITY IMAP4rev1\r\n{self.tag} OK done\r\n"
        if verb == "LOGOUT":
            return f"* BYE\r\n{self.tag} OK done\r\n"
        assert verb == "AUTHENTICATE", line
        self.used.append(rest[0])
        self._hash = "sha256" if "256" in rest[0] else "sha1"
        if len(rest) == 1:
            self._steps = [self._on_first]
            return "+ \r\n"
        data = base64.b64decode(rest[1])
        self.heard.append(data.decode())
        return self._on_first(data)

    def _on_first(self, data: bytes) -> str:
        self._header, _, self._bare = data.decode().partition("n=")
        self._bare = "n=" + self._bare
        if self._strange and not self.late:
            if self.unbound:
                return _line(f"e={self.unbound}", self._refuse, self)
            return f"{self.tag} NO [AUTHENTICATIONFAILED] unsupported binding\r\n"
        nonce = self._bare.partition(",r=")[2]
        salt = base64.b64encode(SALT).decode()
        self._said = self.first(f"r={nonce}Server,s={salt},i={self.iterations}")
        self._steps = [self._on_final]
        return _line(self._said)

    def _on_final(self, data: bytes) -> str:
        self.derived += 1
        text, _, proof = data.decode().rpartition(",p=")
        bound = base64.b64decode(text.partition("c=")[2].partition(",")[0])
        header = self._header.encode()
        assert bound.startswith(header)
        if self._strange:
            return f"{self.tag} NO {self.late}\r\n"
        if header.startswith(b"p="):
            assert self.certificate is not None
            hashed = hashlib.sha256(self.certificate).digest()
            own = {"tls-server-end-point": hashed, "tls-unique": self.unique}
            if bound[len(header) :] != own[self._kind]:
                if self.late:
                    return f"{self.tag} NO {self.late}\r\n"
                return _line("e=channel-bindings-dont-match", self._refuse, self)
        count = int(self.iterations)
        salted = hashlib.pbkdf2_hmac(self._hash, self.password.encode(), SALT, count)
        message = f"{self._bare},{self._said},{text}".encode()
        client = self._mac(salted, b"Client Key")
        signature = self._mac(hashlib.new(self._hash, client).digest(), message)
        expected = bytes(a ^ b for a, b in zip(client, signature, strict=True))
        if not hmac.compare_digest(expected, base64.b64decode(proof)):
            return _line("e=invalid-proof", self._refuse, self)
        if self.early:
            return self._end(b"")
        proved = base64.b64encode(self._mac(self._mac(salted, b"Server Key"), message)).decode()
        return _line(self.final(f"v={proved}"), self._end, self)

    @property
    def _kind(self) -> str:
        return self._header.partition("p=")[2].partition(",")[0]

    @property
    def _strange(self) -> bool:
        return bool(self._kind) and self._kind not in self.binds

    def _mac(self, key: bytes, message: bytes) -> bytes:
        return hmac.new(key, message, self._hash).digest()

    def _refuse(self, data: bytes) -> str:
        assert data == b""
        return f"{self.tag} NO [AUTHENTICATIONFAILED] no\r\n"

    def _end(self, data: bytes) -> str:
        if self.then.startswith("+"):
            self._steps = [lambda _: f"{self.tag} OK in\r\n"]
        return self.then.replace("$", self.tag) + "\r\n"


def _line(
    text: str, then: Callable[[bytes], str] | None = None, peer: ScramPeer | None = None
) -> str:
    if peer is not None and then is not None:
        peer._steps = [then]
    return f"+ {base64.b64encode(text.encode()).decode()}\r\n"
