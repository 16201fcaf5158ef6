"""SCRAM with -PLUS against a real server: Cyrus binds by tls-unique alone, and where TLS 1.3 has
none it says so only when the password was proved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.home import Home
from support.servers.cyrus import Cyrus

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def cyrus(own_server: Callable[[str], None]) -> Iterator[Callable[[str], Cyrus]]:
    """`cyrus(versions)`, as its `tls`."""
    own_server("cyrus")
    own_server("sasl")
    running: dict[str, Cyrus] = {}

    def ask(versions: str) -> Cyrus:
        if versions not in running:
            running[versions] = Cyrus(tls=versions).start()
        return running[versions]

    yield ask
    for server in running.values():
        server.stop()


class Case:
    def __init__(self, cyrus: Cyrus, root: Path) -> None:
        self.cyrus, self.home = cyrus, Home(root)

    def sync(self, security: str = "starttls", password: str = "secret", more: str = "") -> str:
        """What is said, with the exit status."""
        port = self.cyrus.tls_port if security == "tls" else self.cyrus.port
        self.home.write(
            f'[accounts.me]\nhost = "localhost"\nport = {port}\nsecurity = "{security}"\n'
            f'user = "ann"\npassword = "{password}"\nmaildir = "~/Mail/me"\n'
            f'tls-ca-file = "{self.cyrus.cert}"\n{more}'
        )
        done = self.home.run("sync")
        return f"{done.status}: {done.out}{done.err}"

    @property
    def logins(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home.state / "me" / "logins").read_text())
        return found


@pytest.mark.parametrize("auth", ["auto", "scram-sha-256-plus", "scram-sha-1-plus"])
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_tls_1_2_is_bound_to(
    cyrus: Callable[[str], Cyrus], tmp_path: Path, security: str, auth: str
) -> None:
    case = Case(cyrus("tls1_2"), tmp_path)
    said = case.sync(security, more=f'auth = "{auth}"\n')
    assert said.startswith("0: "), said
    name = "scram-sha-256-plus" if auth == "auto" else auth
    assert (case.logins["mechanism"], case.logins["unbound"]) == (name.upper(), {})


def test_a_wrong_password_is_one_refused_login(
    cyrus: Callable[[str], Cyrus], tmp_path: Path
) -> None:
    case = Case(cyrus("tls1_2"), tmp_path)
    said = case.sync(password="wrong")
    assert said.startswith("77: "), said
    assert "authentication failure (by SCRAM-SHA-256-PLUS" in said
    assert len(case.logins["refused"]) == 1


def test_tls_1_3_goes_without_and_does_not_ask_each_time(
    cyrus: Callable[[str], Cyrus], tmp_path: Path
) -> None:
    case = Case(cyrus("tls1_3"), tmp_path)
    said = case.sync()
    assert said.startswith("0: "), said
    assert case.logins["mechanism"] == "SCRAM-SHA-256"
    assert list(case.logins["unbound"]) == ["tls-server-end-point"]
    before = case.logins
    assert case.sync().startswith("0: ")
    assert case.logins == before, "it was not tried again"


def test_who_insists_on_plus_by_tls_1_3_is_told(
    cyrus: Callable[[str], Cyrus], tmp_path: Path
) -> None:
    said = Case(cyrus("tls1_3"), tmp_path).sync(more='auth = "scram-sha-256-plus"\n')
    assert said.startswith("77: "), said
    assert "bad protocol / cancel (by SCRAM-SHA-256-PLUS" in said
