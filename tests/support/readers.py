"""Real mail readers on a Maildir, unpacked from Debian's packages: neomutt in a terminal of its
own, notmuch, and mu by the server that mu4e talks to."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from support.servers import unpacked

LIMIT = 120  # seconds, for one go of a reader
NEOMUTT = """\
set folder = "{maildir}"
set spoolfile = "+INBOX"
set mbox_type = Maildir
set record = ""
set postponed = "+Drafts"
set from = "me@rig.example"
set realname = "Me"
set hostname = "rig.example"
set sort = date-received
set delete = yes
set quit = yes
set move = no
set abort_unmodified = no
set abort_nosubject = no
set confirmappend = no
set confirmcreate = no
set wait_key = no
set sleep_time = 0
set mark_old = no
set timeout = 1
set use_threads = no
"""
NOTMUCH = """\
[database]
path={maildir}
[user]
primary_email=me@rig.example
[new]
tags=unread;inbox
ignore=.mailsync
[maildir]
synchronize_flags=true
[search]
exclude_tags=
"""


@dataclass
class Readers:
    """`home` is the readers' own; they may share one Maildir."""

    home: Path
    maildir: Path

    def environment(self) -> dict[str, str]:
        found = unpacked.environment("readers")
        kept = {name: found[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in found}
        home = {"HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "xterm"}
        for name in ("CACHE", "CONFIG", "DATA"):
            home[f"XDG_{name}_HOME"] = str(self.home / name.lower())
        return kept | home | {"NOTMUCH_CONFIG": str(self.home / "notmuch-config")}

    def program(self, name: str) -> str:
        return str(unpacked.folder("readers") / "usr/bin" / name)

    def run(self, *words: str, stdin: str = "") -> str:
        """Standard output; fails with all that was said."""
        done = subprocess.run(
            [self.program(words[0]), *words[1:]],
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            env=self.environment(),
            timeout=LIMIT,
        )
        assert done.returncode == 0, (words, done)
        return done.stdout

    # -- neomutt ---------------------------------------------------------------------------------

    def neomutt(self, keys: Sequence[str], box: str = "INBOX", more: str = "") -> str:
        """Type these keys (as neomutt names them) into it, and quit; what it showed."""
        self.home.mkdir(exist_ok=True)
        config = self.home / "neomuttrc"
        config.write_text(NEOMUTT.format(maildir=self.maildir) + more)
        typed = "".join(keys) + "<quit>"
        command = ["-F", str(config), "-f", f"+{box}", "-e", f"push '{typed}'"]
        pid, terminal = pty.fork()
        if pid == 0:  # the child
            os.chdir(self.home)
            os.execve(
                self.program("neomutt"),
                ["neomutt", *command],
                self.environment() | {"EDITOR": "true", "VISUAL": "true"},
            )
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        return _to_the_end(pid, terminal)

    # -- notmuch ---------------------------------------------------------------------------------

    def notmuch(self, *words: str) -> str:
        self.home.mkdir(exist_ok=True)
        (self.home / "notmuch-config").write_text(NOTMUCH.format(maildir=self.maildir))
        return self.run("notmuch", *words)

    # -- mu --------------------------------------------------------------------------------------

    def mu_index(self) -> None:
        """As `mu index` after a sync; the first time with `mu init`."""
        self.home.mkdir(exist_ok=True)
        if not (self.home / "cache" / "mu" / "xapian").exists():
            self.run("mu", "init", f"--maildir={self.maildir}", "--my-address=me@rig.example", "-q")
        self.run("mu", "index", "-q")

    def mu_server(self, *commands: str) -> str:
        """What mu4e says to it; an error of any of the commands fails."""
        said = self.run("mu", "server", stdin="\n".join((*commands, "(quit)")) + "\n")
        assert "(:error" not in said, said
        return said

    def mu_move(self, number: int, flags: str = "", box: str = "", rename: bool = False) -> str:
        """mu4e's move and mark: `flags` like "+S-N", `box` to go to."""
        where = f' :maildir "/{box}"' if box else ""
        new = " :rename t" if rename else ""
        said = f' :flags "{flags}"' if flags else ""
        return self.mu_server(f'(move :msgid "{number}@rig.example"{where}{said}{new})')


def _to_the_end(pid: int, terminal: int) -> str:
    shown = bytearray()
    end = time.monotonic() + LIMIT
    while True:
        ready, _, _ = select.select([terminal], [], [], 1)
        if ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not data:
                break
            shown += data
        elif time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)
            raise AssertionError(f"neomutt does not end: {_plain(shown)[-2000:]}")
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, _plain(shown)[-2000:]
    return _plain(shown)


def _plain(shown: bytes | bytearray) -> str:
    """Without what steers the terminal."""
    return re.sub(
        r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78])", "", shown.decode(errors="replace")
    )
