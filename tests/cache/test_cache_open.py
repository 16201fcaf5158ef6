"""Make, check, move aside, upgrade (reliability.md §3.4; semantics.md, rule 5)."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from support.cachebox import Box

from mailsync.cache import Cache, outcomes
from mailsync.cache import open as opening
from mailsync.cache.schema import APPLICATION_ID, HEAD
from mailsync.model.errors import CacheError, MailsyncError, StorageError
from mailsync.model.mailboxname import INBOX
from mailsync.model.observation import ServerMailbox

room = importlib.import_module("mailsync.cache.cache")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def filled(state: Path) -> str:
    """A closed cache with something in it; its uuid."""
    cache = Cache.open(str(state), "account")
    cache.see_mailboxes([ServerMailbox(INBOX, b"INBOX")], [INBOX], lambda name, role: True)
    Box(cache).paired(dict.fromkeys(range(1, 200), "S"))
    cache.set_generation(7)
    uuid = cache.uuid
    cache.close()
    return uuid


def test_a_new_cache(state: Path) -> None:
    numbers = iter("ab")
    cache = Cache.open(str(state), "account", new_uuid=lambda: next(numbers))
    assert (cache.uuid, cache.account_uuid, cache.generation) == ("a", "b", 0)
    assert cache.recovered is None
    raw = cache._connection
    for pragma, value in {
        "journal_mode": "wal",
        "synchronous": 2,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "foreign_keys": 1,
        "application_id": APPLICATION_ID,
        "busy_timeout": 5000,
    }.items():
        with raw.begin():
            assert raw.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value, pragma
    with raw.begin():
        raw.exec_driver_sql("UPDATE account SET generation = generation")
    modes = {name: stat.S_IMODE(os.stat(state / name).st_mode) for name in os.listdir(state)}
    assert modes == {"cache.db": 0o600, "cache.db-wal": 0o600, "cache.db-shm": 0o600}
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    cache.close()
    assert os.listdir(state) == ["cache.db"]


def test_it_is_kept(state: Path) -> None:
    uuid = filled(state)
    cache = Cache.open(str(state), "account")
    assert (cache.uuid, cache.generation, cache.recovered) == (uuid, 7, None)
    cache.set_account_uuid("mine")
    cache.close()
    cache = Cache.open(str(state), "account")
    assert cache.account_uuid == "mine"
    assert Box(cache).row(199).name == "f199"
    cache.close()


# -- only to read ------------------------------------------------------------------------------


def bytes_of(state: Path) -> dict[str, bytes]:
    """The files that hold the cache's content; SQLite's index of a -wal and an empty one do not."""
    found = {path.name: path.read_bytes() for path in state.iterdir()}
    return {name: data for name, data in found.items() if data and name != "cache.db-shm"}


def test_a_look_changes_nothing(state: Path) -> None:
    uuid = filled(state)
    before = bytes_of(state)
    cache = Cache.look(str(state))
    assert (cache.uuid, cache.generation, cache.totals().messages) == (uuid, 7, 199)
    with pytest.raises(StorageError, match="readonly"):
        cache.set_generation(8)
    cache.close()
    assert bytes_of(state) == before


def test_a_look_beside_a_writer(state: Path) -> None:
    filled(state)
    writer = Cache.open(str(state), "account")
    with writer._tx() as c:
        c.exec_driver_sql("DELETE FROM messages WHERE id = 1")
        cache = Cache.look(str(state))
        assert cache.totals().messages == 199, "what is not committed is not seen"
        cache.close()
    writer.set_generation(9)
    cache = Cache.look(str(state))
    assert (cache.generation, cache.totals().messages) == (9, 198)
    cache.close()
    writer.close()


def test_a_look_after_a_kill_leaves_all_to_the_next_run(state: Path, tmp_path: Path) -> None:
    filled(state)
    killed = tmp_path / "killed"
    writer = Cache.open(str(state), "account")
    writer.set_generation(8)
    shutil.copytree(state, killed)
    writer.close()
    before = bytes_of(killed)
    assert before["cache.db-wal"]
    cache = Cache.look(str(killed))
    assert cache.generation == 8
    cache.close()
    assert bytes_of(killed) == before


def test_a_look_at_another_schema_or_at_damage(state: Path) -> None:
    filled(state)
    path = state / "cache.db"
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0777'")
    raw.close()
    with pytest.raises(CacheError, match="0777"):
        Cache.look(str(state))
    not_a_database(path)
    with pytest.raises(CacheError, match="damaged"):
        Cache.look(str(state))
    assert list(bytes_of(state)) == ["cache.db"]


# -- damage ------------------------------------------------------------------------------------


def not_a_database(path: Path) -> None:
    path.write_bytes(b"what is this?\n" * 1000)


def truncated(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def short_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(50)


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA application_id = 77")
    raw.close()


def no_tables(path: Path) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TABLE account")
    raw.close()


def no_account(path: Path) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("DELETE FROM account")
    raw.close()


def holes_after_a_crash(path: Path) -> None:
    """Pages overwritten, and a -wal that shows that the last run did not end."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        for at in range(3 * 4096, size, 4096):
            file.seek(at)
            file.write(b"\xaa" * 2048)
    Path(f"{path}-wal").write_bytes(b"\0" * 32)


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [
    not_a_database,
    truncated,
    short_header,
    foreign,
    no_tables,
    no_account,
    holes_after_a_crash,
    a_directory,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_moved_aside(state: Path, damage: Callable[[Path], None]) -> None:
    uuid = filled(state)
    damage(state / "cache.db")
    cache = Cache.open(str(state), "account")
    assert cache.recovered == str(state / "cache.db.corrupt-1")
    assert cache.uuid != uuid
    assert cache.mailboxes(0) == []
    cache.close()
    assert (state / "cache.db.corrupt-1").exists()
    again = Cache.open(str(state), "account")
    assert again.recovered is None
    again.close()


def test_a_second_damage_gets_the_next_number(state: Path) -> None:
    for number in (1, 2):
        filled(state)
        not_a_database(state / "cache.db")
        cache = Cache.open(str(state), "account")
        assert cache.recovered == str(state / f"cache.db.corrupt-{number}")
        cache.close()


def test_an_empty_file_is_a_new_cache(state: Path) -> None:
    state.mkdir()
    (state / "cache.db").touch()
    (state / "cache.db-wal").write_bytes(b"of another file")
    cache = Cache.open(str(state), "account")
    assert cache.recovered is None
    assert cache.totals().messages == 0
    cache.close()


def test_a_killed_run_loses_nothing(state: Path, tmp_path: Path) -> None:
    cache = Cache.open(str(state), "account")
    cache.set_generation(1)
    cache.set_generation(2)
    copy = tmp_path / "copy"
    shutil.copytree(state, copy)  # as a kill leaves it: with -wal
    cache.close()
    assert (copy / "cache.db-wal").stat().st_size > 0
    found = Cache.open(str(copy), "account")
    assert (found.generation, found.recovered) == (2, None)
    found.close()


def test_damage_that_shows_later_is_found_by_the_next_open(state: Path) -> None:
    filled(state)
    path = state / "cache.db"
    cache = Cache.open(str(state), "account")
    size = path.stat().st_size
    with path.open("r+b") as file:
        for at in range(2 * 4096, size, 4096):
            file.seek(at)
            file.write(b"\xaa" * 4096)
    with pytest.raises(StorageError, match="damaged"):
        cache.totals()
    cache.close()
    again = Cache.open(str(state), "account")
    assert again.recovered == f"{path}.corrupt-1"
    again.close()
    assert not Path(f"{path}.doubt").exists()


def wrong_count(path: Path) -> None:
    """Of free pages: every page can be read."""
    with path.open("r+b") as file:
        file.seek(36)
        file.write((7).to_bytes(4, "big"))


@pytest.mark.parametrize("ended", [True, False])
def test_all_is_checked_only_when_the_last_run_did_not_end(state: Path, ended: bool) -> None:
    """What it finds then need not be in the way of anything yet."""
    uuid = filled(state)
    wrong_count(state / "cache.db")
    if not ended:
        Path(f"{state}/cache.db.doubt").touch()
    cache = Cache.open(str(state), "account")
    assert (cache.uuid == uuid, cache.recovered is None) == (ended, ended)
    cache.close()


def test_a_file_that_another_process_has_is_not_taken_for_a_damaged_one(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_TIMEOUT", 0.0)
    uuid = filled(state)
    raw = sqlite3.connect(state / "cache.db", isolation_level=None)
    raw.execute("PRAGMA locking_mode = EXCLUSIVE")
    raw.execute("BEGIN EXCLUSIVE")
    for opened in (lambda: Cache.open(str(state), "account"), lambda: Cache.look(str(state))):
        with pytest.raises(StorageError, match="locked"):
            opened()
    raw.close()
    cache = Cache.open(str(state), "account")
    assert (cache.uuid, cache.recovered) == (uuid, None)
    cache.close()


def held_open(state: Path) -> list[str]:
    """The files in it that this process has open."""
    found = []
    for one in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{one}"))
    return [path for path in found if path.startswith(f"{state}/")]


def no_facts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(room, "_FACTS", text("SELECT nothing FROM account"))


def no_tables_to_work_in(patch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    patch.setattr(opening.tables.temporary, "create_all", broken)


@pytest.mark.parametrize("broken", [no_facts, no_tables_to_work_in])
def test_what_cannot_be_opened_to_its_end_is_closed(
    state: Path, broken: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """A -wal that is left would make the next run check all."""
    filled(state)
    with pytest.MonkeyPatch.context() as patch:
        broken(patch)
        with pytest.raises((OperationalError, ZeroDivisionError)) as caught:
            Cache.open(str(state), "account")
    assert held_open(state) == [], caught.value  # which holds all that it came through
    assert os.listdir(state) == ["cache.db"]


# -- other revisions ---------------------------------------------------------------------------


def test_a_newer_schema_is_refused(state: Path) -> None:
    filled(state)
    with sqlite3.connect(state / "cache.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    before = (state / "cache.db").read_bytes()
    with pytest.raises(CacheError, match=rf"9999.*{HEAD}"):
        Cache.open(str(state), "account")
    assert (state / "cache.db").read_bytes() == before
    assert os.listdir(state) == ["cache.db"]


# -- the disk ----------------------------------------------------------------------------------


def test_a_state_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(StorageError):
        Cache.open(str(tmp_path / "state" / "account"), "account")


def test_a_link_is_not_followed(state: Path, tmp_path: Path) -> None:
    uuid = filled(tmp_path / "other")
    state.mkdir()
    (state / "cache.db").symlink_to(tmp_path / "other" / "cache.db")
    cache = Cache.open(str(state), "account")
    assert cache.uuid != uuid
    cache.close()
    assert (state / "cache.db.corrupt-1").is_symlink()


def test_a_full_disk_rolls_back(state: Path) -> None:
    filled(state)
    cache = Cache.open(str(state), "account")
    box = Box(cache)
    with cache._connection.begin():
        pages = cache._connection.exec_driver_sql("PRAGMA page_count").scalar()
        cache._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="full"):
        box.server(dict.fromkeys(range(1, 20_000), ""))
    assert len(box.rows()) == 199
    with cache._connection.begin():
        cache._connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert box.server(dict.fromkeys(range(1, 20_000), "")) == (True, False)
    cache.close()


def test_a_bug_stays_a_bug(state: Path) -> None:
    cache = Cache.open(str(state), "account")
    with pytest.raises(Exception, match="FOREIGN KEY") as caught, cache._tx() as c:
        c.exec_driver_sql("INSERT INTO messages (mailbox) VALUES (99)")
    assert not isinstance(caught.value, MailsyncError)
    cache.close()


def test_what_breaks_off_in_the_middle_is_not_stored(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug between two statements, after which the process goes on: as if none had been run."""

    def half(c: Connection, *_: object) -> None:
        c.execute(text("UPDATE account SET generation = 99"))
        raise ZeroDivisionError

    monkeypatch.setattr(outcomes, "headers", half)
    opened = Cache.open(str(state), "account")
    with pytest.raises(ZeroDivisionError):
        opened.headers({})
    opened.set_login("me@there")
    opened.close()
    again = Cache.open(str(state), "account")
    assert again.generation != 99
    again.close()
