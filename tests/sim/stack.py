"""The whole engine on a simulated machine: real cycle, real SQLite, simulated disk and server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mailsync.cache import Cache
from mailsync.cache.cache import Boot
from mailsync.cache.cache import Cache as CacheClass
from mailsync.model.report import AccountReport, SyncOptions, Target
from mailsync.model.settings import Account, Deletions, Guard, Secret, Security
from mailsync.modes.job import Job
from mailsync.modes.once import sync_account
from sim import loop
from sim.cursors import Cursors
from sim.disk import SimDisk
from sim.fs import SimFs
from sim.letters import LETTERS
from sim.loop import Time
from sim.net import Cut, SimNet
from sim.oracle import Oracle, Violation, body_of
from sim.places import Places
from sim.rand import SimRand
from sim.server import SimServer
from sim.server_profile import Profile, strict_qresync
from sim.server_state import ghost_of
from sim.steps import Crash, Steps
from sim.witness import LocalWitness
from sim.world import make_world

ROOT = "/mail"
DATE = 1_700_000_000


class Stack:
    """One account: `server`, `fs`, a cache on a real file; what mail readers and clients do.

    With `server` and `host` another machine on the account of that server.
    """

    def __init__(
        self,
        seed: int | str = 0,
        profile: Profile | None = None,
        *,
        server: SimServer | None = None,
        host: str = "sim",
        **changes: object,
    ) -> None:
        self.rand = SimRand(seed)
        self.host = host
        self.skew = 0.0  # how far this machine's wall clock is off
        self.grain = 1  # ns; file times are multiples of it
        self.boots, self.booted = 1, 0.0
        if server is None:
            server = SimServer(profile or strict_qresync(), self.rand.fork("server"))
            for name, role in (("Trash", "\\Trash"), ("Drafts", "\\Drafts")):
                server.create(name, [role])
        self.server = server
        self.state = Path(tempfile.mkdtemp(prefix="sim-", dir=_fast()))
        self.disk = SimDisk(self._file_time)
        self.fs = SimFs(self.rand.fork("fs"), self.disk)  # as mail readers see the disk
        self.account = replace(
            Account(
                name="test",
                host="sim.example",
                port=143,
                user="me",
                maildir=Path(ROOT),
                state=self.state,
                security=Security.NONE,  # loading a TLS context would cost more than the sync
                allow_plaintext=True,
                secret=Secret(inline="secret"),
                deletions=Deletions.EXPUNGE,
                guard=Guard(share=None),
            ),
            **changes,  # type: ignore[arg-type]
        )
        places = Places(ROOT, self.account.layout)
        self.oracle = Oracle(places, str(self.state / "undo"), server.profile.alter_lf)
        self.cursors = Cursors(server, self.disk, self.state, places)
        self.eyes = self.fs.eyes = LocalWitness(server.witness, host, places, True, self.disk)
        self.runs = 0
        self.took: set[str] = set()  # ghosts whose file a user removed here
        self.last: Steps | None = None
        self.refuse: Callable[[str, str], None] | None = None  # what the disk refuses to a sync
        self.refuse_cache: Callable[[str], None] | None = None  # and what the cache's disk refuses
        self.cuts: list[Cut] = []  # what the connections of a sync break after, one after another
        self.traffic = (0, 0)  # bytes of the last sync that arrived, up and down
        self.mislist: Callable[[str, list[str]], list[str]] | None = None

    def _file_time(self) -> int:
        now = int((self.server.wall() + self.skew) * 1_000_000_000)
        return now - now % self.grain

    def close(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)

    # -- what users do -------------------------------------------------------------------------

    def serve(self, box: str, ghost: str, *flags: str, size: int = 0, age: int = 0) -> int:
        """A message arrives on the server; `age` in seconds beyond that of others."""
        body = body_of(ghost, size)
        self.oracle.born(ghost, body)
        date = DATE + len(self.oracle.bodies) - age
        return self.server.deliver(box, body.replace(b"\n", b"\r\n"), flags, date)

    def file(self, box: str, ghost: str, info: str = "", size: int = 0, age: int = 0) -> str:
        """A mail reader saves a message."""
        body = body_of(ghost, size)
        self.oracle.born(ghost, body)
        self.make(box)
        path = (
            f"{self.oracle.directory(box)}/{'cur' if info else 'new'}/{DATE}.{ghost}.reader{info}"
        )
        self.write(path, body, DATE + len(self.oracle.bodies) - age)
        return path

    def write(self, path: str, data: bytes, mtime: int) -> None:
        writer = self.fs.create(path)
        writer.write(data)
        writer.set_mtime(mtime * 1_000_000_000)  # before the sync: a later change is not durable
        writer.sync()
        writer.close()
        self.fs.sync_dir(path.rpartition("/")[0])

    def make(self, box: str) -> None:
        """A Maildir, durable, also where a sync that was refused something left a part of it."""
        path = ""
        for part in self.oracle.directory(box).strip("/").split("/"):
            parent, path = path or "/", f"{path}/{part}"
            with contextlib.suppress(FileExistsError):
                self.fs.mkdir(path)
            self.fs.sync_dir(parent)
        for folder in ("cur", "new", "tmp"):
            with contextlib.suppress(FileExistsError):
                self.fs.mkdir(f"{path}/{folder}")
        self.fs.sync_dir(path)

    def unmake(self, box: str) -> None:
        """A mail reader removes a Maildir that is empty."""
        path = self.oracle.directory(box)
        for folder in ("cur", "new", "tmp"):
            self.fs.rmdir(f"{path}/{folder}")
        self.fs.rmdir(path)
        self.fs.sync_dir(path.rpartition("/")[0])

    def path_of(self, box: str, ghost: str) -> str:
        """The file of a ghost in a mailbox."""
        start = f"{self.oracle.directory(box)}/"
        for path, data in sorted(self.fs.files().items()):
            rest = path.removeprefix(start)
            there = path.startswith(start) and rest.startswith(("new/", "cur/"))
            if there and rest.count("/") == 1 and ghost_of(data) == ghost:
                return path
        raise KeyError(ghost)

    def uid_of(self, box: str, ghost: str) -> int:
        return next(m.uid for m in self.server.contents(box) if m.ghost == ghost)

    def unlink(self, box: str, ghost: str) -> None:
        """A user deletes a file."""
        self.oracle.deleted.add(ghost)
        path = self.path_of(box, ghost)
        self.fs.unlink(path)
        self.fs.sync_dir(path.rpartition("/")[0])

    def expunge(self, box: str, ghost: str) -> None:
        """A user deletes on another device."""
        self.oracle.deleted.add(ghost)
        with contextlib.suppress(KeyError):
            self.path_of(box, ghost)
            self.oracle.expunged.add(ghost)
        self.server.expunge(box, self.uid_of(box, ghost))

    def flag(self, box: str, ghost: str, letters: str) -> None:
        """A mail reader sets exactly these flags."""
        path = self.path_of(box, ghost)
        folder, _, name = path.rpartition("/")
        target = f"{folder.rpartition('/')[0]}/cur/{name.split(':')[0]}:2,{letters}"
        self.rename(path, target)

    def move_file(self, box: str, ghost: str, target: str, unique: str = "") -> None:
        path = self.path_of(box, ghost)
        name = path.rpartition("/")[2]
        if unique:
            name = unique + ("" if ":" not in name else ":" + name.split(":", 1)[1])
        self.make(target)
        self.rename(path, f"{self.oracle.directory(target)}/{path.split('/')[-2]}/{name}")

    def rename(self, path: str, target: str) -> None:
        self.fs.rename(path, target)
        self.fs.sync_dir(target.rpartition("/")[0])
        self.fs.sync_dir(path.rpartition("/")[0])

    def jump(self, seconds: float) -> None:
        """The wall clock is set."""
        self.skew += seconds

    def reboot(self) -> None:
        self.boots += 1
        self.booted = self.server.uptime() - 20

    def pass_time(self, seconds: float) -> None:
        """Wall and file system time go on between runs."""
        self.server.time.now += seconds

    # -- runs ----------------------------------------------------------------------------------

    def sync(
        self, steps: Steps | None = None, *, only: tuple[str, ...] = (), **options: bool
    ) -> AccountReport:
        """One `mailsync sync`, of `only` some mailboxes; raises Crash where `steps` says."""
        job = self.job(steps or Steps(), only=only, **options)
        net = job.world.net
        assert isinstance(net, SimNet)
        with _noted():
            try:
                return loop.run(sync_account(job))
            finally:
                self.traffic = (net.bytes_up, net.bytes_down)

    def witnessed(self, when: str) -> None:
        """I1b, I10, I14, I16: mailsync took no message that no user had taken."""
        if found := self.server.witness.found:
            raise Violation(f"{when}: {found}")

    def job(
        self,
        steps: Steps,
        *,
        only: tuple[str, ...] = (),
        seed: int | str | None = None,
        **options: bool,
    ) -> Job:
        """The next run, as one process in its world; `seed` instead of one of its own."""
        self.runs += 1
        self.last = steps
        steps.looks.append(self.cursors.after)
        seed = f"{self.rand.seed}/{self.runs}" if seed is None else seed
        world = make_world(self.server, self.fs, seed, steps, host=self.host)
        disk = SimFs(SimRand(f"{seed}/fs"), self.disk, step=steps.step)
        disk.refuse, disk.mislist = self.refuse, self.mislist
        disk.eyes = eyes = replace(self.eyes, user=False, own={})
        steps.looks.append(eyes.after)
        world.net.cuts.extend(self.cuts)
        world.pool.refuse = self.refuse_cache
        world.clock.of(lambda: self.skew, f"boot-{self.boots}", self.booted)
        world = replace(world, fs=disk)
        return Job.of(Target(self.account, only), SyncOptions(**options), world)  # type: ignore[arg-type]

    def cache(self) -> Cache:
        """The cache between runs; close it."""
        return Cache.open(str(self.state), self.account.name)

    def kept_words(self) -> dict[tuple[str, str], str]:
        """Keywords that a file's name does not show, as the cache keeps them; by mailbox and
        unique name, in the letters of the oracle."""
        path = self.state / "cache.db"
        if not path.exists():
            return {}
        raw = sqlite3.connect(path)
        try:
            letters = [
                (1 << 6 + number, LETTERS.get(word.lower(), ""))
                for number, word in raw.execute("SELECT number, name FROM keywords")
            ]
            found = raw.execute(
                "SELECT mailboxes.name, messages.name, local_kept | local_lost FROM messages"
                " JOIN mailboxes ON mailboxes.id = mailbox WHERE messages.local = 1"
                " AND (local_kept | local_lost) <> 0"
            ).fetchall()
        except sqlite3.Error:  # none yet, or damaged
            return {}
        finally:
            raw.close()
        return {
            (box, name): "".join(letter for bit, letter in letters if bit & kept)
            for box, name, kept in found
        }

    def crash(self, at: int, model: str) -> bool:
        """A sync that dies at step `at`; False: it ended before."""
        try:
            self.sync(Steps(crash_at=at))
        except Crash:
            self.died(at, model)
            return True
        return False

    def died(self, at: int, model: str) -> None:
        """What a death at step `at` leaves of the disk, and what the server does yet."""
        self.disk.crash(model, self.rand.fork(f"crash {at}"))
        self.server.zombie(self.rand.fork(f"zombie {at}"))


def together(jobs: Sequence[Job], time: Time) -> list[AccountReport | BaseException]:
    """Several processes at once, on one loop and one server: what each said, or what ended it.

    The crash of one leaves the others running.
    """

    async def main() -> list[AccountReport | BaseException]:
        tasks = [sync_account(job) for job in jobs]
        return await asyncio.gather(*tasks, return_exceptions=True)

    with _noted():
        return loop.run(main(), time)


_others: list[CacheClass] = []
_once: dict[str, Any] = {}  # a dialect, and the statements compiled for it, for all runs


@contextlib.contextmanager
def _noted() -> Iterator[None]:
    """Every cache that is opened is closed in the end, also where a crash left it open.

    In a process that parted from it (sim/branch.py) it is the other's: neither closed nor freed.
    """
    original, process = CacheClass.open, os.getpid()
    opened: list[CacheClass] = []

    def note(directory: str, account: str, boot: Boot | None = None) -> CacheClass:
        cache = original(directory, account, boot)
        cache._connection.dialect = _once.setdefault("dialect", cache._connection.dialect)
        cache._connection.execution_options(compiled_cache=_once.setdefault("compiled", {}))
        opened.append(cache)
        return cache

    CacheClass.open = note  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        CacheClass.open = original  # type: ignore[method-assign]
        if os.getpid() != process:
            _others.extend(opened)
        else:
            for cache in opened:
                cache.close()


def _fast() -> str | None:
    """A tmpfs where there is one: fsync costs nothing there."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


__all__ = ["Cache", "Stack", "together"]
