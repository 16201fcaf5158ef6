"""SIGKILL at random moments with an instant restart, and connections cut at random bytes.

MAILSYNC_KILL_ROUNDS=200 pytest tests/real/test_real_kill.py
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from support.cutter import Cutter
from support.dovecot import Dovecot
from support.rig import Rig, message

pytestmark = pytest.mark.dovecot

ROUNDS = int(os.environ.get("MAILSYNC_KILL_ROUNDS", "6"))
SEED = int(os.environ.get("MAILSYNC_KILL_SEED", "1"))


class Killed:
    """A rig whose syncs are processes of their own, and what both sides should hold."""

    def __init__(self, dovecot: Dovecot, root: Path, rand: random.Random) -> None:
        self.rig, self.rand = Rig(dovecot, root), rand
        self.expected: Counter[bytes] = Counter()
        self.made = 0
        self.config = root / "mailsync.conf"

    def configure(self, port: int) -> None:
        self.config.write_text(
            f'state = "{self.rig.root}/state"\n[accounts.test]\nhost = "127.0.0.1"\n'
            f'port = {port}\nsecurity = "none"\nuser = "{self.rig.user}"\npassword = "secret"\n'
            f'maildir = "{self.rig.maildir}"\ndeletions = "expunge"\nguard = "off"\n'
            "append-wait = 2\ntimeout = 20\n"
        )
        self.config.chmod(0o600)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "mailsync", "--config", str(self.config), "sync", *words]

    def change(self) -> None:
        """New mail on both sides, and a deletion on each."""
        with self.rig.client() as client:
            for _ in range(8):
                self.made += 1
                client.append(message(f"s{self.made}", self.rand.randrange(300)))
            uids = client.uids()
            if len(uids) > 20:
                client.expunge(self.rand.sample(uids, 2))
        for _ in range(8):
            self.made += 1
            self.rig.put(message(f"l{self.made}", self.rand.randrange(300)))

    def run(self, port: int, kill_after: float | None) -> None:
        self.configure(port)
        process = subprocess.Popen(
            self.command("-q"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if kill_after is not None:
            time.sleep(kill_after)
            process.send_signal(signal.SIGKILL)
        process.wait(120)

    def finish(self, when: str) -> None:
        """Instant restart, to the end; every message made is there once on both sides."""
        done = subprocess.run(self.command(), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{when}: {done.stdout}{done.stderr}"
        with self.rig.client() as client:
            served = client.view()
        assert self.rig.local_view() == served, when
        doubled = [body for (body, _), count in served.items() if count > 1]
        assert not doubled, f"{when}: {len(doubled)} doubled, such as {doubled[0][:80]!r}"


def test_killed_at_random_moments(dovecot: Dovecot, tmp_path: Path) -> None:
    rand = random.Random(SEED)
    killed = Killed(dovecot, tmp_path, rand)
    for round_ in range(ROUNDS):
        killed.change()
        before = set(map(bytes, (b for b, _ in killed.rig.local_view()))) if round_ else set()
        for _ in range(rand.randrange(1, 4)):
            killed.run(dovecot.port, rand.uniform(0.25, 1.1))
        killed.finish(f"seed {SEED}, round {round_}")
        after = {body for body, _ in killed.rig.local_view()}
        assert len(before - after) <= 2, "only what was expunged may be gone"


def test_cut_at_random_bytes(dovecot: Dovecot, tmp_path: Path) -> None:
    rand = random.Random(SEED + 1)
    killed = Killed(dovecot, tmp_path, rand)
    with Cutter(dovecot.port, rand) as cutter:
        for round_ in range(ROUNDS):
            killed.change()
            cutter.cut_after = limit = rand.randrange(200, 120_000)
            killed.run(cutter.port, None)
            killed.configure(dovecot.port)
            killed.finish(f"seed {SEED}, round {round_}, cut after {limit} bytes")
