"""On which line of a TOML file does a key stand?  No TOML reader of the standard set keeps that."""

from __future__ import annotations

import json
import re

KeyPath = tuple[str, ...]

_PART = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*\[{{1,2}}[ \t]*({_DOTTED})[ \t]*\]")
_KEY = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_EACH = re.compile(_PART)
_LONG_STRING = re.compile(r'"""|\'\'\'')


def _parts(dotted: str) -> KeyPath:
    return tuple(_bare(part) for part in _EACH.findall(dotted))


def _bare(part: str) -> str:
    if part.startswith("'"):
        return part[1:-1]
    if part.startswith('"'):
        try:
            return str(json.loads(part))
        except ValueError:
            return part[1:-1]
    return part


class Lines:
    """The lines, from 1, of the tables and keys of a TOML text that tomllib accepts."""

    def __init__(self, text: str) -> None:
        self._at: dict[KeyPath, int] = {}
        table: KeyPath = ()
        inside = False  # a string of several lines
        for number, line in enumerate(text.splitlines(), 1):
            if not inside:
                if header := _HEADER.match(line):
                    table = _parts(header[1])
                    for length in range(1, len(table) + 1):
                        self._at.setdefault(table[:length], number)
                elif found := _KEY.match(line):
                    self._at.setdefault(table + _parts(found[1]), number)
            inside ^= len(_LONG_STRING.findall(line)) % 2 == 1

    def of(self, path: KeyPath) -> int | None:
        """The line of `path` or of the nearest thing around it that has one."""
        while path:
            if path in self._at:
                return self._at[path]
            path = path[:-1]
        return None
