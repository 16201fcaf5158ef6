"""A private, throw-away imap4d of GNU mailutils 3.15 on loopback, unpacked from Debian's packages.

One process a connection, begun after a login of ours (login.py): its own asks the system's users.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

from support.servers import unpacked
from support.servers.inetd import Inetd
from support.servers.login import log_in

CAPABILITY = "IMAP4rev1 NAMESPACE ID IDLE LITERAL+ UNSELECT"
_CONFIG = """\
logging {{ syslog no; }};
mailbox {{
  mailbox-type maildir;
  mailbox-pattern "maildir:{home}/INBOX";
  folder "{home}/folders";
}};
namespace personal {{
  prefix "" {{ directory "{home}/folders"; delimiter "/"; mailbox-type maildir; }};
}};
"""


class Imap4d:
    host = "127.0.0.1"
    kind = "imap4d"
    prefix = ""
    separator = "/"

    def __init__(self) -> None:
        self.password = "secret"
        self.port = 0
        self.dir = Path()

    def start(self) -> Imap4d:
        self.dir = Path(tempfile.mkdtemp(prefix="imap4d-", dir="/tmp"))
        self._inetd = Inetd(self._begin)
        self.port = self._inetd.port
        return self

    def _begin(self, sock: socket.socket) -> subprocess.Popen[bytes] | None:
        who = log_in(
            sock,
            greeting="localhost IMAP4rev1",
            capability=CAPABILITY,
            password=self.password,
        )
        if who is None:
            return None
        home = self.dir / who.user
        for folder in ("folders", "INBOX/cur", "INBOX/new", "INBOX/tmp"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        (config := home / "imap4d.conf").write_text(_CONFIG.format(home=home))
        ours, theirs = socket.socketpair()
        with theirs, (self.dir / "stderr.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    str(unpacked.folder("imap4d") / "usr/sbin/imap4d"),
                    *("--inetd", "--preauth", f"--config-file={config}"),
                ],
                stdin=theirs,
                stdout=theirs,
                stderr=log,
                cwd=home,
                env=unpacked.environment("imap4d") | {"HOME": str(home)},
                start_new_session=True,
            )
        said = b""
        while not said.endswith(b"\r\n") and (byte := ours.recv(1)):  # * PREAUTH
            said += byte
        sock.sendall(f"{who.tag} OK LOGIN Completed\r\n".encode())
        threading.Thread(target=_relay, args=(sock.dup(), ours), daemon=True).start()
        return process

    def restart(self) -> None:
        """Every connection ends: that is all there is to it where each has its process."""
        self._inetd.drop()

    def stop(self) -> None:
        if self.port:
            self._inetd.close()
            self.port = 0
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self) -> str:
        path = self.dir / "stderr.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def __enter__(self) -> Imap4d:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()


def _relay(client: socket.socket, program: socket.socket) -> None:
    with client, program:
        up = threading.Thread(target=_pass_on, args=(client, program), daemon=True)
        up.start()
        _pass_on(program, client)
        up.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for sock in (source, target):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
