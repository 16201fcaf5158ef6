"""Another client of the same account: imaplib, blocking, with whole messages in memory."""

from __future__ import annotations

import imaplib
import re
from collections import Counter
from collections.abc import Iterable

LETTERS = {"\\seen": "S", "\\answered": "R", "\\flagged": "F", "\\draft": "D", "\\deleted": "T"}
LETTERS["$forwarded"] = "P"

imaplib._MAXLINE = 100_000_000  # type: ignore[attr-defined]


def canonical(body: bytes) -> bytes:
    return body.replace(b"\r\n", b"\n")


class Client:
    """One logged-in connection; every call opens the mailbox it names."""

    def __init__(self, port: int, user: str, password: str = "secret") -> None:
        self.imap = imaplib.IMAP4("127.0.0.1", port)
        self.imap.login(user, password)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.imap.logout()

    def _ok(self, answer: tuple[str, list[object]]) -> list[object]:
        assert answer[0] == "OK", answer
        return answer[1]

    def select(self, box: str) -> None:
        self._ok(self.imap.select(f'"{box}"'))

    def append(
        self, body: bytes, box: str = "INBOX", flags: str = "", date: str | None = None
    ) -> None:
        when = f'"{date}"' if date else None
        self._ok(self.imap.append(f'"{box}"', f"({flags})" if flags else None, when, body))

    def create(self, box: str) -> None:
        self._ok(self.imap.create(f'"{box}"'))

    def delete(self, box: str) -> None:
        self._ok(self.imap.delete(f'"{box}"'))

    def rename(self, old: str, new: str) -> None:
        self._ok(self.imap.rename(f'"{old}"', f'"{new}"'))

    def boxes(self) -> list[str]:
        found: list[str] = []
        for line in self._ok(self.imap.list()):
            match = re.match(rb'\(([^)]*)\) (?:"."|NIL) "?(.*?)"?$', line)  # type: ignore[arg-type]
            assert match, line
            if b"\\Noselect" not in match[1]:
                found.append(match[2].decode())
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
        self._ok(self.imap.uid("EXPUNGE", chosen))

    def move(self, uids: Iterable[int], box: str, target: str) -> None:
        self.select(box)
        self._ok(self.imap.uid("MOVE", ",".join(map(str, uids)), f'"{target}"'))

    def copy(self, uids: Iterable[int], box: str, target: str) -> None:
        self.select(box)
        self._ok(self.imap.uid("COPY", ",".join(map(str, uids)), f'"{target}"'))

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
