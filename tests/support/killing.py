"""Syncs that die: SIGKILL at a system call or at a moment, connections cut at a byte.

The dying sync is a process of its own; the restart at once is the next sync of the rig, on the
same state, and must leave nothing lost and nothing doubled.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from mailsync.executor.resolve import NOT_THERE
from mailsync.model.errors import Exit
from mailsync.model.report import AccountReport
from support.churning import Churn
from support.cutter import Cutter
from support.rig import Rig, message
from support.wired import append_many, text_of

# System call → how often one thread of a run with a dozen changes makes it, about.
CALLS = {"renameat2": 4, "fsync": 6, "fdatasync": 20, "pwrite64": 150, "sendto": 50, "utimensat": 4}
PARKED = 4 * 3600.0  # seconds
APPEND_WAIT = 2.0  # as long as Dovecot may still execute what a dead client had sent


def can_trace() -> str:
    """Why strace cannot inject here; "" when it can."""
    if shutil.which("strace") is None:
        return "strace not found: apt-get install strace"
    words = ["strace", "-qq", "-o", os.devnull, "-e", "inject=write:signal=KILL:when=1", "echo"]
    done = subprocess.run(words, capture_output=True, check=False)
    return "" if done.returncode == -signal.SIGKILL else f"ptrace: {done.stderr.decode()}"


def configure(rig: Rig, port: int, timeout: float = 20.0) -> list[str]:
    """The command line of a sync of this rig by a process of its own."""
    config = rig.root / "mailsync.conf"
    account = rig.account
    config.write_text(
        f'state = "{rig.state.parent}"\n[accounts.test]\nhost = "127.0.0.1"\n'
        f'port = {port}\nsecurity = "none"\nuser = "{rig.user}"\npassword = "secret"\n'
        f'maildir = "{rig.maildir}"\ndeletions = "{account.deletions}"\nguard = "off"\n'
        f"append-wait = {account.append_wait:.0f}\ntimeout = {timeout}\ncompress = false\n"
    )
    config.chmod(0o600)
    return [sys.executable, "-m", "mailsync", "--config", str(config), "sync", "-q"]


def run(words: list[str], seconds: float | None = None) -> bool:
    """Whether it was killed, by itself or after `seconds`."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(120 if seconds is None else seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        return process.wait() == -signal.SIGKILL


@dataclass
class Killing(Churn):
    """A churn whose syncs are killed once to three times before the one that is to succeed."""

    modes: tuple[str, ...] = ("strace", "time", "cut")
    killed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rig.changes["append_wait"] = APPEND_WAIT

    def reach(self, allowed: tuple[Exit, ...]) -> None:
        for _ in range(self.rand.randrange(1, 4)):
            mode = self.rand.choice(self.modes)
            what, hit = getattr(self, mode)()
            self.killed[mode] += hit
            self.log.append(f"{what}{'' if hit else ' (not reached)'}")
        super().reach(allowed)

    def sync(self) -> AccountReport:
        """What was ended twice in the middle of its APPEND is parked (rule 8), and due later."""
        report = super().sync()
        if NOT_THERE in text_of(report):
            self.log.append("ended twice in one APPEND: parked, and due later")
            self.rig.watch.ahead += PARKED
            report = super().sync()
        return report

    def strace(self) -> tuple[str, bool]:
        """SIGKILL at the Nth of one system call, counted by thread."""
        call = self.rand.choice(sorted(CALLS))
        at = self.rand.randint(1, CALLS[call])
        inject = f"inject={call}:signal=KILL:when={at}"
        tracer = ["strace", "-f", "-qq", "-o", os.devnull]
        hit = run([*tracer, "-e", f"trace={call}", "-e", inject, *configure(self.rig, self.port)])
        return f"SIGKILL at {call} number {at}", hit

    def time(self) -> tuple[str, bool]:
        seconds = self.rand.uniform(0.3, 1.3)
        return f"SIGKILL after {seconds:.3f} s", run(configure(self.rig, self.port), seconds)

    def cut(self) -> tuple[str, bool]:
        """The connection ends at a byte of either direction, and the process with it."""
        with Cutter(self.port, random.Random(self.rand.random())) as cutter:
            cutter.cut_after = limit = int(10 ** self.rand.uniform(2.3, 4.8))
            words = configure(self.rig, cutter.port)
            with subprocess.Popen(
                words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process:
                while not (hit := cutter.was_cut) and process.poll() is None:
                    time.sleep(0.002)
                if self.rand.random() < 0.5:
                    process.kill()
                process.wait(120)
        return f"cut after {limit} bytes", hit

    @property
    def port(self) -> int:
        return self.rig.server.port


@dataclass
class Report:
    """Of one run of S7 (reliability.md §0)."""

    lost: int = 0
    doubled: int = 0
    unequal: bool = False
    kills: int = 0

    @property
    def bad(self) -> bool:
        return bool(self.lost or self.doubled or self.unequal)


def s7(rig: Rig, rand: random.Random, count: int = 300, kills: int = 3) -> Report:
    """A two-way sync of `count` messages, `kill -9` at random moments, restarted at once."""
    rig.changes["append_wait"] = APPEND_WAIT
    half = count // 2
    with rig.client() as client:
        append_many(client, (message(n, rand.randrange(40)) for n in range(half)))
    for number in range(half, count):
        rig.put(message(number, rand.randrange(40)))
    words, report = configure(rig, rig.server.port), Report()
    for _ in range(kills):
        report.kills += run(words, rand.uniform(0.35, 1.2))
    done = rig.sync()
    assert done.exit == 0, done
    with rig.client() as client:
        served = client.view()
    local = rig.local_view()
    bodies = Counter(body for body, _ in served.elements())
    report.lost = count - len(bodies)
    report.doubled = sum(number - 1 for number in bodies.values())
    report.unequal = served != local
    return report
