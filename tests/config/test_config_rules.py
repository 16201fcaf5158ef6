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


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ('["a"]', 'must be a list of rules, like [{ server = "[Gmail]/Sent Mail"'),
        ('[{ server = "a", her = "b" }]', "must be a list of rules"),
        ("[{ server = 1 }]", "must be a list of rules"),
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
