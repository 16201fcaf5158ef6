"""The daemon that Cyrus asks whether a password is right: every user has the same one."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path


class Saslauthd:
    def __init__(self, path: Path, password: str) -> None:
        self._password = password.encode()
        self._listener = socket.socket(socket.AF_UNIX)
        path.unlink(missing_ok=True)
        self._listener.bind(str(path))
        path.chmod(0o777)
        self._listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, client.makefile("rb") as asked, contextlib.suppress(OSError):
                    # User, password, service and realm, each behind its length.
                    words = [asked.read(int.from_bytes(asked.read(2), "big")) for _ in range(4)]
                    said = b"OK" if words[1] == self._password else b"NO"
                    client.sendall(len(said).to_bytes(2, "big") + said)
