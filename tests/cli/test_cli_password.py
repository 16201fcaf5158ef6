"""Where the password comes from, as a person sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.dovecot import Dovecot
from support.home import Home
from support.talker import Talker

PROMPT = "Password of asked at 127.0.0.1:"
WITHOUT = """\
[accounts.me]
host = "127.0.0.1"
port = {port}
security = "none"
user = "asked"
maildir = "~/Mail/me"
"""


def test_without_a_terminal_none_is_asked_for(home: Home) -> None:
    home.write(WITHOUT.format(port=1))
    done = home.run("config", "check")
    assert "  password   asked for on a terminal\n" in done.out


@pytest.mark.dovecot
def test_asked_for_on_a_terminal(dovecot: Dovecot, home: Home) -> None:
    home.write(WITHOUT.format(port=dovecot.port))
    done = home.run("sync")
    assert done.status == 77
    assert done.err.startswith("mailsync: me: no password: set password-command, ")
    done = home.on_terminal("sync", keys="secret\n", prompt=PROMPT, NO_COLOR="1")
    assert done.status == 0, done
    assert f"{PROMPT} \r\n" in done.out
    assert "secret" not in done.out
    done = home.on_terminal("mailboxes", keys="secret\n", prompt=PROMPT, NO_COLOR="1")
    assert "INBOX    yes     yes   yes" in done.out
    done = home.on_terminal("sync", keys="\x03", prompt=PROMPT, NO_COLOR="1")
    assert done.status == 130
    assert done.out.endswith("mailsync: interrupted; the next run completes the work\r\n")


@pytest.mark.dovecot
def test_from_a_file_and_a_command(dovecot: Dovecot, home: Home) -> None:
    secret = home.root / "secret"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    text = WITHOUT.format(port=dovecot.port)
    home.write(f'{text}password-file = "../../secret"\n')
    assert home.run("sync").status == 0
    secret.chmod(0o640)
    done = home.run("sync")
    assert (done.status, done.out) == (77, "")
    assert "others may read it: run `chmod 600` on it" in done.err
    done = home.run("config", "check")
    assert done.status == 2
    assert "others may read it" in done.err
    home.write(f'{text}password-command = ["sh", "-c", "echo secret"]\n')
    assert home.run("sync").status == 0
    home.write(f'{text}password-env = "WORD"\n')
    assert home.run("sync", WORD="secret").status == 0


TAKEN = 4  # the login is taken, but that server has no mail to show


def refusing(home: Home, talker: Talker) -> None:
    talker.answers[b"LOGIN"] = b"$ NO [AUTHENTICATIONFAILED] no\r\n"
    home.account(talker.port)


def logins(talker: Talker) -> int:
    return len([line for line in talker.heard if b" LOGIN " in line])


def test_three_refused_logins_a_day_over_all_runs(home: Home, talker: Talker) -> None:
    refusing(home, talker)
    for count in (1, 2, 3):
        done = home.run("sync")
        assert (done.status, logins(talker)) == (77, count)
        assert done.err.startswith("mailsync: me: the server refused the login: [AUTHENTICATION")
        assert ("3 logins were refused within a day, the next" in done.err) == (count == 3)
    for words in (("sync",), ("sync", "--dry-run"), ("mailboxes",)):
        done = home.run(*words)
        assert (done.status, logins(talker)) == (77, 3)
        assert done.err.startswith("mailsync: me: not tried: 3 logins were refused within a day, ")
    assert talker.connections == 3
    done = home.on_terminal("sync", NO_COLOR="1")
    assert (done.status, logins(talker)) == (77, 4)
    home.account(talker.port, more='auth = "login"\n')
    assert (home.run("sync").status, logins(talker)) == (77, 5)


def test_a_weaker_login_than_before(home: Home, talker: Talker) -> None:
    home.account(talker.port)
    assert home.run("sync").status == TAKEN
    kept = home.state / "me" / "logins"
    kept.write_text(kept.read_text().replace('"LOGIN"', '"SCRAM-SHA-256"'))
    talker.heard.clear()
    done = home.run("mailboxes")
    assert done.status == 75
    assert done.err == (
        "mailsync: me: 127.0.0.1 no longer offers SCRAM-SHA-256, only LOGIN: somebody in between "
        'may want the password.  If it is right: set auth = "login" in [accounts.me]\n'
    )
    assert logins(talker) == 0
    home.account(talker.port, more='auth = "login"\n')
    assert home.run("sync").status == TAKEN
    home.account(talker.port)
    assert home.run("sync").status == TAKEN


@pytest.mark.dovecot
def test_scram_in_whole_runs(
    dovecot: Dovecot, dovecot_with: Callable[..., Dovecot], home: Home
) -> None:
    """With a server that has it, then with another in its place that has not."""
    good = dovecot_with(extra="auth_mechanisms = plain login scram-sha-1 scram-sha-256")
    home.account(good.port, "scram")
    assert home.run("sync").status == 0
    assert "method=SCRAM-SHA-256" in good.log()
    assert home.run("sync").out == "me: both sides agree, nothing to do\n"
    home.account(dovecot.port, "scram")
    done = home.run("sync")
    assert done.status == 75
    assert "127.0.0.1 no longer offers SCRAM-SHA-256, only PLAIN: " in done.err
    home.account(good.port, "scram")
    assert home.run("sync").out == "me: both sides agree, nothing to do\n"
