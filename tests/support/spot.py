"""One account on a real Dovecot and the command line: what a person would do and see."""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from mailsync.cli.app import app
from mailsync.cli.state import State
from mailsync.model.errors import MailsyncError
from support.client import Client, canonical
from support.home import Done, Home
from support.rig import Rig, message
from support.wired import append_many


@dataclass
class Spot:
    """`rig` has the hands on both sides, `home` the program's files; both are the same account."""

    rig: Rig
    home: Home
    more: str = 'deletions = "expunge"\nguard = "off"\n'
    ordinary: bool = False  # permissions count, also where the tests run as root
    prefix: Sequence[str] = ()  # of the processes: a command that runs them

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
        """The whole command line to its end, in this process."""
        said, complained = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.home.environment(), clear=True),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(complained),
            unprivileged() if self.ordinary else contextlib.nullcontext(),
        ):
            try:
                status = app.main(list(args), "mailsync", obj=State(), standalone_mode=False)
            except MailsyncError as error:  # as the outermost frame does
                status = error.exit
                complained.write(f"mailsync: {error}\n")
        return checked(Done(int(status), said.getvalue(), complained.getvalue()))

    def spawn(self, *args: str) -> Done:
        """The same as a process of its own."""
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
        assert "bug in mailsync" not in err, err + self.crash_log()
        return checked(Done(process.returncode, out, err))

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


def checked(done: Done) -> Done:
    """No traceback, and nothing that steers a terminal."""
    for text in (done.out, done.err):
        assert "Traceback" not in text, text
        assert all(c.isprintable() or c == "\n" for c in text), ascii(text)
    return done


_OVERRIDES = 0b1111  # CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """This thread and those it starts obey permissions, as those of any user do."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    head = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice 32 bits
    assert libc.capget(head, sets) == 0
    before = sets[0]
    sets[0] &= ~_OVERRIDES
    assert libc.capset(head, sets) == 0
    try:
        yield
    finally:
        sets[0] = before
        assert libc.capset(head, sets) == 0
