"""OAuth tokens in whole runs: fetched when they are needed, and anew when they have ended."""

from __future__ import annotations

import base64

from support.home import Home
from support.talker import Talker

CONF = """\
[accounts.me]
host = "127.0.0.1"
port = {port}
security = "none"
user = "ann"
token-command = ["sh", "-c", "{script}"]
maildir = "~/Mail/me"
timeout = 5
"""
# Prints t1, t2 … by the file `n`; `again` counts how often the server had refused one.
NEXT = "echo x >> $HOME/n; echo t$(wc -l < $HOME/n)"
STALE = "echo $MAILSYNC_TOKEN_REJECTED >> $HOME/n; echo t$MAILSYNC_TOKEN_REJECTED"
TAKEN = 4  # the login is taken, but that server has no mail to show
GREETING = b"* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR AUTH=XOAUTH2] hi\r\n"
NO = b"$ NO [AUTHENTICATIONFAILED] no\r\n"


def tokens(talker: Talker) -> list[str]:
    sent = [line.split()[-1] for line in talker.heard if b"AUTHENTICATE" in line]
    return [base64.b64decode(one).decode().split("Bearer ")[1].strip("\1") for one in sent]


def test_it_is_fetched_once_where_nothing_happens(home: Home, talker: Talker) -> None:
    talker.greeting = GREETING
    home.write(CONF.format(port=talker.port, script=NEXT))
    assert "a token, from the command sh" in home.run("config", "check").out
    assert home.run("sync").status == TAKEN
    assert tokens(talker) == ["t1"]


def test_a_token_that_ends_in_the_middle_of_a_run(home: Home, talker: Talker) -> None:
    """What Exchange does after an hour: the run connects again, with another token."""
    talker.greeting = GREETING
    talker.answers[b"LIST"] = [b"* BYE Session invalidated - AccessTokenExpired ($)\r\n", b""]
    home.write(CONF.format(port=talker.port, script=NEXT))
    assert home.run("sync").status == TAKEN
    assert tokens(talker) == ["t1", "t2"]


def test_a_stale_token_at_a_reconnect_is_renewed_once(home: Home, talker: Talker) -> None:
    talker.greeting = GREETING
    talker.answers[b"LIST"] = [b"* BYE Session invalidated - AccessTokenExpired ($)\r\n", b""]
    talker.answers[b"AUTHENTICATE"] = [b"", NO, b""]
    home.write(CONF.format(port=talker.port, script=STALE))
    assert home.run("sync").status == TAKEN
    assert tokens(talker) == ["t", "t", "t1"]
    assert home.run("sync").status == TAKEN, "no refusal is remembered after a success"


def test_refused_tokens_end_the_run(home: Home, talker: Talker) -> None:
    talker.greeting = GREETING
    talker.answers[b"AUTHENTICATE"] = NO
    home.write(CONF.format(port=talker.port, script=STALE))
    done = home.run("sync")
    assert done.status == 77
    assert tokens(talker) == ["t", "t1"]
    assert done.err == (
        "mailsync: me: the server refused the login: [AUTHENTICATIONFAILED] no (by XOAUTH2: sign "
        "in anew with the program of token-command)\n"
    )
    done = home.run("sync")
    assert (done.status, tokens(talker)) == (77, ["t", "t1", "t"])
    assert "3 logins were refused within a day" in done.err
    done = home.run("sync")
    assert (done.status, len(tokens(talker))) == (77, 3)
    assert (home.root / "n").read_text() == "\n1\n\n1\n", "no token is fetched in vain"
