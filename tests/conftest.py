"""Fixtures for every room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import dovecot as dovecots


def require_dovecot() -> None:
    """Skip where Dovecot cannot run; fail where MAILSYNC_REQUIRE_DOVECOT=1 forbids to skip."""
    if reason := dovecots.missing():
        if os.environ.get("MAILSYNC_REQUIRE_DOVECOT") == "1":
            pytest.fail(f"MAILSYNC_REQUIRE_DOVECOT=1, but {reason}")
        pytest.skip(reason)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[dovecots.Dovecot]:
    """A Dovecot with all its capabilities; take a user name of your own per test."""
    require_dovecot()
    with dovecots.Dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_with() -> Iterator[object]:
    """`dovecot_with(**options)`: one more Dovecot, shared by all who ask for the same options."""
    require_dovecot()
    running: dict[tuple[tuple[str, object], ...], dovecots.Dovecot] = {}

    def ask(**options: object) -> dovecots.Dovecot:
        key = tuple(sorted(options.items()))
        if key not in running:
            running[key] = dovecots.Dovecot(**options).start()  # type: ignore[arg-type]
        return running[key]

    yield ask
    with ThreadPoolExecutor(8) as pool:  # each takes a second to end
        list(pool.map(lambda server: server.stop(), running.values()))
