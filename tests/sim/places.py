"""Which mailbox a path of a Maildir belongs to, and where a mailbox with a plain name lies."""

from __future__ import annotations

from dataclasses import dataclass

from mailsync.model.layout import Layout
from sim.disk import SimDisk

FOLDERS = ("cur", "new", "tmp")


@dataclass(frozen=True)
class Places:
    root: str  # of the Maildir
    layout: Layout = Layout.NESTED

    def directory(self, mailbox: str) -> str:
        if self.layout is Layout.NESTED:
            return f"{self.root}/{mailbox}"
        return self.root if mailbox == "INBOX" else f"{self.root}/.{mailbox.replace('/', '.')}"

    def message(self, path: str) -> tuple[str, str] | None:
        """(mailbox, file name) of a message file; None for tmp/, the marker and other files."""
        folder, _, name = path.rpartition("/")
        above, _, kind = folder.rpartition("/")
        mailbox = self._called(above) if kind in ("new", "cur") else None
        return mailbox and (mailbox, name)

    def mailbox(self, path: str) -> str | None:
        """That of its own directory, or of a folder of it."""
        above, _, last = path.rpartition("/")
        return self._called(above if last in FOLDERS else path)

    def below(self, mailbox: str, disk: SimDisk) -> list[str]:
        """What is to go along when it is renamed, and lies beside it: as on every server."""
        if self.layout is Layout.NESTED:
            return []
        there = (self._called(f"{self.root}/{name}") for name in disk.find(self.root).entries)
        return [name for name in there if name and name.startswith(f"{mailbox}/")]

    def _called(self, directory: str) -> str | None:
        """Of the mailbox that has this directory."""
        if self.layout is Layout.MAILDIRPP and directory == self.root:
            return "INBOX"
        if not directory.startswith(f"{self.root}/"):
            return None
        name = directory[len(self.root) + 1 :]
        if self.layout is Layout.NESTED:
            return name
        return name[1:].replace(".", "/") if name.startswith(".") and "/" not in name else None
