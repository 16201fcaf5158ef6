"""Where the password comes from, as a person sees it."""

from __future__ import annotations

import pytest
from support.dovecot import Dovecot
from support.home import Home

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
