"""sample.conf as shipped."""

from __future__ import annotations

import dataclasses
import itertools
import re
import tomllib
from pathlib import Path

from mailsync import config
from mailsync.config.grammar import ACCOUNT, SECTION, TOP
from mailsync.imap.quirks import Quirk
from mailsync.model.settings import Account, Secret

SAMPLE = Path(__file__).parents[2] / "sample.conf"


def test_it_loads_as_shipped_and_shows_the_defaults() -> None:
    found = config.load(str(SAMPLE), {})
    assert found.state == config.default_state({})
    (account,) = found.accounts
    shown = Account(
        name="personal",
        host="imap.example.org",
        port=993,
        user="me@example.org",
        maildir=Path.home() / "Mail/personal",
        state=found.state / "personal",
        secret=Secret(command=("pass", "show", "mail/me")),
        mailboxes=("*", "!Junk"),
    )
    assert account == shown


def test_its_keys_are_those_of_the_code() -> None:
    tree = tomllib.loads(SAMPLE.read_text(encoding="utf-8"))
    assert set(tree) == {*TOP, "accounts"}
    assert set(tree["accounts"]["personal"]) == set(ACCOUNT)


def test_the_code_s_keys_are_those_of_settings() -> None:
    fields = {field.name.replace("_", "-") for field in dataclasses.fields(Account)}
    passwords = {key for key in ACCOUNT if key.startswith("password")}
    secrets = {*passwords, "token-command"}
    assert set(ACCOUNT) - secrets == fields - {"name", "state", "secret", "sections"}


def test_every_key_is_explained() -> None:
    """A comment stands above or behind every key but those three that speak for themselves."""
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    bare = [
        line.split(" ")[0]
        for above, line in itertools.pairwise(lines)
        if re.match(r"[a-z-]+ = ", line) and not above.startswith("#") and "#" not in line
    ]
    assert bare == ["host", "user"]


def test_every_quirk_is_named() -> None:
    text = re.sub(r"\s#?\s*", " ", SAMPLE.read_text(encoding="utf-8"))
    named = text.split('"!*": all that was found): ')[1].split(".")[0].split(", ")
    assert named == [quirk.key for quirk in Quirk]


def test_it_can_be_found_from_the_code() -> None:
    assert config.sample() == SAMPLE.read_text(encoding="utf-8")


def test_its_sections_are_those_of_the_code(tmp_path: Path) -> None:
    """What stands there as an example can be used as it stands."""
    text = SAMPLE.read_text(encoding="utf-8")
    example = re.findall(
        r"^#     (\[accounts\.personal\.mailboxes.*|\S+ = .*|)$", text, re.MULTILINE
    )
    sections = "\n".join(example[example.index("[accounts.personal.mailboxes]") :])
    whole = re.sub(r"^mailboxes = .*\n", "", text, flags=re.MULTILINE) + "\n" + sections
    tables = tomllib.loads(whole)["accounts"]["personal"]["mailboxes"]
    assert set(tables) == {"select", "Archive/*"}
    assert set(tables["Archive/*"]) == set(SECTION)
    path = tmp_path / "mailsync.conf"
    path.write_text(whole)
    (account,) = config.load(str(path), {}).accounts
    assert account.mailboxes == ("*", "!Junk")
    assert [one.pattern for one in account.sections] == ["Archive/*"]
