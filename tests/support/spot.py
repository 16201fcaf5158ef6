"""One account on a real Dovecot and the program as a process: for what a person would see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.client import Client, canonical
from support.home import Done, Home
from support.rig import Rig, message
from support.wired import append_many

ROOT_IS_NOBODY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown")


@dataclass
class Spot:
    """`rig` has the hands on both sides, `home` the program's files; both are the same account."""

    rig: Rig
    home: Home
    more: str = 'deletions = "expunge"\nguard = "off"\n'
    prefix: Sequence[str] = field(default_factory=list)  # a command that runs the program

    def __post_init__(self) -> None:
        self.configure()

    def configure(self, more: str = "", maildir: str = "", account: str = "me") -> None:
        """Lines of one's own; of a key given twice, the later line."""
        lines: dict[str, str] = {}
        text = (
            f'host = "127.0.0.1"\nport = {self.rig.server.port}\nsecurity = "none"\n'
            f'user = "{self.rig.user}"\npassword = "secret"\nappend-wait = 1\ntimeout = 20\n'
            f'maildir = "{maildir or self.mail}"\n{self.more}{more}'
        )
        for line in text.splitlines():
            lines[line.partition(" =")[0]] = line
        self.home.write(f"[accounts.{account}]\n" + "\n".join(lines.values()) + "\n")

    @property
    def mail(self) -> Path:
        return self.rig.maildir

    @property
    def state(self) -> Path:
        return self.home.state / "me"

    @property
    def cache(self) -> Path:
        return self.state / "cache.db"

    def client(self) -> Client:
        return self.rig.client()

    def fill(self, count: int, box: str = "INBOX", size: int = 0, first: int = 0) -> None:
        with self.client() as client:
            numbers = range(first, first + count)
            append_many(client, (message(f"{box} {n}", size) for n in numbers), box)

    # -- the program -------------------------------------------------------------------------

    def run(self, *args: str) -> Done:
        """To its end; never with a traceback or a word of a bug."""
        process = subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "mailsync", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.home.environment(),
            cwd=self.home.root,
        )
        out, err = process.communicate(timeout=120)
        for text in (out, err):
            assert "Traceback" not in text, text
            assert "bug in mailsync" not in text, text + self.crash_log()
            assert all(c.isprintable() or c == "\n" for c in text), ascii(text)
        return Done(process.returncode, out, err)

    def crash_log(self) -> str:
        log = self.home.state / "mailsync-crash.log"
        return log.read_text() if log.exists() else ""

    def sync(self, status: int, *told: str) -> Done:
        """`mailsync sync` ends with this exit status, and says each of these."""
        done = self.run("sync")
        assert done.status == status, done
        for text in told:
            assert text in done.out + done.err, (text, done)
        return done

    def summary(self) -> Any:
        return json.loads(self.run("sync", "--json").out)["accounts"][0]

    def settle(self) -> None:
        """It works again: success, equal sides, and a second run does nothing."""
        self.sync(0)
        self.rig.assert_equal()
        self.idle(0)

    def idle(self, status: int) -> Done:
        """One more run changes nothing on either side and ends with this status."""
        files, served = self.rig.snapshot(), self.served()
        done = self.sync(status)
        assert self.rig.snapshot() == files
        assert self.served() == served
        return done

    # -- what is there -----------------------------------------------------------------------

    def served(self) -> dict[str, Counter[bytes]]:
        with self.client() as client:
            return {
                box: Counter(canonical(body) for body, _ in client.messages(box).values())
                for box in client.boxes()
            }

    def stored(self) -> dict[str, Counter[bytes]]:
        found: dict[str, Counter[bytes]] = {}
        for box in self.rig.local_boxes():
            bodies = (path.read_bytes() for path in self.rig.files(box) if path.is_file())
            found[box] = Counter(map(canonical, bodies))
        return found


def as_nobody() -> list[str]:
    """What makes permissions count for the program, also where the tests run as root."""
    return list(ROOT_IS_NOBODY) if os.geteuid() == 0 else []
