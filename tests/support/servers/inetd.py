"""What inetd did: a port on loopback where every connection gets a process of its own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable


class Inetd:
    """`begin(sock)` gives the process that goes on with that connection; None: it is over."""

    def __init__(self, begin: Callable[[socket.socket], subprocess.Popen[bytes] | None]) -> None:
        self._begin = begin
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._running: list[subprocess.Popen[bytes]] = []
        self._closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        process = None
        with client, contextlib.suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            process = self._begin(client)
        if process is not None:
            self._running.append(process)
            if self._closing:
                process.kill()
            process.wait()

    def drop(self) -> None:
        """Every connection ends, with its process; new ones are served."""
        for process in self._running:
            process.kill()  # none that ended was forgotten: its wait() is that of _serve

    def close(self) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
