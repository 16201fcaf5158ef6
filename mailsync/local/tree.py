"""Where things lie under the Maildir root, and how what was renamed becomes durable."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from mailsync.local.names import host_part
from mailsync.model.keywords import Keywords
from mailsync.model.layout import Layout, directories
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import LocalEntry
from mailsync.system.seams import Fs, Rand, Stat
from mailsync.system.trouble import in_the_way, translated

FOLDERS = ("tmp", "new", "cur")  # made in this order: cur/ makes it a mailbox
CHUNK = 256 * 1024  # bytes read or written at a time
FEW_FILES = 7  # up to here fsync each; beyond, syncfs is faster
FEW_FOLDERS = 4  # more than that: one syncfs instead of one fsync each


class Devices:
    """Made durable as a whole, each once, where there are too `many` fsyncs to be made instead."""

    def __init__(self, fs: Fs, *, many: bool) -> None:
        self._fs = fs
        self._many = many
        self._covered: dict[int, bool] = {}

    def cover(self, path: str) -> bool:
        """Whether all that is on its device is durable by now.  Raises OSError."""
        if not self._many:
            return False
        device = self._fs.stat(path).device
        if device not in self._covered:
            self._covered[device] = self._fs.sync_all(path)
        return self._covered[device]


class Tree:
    """What every function of this room needs; frozen after it was made, but for `keywords` and
    `formerly`."""

    def __init__(
        self,
        root: str,
        account: str,
        fs: Fs,
        host: str,
        rand: Rand,
        fsync: bool,
        layout: Layout = Layout.NESTED,
    ) -> None:
        if not root.startswith("/"):
            raise ValueError("the Maildir root is an absolute path")
        self.root = root.rstrip("/") or "/"
        self.account = account
        self.fs = fs
        self.host = host_part(host)
        self.rand = rand
        self.fsync = fsync
        self.layout = layout
        self.formerly = ""  # the account's name before this one, if the marker tells one
        self.keywords = Keywords()  # of the account, as far as they are known by now
        self._paths: dict[MailboxName, str] = {}

    def path(self, name: MailboxName) -> str:
        """Raises ValueError for a name that no directory has in this layout."""
        found = self._paths.get(name)
        if found is None:
            found = self._paths[name] = (self.above(name) or [self.root])[-1]
        return found

    def tmp(self, name: MailboxName) -> str:
        return f"{self.path(name)}/{FOLDERS[0]}"

    def file(self, name: MailboxName, entry: LocalEntry) -> str:
        return f"{self.path(name)}/{entry.path}"

    def above(self, name: MailboxName) -> list[str]:
        """The directories from below the root down to the mailbox's own."""
        return [f"{self.root}/{part}" for part in directories(self.layout, name)]

    def check(self, name: MailboxName) -> None:
        """StorageError unless every directory down to the mailbox is one, and no link."""
        for path in self.above(name):
            with translated("use", path):
                self.directory(path)

    def directory(self, path: str) -> Stat:
        """What lstat says of a directory.  Raises OSError; StorageError when it is none, such as
        a link that leads out of the root."""
        seen = self.fs.stat(path)
        if seen.kind != "dir":
            raise in_the_way(path)
        return seen

    def make_directory(self, path: str, made: list[str] | None = None) -> list[str]:
        """Make `path` and what is missing above it; the directories whose entries changed, top
        first.  `made` gets those that are ours.  Links above are followed (root and state may lie
        anywhere).  Raises OSError."""
        changed: list[str] = []
        above = "/"
        for part in path.strip("/").split("/"):
            path = f"{above.rstrip('/')}/{part}"
            try:
                self.fs.stat(f"{path}/.")
            except FileNotFoundError:
                changed.append(above)
                if self._made(path) and made is not None:
                    made.append(path)
            above = path
        return changed

    def _made(self, path: str) -> bool:
        """False: another account's sync, which has the same directories above, came first."""
        try:
            self.fs.mkdir(path)
        except FileExistsError:
            if self.fs.stat(f"{path}/.").kind != "dir":
                raise
            return False
        return True

    def make_durable_directory(self, path: str) -> None:
        """As `make_directory`, durable or not made: one that is there is taken for durable.
        Raises OSError."""
        made: list[str] = []
        try:
            self.make_durable(self.make_directory(path, made))
        except OSError:
            for directory in reversed(made):
                with contextlib.suppress(OSError):
                    self.fs.rmdir(directory)
            raise

    def make_durable(self, folders: Iterable[str]) -> None:
        """Directory entries durable, in the order given.  Raises OSError."""
        paths = [f"{path}/." for path in dict.fromkeys(folders)]  # the root may be a link
        if not self.fsync or not paths:
            return
        devices = Devices(self.fs, many=len(paths) > FEW_FOLDERS)
        for path in [path for path in paths if not devices.cover(path)]:
            self.fs.sync_dir(path)
