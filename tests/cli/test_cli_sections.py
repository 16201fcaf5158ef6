"""Sections and limits as `config check` and `status` tell them."""

from __future__ import annotations

import itertools
import json
import os

import pytest
from support.client import Client
from support.dovecot import Dovecot
from support.home import Home
from support.rig import message

_users = itertools.count(1)
SECTIONS = """
[accounts.me.mailboxes]
select = ["*", "!Junk", "Gone"]
[accounts.me.mailboxes."Archive/*"]
direction = "pull"
max-age = "2y"
[accounts.me.mailboxes."Archiv/*"]
max-size = "off"
[accounts.me.mailboxes.Junk]
deletions = "keep"
max-size = "1M"
"""


def test_what_it_comes_to(home: Home) -> None:
    home.account(1, more='max-size = "25M"\nmax-age = "1w"\ndirection = "push"\n' + SECTIONS)
    done = home.run("config", "check")
    assert (done.status, done.err) == (0, "")
    told = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "direction push: the Maildir is never changed" in told
    assert "limits up to 25.0 MB, of the last 7 days" in told
    assert "section Archive/*: pull: the server is never changed; max-age 730 days" in told
    assert "section Archiv/*: max-size off" in told
    assert "section Junk: deletions keep; max-size 1.0 MB" in told


@pytest.mark.dovecot
def test_what_matches_nothing(dovecot: Dovecot, home: Home) -> None:
    user = f"sections{os.getpid()}x{next(_users)}"
    home.account(dovecot.port, user, SECTIONS)
    with Client(dovecot.port, user) as client:
        for name in ("Archive/2020", "Junk"):
            client.create(name)
        client.append(message("large", 100), "Archive/2020")
    assert home.run("sync").status == 0
    done = home.run("config", "check")
    assert done.status == 0
    told = (done.out + done.err).splitlines()
    assert [line for line in told if "Archiv/" in line and "none of the" in line]
    assert [line for line in told if '"Junk" is for mailboxes that are not synced' in line]
    assert [line for line in told if 'pattern "Gone" matches none' in line]


@pytest.mark.dovecot
def test_what_is_out_of_scope_is_told(dovecot: Dovecot, home: Home) -> None:
    user = f"sections{os.getpid()}x{next(_users)}"
    home.account(dovecot.port, user, 'max-size = "4K"\n')
    with Client(dovecot.port, user) as client:
        client.append(message("small"))
        client.append(message("large", 100))
        assert home.run("sync").status == 0
        assert len(list((home.mail / "INBOX" / "new").iterdir())) == 1
        done = home.run("status")
        assert (done.status, done.err) == (0, "")
        assert "1 out of scope: larger than max-size" in done.out
        told = json.loads(home.run("status", "--json").out)["accounts"]["me"]
        assert (told["out-of-scope"], told["unsent"]) == (1, 0)
        assert home.run("check").status == 0  # it differs because it shall
        assert len(client.uids()) == 2


@pytest.mark.dovecot
def test_less_in_one_run(dovecot: Dovecot, home: Home) -> None:
    user = f"sections{os.getpid()}x{next(_users)}"
    home.account(dovecot.port, user)
    with Client(dovecot.port, user) as client:
        client.append(message("one"))
        assert home.run("sync").status == 0
        (file,) = (home.mail / "INBOX" / "new").iterdir()
        file.unlink()
        client.append(message("two"))
        dry = json.loads(home.run("sync", "--pull", "--dry-run", "--json").out)
        assert [line.split()[0] for line in dry["accounts"]["me"]["plan"]] == ["Download"]
        done = home.run("sync", "--pull", "--json")
        told = json.loads(done.out)["accounts"]["me"]
        assert (done.status, told["downloaded"], told["expunged"]) == (0, 1, 0)
        (notice,) = told["mailboxes"]["INBOX"]["notices"]
        assert notice == "left to a sync without --pull: Expunge 1"
        assert len(client.uids()) == 2
        assert home.run("sync", "--no-delete").out == (
            "me: nothing to do\n  INBOX: left to a sync without --no-delete: Expunge 1\n"
        )
        assert "1 deleted on the server" in home.run("sync").out
        assert len(client.uids()) == 1
