"""The generic tokenizer: atoms, strings, lists.  Lenient, because servers are (protocol.md §1.1).

It is fed piece by piece: text up to a literal, the literal's value, text again.
"""

from __future__ import annotations

import re

from mailsync.imap.events import Streamed
from mailsync.imap.limits import ProtocolError
from mailsync.imap.sets import Malformed, Ranges, ranges


class Text(bytes):
    """A quoted string or a literal, so that NIL and "NIL" differ."""

    __slots__ = ()


Token = bytes | Ranges | Streamed | list["Token"]

_SCAN = re.compile(
    rb" *(?:([()])"  # 1: a list begins or ends
    rb'|"((?:[^"\\]|\\.)*+)"'  # 2: quoted
    rb'|((?:(?:BODY|BINARY)(?:\.PEEK)?\[[^\]]{0,1000}\](?:<\d+>)?)|[^ ()"][^ ()]*))',  # 3: atom
    re.I | re.S,
)
_ESCAPED = re.compile(rb"\\(.)", re.S)


class Tokenizer:
    def __init__(self, nesting: int) -> None:
        self.root: list[Token] = []
        self._open: list[list[Token]] = [self.root]
        self._nesting = nesting

    @property
    def here(self) -> list[Token]:
        """The innermost list that is still open."""
        return self._open[-1]

    @property
    def depth(self) -> int:
        return len(self._open) - 1

    def text(self, data: bytes) -> None:
        at, end = 0, len(data.rstrip(b" "))
        here = self._open[-1]
        while at < end:
            found = _SCAN.match(data, at, end)
            if found is None:
                raise Malformed("a quoted string without an end")
            at = found.end()
            paren, quoted, atom = found.groups()
            if atom is not None:
                here.append(atom)
            elif quoted is not None:
                here.append(Text(_ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted))
            elif paren == b"(":
                here = self._enter(here)
            else:
                here = self._leave()

    def value(self, token: Text | Ranges | Streamed) -> None:
        self.here.append(token)

    def done(self) -> list[Token]:
        """All tokens of a response that has ended."""
        if self.depth:
            raise Malformed("a list without an end")
        return self.root

    def _enter(self, here: list[Token]) -> list[Token]:
        if self.depth >= self._nesting:
            raise ProtocolError("the server nested lists too deep")
        inner: list[Token] = []
        here.append(inner)
        self._open.append(inner)
        return inner

    def _leave(self) -> list[Token]:
        if not self.depth:
            raise Malformed("a list ends that did not begin")
        self._open.pop()
        return self._open[-1]


class Skipper(Tokenizer):
    """For responses that are no use: keeps nothing, checks nothing."""

    def text(self, data: bytes) -> None:
        pass

    def value(self, token: Text | Ranges | Streamed) -> None:
        pass


def is_nil(token: Token) -> bool:
    return type(token) is bytes and token.upper() == b"NIL"


def string(token: Token) -> bytes:
    """An atom's or string's bytes."""
    if not isinstance(token, bytes):
        raise Malformed("not a string")
    return token


def listed(token: Token) -> list[Token]:
    if not isinstance(token, list):
        raise Malformed("not a list")
    return token


def number(token: Token) -> int:
    """May be negative: some servers send −1."""
    text = string(token)
    if not text.removeprefix(b"-").isdigit() or len(text) > 20:
        raise Malformed("not a number")
    return int(text)


def key(token: Token) -> str:
    """An atom in capitals."""
    return string(token).decode("ascii", "replace").upper()


def shown(data: bytes) -> str:
    """Text meant for people; not yet safe for a terminal."""
    return data.decode("utf-8", "replace")


def uid_ranges(token: Token, limit: int) -> Ranges:
    """A set that was short enough to be an atom, or was read while it came."""
    return token if isinstance(token, Ranges) else ranges(string(token), limit)
