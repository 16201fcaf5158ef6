"""`mailbox-names` in the file: what it may say, and what is said of a rule that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailsync import config
from mailsync.model.errors import ConfigError
from mailsync.model.naming import NameRule, NameRules

LEAST = '[accounts.me]\nhost = "imap.example.org"\nuser = "me"\nmaildir = "/m"\n'


def load(folder: Path, rules: str) -> NameRules:
    path = folder / "mailsync.conf"
    path.write_text(f"{LEAST}mailbox-names = {rules}\n")
    path.chmod(0o600)
    return config.load(str(path), {"XDG_STATE_HOME": "/s"}).accounts[0].mailbox_names


def test_rules(tmp_path: Path) -> None:
    text = """[
    { server = "[Gmail]/Sent Mail", here = "Sent" },
    { server = "*", here = "*", flatten = "." },
]"""
    assert load(tmp_path, text) == NameRules(
        (NameRule("[Gmail]/Sent Mail", "Sent"), NameRule("*", "*", "."))
    )
    assert load(tmp_path, "[]") == NameRules()
    assert load(tmp_path, '[{ server = "*", here = "*", flatten = "" }]').rules[0].flatten == ""
    text = '[{ server = "a/b", here = "c" }, { server = "a/*", here = "*" }]'
    assert len(load(tmp_path, text).rules) == 2


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ('["a"]', 'must be a list of rules, like [{ server = "[Gmail]/Sent Mail"'),
        ('[{ server = "a", her = "b" }]', 'rule 1 has a key her: did you mean "here"?'),
        ('[{ server = "a", x = "b" }]', "rule 1 has a key x: there are: server, here, flatten"),
        ("[{ server = 1 }]", "rule 1 server must be a text of one line, in quotes"),
        ('[{ server = "a\\n", here = "b" }]', "rule 1 server must be a text of one line"),
        (
            '[{ server = "*", here = "*", flatten = "." }, { server = "a", here = "b" }]',
            "rule 2 is never used: rule 1 is for all that it is for, put it above that",
        ),
        ('[{ server = "a/*", here = "*" }, { server = "a/b*", here = "c*" }]', "is never used"),
        ('"a"', "must be a list of rules"),
        ('[{ server = "a" }]', "rule 1 needs here, as in { server ="),
        ('[{ here = "a" }]', "rule 1 needs server"),
        ('[{ server = "a", here = "b" }, { server = "a*", here = "b" }]', 'rule 2 needs a "*" in'),
        ('[{ server = "*/*", here = "*" }]', 'server = "*/*" has more than one "*"'),
        ('[{ server = "a", here = "../b" }]', 'here = "../b" is no name of a mailbox'),
        ('[{ server = "a", here = "inbox" }]', "is no name of a mailbox"),
        ('[{ server = "INBOX", here = "a" }]', "is no name of a mailbox"),
        ('[{ server = "a", here = "b", flatten = "." }]', 'flatten is for what "*" stands for'),
        ('[{ server = "*", here = "*", flatten = "/" }]', 'flatten is a text without "/"'),
        ('[{ server = "a", here = "b" }, { server = "a", here = "c" }]', "rule 2 is never used"),
        ('[{ server = "a", here = "b" }, { server = "c", here = "b" }]', "have one name here"),
    ],
)
def test_a_rule_that_is_none(tmp_path: Path, rules: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, rules)
    assert caught.value.exit == 2
    assert ":5: accounts.me.mailbox-names: " in str(caught.value)
    assert said in str(caught.value)
