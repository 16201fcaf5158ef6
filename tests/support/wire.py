"""A man in the middle: a TCP proxy that counts what passes and may answer in the server's place.

with Wire(server.port) as wire:
    wire.refuse = lambda command: "[CANNOT] no" if b"STORE" in command else None
    ...                          # a client uses wire.port, without TLS and compression
    wire.traffic.commands["UID FETCH"], wire.traffic.bodies
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}$")
_BODY = re.compile(rb"BODY\[\] \{(\d+)\}\r\n")
_READ = 1 << 18


@dataclass
class Traffic:
    """`commands` by name, `lines` as sent without tags, bodies and APPENDed bytes as literals."""

    commands: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    bodies: int = 0
    body_bytes: int = 0  # from the server
    sent_bytes: int = 0  # in APPENDs

    def sent(self, word: str) -> list[str]:
        """The commands that have `word` in them."""
        return [line for line in self.lines if word in line]


class Wire:
    """`refuse(line)` gives the text of a NO for a command that never reaches the server;
    `rewrite(response)` sees every whole response, literals inside; so does `cut`, and True ends
    the connection in its place, when the client has all that came before."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.traffic = Traffic()
        self.refuse: Callable[[bytes], str | None] = lambda line: None
        self.rewrite: Callable[[bytes], bytes] = lambda response: response
        self.cut: Callable[[bytes], bool] = lambda response: False
        self.down = False  # new connections are closed at once
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []

    def __enter__(self) -> Wire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        for sock in (self._listener, *self._open):
            _shut(sock)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.down:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.target))
                for sock in (client, server):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open += [client, server]
                refused: dict[bytes, str] = {}
                for run in (self._up, self._down):
                    threading.Thread(
                        target=run, args=(client, server, refused), daemon=True
                    ).start()

    # -- commands ------------------------------------------------------------------------------

    def _up(self, client: socket.socket, server: socket.socket, refused: dict[bytes, str]) -> None:
        with contextlib.suppress(OSError):
            command = b""
            for line, literal in _lines(client):
                if line is None:  # a piece of a literal
                    server.sendall(literal)
                    continue
                fresh = not command
                command += line
                if fresh:
                    tag, _, rest = command.partition(b" ")
                    if text := self.refuse(rest.rstrip()):
                        refused[tag] = text
                        line = tag + b" NOOP\r\n"
                if not _LITERAL.search(line[:-2]):
                    self._count(command)
                    command = b""
                server.sendall(line)
        _shut(server)

    def _count(self, command: bytes) -> None:
        text = command.partition(b" ")[2].decode("latin-1").rstrip()
        name = " ".join(text.split(" ")[: 2 if text.upper().startswith("UID ") else 1]).upper()
        traffic = self.traffic
        traffic.commands[name] += 1
        traffic.lines.append(text)
        if name == "APPEND":
            traffic.sent_bytes += sum(int(n) for n in re.findall(r"\{(\d+)\+?\}", text))

    # -- responses -----------------------------------------------------------------------------

    def _down(
        self, client: socket.socket, server: socket.socket, refused: dict[bytes, str]
    ) -> None:
        with contextlib.suppress(OSError):
            whole = b""
            out = bytearray()
            for line, literal in _lines(server, idle=partial(_flush, client, out)):
                whole += literal if line is None else line
                if line is None or _LITERAL.search(line[:-2]):
                    continue
                if self.cut(whole):
                    _flush(client, out)
                    break
                if body := _BODY.search(whole):
                    self.traffic.bodies += 1
                    self.traffic.body_bytes += int(body[1])
                tag = whole.partition(b" ")[0]
                if tag in refused:
                    whole = tag + b" NO " + refused.pop(tag).encode() + b"\r\n"
                out += self.rewrite(whole)
                whole = b""
        _shut(client)


def _flush(sock: socket.socket, out: bytearray) -> None:
    if out:
        sock.sendall(out)
        out.clear()


def _lines(
    sock: socket.socket, idle: Callable[[], None] = lambda: None
) -> Iterator[tuple[bytes | None, bytes]]:
    """(line, b"") or (None, piece of a literal); `idle` is called before each wait."""
    buffer = bytearray()
    left = 0
    while True:
        while buffer:
            if left:
                piece = bytes(buffer[:left])
                del buffer[:left]
                left -= len(piece)
                yield None, piece
                continue
            end = buffer.find(b"\r\n") + 2
            if end == 1:
                break
            line = bytes(buffer[:end])
            del buffer[:end]
            found = _LITERAL.search(line[:-2])
            left = int(found[1]) if found else 0
            yield line, b""
        idle()
        data = sock.recv(_READ)
        if not data:
            return
        buffer += data


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
