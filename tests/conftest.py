"""Fixtures for every room."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import dovecot as dovecots
from support import former, servers
from support.servers.pymaps import Pymap
from support.wire import Wire
from support.wired import Wired

from mailsync.modes import world
from mailsync.system import hidden


@pytest.fixture(autouse=True)
def no_secrets_of_others() -> None:
    """A password of one letter in an earlier test would hide that letter in every text."""
    hidden._seen.clear()


def require_dovecot() -> None:
    """Skip where Dovecot cannot run; fail where MAILSYNC_REQUIRE_DOVECOT=1 forbids to skip."""
    require("MAILSYNC_REQUIRE_DOVECOT", dovecots.missing())


def require(variable: str, reason: str) -> None:
    if reason and os.environ.get(variable) == "1":
        pytest.fail(f"{variable}=1, but {reason}")
    if reason:
        pytest.skip(reason)


def require_server(name: str) -> None:
    """One of support.servers, which the test starts by itself."""
    require("MAILSYNC_REQUIRE_SERVERS", servers.missing(name))


@pytest.fixture(scope="session")
def own_server() -> Callable[[str], None]:
    """`own_server(name)`: the test starts one of its own, or is skipped as with `real_server`."""
    return require_server


@pytest.fixture(scope="session")
def real_server() -> Iterator[Callable[[str], servers.Server]]:
    """`real_server(name)`: one of support.servers, shared by all who ask for it.

    Where it cannot be had (no network, not Debian) the test is skipped, and fails with
    MAILSYNC_REQUIRE_SERVERS=1.
    """
    running: dict[str, servers.Server] = {}

    def ask(name: str) -> servers.Server:
        if name not in running:
            require_server(name)
            running[name] = servers.SERVERS[name]().start()
        return running[name]

    yield ask
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda server: server.stop(), running.values()))


@pytest.fixture(scope="session")
def real_readers() -> None:
    """neomutt, notmuch and mu can be had: see support.readers."""
    require("MAILSYNC_REQUIRE_SERVERS", servers.missing("readers"))


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


@pytest.fixture
def former_programs() -> None:
    """mbsync and OfflineIMAP, or the test is skipped; it fails with MAILSYNC_REQUIRE_DOVECOT=1."""
    require("MAILSYNC_REQUIRE_DOVECOT", former.missing())


@pytest.fixture
def wired_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Wired]]:
    """`wired_on(server, **account)`: a rig on that server; one a test."""
    with ExitStack() as stack:

        def make(server: servers.Server, **changes: object) -> Wired:
            wire = stack.enter_context(Wire(server.port))
            made = Wired(server, tmp_path, changes=changes, wire=wire)
            monkeypatch.setattr(world, "DiskFs", lambda: made.disk)
            monkeypatch.setattr(world, "SystemClock", lambda: made.watch)
            return made

        yield make


@pytest.fixture
def wired_to(
    real_server: Callable[[str], servers.Server], wired_on: Callable[..., Wired]
) -> Iterator[Callable[..., Wired]]:
    """`wired_to(name, **account)`: a rig on that server, with a user of its own: pymap, which has
    one, is started for it."""
    with ExitStack() as stack:

        def make(name: str, **changes: object) -> Wired:
            if name != "pymap":
                return wired_on(real_server(name), **changes)
            server = stack.enter_context(servers.serving(name))
            made = wired_on(server, **changes)
            made.user = Pymap.user
            return made

        yield make


@pytest.fixture
def wired(dovecot: dovecots.Dovecot, wired_on: Callable[..., Wired]) -> Wired:
    return wired_on(dovecot)


@pytest.fixture
def instead(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """`instead(text)`: what a test does where the machine forbids what it is for.  It is said at
    the end of the run, as a skipped test is."""
    return lambda text: record_property(INSTEAD, text)


INSTEAD = "instead"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = (one for found in terminalreporter.stats.values() for one in found)
    for report in reports:
        for name, text in getattr(report, "user_properties", ()):
            if name == INSTEAD and report.when == "teardown":
                terminalreporter.write_line(f"INSTEAD {report.nodeid}: {text}")


LINGERS = 300  # seconds


def pytest_unconfigure() -> None:
    """Where a thread keeps the process from its end, its stack is shown, and the run has failed."""
    faulthandler.dump_traceback_later(LINGERS, exit=True, file=sys.__stderr__)
