"""Whatever a server or a file says, the terminal gets it as plain text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from support.home import Home
from support.talker import Talker

ESCAPE = b"\x1b]0;owned\x07\x1b[2J\x9b31m\xc2\x9b31m\xe2\x80\xae"  # also CSI as U+009B
NAMES = (
    b'* LIST () "/" INBOX\r\n* LIST () "/" "Bad' + ESCAPE + b'"\r\n'
    b'* LIST () "/" {5}\r\nx\r\x1bcy\r\n* LIST () "/" "a&ICk-b"\r\n'
)
CASES = {
    "names": (b"LIST", NAMES),
    "refused": (b"LIST", b"$ NO [ALERT] " + ESCAPE + b"\r\n"),
    "bad": (b"LIST", b"$ BAD " + ESCAPE + b"\r\n"),
    "bye": (b"LIST", b"* BYE " + ESCAPE + b"\r\n"),
    "noise": (b"LIST", ESCAPE + b"\r\n"),
    "password": (b"AUTHENTICATE", b"$ NO [AUTHENTICATIONFAILED] " + ESCAPE + b"\r\n"),
    "alert": (b"NOOP", b"* OK [ALERT] " + ESCAPE + b"\r\n"),
}
# What mailsync and rich say to a terminal themselves.
OWN = re.compile(r"\x1b\[(?:[\d;]*m|\?25[lh]|\d*[AK]|2K)|\r")


def steering(text: str) -> set[str]:
    left = OWN.sub("", text)
    return {char for char in left if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_text_of_the_server(home: Home, talker: Talker, case: str) -> None:
    talker.greeting = b"* OK [CAPABILITY IMAP4rev1 LITERAL+ AUTH=PLAIN SASL-IR] hi\r\n"
    command, said = CASES[case]
    talker.answers.update({b"LIST": NAMES, command: said})
    home.account(talker.port)
    shown = [
        home.on_terminal("mailboxes"),
        home.run("mailboxes", "--debug"),
    ]
    if case in ("names", "refused"):
        shown.append(home.run("sync", "-vv"))
        shown.append(home.on_terminal("status"))
    for done in shown:
        assert "bug" not in done.err, done
        assert not steering(done.out + done.err), done


def test_text_of_a_file(home: Home, talker: Talker) -> None:
    home.account(talker.port)
    for name in ("Bad\x1b[2J/cur", "\u202eevil/cur", "line\nbreak/cur", "C1\x9b2J/cur"):
        (home.mail / name).mkdir(parents=True)
    done = home.on_terminal("mailboxes")
    assert not steering(done.out)
    assert "Bad\\x1b[2J" in done.out  # why it is left out
    path = home.write('[accounts.me]\nhost = "a\\u001b[2J"\n"k\\u001b[2J" = 1\n')
    done = home.run("config", "check")
    assert done.status == 2
    assert str(path) in done.err
    assert not steering(done.err)
