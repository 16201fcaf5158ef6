"""The seams: production code reaches the world only through these small interfaces.

Each has a production adapter in this room and a simulated twin in tests/sim, held to the same
contract by one test class.  Intervals are asyncio's: `loop.time()`, `asyncio.sleep` and
`asyncio.timeout` are virtual under the simulator's event loop.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from mailsync.model.settings import Proxy

P = ParamSpec("P")
T = TypeVar("T")


class Stream(Protocol):
    """One byte stream to a server.

    Every method raises OSError (or ssl.SSLError, which is one) when the connection breaks.
    Deadlines are the caller's: wrap the call in `asyncio.timeout`.
    """

    async def read(self) -> bytes:
        """At least one byte as soon as there is any (at most 256 KiB); b"" at the end."""

    async def write(self, data: bytes) -> None:
        """Hand over all of `data`; waits while the peer is slow to take it."""

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Upgrade.  Bytes that were received and not yet read are an error: OSError."""

    def peer_certificate(self) -> bytes | None:
        """The leaf certificate in DER, None where the stream is not TLS."""

    def tls_unique(self) -> bytes | None:
        """The first Finished message (RFC 5929 §3); None where the stream is not TLS, or of
        TLS 1.3, for which it is not defined (RFC 9266)."""

    async def close(self) -> None:
        """Close at once, sending nothing more; never raises."""


class Net(Protocol):
    async def connect(self, host: str, port: int, tls: ssl.SSLContext | None) -> Stream:
        """Raises OSError."""

    async def connect_through(
        self, proxy: Proxy, host: str, port: int, tls: ssl.SSLContext | None
    ) -> Stream:
        """By a SOCKS5 proxy, which resolves the name.  Raises OSError, ConfigError."""

    async def tunnel(self, words: Sequence[str]) -> Stream:
        """A command whose standard input and output are the stream; it ends with it.

        Raises OSError where it cannot be run."""


@dataclass(frozen=True, slots=True)
class Stat:
    """What lstat says of one path; times in ns since 1970, the mtime within 63 bits."""

    kind: str  # "file", "dir", "link" or "other"
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int


class Writer(Protocol):
    """A file that is being written; it is in nobody's way until renamed."""

    def write(self, data: bytes) -> None: ...

    def set_mtime(self, mtime_ns: int) -> None:
        """Before `sync`, so that it is durable with the content; after the last `write`."""

    def sync(self) -> None:
        """Content and mtime durable (fsync).  An error means: not stored, for ever."""

    def close(self, mtime_ns: int | None = None) -> None: ...


class Reader(Protocol):
    def read(self, size: int) -> bytes:
        """At most `size` bytes; b"" at the end."""

    def close(self) -> None: ...


class Barrier(Protocol):
    """Durability of a whole file system at once (syncfs).

    It reports the write errors since it was made, so make it before the first write of a batch.
    """

    def sync(self) -> None:
        """Everything written so far on that file system durable.  An error means: nothing of
        what was written since the barrier was made counts as stored."""

    def close(self) -> None: ...


class Fs(Protocol):
    """A file system, synchronous: call it through `Pool.disk`.

    Paths are absolute `str` (undecodable bytes as surrogates).  Every method raises OSError with
    its errno; none follows a symbolic link in the last component.
    """

    def list(self, path: str) -> Iterator[tuple[str, str]]:
        """`(name, kind)` of every entry but `.` and `..`; kinds as in `Stat`, unsorted."""

    def stat(self, path: str) -> Stat: ...

    def open(self, path: str) -> Reader: ...

    def create(self, path: str) -> Writer:
        """A new file of mode 0600; FileExistsError if there is one (O_EXCL)."""

    def rename(self, source: str, target: str) -> None:
        """Never replaces: FileExistsError.  OSError EXDEV across file systems."""

    def replace(self, source: str, target: str) -> None:
        """The rename that replaces, for our own small state files only."""

    def unlink(self, path: str) -> None: ...

    def mkdir(self, path: str) -> None:
        """One directory of mode 0700; FileExistsError."""

    def rmdir(self, path: str) -> None: ...

    def sync_file(self, path: str) -> None:
        """The bytes of a file, whoever wrote them, durable (fsync)."""

    def sync_dir(self, path: str) -> None:
        """The directory's entries durable (fsync)."""

    def sync_all(self, path: str) -> bool:
        """Everything written so far on this file system durable (syncfs); False: not offered
        here, nothing was done."""

    def barrier(self, path: str) -> Barrier | None:
        """A barrier for the file system that holds the directory `path`; None: not offered."""

    def now_ns(self, path: str) -> int:
        """The time by the clock of the file system that holds the directory `path`."""


class Clock(Protocol):
    def wall(self) -> float:
        """Seconds since 1970; may jump.  It may only delay an action or expire undo."""

    def boot(self) -> tuple[str, float]:
        """Boot id and seconds since boot, suspend included: for intervals across processes."""


class Rand(Protocol):
    def bits(self, count: int) -> int: ...

    def fraction(self) -> float:
        """0 ≤ x < 1, for jitter."""


class Pool(Protocol):
    """Where blocking work runs: two disk threads, and one thread that owns the cache."""

    async def disk(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    async def cache(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...


@dataclass(frozen=True, slots=True)
class World:
    """All seams together; what a run is given."""

    net: Net
    fs: Fs
    clock: Clock
    rand: Rand
    pool: Pool
    host: str  # this machine's name, for unique names
    machine: str  # its id, for the marker
