"""From the file to checked values, key by key, so that every mistake is told at once."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mailsync.config.grammar import (
    ACCOUNT,
    MAILBOXES,
    REQUIRED,
    SECTION,
    SELECT,
    TABLE,
    TOP,
    Key,
    meant,
)
from mailsync.config.locate import KeyPath, Lines
from mailsync.model.errors import ConfigError

LIMIT = 1 << 20  # bytes
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_TWICE = re.compile(r"^[ \t]*(?:\[[^\]]*\.mailboxes\b|mailboxes[ \t]*=)")
_LIST = re.compile(r"^[ \t]*mailboxes[ \t]*=", re.MULTILINE)
_BOTH = (
    "mailboxes cannot be a list and have sections: below the line [accounts.NAME.mailboxes] "
    "write the list as select = [...]"
)
_ACCOUNT_NAME = re.compile(r"[^\W_][\w.@+-]{0,99}")


@dataclass(slots=True)
class Values:
    """What stands in the file, and what is wrong with it."""

    path: str
    lines: Lines
    private: bool  # nobody but the owner may read the file
    top: dict[str, Any] = field(default_factory=dict)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)  # text -> line, in order

    def complain(self, path: KeyPath, text: str) -> None:
        line = self.lines.of(path)
        place = self.path if line is None else f"{self.path}:{line}"
        where = f"{'.'.join(path)}: " if path else ""
        self.problems.setdefault(f"{place}: {where}{text}", line or 0)

    def stop_if_wrong(self) -> None:
        """Raises ConfigError, one line a problem in the order of the file."""
        if self.problems:
            raise ConfigError("\n".join(sorted(self.problems, key=self.problems.__getitem__)))


def read(path: str) -> Values:
    """The file's values; raises ConfigError when it cannot be read or is not TOML."""
    text, private = _text(path)
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        place = _TOML_PLACE.search(str(error))
        line = (place and place[1]) or str(len(text.splitlines()) or 1)
        what = _TOML_PLACE.sub("", str(error))
        if type(error) is ValueError:  # by int(), which knows no place
            what = "a number has too many digits"
        if what == "Cannot overwrite a value":
            what = f"{_key_on(text, int(line))} is set twice"
        if _TWICE.search((text.splitlines() or [""])[int(line) - 1]) and _LIST.search(text):
            what = _BOTH
        raise ConfigError(f"{path}:{line}: this is not TOML: {what}") from None
    values = Values(path, Lines(text), private)
    _take_top(values, tree)
    return values


def _key_on(text: str, line: int) -> str:
    key, equals, _ = text.splitlines()[line - 1].partition("=")
    return key.strip() if equals else "a key"


def _text(path: str) -> tuple[str, bool]:
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > LIMIT:
        raise ConfigError(f"{path}: larger than {LIMIT} bytes; this is no configuration")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n"), not stat.S_IMODE(mode) & 0o077
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: this is not UTF-8") from None


def _take_top(values: Values, tree: dict[str, Any]) -> None:
    for name, value in tree.items():
        if name == TABLE:
            _take_accounts(values, value)
        elif name in TOP:
            _take(values, (name,), TOP[name], value, values.top)
        elif name in ACCOUNT:
            values.complain((name,), "belongs below a line [accounts.NAME]")
        else:
            values.complain((name,), "unknown key" + _hint(name, [*TOP, TABLE], value))
    if not values.accounts and not values.problems:
        values.complain((), "there is no account; one begins with a line like [accounts.personal]")


def _hint(name: str, known: list[str], value: object = None) -> str:
    guess = meant(name, known)
    if guess:
        return f'; did you mean "{guess}"?'
    if isinstance(value, dict):
        return f"; an account is written [{TABLE}.{name}]"
    return ""


def _take_accounts(values: Values, tables: object) -> None:
    if not isinstance(tables, dict):
        values.complain((TABLE,), "accounts are tables: [accounts.NAME]")
        return
    seen: dict[str, str] = {}
    for name, table in tables.items():
        path = (TABLE, name)
        if not isinstance(table, dict):
            values.complain(path, "an account is a table: [accounts.NAME]")
        elif not _ACCOUNT_NAME.fullmatch(name):
            values.complain(
                path,
                "an account's name has letters, digits and . _ @ + - only, begins with a letter "
                "or digit, and is at most 100 long",
            )
        elif other := seen.get(name.casefold()):
            values.complain(path, f'the name differs from "{other}" in upper and lower case only')
        else:
            seen[name.casefold()] = name
            values.accounts[name] = _account(values, path, table)


def _account(values: Values, path: KeyPath, table: dict[str, Any]) -> dict[str, Any]:
    taken: dict[str, Any] = {}
    for name, value in table.items():
        if name == MAILBOXES and isinstance(value, dict):
            _take_mailboxes(values, (*path, name), value, taken)
        elif name in ACCOUNT:
            _take(values, (*path, name), ACCOUNT[name], value, taken)
        elif name in TOP:
            values.complain((*path, name), "belongs at the top of the file, above all accounts")
        else:
            values.complain((*path, name), "unknown key" + _hint(name, list(ACCOUNT)))
    for name in REQUIRED:
        if table.get(name, "") == "":
            values.complain((*path, name), f"is missing: {ACCOUNT[name].allowed}")
    return taken


def _take_mailboxes(
    values: Values, path: KeyPath, table: dict[str, Any], into: dict[str, Any]
) -> None:
    """`select` is the list of patterns, every table a section for those that its name matches."""
    sections: list[tuple[str, dict[str, Any]]] = []
    for pattern, value in table.items():
        here = (*path, pattern)
        if pattern == SELECT and not isinstance(value, dict):
            _take(values, here, ACCOUNT[MAILBOXES], value, into)
        elif not isinstance(value, dict):
            hint = f"; the list of patterns is {SELECT} = [...]" if isinstance(value, list) else ""
            values.complain(here, f"is no section: a section is a table{hint}")
        elif not pattern.removeprefix("!"):
            values.complain(here, "a section's name is a pattern of mailboxes")
        elif pattern.startswith("!"):
            values.complain(here, f'a section is for mailboxes, "!" leaves out: see {SELECT}')
        else:
            sections.append((pattern, _section(values, here, value)))
    into["sections"] = sections


def _section(values: Values, path: KeyPath, table: dict[str, Any]) -> dict[str, Any]:
    taken: dict[str, Any] = {}
    for name, value in table.items():
        if name in SECTION:
            _take(values, (*path, name), SECTION[name], value, taken)
        elif name in ACCOUNT:
            values.complain((*path, name), "holds for an account as a whole, not for mailboxes")
        else:
            values.complain((*path, name), "unknown key" + _hint(name, list(SECTION)))
    if not table:
        values.complain(path, f"the section is empty: it may have {', '.join(SECTION)}")
    return taken


def _take(values: Values, path: KeyPath, key: Key, value: object, into: dict[str, Any]) -> None:
    """An empty text means unset."""
    if value == "":
        return
    try:
        into[key.name] = msgspec.convert(value, key.type)
    except (msgspec.ValidationError, ValueError):
        shown = "" if key.secret else f", not {_shown(value)}"
        values.complain(path, f"must be {key.allowed}{shown}")


def _shown(value: object) -> str:
    match value:
        case bool():
            text = str(value).lower()
        case str():
            text = f'"{value}"'
        case dict():
            text = "a table"
        case _:
            text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"
