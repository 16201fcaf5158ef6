"""The same dialogue with SimServer and with a real server, answers in one normal form."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from .server import SimServer, talk
from .server_grammar import Scan
from .server_session import Session

Say = Callable[[bytes, tuple[bytes, ...]], bytes]
"""Send bytes, and hear all up to a line that begins with one of these."""

_DROPPED = re.compile(
    rb"\* (\d+ RECENT|FLAGS |CAPABILITY|ID |OK (Still|\[(UNSEEN|PERMANENTFLAGS|MAILBOXID)))"
    rb"|\* OK (\[(ANNOTATIONS|URLMECH|MYRIGHTS)|rename )"
)
_LITERAL = re.compile(rb"\{(\d+)\}\r\n")


@dataclass
class Wire:
    """One connection to a real server."""

    port: int
    user: str
    logged_in: bool = True
    sock: socket.socket = field(init=False)
    buffer: bytes = b""

    def __post_init__(self) -> None:
        self.sock = socket.create_connection(("127.0.0.1", self.port), 10)
        self.say(b"", (b"* OK",))
        if self.logged_in:
            self.say(b"L LOGIN %b secret\r\n" % self.user.encode(), (b"L OK",))

    def say(self, data: bytes, ends: tuple[bytes, ...]) -> bytes:
        self.sock.sendall(data)
        last = re.compile(rb"(?:^|\r\n)(?:%b)[^\r\n]*\r\n" % b"|".join(map(re.escape, ends)))
        while True:
            found = last.search(self.buffer)
            if found:
                out, self.buffer = self.buffer[: found.end()], self.buffer[found.end() :]
                return out
            got = self.sock.recv(65536)
            if not got:
                out, self.buffer = self.buffer, b""
                return out
            self.buffer += got


def sim_say(session: Session, logged_in: bool = True) -> Say:
    if logged_in:
        talk(session, b"L LOGIN joe secret\r\n")

    def say(data: bytes, ends: tuple[bytes, ...]) -> bytes:
        return talk(session, data)

    return say


class Dialogue:
    """Scripts are lines `a SELECT INBOX`: who speaks, and what.  `{validity}` and `{modseq}` stand
    for the latest of that session; `«text»` is sent as a synchronising literal, `‹text›` as one
    that does not wait."""

    def __init__(self, sessions: dict[str, Say]) -> None:
        self.sessions = sessions
        self.latest: dict[str, dict[str, str]] = {who: {} for who in sessions}
        self.count = 0

    def play(self, script: str) -> list[tuple[str, list[str]]]:
        """(line, normal form of the answer) for each line."""
        lines = [line.strip() for line in script.strip().splitlines() if line.strip()]
        return [(line, self._line(*line.split(" ", 1))) for line in lines]

    def _line(self, who: str, text: str) -> list[str]:
        say = self.sessions[who]
        self.count += 1
        tag = b"T%d" % self.count
        for name, value in self.latest[who].items():
            text = text.replace("{" + name + "}", value)
        text = re.sub(r"‹(.*?)›", _uninvited, text)
        pieces = re.split(r"«(.*?)»", text)
        out, data = b"", tag + b" " + pieces[0].encode()
        for body, rest in zip(pieces[1::2], pieces[2::2], strict=True):
            raw = body.replace("|", "\r\n").encode()
            heard = say(data + b"{%d}\r\n" % len(raw), (b"+", tag + b" "))
            if not heard.startswith(b"+"):
                out += heard
                break
            data = raw + rest.encode()
        if not out:
            out = say(data + b"\r\n", (tag + b" ",))
        codes = {"validity": rb"\[UIDVALIDITY (\d+)", "modseq": rb"HIGHESTMODSEQ (\d+)"}
        for name, code in codes.items():
            if found := re.findall(code, out):
                self.latest[who][name] = found[-1].decode()
        return normal(out)


def _uninvited(found: re.Match[str]) -> str:
    raw = found[1].replace("|", "\r\n")
    return f"{{{len(raw.encode())}+}}\r\n{raw}"


def normal(out: bytes) -> list[str]:
    """Sorted lines without texts, numbers that servers choose freely, and what they may leave out;
    EXPUNGE keeps its order."""
    lines = [line for line in _split(out) if not _DROPPED.match(line)]
    shown = [_line(line) for line in lines]
    expunges = [line for line in shown if line.endswith("EXPUNGE")]
    return sorted(line for line in shown if not line.endswith("EXPUNGE")) + expunges


def _split(out: bytes) -> list[bytes]:
    lines, at = [], 0
    while at < len(out):
        start = at
        while True:
            end = out.index(b"\r\n", at) + 2
            literal = _LITERAL.search(out, at, end)
            if literal is None or literal.end() != end:
                break
            at = end + int(literal[1])
        at = end
        lines.append(out[start : end - 2])
    return lines


def _line(raw: bytes) -> str:
    line = raw.decode("latin-1")
    line = re.sub(r"^T\d+ ", "", line)
    line = re.sub(r'\(TAG "T\d+"\)', "(TAG)", line)
    line = re.sub(r"\{(\d+)\}\r\n", r"{\1}", line)
    line = re.sub(r"\(\\[^()]*\)(?= \"|$)", lambda m: m[0].lower(), line)  # of LIST
    for pattern, put in (
        (r"^OK \[(?:CAPABILITY|HIGHESTMODSEQ) [^]]*\]", "OK"),
        (r"MAILBOXID \([^)]*\)", "MAILBOXID #"),
        (r"BODY\[HEADER\.FIELDS[^]]*\]", lambda m: m[0].upper().replace('"', "")),
        (r' ""(?=[ )])', " {0}"),
        (r"(UIDVALIDITY|HIGHESTMODSEQ) \d+", r"\1 #"),
        (r"MODSEQ \(\d+\)", "MODSEQ #"),
        (r"(APPENDUID|COPYUID) \d+", r"\1 #"),
        (r'INTERNALDATE ("[^"]+")', _moment),
        (r"(?i) ?\\(Recent|UnMarked|Marked)\b", ""),
        (r"^\* LSUB \([^)]*\)", "* LSUB ()"),
    ):
        line = re.sub(pattern, put, line)
    if found := re.match(r"(\* )?(OK|NO|BAD|BYE)( \[[^]]*\])?", line):
        return (
            "BAD"
            if found[2] == "BAD"
            else re.sub(r" \[(CLIENTBUG|NONEXISTENT|CANNOT)]", "", found[0])
        )
    if line.startswith("* ESEARCH"):
        return " ".join(["* ESEARCH", *sorted(re.findall(r"(?:ALL|COUNT|MIN|MAX) \S+|UID", line))])
    if found := re.match(r"(\* \d+ FETCH )\((.*)\)$", line, re.S):
        return found[1] + " | ".join(sorted(_items(found[2])))
    line = re.sub(r"\(([^()]*)\)", _sorted, line)
    return re.sub(r'(LIST|STATUS|LSUB)(.*?) "?([^" ]+)"?( \(|$)', r"\1\2 \3\4", line)


def _sorted(found: re.Match[str]) -> str:
    return f"({' '.join(sorted(found[1].split()))})"


def _items(text: str) -> list[str]:
    items = []
    while text:
        found = re.match(r"\S+?(?: \([^)]*\)\])? (?:\{(\d+)\}|\([^)]*\)|\S+( \d[^\"]*\")?)", text)
        assert found, text
        end = found.end() + int(found[1] or 0)
        items.append(re.sub(r"\(([^()]*)\)", _sorted, text[:end]))
        text = text[end:].lstrip(" ")
    return items


def _moment(found: re.Match[str]) -> str:
    return f"INTERNALDATE {Scan(found[1].encode(), []).date_time()}"


def sim_dialogue(server: SimServer, *names: str) -> Dialogue:
    server.strict = False
    return Dialogue({name: sim_say(server.session(), name != "n") for name in names})
