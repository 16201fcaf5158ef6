"""A home of its own for the program as a person runs it: a process, with or without a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ACCOUNT = """\
[accounts.me]
host = "127.0.0.1"
port = {port}
security = "none"
user = "{user}"
password = "secret"
maildir = "~/Mail/me"
append-wait = 1
"""


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


@dataclass
class Home:
    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def conf(self) -> Path:
        return self.root / ".config" / "mailsync" / "mailsync.conf"

    @property
    def state(self) -> Path:
        return self.root / ".local" / "state" / "mailsync"

    @property
    def mail(self) -> Path:
        return self.root / "Mail" / "me"

    def write(self, text: str, mode: int = 0o600) -> Path:
        self.conf.parent.mkdir(parents=True, exist_ok=True)
        self.conf.write_text(text)
        self.conf.chmod(mode)
        return self.conf

    def account(self, port: int, user: str = "ann", more: str = "") -> Path:
        """One account, `me`, at that port of this machine."""
        return self.write(ACCOUNT.format(port=port, user=user) + more)

    def environment(self, more: Mapping[str, str] = {}) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        return kept | {"HOME": str(self.root), "LANG": "C.UTF-8"} | self.env | dict(more)

    def start(self, *args: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mailsync", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(more),
            cwd=self.root,
        )

    def run(self, *args: str, **more: str) -> Done:
        """To its end, without a terminal; `more` goes to the environment."""
        with self.start(*args, **more) as process:
            out, err = process.communicate(timeout=120)
        return Done(process.returncode, out, err)

    def on_terminal(
        self, *args: str, keys: str = "", prompt: str = "", columns: int = 80, **more: str
    ) -> Done:
        """To its end, on a terminal on which `keys` are typed, once it shows `prompt`; `out` has
        all that it showed."""
        env = self.environment({"TERM": "xterm-256color"} | more)
        pid, terminal = pty.fork()
        if pid == 0:  # the child
            os.chdir(self.root)
            os.execvpe(sys.executable, [sys.executable, "-m", "mailsync", *args], env)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        shown = bytearray()
        while True:
            if keys and prompt.encode() in shown:
                os.write(terminal, keys.encode())
                keys = ""
            try:
                data = os.read(terminal, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not data:
                break
            shown += data
        os.close(terminal)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return Done(status, shown.decode(), "")

    def bytes(self) -> dict[str, tuple[int, bytes]]:
        """Every file below home with its time and content, and every directory."""
        found: dict[str, tuple[int, bytes]] = {}
        for path in sorted(self.root.rglob("*")):
            data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found[str(path.relative_to(self.root))] = (path.lstat().st_mtime_ns, data)
        return found
