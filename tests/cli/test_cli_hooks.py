"""Hooks of a `mailsync sync`: when they are run, what they are told, what a failure costs."""

from __future__ import annotations

import itertools
import json
import os

import pytest
from support.client import Client
from support.dovecot import Dovecot
from support.home import Home
from support.rig import message

pytestmark = pytest.mark.dovecot
_users = itertools.count(1)
EVENTS = ("new-mail", "change", "error")


@pytest.fixture
def user() -> str:
    return f"hooks{os.getpid()}x{next(_users)}"


def noted(home: Home, event: str) -> list[dict[str, object]]:
    """What the hook of this event was told, one for each time it was run."""
    path = home.root / f"{event}.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def times(home: Home) -> tuple[int, ...]:
    return tuple(len(noted(home, event)) for event in EVENTS)


def env_of(home: Home, event: str) -> dict[str, str]:
    lines = (home.root / f"{event}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


SAVING = 'on-{event} = ["/bin/sh", "-c", "cat >> ~/{event}.log; echo >> ~/{event}.log; env > ~/{event}.env"]\n'  # noqa: E501


def test_when_and_what(dovecot: Dovecot, home: Home, user: str) -> None:
    home.account(dovecot.port, user, "".join(SAVING.format(event=event) for event in EVENTS))
    home.env["OTHER"] = "kept"
    with Client(dovecot.port, user) as client:
        client.create("Work")
        client.append(message("one"))
        client.append(message("two"), "Work")
        done = home.run("sync", "--dry-run")
        assert (done.status, times(home)) == (0, (0, 0, 0))
        assert home.run("sync").status == 0
        assert times(home) == (1, 1, 0)
        (told,) = noted(home, "new-mail")
        assert told["event"] == "new-mail"
        boxes = told["accounts"]["me"]["mailboxes"]  # type: ignore[index]
        assert {name: box["downloaded"] for name, box in boxes.items()} == {"INBOX": 1, "Work": 1}
        env = env_of(home, "new-mail")
        assert (env["MAILSYNC_EVENT"], env["MAILSYNC_ACCOUNTS"]) == ("new-mail", "me")
        assert (env["MAILSYNC_NEW"], env["MAILSYNC_STATUS"], env["OTHER"]) == ("2", "0", "kept")
        assert env["MAILSYNC_MAILBOXES"] == "me/INBOX"  # and in the next line me/Work
        assert env["MAILSYNC_MAILDIRS"] == str(home.mail)
        client.store([1], "+FLAGS (\\Seen)")
        assert home.run("sync").status == 0
        assert times(home) == (1, 2, 0)
    assert home.run("sync").status == 0
    assert times(home) == (1, 2, 0)


def test_trouble(home: Home, dovecot: Dovecot, user: str) -> None:
    home.account(1, user, SAVING.format(event="error"))
    done = home.run("sync")
    assert done.status == 75
    (told,) = noted(home, "error")
    assert told["exit-status"] == 75
    assert env_of(home, "error")["MAILSYNC_ERROR"] in done.err
    assert "secret" not in (home.root / "error.env").read_text()


def test_a_failure_is_said_in_a_line(home: Home, dovecot: Dovecot, user: str) -> None:
    failing = 'on-change = ["/bin/sh", "-c", "echo no index; exit 2"]\n'
    home.account(dovecot.port, user, failing + SAVING.format(event="error"))
    with Client(dovecot.port, user) as client:
        client.append(message("one"))
    done = home.run("sync")
    assert done.status == 1
    line = "me: on-change: /bin/sh: ended with status 2: no index"
    assert [one for one in done.err.splitlines() if line in one]
    (told,) = noted(home, "error")
    assert told["exit-status"] == 1
    assert home.run("sync").status == 0  # the mail was synced, and there is nothing to index


def test_one_command_of_two_accounts_is_run_once(home: Home, dovecot: Dovecot, user: str) -> None:
    home.account(dovecot.port, user, SAVING.format(event="change"))
    text = home.conf.read_text()
    second = text.replace("[accounts.me]", "[accounts.you]").replace("~/Mail/me", "~/Mail/you")
    home.write(text + second.replace(f'"{user}"', f'"{user}b"'))
    for name in (user, f"{user}b"):
        with Client(dovecot.port, name) as client:
            client.append(message("one"))
    done = home.run("sync")
    assert done.status == 0, done
    (told,) = noted(home, "change")
    assert set(told["accounts"]) == {"me", "you"}  # type: ignore[call-overload]
    assert env_of(home, "change")["MAILSYNC_ACCOUNTS"] == "me you"
