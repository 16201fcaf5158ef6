"""The door of servers whose programs begin after the login: greeting, CAPABILITY and LOGIN."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}$")
_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"|([^ "]+)')


@dataclass(frozen=True)
class LoggedIn:
    tag: str
    user: str


def log_in(
    sock: socket.socket, *, greeting: str, capability: str, password: str
) -> LoggedIn | None:
    """Talk until a LOGIN is right; None when the client left.  Not a byte more is read."""
    sock.sendall(f"* OK {greeting}\r\n".encode())
    while command := _command(sock):
        tag, name, words = command
        if name == "LOGIN" and len(words) == 2 and words[1] == password:
            return LoggedIn(tag, words[0])
        if name == "LOGOUT":
            sock.sendall(f"* BYE so long\r\n{tag} OK LOGOUT completed\r\n".encode())
            return None
        if name == "CAPABILITY":
            sock.sendall(f"* CAPABILITY {capability}\r\n{tag} OK completed\r\n".encode())
        elif name == "NOOP":
            sock.sendall(f"{tag} OK NOOP completed\r\n".encode())
        elif name == "LOGIN":
            sock.sendall(f"{tag} NO Login failed.\r\n".encode())
        else:
            sock.sendall(f"{tag} NO Error in IMAP command received by server.\r\n".encode())
    return None


def _command(sock: socket.socket) -> tuple[str, str, list[str]] | None:
    line = b""
    words: list[str] = []
    while True:
        part = _line(sock)
        if part is None:
            return None
        literal = _LITERAL.search(part)
        line = part[: literal.start()] if literal else part
        words += [
            re.sub(r"\\(.)", r"\1", (quoted or atom).decode())
            for quoted, atom in _WORD.findall(line)
        ]
        if literal is None:
            break
        if not literal[2]:
            sock.sendall(b"+ go on\r\n")
        words.append(_exactly(sock, int(literal[1])).decode())
    if len(words) < 2:
        return None
    return words[0], words[1].upper(), words[2:]


def _line(sock: socket.socket) -> bytes | None:
    """Byte by byte: what follows belongs to the program that comes after."""
    line = b""
    while not line.endswith(b"\r\n"):
        byte = sock.recv(1)
        if not byte:
            return None
        line += byte
    return line[:-2]


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := sock.recv(count - len(data))):
        data += more
    return data
