"""A Maildir for tests: on a real disk or on the simulated one, by the same words."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from sim.fs import SimFs
from sim.rand import SimRand

from mailsync.local import Maildir, Message
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UIDValidity
from mailsync.model.layout import Layout
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import LocalEntry
from mailsync.system.fs import DiskFs
from mailsync.system.seams import Fs

BOX = MailboxName("INBOX")
VALID = UIDValidity(7)
DATE = 1_600_000_000
HOUR_NS = 3600 * 10**9


@dataclass
class Ground:
    """`root` is absolute and need not exist."""

    fs: Fs
    root: str
    fsync: bool = True
    layout: Layout = Layout.NESTED
    maildir: Maildir = field(init=False)

    def __post_init__(self) -> None:
        self.maildir = self.again()

    def again(self, fs: Fs | None = None) -> Maildir:
        """As another process would see it."""
        rand = SimRand(os.urandom(4).hex())
        return Maildir(self.root, "acc", fs or self.fs, "host", rand, True, self.layout)

    def put(self, place: str, data: bytes = b"x\n", mtime: int = DATE) -> None:
        """A file as a mail reader writes it, `place` below the root."""
        writer = self.fs.create(f"{self.root}/{place}")
        writer.write(data)
        writer.sync()
        writer.close(mtime * 10**9)
        self.fs.sync_dir(f"{self.root}/{place}".rpartition("/")[0])

    def read(self, place: str) -> bytes:
        reader = self.fs.open(f"{self.root}/{place}")
        data = b""
        while piece := reader.read(1 << 20):
            data += piece
        reader.close()
        return data

    def names(self, place: str) -> list[str]:
        return sorted(name for name, _ in self.fs.list(f"{self.root}/{place}"))

    def age(self, seconds: int) -> None:
        """Let time pass: on a real disk by dating the folders back."""
        if isinstance(self.fs, SimFs):
            self.fs.now += seconds * 10**9

    def message(
        self,
        uid: int,
        data: bytes = b"A: b\r\n\r\nc\r\n",
        flags: Flags = Flags.NONE,
        mailbox: MailboxName = BOX,
    ) -> Message:
        unique = self.maildir.own_name(mailbox, VALID, UID(uid), DATE + uid)
        return Message(mailbox, unique, flags, DATE + uid, data)

    def deliver(self, *messages: Message) -> list[LocalEntry]:
        delivery = self.maildir.delivery()
        delivery.add_all(messages)
        return [one.entry for one in delivery.commit()]


def entry_of(ground: Ground, mailbox: MailboxName = BOX) -> LocalEntry:
    """Of the only file in a mailbox."""
    found = ground.maildir.entries(mailbox)
    assert found is not None
    (entry,) = found.entries
    return entry


def on_disk(path: Path, layout: Layout = Layout.NESTED) -> Ground:
    return Ground(DiskFs(), f"{path}/mail", layout=layout)


def on_sim(seed: int | str = 0, layout: Layout = Layout.NESTED) -> Ground:
    return Ground(SimFs(SimRand(seed)), "/home/mail", layout=layout)
