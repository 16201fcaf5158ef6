"""What a command imports: a help page and a sync with nothing to do must not pay for the rest."""

from __future__ import annotations

import itertools
import os

import pytest
from support.client import Client
from support.dovecot import Dovecot
from support.home import Home
from support.rig import message

_users = itertools.count(1)
HEAVY = {"alembic", "rich", "sqlalchemy", "tenacity", "watchdog"}
HEAVY |= {"asn1crypto", "keyring", "python_socks", "scramp"}  # where nobody needs them
NET = {"asyncio", "sqlite3", "ssl", "socket"}


def imported(shown: str) -> set[str]:
    """The modules in what PYTHONPROFILEIMPORTTIME prints, and the packages around them."""
    names = {
        line.rpartition("|")[2].strip()
        for line in shown.splitlines()
        if line.startswith("import time:")
    }
    return names | {name.split(".")[0] for name in names}


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("sync", "--help")], ids=" ".join)
def test_a_page_of_help(home: Home, words: tuple[str, ...]) -> None:
    done = home.run(*words, PYTHONPROFILEIMPORTTIME="1")
    names = imported(done.err)
    assert done.status == 0
    assert "click" in names  # the list is what it should be
    assert not names & (HEAVY | NET | {"msgspec", "mailsync.modes", "mailsync.config"})


def test_the_check_of_a_configuration(home: Home) -> None:
    home.account(1)
    names = imported(home.run("config", "check", PYTHONPROFILEIMPORTTIME="1").err)
    assert "mailsync.config" in names
    assert not names & (HEAVY | NET)


@pytest.mark.dovecot
def test_a_sync_with_nothing_to_do(dovecot: Dovecot, home: Home) -> None:
    user = f"imports{os.getpid()}x{next(_users)}"
    home.account(dovecot.port, user)
    with Client(dovecot.port, user) as client:
        client.append(message("one"))
    for _ in range(40):  # a folder's stamp is trusted once it is 2 s old
        done = home.run("sync", PYTHONPROFILEIMPORTTIME="1")
        names = imported(done.err)
        if "mailsync.modes.full" not in names:
            break
    assert done.out == "me: both sides agree, nothing to do\n"
    assert "mailsync.cache.quick" in names
    assert not names & HEAVY
    assert not names & {"mailsync.planner", "mailsync.executor", "mailsync.modes.full"}
