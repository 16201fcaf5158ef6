"""Real IMAP servers beside Dovecot, each started privately on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from support.dovecot import Dovecot
from support.dovecot import missing as no_dovecot
from support.servers import unpacked
from support.servers.courier import Courier
from support.servers.cyrus import Cyrus
from support.servers.imap4d import Imap4d
from support.servers.pymaps import Pymap


class Server(Protocol):
    """What a rig needs of a server; `prefix` and `separator` of its personal namespace."""

    port: int
    password: str
    prefix: str
    separator: str

    @property
    def dir(self) -> Path: ...

    def start(self) -> Server: ...

    def stop(self) -> None: ...

    def restart(self) -> None: ...


SERVERS: dict[str, Callable[..., Any]] = {
    "dovecot": Dovecot,
    "cyrus": Cyrus,
    "cyrus-dots": lambda: Cyrus(alternative=False),
    "cyrus-delayed": lambda: Cyrus(removal="delayed"),
    "courier": Courier,
    "courier-old": lambda: Courier(capability="IMAP4rev1 CHILDREN NAMESPACE", keywords=False),
    "imap4d": Imap4d,
    "pymap": Pymap,
}


def missing(name: str) -> str:
    """Why that server cannot be run here; "" when it can."""
    kind = name.split("-")[0]
    if kind == "dovecot":
        return no_dovecot()
    return unpacked.missing(kind) if kind in unpacked.PACKAGES else ""


@contextmanager
def serving(name: str, **options: object) -> Iterator[Server]:
    """One of them, for as long as the block takes."""
    if reason := missing(name):
        raise SystemExit(reason)
    server: Server = SERVERS[name](**options).start()
    try:
        yield server
    finally:
        server.stop()
