"""A whole sync by a tunnel, without a password, and what is said when it fails."""

from __future__ import annotations

import json
import os

import pytest
from support.client import Client
from support.dovecot import Dovecot
from support.home import Home
from support.rig import message

CONF = """\
[accounts.me]
host = "mail.example.org"
user = "{user}"
tunnel = {words}
maildir = "~/Mail/me"
"""


@pytest.mark.dovecot
def test_a_sync_by_a_tunnel(dovecot: Dovecot, home: Home) -> None:
    user = f"tunnel{os.getpid()}"
    home.write(CONF.format(user=user, words=json.dumps(dovecot.tunnel(user))))
    with Client(dovecot.port, user) as client:
        client.append(message("one"))
    assert "a command" in home.run("config", "check").out
    done = home.run("sync")
    assert done.status == 0, done
    assert "1 downloaded" in done.out
    assert home.run("sync").out == "me: both sides agree, nothing to do\n"
    assert not (home.state / "me" / "logins").exists(), "nobody logged in"


def test_a_tunnel_that_fails(home: Home) -> None:
    home.write(CONF.format(user="ann", words='["sh", "-c", "echo no way >&2; exit 5"]'))
    done = home.run("sync", "--dry-run")
    assert done.status == 75
    assert done.err == (
        "mailsync: me: the connection is lost: the tunnel sh: ended with status 5: no way\n"
    )
    home.write(CONF.format(user="ann", words='["/none/such"]'))
    done = home.run("sync")
    assert done.status == 2
    assert done.err == "mailsync: me: tunnel /none/such: cannot be run: No such file or directory\n"
