"""A server that never stops: its answers are made as they are read, so they may have any length."""

from __future__ import annotations

import re
import ssl
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator

READ = 256 << 10  # bytes given by one read, as the real stream does

Answer = Callable[[bytes], Iterable[bytes]]
"""Given the tag, what is said to a command."""

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n$")


class Ended(AssertionError):
    """The client waits although the server has said all: the case is not what it should be."""


class Flood:
    """A Net and its one Stream; `answers` by verb, all else is answered OK."""

    def __init__(self, answers: dict[str, Answer], greeting: Iterable[bytes], most: int) -> None:
        self.answers, self.most = answers, most
        self.sent = 0  # bytes, before compression
        self.wire = 0  # bytes, as the client read them
        self.heard: list[bytes] = []
        self.closed = False
        self._input = bytearray()
        self._say: deque[Iterator[bytes]] = deque([iter(greeting)])
        self._rest = memoryview(b"")
        self._deflate: zlib._Compress | None = None
        self._inflate: zlib._Decompress | None = None
        self._starting = False

    # -- Net and Stream ----------------------------------------------------------------------------

    async def connect(self, host: str, port: int, tls: ssl.SSLContext | None) -> Flood:
        return self

    async def read(self) -> bytes:
        while not self._rest and self._say:
            piece = next(self._say[0], None)
            if piece is None:
                self._say.popleft()
                continue
            self.sent += len(piece)
            if self.sent > self.most:
                raise AssertionError(f"the client took {self.sent} bytes and still reads")
            self._rest = memoryview(piece if self._deflate is None else self._deflated(piece))
        if not self._rest:
            raise Ended(f"after {self.sent} bytes and {self.heard[-3:]}")
        data, self._rest = bytes(self._rest[:READ]), self._rest[READ:]
        self.wire += len(data)
        return data

    def _deflated(self, piece: bytes) -> bytes:
        assert self._deflate is not None
        return self._deflate.compress(piece) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    async def write(self, data: bytes) -> None:
        assert not self.closed, "a write after close"
        if self._starting:  # whoever writes has read the consent to COMPRESS
            self._starting = False
            self._deflate = zlib.compressobj(9, wbits=-15)
            self._inflate = zlib.decompressobj(wbits=-15)
        self._input += data if self._inflate is None else self._inflate.decompress(data)
        while True:
            line, end, _ = self._input.partition(b"\r\n")
            if not end:
                return
            literal = _LITERAL.search(line + end)
            if literal is not None:
                self._say.append(iter([b"+ go on\r\n"]))
                del self._input[: len(line) + 2]
                continue
            del self._input[: len(line) + 2]
            self._hear(bytes(line))

    def _hear(self, line: bytes) -> None:
        self.heard.append(line)
        tag, _, rest = line.partition(b" ")
        verb = rest.replace(b"UID ", b"").split(b" ")[0].decode("latin-1").upper()
        if verb == "COMPRESS":
            self._starting = True
        said = self.answers.get(verb)
        self._say.append(iter([b"%b OK done\r\n" % tag] if said is None else said(tag)))

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        raise AssertionError("no TLS here")

    def peer_certificate(self) -> bytes | None:
        return b"certificate"

    def tls_unique(self) -> bytes | None:
        return None

    async def close(self) -> None:
        self.closed = True
