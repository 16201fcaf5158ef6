"""Lines of keys in TOML."""

from __future__ import annotations

import tomllib

from mailsync.config.locate import Lines

TEXT = '''\
state = "x"

[accounts.personal]
host = "h"   # [accounts.comment]
"user" = "u"
mailboxes = [
  "a = b",
  "[accounts.fake]",
]
trash = """
port = 9
[accounts.inside]
"""
port = 1

  [ accounts . "me@work" ]
 host.name = 1
'quoted key' = 2
"\\u0061b" = 3

[[list]]
x = 1
[[list]]
x = 2
'''


def test_every_key_has_its_line() -> None:
    tomllib.loads(TEXT)
    lines = Lines(TEXT)
    table = {
        ("state",): 1,
        ("accounts", "personal"): 3,
        ("accounts", "personal", "host"): 4,
        ("accounts", "personal", "user"): 5,
        ("accounts", "personal", "mailboxes"): 6,
        ("accounts", "personal", "port"): 14,
        ("accounts", "me@work", "host", "name"): 17,
        ("accounts", "me@work", "quoted key"): 18,
        ("accounts", "me@work", "ab"): 19,
        ("list", "x"): 22,
    }
    assert {path: lines.of(path) for path in table} == table


def test_what_has_no_line_of_its_own_has_that_of_what_is_around_it() -> None:
    lines = Lines("accounts = { a = { prot = 1 } }\n")
    assert lines.of(("accounts", "a", "prot")) == 1
    assert lines.of(("elsewhere",)) is None
    assert lines.of(()) is None
