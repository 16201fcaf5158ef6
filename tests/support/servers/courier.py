"""A private, throw-away Courier 5.0 on loopback, unpacked from Debian's packages.

with Courier() as server:
    server.port, server.password      # plain; a user is made by logging in

`capability` is what it announces instead of Debian's default; it still understands the rest.
Its imapd takes a connection over after the login, which is ours (login.py): Courier's own needs
paths of the whole system.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from support.servers import unpacked
from support.servers.inetd import Inetd
from support.servers.login import log_in

CAPABILITY = (
    "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"
)
FOLDERS = ("Drafts", "Sent", "Trash", "Archive")


class Courier:
    host = "127.0.0.1"
    kind = "courier"
    prefix = "INBOX."
    separator = "."

    def __init__(self, *, capability: str = CAPABILITY, keywords: bool = True) -> None:
        self.capability, self.keywords = capability, keywords
        self.password = "secret"
        self.port = 0
        self.dir = Path()
        self._gamin: subprocess.Popen[bytes] | None = None

    def start(self) -> Courier:
        self.dir = Path(tempfile.mkdtemp(prefix="courier-", dir="/tmp"))
        self._programs = unpacked.folder("courier") / "usr"
        self._env = unpacked.environment("courier") | {
            "GAM_CLIENT_ID": self.dir.name,
            "IMAP_CAPABILITY": self.capability,
            "IMAP_KEYWORDS": "1" if self.keywords else "0",
            "IMAP_USELOCKS": "1",
            "IMAP_TRASHFOLDERNAME": "Trash",
            "IMAP_MAILBOX_SANITY_CHECK": "1",
            "IMAP_CHECK_ALL_FOLDERS": "0",
            "IMAP_IDLE_TIMEOUT": "60",
            "TCPREMOTEIP": "127.0.0.1",
            "TCPREMOTEPORT": "1",
        }
        # Who changed a folder is told by gamin; without it every login waits for seconds.
        with (self.dir / "gamin.log").open("wb") as log:
            self._gamin = subprocess.Popen(
                [str(self._programs / "libexec/gam_server"), "--notimeout", self.dir.name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )
        deadline = time.monotonic() + 10
        while self.dir.name not in Path("/proc/net/unix").read_text():
            if self._gamin.poll() is not None or time.monotonic() > deadline:
                text = (self.dir / "gamin.log").read_text(errors="replace")
                self.stop()
                raise RuntimeError(f"gam_server did not start: {text}")
            time.sleep(0.01)
        self._inetd = Inetd(self._begin)
        self.port = self._inetd.port
        return self

    def _begin(self, sock: socket.socket) -> subprocess.Popen[bytes] | None:
        announced = f"{self.capability} ENABLE UTF8=ACCEPT"
        greeting = f"[CAPABILITY {announced}] Courier-IMAP ready."
        who = log_in(sock, greeting=greeting, capability=announced, password=self.password)
        if who is None:
            return None
        home = self.home(who.user)
        if not home.exists():
            self._make(home)
        with (self.dir / "stderr.log").open("ab") as log:
            return subprocess.Popen(
                [str(self._programs / "bin/imapd")],
                stdin=sock,
                stdout=sock,
                stderr=log,
                cwd=home,
                env=self._env
                | {"AUTHENTICATED": who.user, "MAILDIR": str(home), "IMAPLOGINTAG": who.tag},
                start_new_session=True,
            )

    def _make(self, home: Path) -> None:
        make = str(self._programs / "bin/maildirmake.courier")
        fresh = home.with_name(f".{home.name}.{time.monotonic_ns()}")
        for words in ([str(fresh)], *(["-f", name, str(fresh)] for name in FOLDERS)):
            subprocess.run([make, *words], env=self._env, check=True)
        if home.exists():  # another connection was quicker
            shutil.rmtree(fresh)
        else:
            fresh.rename(home)

    def home(self, user: str) -> Path:
        return self.dir / user

    def restart(self) -> None:
        """Every connection ends: that is all there is to it where each has its process."""
        self._inetd.drop()

    def stop(self) -> None:
        if self.port:
            self._inetd.close()
            self.port = 0
        if self._gamin is not None:
            self._gamin.kill()
            self._gamin.wait()
            self._gamin = None
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self) -> str:
        path = self.dir / "stderr.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def __enter__(self) -> Courier:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
