"""A TCP proxy on loopback that cuts one connection after so many bytes, both ways counted."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import threading


class Cutter:
    """`cut_after`: bytes that the next connection may carry; None: all, as of every later one."""

    def __init__(self, target: int, rand: random.Random) -> None:
        self.target, self.rand = target, rand
        self.cut_after: int | None = None
        self.was_cut = False
        self.carried = 0  # bytes, of all connections
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Cutter:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        self._threads.append(thread)
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(30)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            limit, self.cut_after = self.cut_after, None
            thread = threading.Thread(target=self._pass, args=(client, limit), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _pass(self, client: socket.socket, left: int | None) -> None:
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            other = {client: server, server: client}
            while True:
                ready, _, _ = select.select([client, server], [], [], 60)
                if not ready:
                    return
                for sock in ready:
                    try:
                        data = sock.recv(65536)
                        if left is not None:
                            data = data[:left]
                            left -= len(data)
                        if not data:
                            return
                        self.carried += len(data)
                        other[sock].sendall(data)
                    except OSError:
                        return
                if left == 0:
                    self.was_cut = True
                    return
