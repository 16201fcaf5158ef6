"""`create_all` and Alembic make the same (architecture.md, "The cache")."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from mailsync.cache import Cache, migrate
from mailsync.cache import open as opening
from mailsync.cache.open import connect, examine
from mailsync.cache.schema import APPLICATION_ID, HEAD
from mailsync.cache.tables import metadata


@pytest.fixture
def upgraded(tmp_path: Path) -> Connection:
    """An empty database, upgraded to the newest revision."""
    connection = connect(str(tmp_path / "empty.db"), network=True)
    with connection.begin():
        migrate.upgrade(connection)
    return connection


def schema(connection: Connection) -> dict[str, object]:
    """Every table with its columns, keys and indices."""
    found: dict[str, object] = {}
    with connection.begin():
        names = connection.exec_driver_sql(
            "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
        ).all()
        for kind, name in names:
            if kind == "table":
                for pragma in ("table_xinfo", "foreign_key_list"):
                    rows = connection.exec_driver_sql(f"PRAGMA {pragma}({name})").all()
                    found[f"{pragma} {name}"] = {
                        tuple(str(value).strip("()") for value in row[1:]) for row in rows
                    }
                rows = connection.exec_driver_sql(f"PRAGMA index_list({name})").all()
                found[f"index_list {name}"] = {tuple(row[2:]) for row in rows if row[3] == "u"}
            else:
                rows = connection.exec_driver_sql(f"PRAGMA index_xinfo({name})").all()
                text = connection.exec_driver_sql(
                    "SELECT sql FROM sqlite_schema WHERE name = ?", (name,)
                ).scalar()
                of = str(text).partition(" ON ")[2]  # columns, expressions, condition
                found[f"index {name}"] = (tuple(tuple(row) for row in rows), of)
    return found


def test_a_new_cache_equals_an_upgraded_one(tmp_path: Path, upgraded: Connection) -> None:
    cache = Cache.open(str(tmp_path / "state"), "account")
    try:
        assert schema(cache._connection) == schema(upgraded)
    finally:
        cache.close()
        opening.close(upgraded)


def test_head_is_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(migrate.config()).get_current_head() == HEAD


# Those are compared by their texts, above.
@pytest.mark.filterwarnings(
    "ignore:Skipped unsupported reflection of expression-based index",
    "ignore:autogenerate skipping metadata-specified expression-based index",
)
def test_the_tables_are_what_the_migrations_make(upgraded: Connection) -> None:
    with upgraded.begin():
        context = MigrationContext.configure(upgraded)
        assert compare_metadata(context, metadata) == []
    opening.close(upgraded)


def test_the_scripts_are_found() -> None:
    scripts = Path(migrate.config().get_main_option("script_location") or "")
    assert scripts in (
        Path(str(files("mailsync"))) / "_migrations",
        Path(str(files("mailsync"))).parent / "migrations",
    )
    assert (scripts / "env.py").is_file()


def test_an_older_cache_is_copied_and_upgraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only revision yet is played as the next one of an empty schema."""
    state = tmp_path / "state"
    state.mkdir()
    path = state / "cache.db"
    raw = sqlite3.connect(path)
    raw.executescript(
        f"PRAGMA application_id = {APPLICATION_ID};"
        "CREATE TABLE old (x); INSERT INTO old VALUES (42);"
    )
    raw.close()
    monkeypatch.setattr(migrate, "known", lambda revision: True)
    opening.upgrade(str(path), "0000")
    copy = state / "cache.db.before-0000"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    kept = sqlite3.connect(copy)
    assert kept.execute("SELECT x FROM old").fetchall() == [(42,)]
    assert kept.execute("SELECT name FROM sqlite_schema").fetchall() == [("old",)]
    kept.close()
    now = sqlite3.connect(path)
    assert now.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    assert now.execute("SELECT x FROM old").fetchall() == [(42,)]
    now.execute(
        "INSERT INTO account (name, uuid, account_uuid, generation) VALUES ('a', 'b', 'c', 3)"
    )
    now.commit()
    now.close()
    assert examine(str(path)) == HEAD
    cache = Cache.open(str(state), "a")
    assert cache.generation == 3
    cache.close()


def first_schema(state: Path) -> Path:
    """What a mailsync of revision 0001 left behind."""
    state.mkdir()
    path = state / "cache.db"
    connection = connect(str(path), network=True)
    with connection.begin():
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate.upgrade(connection, "0001")
        connection.exec_driver_sql("INSERT INTO account VALUES (1, 'a', 'u', 'v', 3, 0)")
        connection.exec_driver_sql("INSERT INTO mailboxes (id, name) VALUES (1, 'INBOX')")
    opening.close(connection)
    assert examine(str(path)) == "0001"
    return path


def test_the_first_schema_is_upgraded(tmp_path: Path) -> None:
    """By the door that a sync takes."""
    state = tmp_path / "state"
    path = first_schema(state)
    cache = Cache.open(str(state), "a")
    assert (cache.generation, cache.recovered) == (3, None)
    assert [box.name for box in cache.mailboxes(0)] == ["INBOX"]
    cache.close()
    assert examine(str(path)) == HEAD
    assert examine(str(state / "cache.db.before-0001")) == "0001"


def test_two_accounts_are_upgraded_at_once(tmp_path: Path) -> None:
    """By the threads of one process, as a first sync with a newer mailsync does: what Alembic
    knows of an upgrade under way is one for the whole process."""
    paths = [first_schema(tmp_path / str(number)) for number in range(4)]
    start = threading.Barrier(len(paths))

    def one(path: Path) -> None:
        start.wait()
        opening.upgrade(str(path), "0001")

    with ThreadPoolExecutor(len(paths)) as threads:
        list(threads.map(one, paths))
    assert [examine(str(path)) for path in paths] == [HEAD] * len(paths)


def test_a_failed_upgrade_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cache.db"
    raw = sqlite3.connect(path)
    raw.executescript("CREATE TABLE messages (x)")  # in the way of 0001
    raw.close()
    monkeypatch.setattr(migrate, "known", lambda revision: True)
    with pytest.raises(Exception, match="messages"):
        opening.upgrade(str(path), "0000")
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT name FROM sqlite_schema").fetchall() == [("messages",)]
    raw.close()
    assert sorted(os.listdir(tmp_path))[:2] == ["cache.db", "cache.db.before-0000"]
