"""Real faults under a sync that runs as a process of its own, against a real Dovecot.

errno      one system call fails, once or from then on (strace; needs ptrace)
full       the disk has only a few pages left (a tmpfs; else a limit to the size of files)
stop       the process is stopped for longer than its timeouts
freeze     the server is, and goes on in the middle of it all
restart    the server is restarted
kill, cut  as in support.killing

The faulty sync must end with a documented status and without a traceback; the next one, at once and
without faults, must bring both sides together: nothing lost, nothing doubled, a second run idle.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from mailsync.model.errors import Exit
from support.churn_profiles import PROFILES
from support.churning import churning
from support.disks import leaving_room, small_disk
from support.dovecot import Dovecot
from support.killing import Killing, configure

KINDS = ("kill", "cut", "errno", "full", "stop", "freeze", "restart")
TIMEOUT = 1.5  # seconds, of a sync that is to run into it
PARKED = 25 * 3600.0  # beyond what is parked because the disk refused it
DISK = ("EIO", "ENOSPC", "EACCES", "EDQUOT", "EROFS")
# System call → how often one thread makes it, about, and the errors that it may give.  Those of the
# second table also serve Python's own start: they fail only for one path.
ANYWHERE = {
    "renameat2": (8, DISK),
    "fsync": (12, ("EIO", "ENOSPC", "EDQUOT")),
    "fdatasync": (30, ("EIO", "ENOSPC", "EDQUOT")),
    "pwrite64": (200, ("EIO", "ENOSPC", "EDQUOT")),
    "write": (10, ("EIO", "ENOSPC", "EDQUOT")),
    "utimensat": (6, ("EIO", "EACCES", "EROFS")),
    "unlink": (3, ("EIO", "EACCES", "EROFS")),
    "mkdir": (2, DISK),
    "ftruncate": (2, ("EIO", "EACCES")),
    "flock": (1, ("ENOLCK", "EIO")),
    "connect": (1, ("ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "ETIMEDOUT")),
}
ON_A_PATH = {
    "openat": (3, ("EIO", "EACCES", "EMFILE", "ENFILE", "ENOMEM")),
    "newfstatat": (5, ("EIO", "EACCES", "ENOMEM")),
    "getdents64": (2, ("EIO", "ENOMEM")),
    "read": (2, ("EIO",)),
    "pread64": (20, ("EIO",)),
    "fcntl": (20, ("ENOLCK", "EIO")),
}


@dataclass
class Faulting(Killing):
    """A churn whose syncs meet a fault once or twice before the one that is to succeed."""

    modes: tuple[str, ...] = KINDS
    statuses: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rig.watch.ahead = PARKED

    def kill(self) -> tuple[str, bool]:
        return self.rand.choice([self.strace, self.time])()

    def errno(self) -> tuple[str, bool]:
        """By thread the Nth call; the trace tells whether one was hit."""
        path: list[str] = []
        table = ANYWHERE
        if self.rand.random() < 0.5:
            table, path = ON_A_PATH, ["-P", str(self.rand.choice(self.paths()))]
        call = self.rand.choice(sorted(table))
        most, errors = table[call]
        error, at = self.rand.choice(errors), int((most + 1) ** self.rand.random())
        again = self.rand.choice(["", "", "+"])
        trace = self.rig.root / "trace"
        inject = f"inject={call}:error={error}:when={at}{again}"
        tracer = ["strace", "-f", "-qq", "-o", str(trace), *path, "-e", f"trace={call}", "-e"]
        what = f"{error} by {call} number {at}{again} {' '.join(path)}"
        self.faulty(what, [*tracer, inject])
        return what, "(INJECTED)" in trace.read_text(errors="replace")

    def paths(self) -> list[Path]:
        """Where something is read or written: mailboxes, mail, cache, state."""
        rig, state = self.rig, self.rig.state
        found = [rig.maildir, rig.maildir / ".mailsync", state, state / "lock", state / "undo"]
        found += [state / f"cache.db{end}" for end in ("", "-wal", "-shm")] * 3
        for box in self.maildir.boxes():
            found += [rig.box(box), *(rig.box(box) / one for one in ("cur", "new", "tmp"))]
            with contextlib.suppress(OSError):
                files = rig.files(box)
                found += self.rand.sample(files, min(3, len(files)))
        return found

    def full(self) -> tuple[str, bool]:
        if not os.path.ismount(self.rig.root):
            size = self.rand.randrange(1, 200) << 10
            return self.faulty(f"no file above {size} bytes", ["prlimit", f"--fsize={size}"])
        pages = int(300 ** self.rand.random())
        return self.faulty(f"{pages} pages left", around=leaving_room(self.rig.root, pages))

    def stop(self) -> tuple[str, bool]:
        def stopped(process: subprocess.Popen[bytes]) -> None:
            process.send_signal(signal.SIGSTOP)
            time.sleep(TIMEOUT + 1)
            process.send_signal(signal.SIGCONT)

        return self.faulty("stopped for longer than its timeouts", during=stopped)

    def freeze(self) -> tuple[str, bool]:
        seconds = self.rand.uniform(1, 5 * TIMEOUT)
        server = self.rig.server

        def frozen(process: subprocess.Popen[bytes]) -> None:
            server.send_signal(signal.SIGSTOP)
            try:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(seconds)
            finally:
                server.send_signal(signal.SIGCONT)

        return self.faulty(f"the server stopped for {seconds:.1f} s", during=frozen)

    def restart(self) -> tuple[str, bool]:
        def restarted(_process: subprocess.Popen[bytes]) -> None:
            self.rig.server.restart()

        try:
            return self.faulty("the server restarted", during=restarted)
        finally:
            self.server.client.connect_again()

    def faulty(
        self,
        what: str,
        tracer: list[str] | None = None,
        during: Callable[[subprocess.Popen[bytes]], None] | None = None,
        around: AbstractContextManager[object] | None = None,
    ) -> tuple[str, bool]:
        """A sync with this fault; True: it was at work still when `during` came."""
        words = [*(tracer or []), *configure(self.rig, self.port, TIMEOUT)]
        hit = during is None
        with (
            around or nullcontext(),
            (self.rig.root.parent / "said").open("w+b") as said,
            subprocess.Popen(words, stdout=said, stderr=said) as process,
        ):
            if during is not None:
                try:
                    process.wait(self.rand.uniform(0.25, 0.9))
                except subprocess.TimeoutExpired:
                    hit = True
                    during(process)
            try:
                status = process.wait(180)
            except subprocess.TimeoutExpired:
                process.kill()
                self.complain([f"{what}: it never ended"])
            said.seek(0)
            text = said.read().decode(errors="replace")
        self.statuses[status] += 1
        if status not in set(Exit) or "Traceback" in text or "bug" in text:
            log = self.rig.state.parent / "mailsync-crash.log"
            text += log.read_text() if log.exists() else ""
            self.complain([f"{what}: exit {status}", text])
        return what, hit


def faults(
    server: Dovecot,
    root: Path,
    seed: int,
    kinds: tuple[str, ...],
    until: float,
    most: int,
    hits: int | None = None,
) -> Faulting:
    """Rounds of one account until that time, or until so many faults hit a sync at work; Failed
    says what went wrong."""
    with small_disk(root, "256m"):
        kind = functools.partial(Faulting, modes=kinds)
        with churning(kind, PROFILES["full"], seed, root / "account", server) as churn:
            churn.begin()
            while (
                time.monotonic() < until
                and churn.rounds < most
                and (hits is None or churn.killed.total() < hits)
            ):
                churn.rounds += 1
                churn.round(churn.rounds)
            return churn


def can_inject() -> str:
    """Why strace cannot let a system call fail here; "" when it can."""
    if shutil.which("strace") is None:
        return "strace not found: apt-get install strace"
    words = ["strace", "-qq", "-o", os.devnull, "-e", "inject=mkdir:error=EDQUOT:when=1", "mkdir"]
    done = subprocess.run([*words, "/tmp"], capture_output=True, check=False)
    return "" if b"uota" in done.stderr else f"ptrace: {done.stderr.decode()}"
