"""The production adapters, all together."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from mailsync.system.clock import SystemClock, SystemRand
from mailsync.system.fs import DiskFs
from mailsync.system.net import TcpNet
from mailsync.system.pool import ThreadPool
from mailsync.system.seams import World


@contextmanager
def production_world() -> Iterator[World]:
    """The real machine; its threads end with the block."""
    pool = ThreadPool()
    try:
        yield World(
            net=TcpNet(),
            fs=DiskFs(),
            clock=SystemClock(),
            rand=SystemRand(),
            pool=pool,
            host=socket.gethostname(),
            machine=machine_id(),
        )
    finally:
        pool.close()


def machine_id() -> str:
    """A number for this machine that says nothing about it: for the marker (machine-id(5))."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            with open(path, "rb") as file:
                seed = file.read(64).strip()
        except OSError:
            continue
        if seed:
            return hashlib.blake2b(seed, digest_size=16, person=b"mailsync marker").hexdigest()
    name = socket.gethostname().encode()
    return hashlib.blake2b(name, digest_size=16, person=b"mailsync host").hexdigest()
