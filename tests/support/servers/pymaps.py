"""A private, throw-away pymap on loopback: IMAP in Python, with EMAILID and without CONDSTORE."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support.servers.inetd import free_ports

_START = "import sys; from pymap.main import main; sys.exit(main())"


class Pymap:
    """Mail in memory, one user: `user` of the rig must be this one."""

    host = "127.0.0.1"
    kind = "pymap"
    prefix = ""
    separator = "/"
    user = "demouser"

    def __init__(self) -> None:
        self.password = "secret"
        self.port = 0
        self.dir = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 30.0) -> Pymap:
        self.dir = Path(tempfile.mkdtemp(prefix="pymap-", dir="/tmp"))
        (self.port,) = free_ports(1)
        with (self.dir / "stderr.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-W", "ignore", "-c", _START),
                    *("--host", self.host, "--port", str(self.port), "--no-tls"),
                    *("dict", "--demo-user", self.user, "--demo-password", self.password),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while not self._greets():
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = self.log()
                self.stop()
                raise RuntimeError(f"pymap did not start:\n{text}")
            time.sleep(0.05)
        return self

    def _greets(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), 2) as sock:
                return sock.recv(64).startswith(b"* OK")
        except OSError:
            return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()  # it does not end while a client is connected
            self._process.wait()
            self._process = None
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self) -> str:
        path = self.dir / "stderr.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def __enter__(self) -> Pymap:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
