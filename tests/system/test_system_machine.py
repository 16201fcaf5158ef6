"""Pool, clock, randomness, lock and text."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsync.model.errors import Locked, StorageError
from mailsync.system.clock import SystemClock, SystemRand
from mailsync.system.lock import Lock
from mailsync.system.pool import ThreadPool
from mailsync.system.text import LONGEST, safe


def test_the_cache_has_one_thread_and_the_disk_two() -> None:
    async def run() -> tuple[set[int], set[int]]:
        pool = ThreadPool()
        barrier = threading.Barrier(2)

        def meet() -> int:
            barrier.wait(10)
            return threading.get_ident()

        disk = set(await asyncio.gather(pool.disk(meet), pool.disk(meet)))
        cache = {await pool.cache(threading.get_ident) for _ in range(5)}
        pool.close()
        return disk, cache

    disk, cache = asyncio.run(run())
    assert (len(disk), len(cache)) == (2, 1)
    assert not disk & cache


def test_arguments_results_and_errors_pass() -> None:
    async def run() -> None:
        pool = ThreadPool()
        assert await pool.disk(int, "ff", base=16) == 255
        with pytest.raises(ZeroDivisionError):
            await pool.cache(divmod, 1, 0)
        pool.close()

    asyncio.run(run())


def test_a_cancelled_caller_waits_for_the_call() -> None:
    async def run() -> list[str]:
        pool = ThreadPool()
        begun, go_on = threading.Event(), threading.Event()
        story: list[str] = []

        def call() -> None:
            begun.set()
            go_on.wait(10)
            story.append("call done")

        async def caller() -> None:
            try:
                await pool.cache(call)
            finally:
                story.append("caller gone")

        first = asyncio.create_task(caller())
        await asyncio.to_thread(begun.wait, 10)
        second = asyncio.create_task(pool.cache(story.append, "never"))
        await asyncio.sleep(0)
        second.cancel()
        first.cancel()
        threading.Timer(0.05, go_on.set).start()
        await asyncio.gather(first, second, return_exceptions=True)
        pool.close()
        return story

    assert asyncio.run(run()) == ["call done", "caller gone"]


def test_clock() -> None:
    clock = SystemClock()
    (boot, first), (again, second) = clock.boot(), clock.boot()
    assert boot == again
    assert boot
    assert 0 < first <= second
    assert clock.wall() > 1.7e9


def test_randomness() -> None:
    rand = SystemRand()
    assert rand.bits(0) == 0
    for count in (1, 7, 8, 9, 64):
        drawn = [rand.bits(count) for _ in range(200)]
        assert 0 <= min(drawn) <= max(drawn) < 1 << count
        assert max(drawn) >= 1 << (count - 1)
    assert 0 <= rand.fraction() < 1


def test_the_lock_holds_between_processes(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    probe = (
        "import sys\nfrom mailsync.system.lock import Lock\n"
        "from mailsync.model.errors import Locked\n"
        "try: Lock(sys.argv[1]).acquire()\n"
        "except Locked as error: print(error)\n"
        "else: print('free')"
    )

    def other() -> str:
        root = str(Path(__file__).parents[2])
        ran = subprocess.run(
            [sys.executable, "-c", probe, path],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": root},
        )
        return ran.stdout.strip()

    with Lock(path):
        assert other() == f"another mailsync (process {os.getpid()}) holds {path}"
        with pytest.raises(Locked):
            Lock(path).acquire()
    assert other() == "free"
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="lock file"):
        Lock(str(tmp_path / "no" / "lock")).acquire()
    os.symlink("/dev/null", tmp_path / "link")
    with pytest.raises(StorageError):
        Lock(str(tmp_path / "link")).acquire()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünï ✉", "plain ünï ✉"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\r\nb\0\x7f\x9b", "a\\x0d\\x0ab\\x00\\x7f\\x9b"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        (b"caf\xe9", "caf\\xe9"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("x" * 501, "x" * 499 + "…"),
        ("x" * 500, "x" * 500),
    ],
)
def test_safe(text: str | bytes, shown: str) -> None:
    assert safe(text) == shown


@given(st.one_of(st.text(), st.binary()))
def test_safe_is_always_safe(text: str | bytes) -> None:
    shown = safe(text)
    assert len(shown) <= LONGEST
    assert safe(shown) == shown
    shown.encode()
    assert all(ord(c) >= 32 and not 0x7F <= ord(c) < 0xA0 for c in shown)
