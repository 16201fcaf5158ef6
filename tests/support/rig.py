"""One account on a private Dovecot and one Maildir, with both hands on each."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from mailsync.model.layout import Layout
from mailsync.model.report import AccountReport, SyncOptions, Target
from mailsync.model.settings import Account, Deletions, Guard, Secret, Security
from mailsync.modes import once
from support.client import Client, canonical
from support.servers import Server

_users = itertools.count(1)


def message(number: int | str, size: int = 0, *, message_id: bool = True) -> bytes:
    """A small message with CRLF line ends."""
    head = f"From: a@x.example\r\nTo: b@x.example\r\nSubject: message {number}\r\n"
    head += "Date: Mon, 2 Nov 2026 10:00:00 +0000\r\n"
    if message_id:
        head += f"Message-ID: <{number}@rig.example>\r\n"
    return (head + f"\r\nBody of {number}.\r\n" + "x" * 70 * size).encode() + b"\r\n"


@dataclass
class Rig:
    """`sync()` runs the real engine in this process and returns the account's report."""

    server: Server
    root: Path
    user: str = field(default_factory=lambda: f"user{os.getpid()}x{next(_users)}")
    changes: dict[str, object] = field(default_factory=dict)

    @property
    def maildir(self) -> Path:
        return self.root / "mail"

    @property
    def state(self) -> Path:
        return self.root / "state" / "test"

    @property
    def account(self) -> Account:
        made = Account(
            name="test",
            host="127.0.0.1",
            port=self.server.port,
            user=self.user,
            maildir=self.maildir,
            state=self.state,
            security=Security.NONE,
            secret=Secret(inline=self.server.password),
            deletions=Deletions.EXPUNGE,
            guard=Guard(share=None),
            append_wait=1.0,
            timeout=20.0,
        )
        return replace(made, **self.changes)  # type: ignore[arg-type]

    def sync(self, *mailboxes: str, **options: bool) -> AccountReport:
        target = Target(self.account, mailboxes)
        (report,) = once.sync([target], SyncOptions(**options)).accounts  # type: ignore[arg-type]
        return report

    def client(self) -> Client:
        server = self.server
        return Client(server.port, self.user, server.password, server.prefix, server.separator)

    # -- the Maildir ---------------------------------------------------------------------------

    @property
    def plusplus(self) -> bool:
        return self.account.layout is Layout.MAILDIRPP

    def box(self, name: str = "INBOX") -> Path:
        if self.plusplus:
            name = "" if name == "INBOX" else "." + name.replace("/", ".")
        return self.maildir / name

    def files(self, name: str = "INBOX") -> list[Path]:
        found: list[Path] = []
        for folder in ("new", "cur"):
            found += sorted((self.box(name) / folder).iterdir())
        return found

    def make(self, name: str) -> Path:
        for folder in ("cur", "new", "tmp"):
            (self.box(name) / folder).mkdir(parents=True, exist_ok=True)
        return self.box(name)

    def put(self, body: bytes, name: str = "INBOX", info: str = "", unique: str = "") -> Path:
        """A mail reader saves a message, with LF line ends."""
        unique = unique or f"{int(time.time())}.M{next(_users)}P1.reader"
        folder = "cur" if info else "new"
        path = self.make(name) / folder / f"{unique}{info}"
        path.write_bytes(canonical(body))
        return path

    def local_view(self, name: str = "INBOX") -> Counter[tuple[bytes, str]]:
        view: Counter[tuple[bytes, str]] = Counter()
        for path in self.files(name):
            info = re.search(r":2,([A-Za-z]*)", path.name)
            letters = "".join(sorted(set(info[1] if info else "") & set("DFPRST")))
            view[canonical(path.read_bytes()), letters] += 1
        return view

    def local_boxes(self) -> list[str]:
        found = (cur.parent.relative_to(self.maildir) for cur in self.maildir.glob("**/cur"))
        if self.plusplus:
            return sorted(path.name[1:].replace(".", "/") or "INBOX" for path in found)
        return sorted(str(path) for path in found)

    # -- both ----------------------------------------------------------------------------------

    def assert_equal(self, boxes: Iterable[str] | None = None) -> None:
        """Both sides hold the same messages with the same flags, in the same mailboxes."""
        with self.client() as client:
            names = sorted(client.boxes())
            if boxes is None:
                assert self.local_boxes() == names
            for name in names if boxes is None else boxes:
                assert self.local_view(name) == client.view(name), name

    def assert_idle(self) -> None:
        """A second sync changes nothing on either side."""
        before = self.snapshot()
        report = self.sync()
        total = report.total()
        done = (
            total.downloaded
            + total.uploaded
            + total.flags_local
            + total.flags_server
            + total.removed
            + total.expunged
            + total.moved
            + total.renamed
        )
        assert done == 0, report
        assert self.snapshot() == before

    def snapshot(self) -> dict[str, tuple[int, int]]:
        """Every mail file with inode and mtime."""
        found: dict[str, tuple[int, int]] = {}
        for path in self.maildir.glob("**/*"):
            if path.is_file() and path.name != ".mailsync":
                stat = path.stat()
                found[str(path.relative_to(self.maildir))] = (stat.st_ino, stat.st_mtime_ns)
        return found
