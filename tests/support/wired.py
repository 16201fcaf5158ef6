"""A rig whose traffic is counted on the wire, and whose disk can be made to fail."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mailsync.cli.sync import advice
from mailsync.model.report import AccountReport, Report, Target
from mailsync.modes import decide
from mailsync.system.clock import SystemClock
from mailsync.system.fs import DiskFs, DiskWriter
from mailsync.system.seams import Barrier, Writer
from support.client import Client
from support.rig import Rig, message
from support.wire import Traffic, Wire

SECOND = 10**9
CHANGING = {
    *("APPEND", "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE", "EXPUNGE", "CLOSE"),
    *("CREATE", "DELETE", "RENAME"),
}


class Disk(DiskFs):
    """The real disk, with a clock of its own and faults: `fault(call, path)` may raise OSError."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0  # seconds by which the file system's clock runs ahead: stamps hold
        self.listed: Counter[str] = Counter()
        self.fault: Callable[[str, str], None] = lambda call, path: None

    def list(self, path: str):  # type: ignore[no-untyped-def]
        self.fault("list", path)
        self.listed[path] += 1
        return super().list(path)

    def now_ns(self, path: str) -> int:
        return super().now_ns(path) + self.ahead * SECOND

    def open(self, path: str):  # type: ignore[no-untyped-def]
        self.fault("open", path)
        return super().open(path)

    def create(self, path: str) -> Writer:
        self.fault("create", path)
        return _Faulty(super().create(path), path, self)  # type: ignore[arg-type]

    def rename(self, source: str, target: str) -> None:
        self.fault("rename", source)
        super().rename(source, target)

    def replace(self, source: str, target: str) -> None:
        self.fault("replace", source)
        super().replace(source, target)

    def unlink(self, path: str) -> None:
        self.fault("unlink", path)
        super().unlink(path)

    def mkdir(self, path: str) -> None:
        self.fault("mkdir", path)
        super().mkdir(path)

    def sync_dir(self, path: str) -> None:
        self.fault("sync_dir", path)
        super().sync_dir(path)

    def barrier(self, path: str) -> Barrier | None:
        inner = super().barrier(path)
        return None if inner is None else _FaultyBarrier(inner, path, self)

    def mail_listings(self) -> int:
        """How often a new/ or cur/ was listed."""
        return sum(n for path, n in self.listed.items() if path.endswith(("/new", "/cur")))


class _Faulty:
    def __init__(self, inner: DiskWriter, path: str, disk: Disk) -> None:
        self._inner, self._path, self._disk = inner, path, disk
        self.set_mtime, self.close = inner.set_mtime, inner.close

    def write(self, data: bytes) -> None:
        self._disk.fault("write", self._path)
        self._inner.write(data)

    def sync(self) -> None:
        self._disk.fault("sync", self._path)
        self._inner.sync()


class Watch(SystemClock):
    """The wall clock, which a test may put `ahead`; `passed` seconds more by both clocks."""

    def __init__(self) -> None:
        self.ahead = self.passed = 0.0

    def wall(self) -> float:
        return super().wall() + self.ahead + self.passed

    def boot(self) -> tuple[str, float]:
        boot_id, seconds = super().boot()
        return boot_id, seconds + self.passed


class _FaultyBarrier:
    def __init__(self, inner: Barrier, path: str, disk: Disk) -> None:
        self._inner, self._path, self._disk = inner, path, disk
        self.close = inner.close

    def sync(self) -> None:
        self._disk.fault("sync", self._path)
        self._inner.sync()


@dataclass
class Wired(Rig):
    wire: Wire = field(kw_only=True)
    disk: Disk = field(default_factory=Disk, kw_only=True)
    watch: Watch = field(default_factory=Watch, kw_only=True)

    def __post_init__(self) -> None:
        self.changes = {"port": self.wire.port, "compress": False} | self.changes

    @property
    def traffic(self) -> Traffic:
        """Of the last sync."""
        return self.wire.traffic

    def sync(self, *mailboxes: str, **options: bool) -> AccountReport:
        self.wire.traffic = Traffic()
        self.disk.listed.clear()
        return super().sync(*mailboxes, **options)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`mailsync` with these words, as a process of its own; counted on the wire, too."""
        self.wire.traffic = Traffic()
        return subprocess.run(
            [sys.executable, "-m", "mailsync", "--config", str(self.configured()), *words],
            capture_output=True,
            text=True,
            timeout=300,
        )

    def configured(self) -> Path:
        """A configuration file that says the same as `account`."""
        account = self.account
        guard = "off" if account.guard.share is None else f"{account.guard.share:.0%}"
        path = self.root / "mailsync.conf"
        path.write_text(
            f'state = "{self.state.parent}"\n[accounts.{account.name}]\nhost = "127.0.0.1"\n'
            f'port = {account.port}\nsecurity = "none"\nuser = "{account.user}"\n'
            f'password = "{account.secret.inline}"\nmaildir = "{account.maildir}"\n'
            f'direction = "{account.direction}"\ndeletions = "{account.deletions}"\n'
            f'guard = "{guard}"\nappend-wait = {account.append_wait}\ntimeout = 20\n'
            f"compress = false\nmailboxes = {json.dumps(account.mailboxes)}\n"
        )
        path.chmod(0o600)
        return path

    def settle(self) -> AccountReport:
        """Sync to success and equal sides."""
        report = self.sync()
        assert report.exit == 0, report
        self.assert_equal()
        return report

    def idle(self, exit: int = 0) -> AccountReport:
        """Run again: nothing changes on either side; what is left is said again."""
        before = self.snapshot()
        report = self.sync()
        assert report.exit == exit, report
        assert self.snapshot() == before
        assert not CHANGING & self.traffic.commands.keys(), self.traffic
        assert (self.traffic.bodies, self.traffic.sent_bytes) == (0, 0)
        return report

    def fill(self, count: int, box: str = "INBOX", first: int = 0) -> None:
        with self.client() as client:
            append_many(client, (message(n) for n in range(first, first + count)), box)

    # -- decisions -----------------------------------------------------------------------------

    def accept(self, *mailboxes: str) -> int:
        return decide.accept([Target(self.account, mailboxes)])

    def reject(self, *mailboxes: str) -> int:
        return decide.reject([Target(self.account, mailboxes)])

    # -- the state directory -------------------------------------------------------------------

    def lose_cache(self) -> None:
        for path in self.state.glob("cache.db*"):
            path.unlink()

    def save_cache(self, place: Path) -> None:
        place.mkdir()
        for path in self.state.glob("cache.db*"):
            shutil.copy(path, place)

    def restore_cache(self, place: Path) -> None:
        self.lose_cache()
        for path in place.iterdir():
            shutil.copy(path, self.state)


def text_of(report: AccountReport) -> str:
    """All that a person is told."""
    notices = [notice for box in report.mailboxes for notice in box.notices]
    return "\n".join([*report.errors, *notices, *advice(Report((report,)))])


def append_many(
    client: Client,
    bodies: Iterable[bytes],
    box: str = "INBOX",
    date: str = "05-Oct-2026 10:00:00 +0000",
    flags: str = "",
) -> None:
    """By one MULTIAPPEND where the server can."""
    client.append_many(bodies, box, flags, date)
