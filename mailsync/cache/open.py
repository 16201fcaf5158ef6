"""Open, make, check, move aside, upgrade the file.

A new file is made in rollback mode in one transaction and switched to WAL afterwards, so that
a crash leaves either nothing or a whole cache.  Damage that a rerun can repair (the cache is
made anew and relinked) is never an error; a newer schema is one, as an older program must not
throw away what a newer one wrote.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, create_engine, event, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from mailsync.cache import tables
from mailsync.cache.schema import APPLICATION_ID, FILE, HEAD, read_only
from mailsync.model.errors import CacheError, Reach, StorageError
from mailsync.system.private import private_directory
from mailsync.system.text import safe
from mailsync.system.trouble import advice, storage_error

BUSY_TIMEOUT = 5.0  # seconds; only the quick check of another process is ever in the way
NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "lustre", "glusterfs")
)  # also as fuse.<name>
DOUBT = ".doubt"  # beside the file: it misbehaved, so the next `open` checks it
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_STORAGE = {  # and the errno whose advice fits
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_BUSY: errno.EBUSY,
    sqlite3.SQLITE_LOCKED: errno.EBUSY,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_AUTH: errno.EACCES,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
    sqlite3.SQLITE_NOLFS: errno.EFBIG,
    sqlite3.SQLITE_PROTOCOL: errno.EBUSY,
}


@dataclass(frozen=True, slots=True)
class Opened:
    connection: Connection
    path: str
    recovered: str | None
    network: bool


def open_file(directory: str, account: str, new_uuid: Callable[[], str] | None) -> Opened:
    path = os.path.join(directory, FILE)
    with translated(path):
        private_directory(directory)
        revision = None
        recovered = None
        if os.path.lexists(path) and (not os.path.isfile(path) or os.path.getsize(path) > 0):
            revision = examine(path)
            if revision is None:
                recovered = move_aside(path)
        if revision is None:
            create(path, account, new_uuid or (lambda: str(uuid4())))
        elif revision != HEAD:
            upgrade(path, revision)
        network = on_network(directory)
        connection = connect(path, network)
        try:
            tables.temporary.create_all(connection, checkfirst=False)
            connection.commit()
        except BaseException:
            close(connection)
            raise
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + DOUBT)
        return Opened(connection, path, recovered, network)


def open_to_read(directory: str) -> Opened:
    """As it is, beside whoever writes in it; nothing is made, upgraded or moved aside."""
    path = os.path.join(directory, FILE)
    with translated(path):
        revision = examine(path, to_read=True)
        if revision is None:
            raise CacheError(f"{path} is damaged; the next sync moves it aside and pairs anew")
        if revision != HEAD:
            raise CacheError(
                f"{path} has schema {revision}, this mailsync has {HEAD}: run `mailsync sync` "
                "once, with the newer of the two"
            )
        engine = create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(
                read_only(path), uri=True, timeout=BUSY_TIMEOUT, check_same_thread=False
            ),
            poolclass=NullPool,
        )
        return Opened(engine.connect(), path, None, False)


def connect(path: str, network: bool) -> Connection:
    """The one connection; every transaction on it begins as IMMEDIATE."""

    def creator() -> sqlite3.Connection:
        raw = sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        raw.execute("PRAGMA trusted_schema = OFF")
        raw.execute("PRAGMA cell_size_check = ON")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA temp_store = MEMORY")
        raw.execute("PRAGMA cache_size = -16384")
        raw.execute("PRAGMA journal_size_limit = 16777216")
        raw.execute(f"PRAGMA journal_mode = {'TRUNCATE' if network else 'WAL'}").fetchone()
        raw.execute("PRAGMA synchronous = FULL")
        return raw

    engine = create_engine("sqlite://", creator=creator, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine.connect()


def close(connection: Connection) -> None:
    engine = connection.engine
    connection.close()
    engine.dispose()


def create(path: str, account: str, new_uuid: Callable[[], str]) -> None:
    """A fresh cache, durable; equal to `upgrade(head)` from nothing (a test proves it)."""
    for suffix in ("-wal", "-shm", "-journal"):  # of a file that is no more
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    os.chmod(path, 0o600)
    connection = connect(path, network=True)
    try:
        with connection.begin():
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            tables.metadata.create_all(connection, checkfirst=False)
            tables.alembic_version.create(connection, checkfirst=False)
            connection.execute(insert(tables.alembic_version).values(version_num=HEAD))
            connection.execute(
                insert(tables.account).values(
                    id=1,
                    name=account,
                    uuid=new_uuid(),
                    account_uuid=new_uuid(),
                    generation=0,
                )
            )
    finally:
        close(connection)
    _sync_directory(os.path.dirname(path))


def examine(path: str, *, to_read: bool = False) -> str | None:
    """The schema's revision, None when the file is not a sound cache.

    `to_read`: no byte is changed (closing a file that has a -wal would), and not all is checked.
    """
    if not os.path.isfile(path) or os.path.islink(path):
        return None
    unclean = os.path.exists(path + DOUBT) or any(
        os.path.exists(path + suffix) and os.path.getsize(path + suffix) > 0
        for suffix in ("-wal", "-journal")
    )
    place = read_only(path) if to_read else path
    raw = sqlite3.connect(place, uri=to_read, timeout=BUSY_TIMEOUT, isolation_level=None)
    try:
        raw.execute("PRAGMA trusted_schema = OFF")
        if raw.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            return None
        if unclean and not to_read and raw.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            return None
        names = {row[0] for row in raw.execute("SELECT name FROM sqlite_schema")}
        if not {"alembic_version", "account", "mailboxes", "messages"} <= names:
            return None
        revisions = raw.execute("SELECT version_num FROM alembic_version").fetchall()
        accounts = raw.execute("SELECT uuid, account_uuid, generation FROM account").fetchall()
        if len(revisions) != 1 or len(accounts) != 1:
            return None
        return str(revisions[0][0])
    except sqlite3.DatabaseError as error:
        if _code(error) in (*_DAMAGED, sqlite3.SQLITE_ERROR):
            return None
        raise
    finally:
        raw.close()


def move_aside(path: str) -> str:
    """To <path>.corrupt-<n>; -wal and -shm go first, as a stray -wal would spoil the next file."""
    number = 1
    while os.path.lexists(f"{path}.corrupt-{number}"):
        number += 1
    target = f"{path}.corrupt-{number}"
    for suffix in ("-wal", "-shm", "-journal", ""):
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + suffix, target + suffix)
    _sync_directory(os.path.dirname(path))
    return target


def upgrade(path: str, revision: str) -> None:
    """By Alembic, after a copy to <path>.before-<revision>; CacheError when it is newer."""
    from mailsync.cache import migrate

    if not migrate.known(revision):
        raise CacheError(
            f"{path} has schema {revision}, which this mailsync does not know (it has {HEAD}): "
            "use the newer mailsync, or move the file away to have everything paired anew"
        )
    copy = f"{path}.before-{revision}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(copy)
    os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = connect(path, on_network(os.path.dirname(path)))
    try:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("VACUUM INTO ?", (copy,))
        raw.execute("PRAGMA foreign_keys = OFF")  # batch mode makes tables anew
        with connection.begin():
            migrate.upgrade(connection)
    finally:
        close(connection)


def on_network(directory: str) -> bool:
    """Whether the directory lies on a network file system, where WAL is not safe."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            mounts = [line.split() for line in file]
    except OSError:
        return False
    real = os.path.realpath(directory)
    best, kind = "", ""
    for fields in mounts:
        at = fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        inside = real == at or real.startswith(at.rstrip("/") + "/")
        if inside and len(at) >= len(best):
            best, kind = at, fields[fields.index("-") + 1]
    return kind.removeprefix("fuse.") in NETWORK | {"sshfs"}


@contextlib.contextmanager
def translated(path: str) -> Iterator[None]:
    """SQLite's errors as ours; what is neither disk nor damage is a bug and stays as it is."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        code = _code(error.orig if isinstance(error, DBAPIError) else error)
        if code in _DAMAGED:
            with contextlib.suppress(OSError):
                os.close(os.open(path + DOUBT, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            raise StorageError(
                f"the cache {safe(path)} is damaged; the next run moves it aside and pairs anew"
            ) from error
        if code in _STORAGE:
            cause = error.orig if isinstance(error, DBAPIError) else error
            number = _STORAGE[code]
            text = f"cannot use the cache {safe(path)}: {cause}; {advice(number)}"
            if number == errno.EACCES:  # SQLite gives -wal and -shm the mode of the database
                text += ", also to its -wal and -shm and to the directory"
            raise StorageError(text) from error
        raise
    except OSError as error:
        raise storage_error(error, "use the cache", path, Reach.ACCOUNT) from error


def _code(error: BaseException | None) -> int:
    """The primary result code (the low byte of the extended one)."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _sync_directory(directory: str) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
