"""Another client of the same account: imaplib, blocking, with whole messages in memory."""

from __future__ import annotations

import imaplib
import re
import socket
from collections import Counter
from collections.abc import Iterable

LETTERS = {"\\seen": "S", "\\answered": "R", "\\flagged": "F", "\\draft": "D", "\\deleted": "T"}
LETTERS["$forwarded"] = "P"

imaplib._MAXLINE = 100_000_000  # type: ignore[attr-defined]


def canonical(body: bytes) -> bytes:
    return body.replace(b"\r\n", b"\n")


class Prompt(imaplib.IMAP4):
    """Acknowledges at once what the server says: Cyrus sends the end of an answer only then."""

    def send(self, data: bytes) -> None:
        super().send(data)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


class Quicker(Exception):
    """Another client took a message away meanwhile (RFC 5530, EXPUNGEISSUED)."""


class Client:
    """One logged-in connection; every call opens the mailbox it names.

    Names are those of the Maildir: `prefix` and `separator` are the server's.  What the server
    does not announce is done without, as an old client would.
    """

    def __init__(
        self,
        port: int,
        user: str,
        password: str = "secret",
        prefix: str = "",
        separator: str = "/",
    ) -> None:
        self.prefix, self.separator = prefix, separator
        self.port, self.user, self.password = port, user, password
        self.connect()
        words = self._ok(self.imap.capability())[-1]
        self.capabilities = words.decode().upper().split()  # type: ignore[attr-defined]

    def connect(self) -> None:
        self.imap = Prompt("127.0.0.1", self.port)
        self.imap.login(self.user, self.password)

    def connect_again(self) -> None:
        """After the server closed the connection."""
        self.imap.shutdown()
        self.connect()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.imap.logout()

    def _ok(self, answer: tuple[str, list[object]]) -> list[object]:
        if answer[0] == "NO" and "[EXPUNGEISSUED]" in str(answer[1]):
            raise Quicker(answer)
        assert answer[0] == "OK", answer
        return answer[1]

    def name(self, box: str) -> str:
        return box if box == "INBOX" else self.prefix + box.replace("/", self.separator)

    def _quoted(self, box: str) -> str:
        return f'"{self.name(box)}"'

    def select(self, box: str) -> None:
        self._ok(self.imap.select(self._quoted(box)))

    def append(
        self, body: bytes, box: str = "INBOX", flags: str = "", date: str | None = None
    ) -> None:
        when = f'"{date}"' if date else None
        self._ok(self.imap.append(self._quoted(box), f"({flags})" if flags else None, when, body))

    def append_raw(
        self, body: bytes, box: str = "INBOX", flags: str = "", date: str | None = None
    ) -> None:
        """Byte by byte: imaplib would mend the line ends."""
        when = f' "{date}"' if date else ""
        head = f"X1 APPEND {self._quoted(box)} ({flags}){when} {{{len(body)}}}\r\n"
        self.imap.send(head.encode())
        said = self._answer(b"X1 ")
        if said.startswith(b"+"):
            self.imap.send(body + b"\r\n")
            said = self._answer(b"X1 ")
        assert said.startswith(b"X1 OK"), said

    def _answer(self, tag: bytes) -> bytes:
        while not (line := self.imap.readline()).startswith((tag, b"+")):
            assert line
        return line

    def append_many(
        self, bodies: Iterable[bytes], box: str = "INBOX", flags: str = "", date: str = ""
    ) -> None:
        """By one MULTIAPPEND with LITERAL+ where the server has both."""
        if not {"MULTIAPPEND", "LITERAL+"} <= set(self.capabilities):
            for body in bodies:
                self.append_raw(body, box, flags, date or None)
            return
        parts = [f"M1 APPEND {self._quoted(box)}".encode()]
        for body in bodies:
            parts.append(f' ({flags}) "{date}" {{{len(body)}+}}\r\n'.encode() + body)
        self.imap.send(b"".join(parts) + b"\r\n")
        line = self._answer(b"M1 ")
        assert line.startswith(b"M1 OK"), line

    def create(self, box: str) -> None:
        self._ok(self.imap.create(self._quoted(box)))

    def delete(self, box: str) -> None:
        self._ok(self.imap.delete(self._quoted(box)))

    def rename(self, old: str, new: str) -> None:
        self._ok(self.imap.rename(self._quoted(old), self._quoted(new)))

    def boxes(self) -> list[str]:
        return [name for attributes, name in self.listed() if "\\noselect" not in attributes]

    def listed(self) -> list[tuple[str, str]]:
        """(attributes in lower case, name of the Maildir) of all in the personal namespace."""
        found: list[tuple[str, str]] = []
        for line in self._ok(self.imap.list()):
            match = re.match(rb'\(([^)]*)\) (?:"."|NIL) "?(.*?)"?$', line)  # type: ignore[arg-type]
            assert match, line
            name = match[2].decode()
            if name.upper() == "INBOX":
                name = "INBOX"
            elif name.startswith(self.prefix):
                name = name.removeprefix(self.prefix).replace(self.separator, "/")
            else:
                continue
            found.append((match[1].decode().lower(), name))
        return found

    def uids(self, box: str = "INBOX", search: str = "ALL") -> list[int]:
        self.select(box)
        data = self._ok(self.imap.uid("SEARCH", search))
        return [int(uid) for uid in (data[0] or b"").split()]  # type: ignore[attr-defined]

    def store(self, uids: Iterable[int], change: str, box: str = "INBOX") -> None:
        """`change` such as `+FLAGS (\\Seen)`."""
        self.select(box)
        command, flags = change.split(" ", 1)
        self._ok(self.imap.uid("STORE", ",".join(map(str, uids)), command, flags))

    def expunge(self, uids: Iterable[int], box: str = "INBOX") -> None:
        chosen = ",".join(map(str, uids))
        self.store(uids := [int(u) for u in chosen.split(",")], "+FLAGS (\\Deleted)", box)
        if "UIDPLUS" in self.capabilities:
            self._ok(self.imap.uid("EXPUNGE", chosen))
        else:
            self._ok(self.imap.expunge())

    def move(self, uids: Iterable[int], box: str, target: str) -> None:
        if "MOVE" not in self.capabilities:
            uids = list(uids)
            self.copy(uids, box, target)
            self.expunge(uids, box)
            return
        self.select(box)
        self._ok(self.imap.uid("MOVE", ",".join(map(str, uids)), self._quoted(target)))

    def copy(self, uids: Iterable[int], box: str, target: str) -> None:
        self.select(box)
        self._ok(self.imap.uid("COPY", ",".join(map(str, uids)), self._quoted(target)))

    def messages(self, box: str = "INBOX") -> dict[int, tuple[bytes, str]]:
        """UID → (body as served, flag letters)."""
        self.select(box)
        found: dict[int, tuple[bytes, str]] = {}
        for part in self._ok(self.imap.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")):
            if not isinstance(part, tuple):
                continue
            uid = int(re.search(rb"UID (\d+)", part[0])[1])  # type: ignore[index]
            found[uid] = (part[1], _letters(part[0]))
        return found

    def view(self, box: str = "INBOX") -> Counter[tuple[bytes, str]]:
        """The mailbox as a multiset of (canonical body, flag letters)."""
        return Counter((canonical(body), flags) for body, flags in self.messages(box).values())


def _letters(line: bytes) -> str:
    flags = re.search(rb"FLAGS \(([^)]*)\)", line)
    assert flags, line
    names = flags[1].decode().lower().split()
    return "".join(sorted(LETTERS[name] for name in names if name in LETTERS))
