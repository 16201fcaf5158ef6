"""A cache that is missing, damaged, old or too new: never a doubled or lost message, and said."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from support.spot import Spot

pytestmark = pytest.mark.dovecot

COUNT = 40


@pytest.fixture
def full(spot: Spot) -> Spot:
    spot.fill(COUNT)
    spot.rig.put(b"Subject: without an id\r\n\r\n", info=":2,S")
    spot.sync(0)
    return spot


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def random_bytes(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(30_000))


def no_database(path: Path) -> None:
    path.write_text("[accounts]\n" * 3000)


def another_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE mails (id)")
    made.close()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def missing(path: Path) -> None:
    path.unlink()


def flipped_pages(path: Path) -> None:
    rand = random.Random(2)
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 12] = rand.randbytes(12)
    path.write_bytes(data)


def a_stray_log(path: Path) -> None:
    path.with_name("cache.db-wal").write_bytes(random.Random(3).randbytes(9000))


KEPT = (truncated, random_bytes, no_database, another_database, a_directory)


@pytest.mark.parametrize(
    "damage", [*KEPT, empty, missing, a_dangling_link, flipped_pages, a_stray_log]
)
def test_a_damaged_cache(full: Spot, damage: Callable[[Path], None]) -> None:
    files, served = full.rig.snapshot(), full.served()
    for path in full.state.glob("cache.db-*"):
        path.unlink()
    damage(full.cache)
    first = full.run("sync")
    if damage is flipped_pages and first.status == 75:  # seen only in the middle of the run
        assert f"the cache {full.cache} is damaged; the next run moves it aside" in first.err
        assert (full.rig.snapshot(), full.served()) == (files, served)
        first = full.run("sync")
    assert first.status == 0, first
    if damage in KEPT:
        assert f"it was kept as {full.cache}.corrupt-1" in first.err
        assert full.cache.with_name("cache.db.corrupt-1").exists()
    assert (full.rig.snapshot(), full.served()) == (files, served), "nothing fetched, nothing sent"
    full.idle(0)


def test_a_cache_rolled_back(full: Spot, tmp_path: Path) -> None:
    shutil.copytree(full.state, tmp_path / "old")
    with full.client() as client:
        client.expunge(client.uids()[:3])
    full.rig.files()[-1].unlink()
    full.fill(5, first=100)
    full.rig.put(b"Subject: later\r\n\r\n", info=":2,S")
    full.sync(0)
    files, served = full.rig.snapshot(), full.served()
    shutil.rmtree(full.state)
    shutil.copytree(tmp_path / "old", full.state)
    full.sync(0, "the cache is older than the Maildir")
    assert (full.rig.snapshot(), full.served()) == (files, served)
    full.idle(0)


def test_a_newer_schema_is_refused_by_name(full: Spot) -> None:
    files, served = full.rig.snapshot(), full.served()
    with sqlite3.connect(full.cache) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    before = full.cache.read_bytes()
    for words in (("sync",), ("status",), ("check",), ("sync", "--dry-run")):
        done = full.run(*words)
        assert done.status == 2, done
        assert f"{full.cache} has schema 9999" in done.err
        assert "newer" in done.err
    assert (full.rig.snapshot(), full.served()) == (files, served)
    assert full.cache.read_bytes() == before
