"""A private, throw-away pymap on loopback: IMAP in Python, with EMAILID and without CONDSTORE."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from support.private import Private, free_ports

_START = "import sys; from pymap.main import main; sys.exit(main())"


class Pymap(Private):
    """Mail in memory, one user: `user` of the rig must be this one."""

    kind = "pymap"
    patience = 0.0  # it does not end while a client is connected
    prefix = ""
    separator = "/"
    user = "demouser"

    def start(self, timeout: float = 30.0) -> Pymap:
        self.dir = Path(tempfile.mkdtemp(prefix="pymap-", dir="/tmp"))
        (self.port,) = free_ports(1)
        self.launch(
            [
                *(sys.executable, "-W", "ignore", "-c", _START),
                *("--host", self.host, "--port", str(self.port), "--no-tls"),
                *("dict", "--demo-user", self.user, "--demo-password", self.password),
            ],
            timeout,
        )
        return self
