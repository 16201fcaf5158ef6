"""`mailsync adopt`: the former configuration printed and written, and what is refused in a line."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from support.home import Done, Home

MBSYNC = """\
IMAPAccount a
Host imap.example.org
User me
Pass geheim
SSLType IMAPS
PipelineDepth 5

IMAPStore far
Account a

MaildirStore near
Path ~/Mail/
Inbox ~/Mail/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
"""
OFFLINEIMAP = """\
[general]
accounts = A
[Account A]
localrepository = L
remoterepository = R
[Repository L]
type = Maildir
localfolders = ~/Mail
sep = /
[Repository R]
type = IMAP
remotehost = imap.example.org
remoteuser = me
"""


@pytest.fixture
def mbsyncrc(home: Home) -> Path:
    path = home.root / ".mbsyncrc"
    path.write_text(MBSYNC)
    return path


def test_the_configuration_is_printed_and_nothing_is_written(home: Home, mbsyncrc: Path) -> None:
    before = home.bytes()
    done = home.run("adopt", "--print-config")
    assert done.status == 0, done
    assert 'host = "imap.example.org"' in done.out
    assert done.err.splitlines() == [
        f"mailsync: {mbsyncrc}:6: PipelineDepth: mailsync chooses how many commands are on their "
        "way",
        "mailsync: a password stands in it: the file must be mode 0600",
    ]
    assert home.bytes() == before


def test_the_configuration_is_written_once_and_for_nobody_else(home: Home, mbsyncrc: Path) -> None:
    done = home.run("adopt", "--write-config", str(home.conf))
    assert done.status == 0, done
    assert f"{home.conf} is written" in done.out
    assert "geheim" not in done.out + done.err
    assert stat.S_IMODE(home.conf.stat().st_mode) == 0o600
    assert home.run("config", "check").status == 0
    before = home.bytes()
    done = home.run("adopt", "--write-config", str(home.conf))
    assert (done.status, done.out) == (2, "")
    assert f"{home.conf} is there already; nothing was written" in done.err
    assert home.bytes() == before


def one_line(done: Done, words: str) -> None:
    assert done.status == 2, done
    assert done.out == ""
    assert words in done.err.splitlines()[0], done


def test_which_configuration_is_meant(home: Home, mbsyncrc: Path) -> None:
    (home.root / ".offlineimaprc").write_text(OFFLINEIMAP)
    one_line(home.run("adopt", "--print-config"), "say --from mbsync or --from offlineimap")
    assert "OfflineIMAP" in home.run("adopt", "--print-config", "--from", "offlineimap").out
    moved = home.root / "elsewhere"
    (home.root / ".offlineimaprc").rename(moved)
    assert "OfflineIMAP" in home.run("adopt", "--print-config", "--old-config", str(moved)).out
    assert "(mbsync)" in home.run("adopt", "--print-config").out
    mbsyncrc.unlink()
    one_line(home.run("adopt", "--print-config"), "no configuration of mbsync or OfflineIMAP")
    one_line(home.run("adopt", "--print-config", "--old-config", "none"), "none: cannot be read")


def test_a_target_that_cannot_be_written(home: Home, mbsyncrc: Path) -> None:
    one_line(home.run("adopt", "--write-config", str(mbsyncrc / "x")), "cannot make")
    one_line(home.run("adopt", "--write-config", str(home.root / ("x" * 300))), "cannot write")


def test_an_account_that_cannot_be_reached_is_75(home: Home) -> None:
    (home.root / ".mbsyncrc").write_text('Host "x\n')
    home.account(1)
    (home.mail / "INBOX" / "cur").mkdir(parents=True)
    done = home.run("adopt")
    assert done.status == 75, done
    assert ".mbsyncrc:1: a quotation mark without its end" in done.err
    assert '"exit-status": 75' in home.run("adopt", "--json").out
