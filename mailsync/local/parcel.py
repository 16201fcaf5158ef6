"""A message on its way into a Maildir: what is to be delivered, and as what."""

from __future__ import annotations

from dataclasses import dataclass

from mailsync.local import names
from mailsync.local.keywords import Letters
from mailsync.model.content import Digest
from mailsync.model.flags import SYSTEM, Flags
from mailsync.model.ids import UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message in memory, as the server sent it."""

    mailbox: MailboxName
    unique: UniqueName
    flags: Flags
    internal_date: int | None  # seconds; None: the file's mtime is now
    data: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """`facts.digest` is always there.  `entry.name` differs from the name asked for only where
    that file name was taken."""

    mailbox: MailboxName
    entry: LocalEntry
    facts: FileFacts


class Item:
    """One message on its way: `digest` None until it is whole."""

    __slots__ = (
        "digest",
        "flags",
        "folder",
        "info",
        "keywords",
        "mailbox",
        "mtime_ns",
        "path",
        "tmp",
        "unique",
    )

    def __init__(
        self,
        path: str,
        mailbox: MailboxName,
        unique: UniqueName,
        tmp: str,
        flags: Flags,
        mtime_ns: int,
        keywords: Letters | None,
    ) -> None:
        """`keywords`: their letters, where `flags` has some.  For them alone a message does not
        leave new/, where a name shows none."""
        self.path = path
        self.mailbox = mailbox
        self.unique = unique
        self.tmp = tmp
        self.keywords = keywords
        self.folder = "cur" if flags & SYSTEM else "new"
        self.flags = Flags.NONE
        self.info = ""
        if flags & SYSTEM:
            self.flags, self.info = self._shown("", flags)
        self.mtime_ns = mtime_ns
        self.digest: Digest | None = None

    def _shown(self, info: str, flags: Flags) -> tuple[Flags, str]:
        if self.keywords is None:
            return flags, names.with_flags(info, flags)
        flags = self.keywords.shown(flags)
        return flags, self.keywords.write(info, flags)

    @property
    def target(self) -> str:
        return f"{self.path}/{self.folder}/{self.unique}{self.info}"

    def be_like(self, entry: LocalEntry) -> None:
        """Folder and info of `entry`, where the name does not become too long for a disk; with the
        letters that its keywords have here now."""
        flags, info = entry.flags, entry.info
        if self.keywords is not None:
            flags, info = self._shown(info, flags)
        if names.fits(self.unique, info):
            self.flags, self.info = flags, info
            self.folder = entry.folder or self.folder

    def delivered(self) -> Delivered:
        assert self.digest is not None
        return Delivered(
            self.mailbox,
            LocalEntry(self.unique, self.folder, self.info, self.flags),
            FileFacts(self.digest.size, self.mtime_ns, self.digest),
        )
