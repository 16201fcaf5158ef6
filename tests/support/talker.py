"""A server on loopback that says what it is told to say: rude texts, nothing, or too much."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from dataclasses import dataclass, field

READY = b"* OK [CAPABILITY IMAP4rev1 LITERAL+] ready\r\n"


@dataclass
class Talker:
    """`answers`: by command, what stands before the tagged OK, or the whole when it has `$`,
    which becomes the tag.  Every command not named is answered OK; of a list the first is used up,
    but for the last.
    """

    answers: dict[bytes, bytes | list[bytes]] = field(default_factory=dict)
    greeting: bytes = READY
    port: int = 0
    connections: int = 0
    heard: list[bytes] = field(default_factory=list)
    connected: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Talker:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self.connected.set()
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as lines, contextlib.suppress(OSError):
            client.sendall(self.greeting)
            for line in lines:
                while literal := re.search(rb"\{(\d+)\+\}\r\n$", line):
                    line += lines.read(int(literal[1])) + lines.readline()
                self.heard.append(line.rstrip())
                tag, _, rest = line.strip().partition(b" ")
                said = self.answers.get(rest.split(b" ")[0].upper(), b"")
                if isinstance(said, list):
                    said = said.pop(0) if len(said) > 1 else said[0]
                if b"$" not in said:
                    said += b"$ OK done\r\n"
                client.sendall(said.replace(b"$", tag))
