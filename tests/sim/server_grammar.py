"""The commands' grammar, small and strict (RFC 3501 §9 and the extensions); nothing is forgiven.

A framed command is one line of bytes in which each literal stands as NUL, its number, NUL: NUL
is legal nowhere else.
"""

from __future__ import annotations

import calendar
import re
import time
from dataclasses import dataclass

from .server_state import wire

Range = tuple[int | None, int | None]  # None stands for `*`

_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
_PATTERN = re.compile(rb'[^\x00-\x20\x7f-\xff(){"\\]+')
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*)"')
_LITERAL = re.compile(rb"\x00(\d+)\x00")
_NUMBER = re.compile(rb"0|[1-9][0-9]*")
_FLAG = re.compile(rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_SET = re.compile(
    rb"(?:[1-9]\d*|\*)(?::(?:[1-9]\d*|\*))?(?:,(?:[1-9]\d*|\*)(?::(?:[1-9]\d*|\*))?)*"
)
_DATE = re.compile(
    rb'"( \d|\d\d)-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-(\d{4})'
    rb' (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"'
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Bad(Exception):
    """The client broke the protocol: tagged BAD, and a violation on record."""


class No(Exception):
    """The server refuses: tagged NO with this text, response code included."""


@dataclass(frozen=True, slots=True)
class LiteralData:
    data: bytes
    binary: bool


class Scan:
    """A cursor over one framed command; every method raises Bad where the grammar does."""

    def __init__(self, text: bytes, literals: list[LiteralData]) -> None:
        self.text = text
        self.at = 0
        self.literals = literals

    def ahead(self, text: bytes) -> bool:
        return self.text.startswith(text, self.at)

    def done(self) -> bool:
        return self.at == len(self.text)

    def end(self) -> None:
        if not self.done():
            raise Bad(f"unexpected {self.text[self.at : self.at + 20]!r}")

    def _match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise Bad(f"{what} expected at {self.text[self.at : self.at + 20]!r}")
        self.at = found.end()
        return found

    def take(self, text: bytes) -> None:
        if not self.ahead(text):
            raise Bad(f"{text!r} expected at {self.text[self.at : self.at + 20]!r}")
        self.at += len(text)

    def skip(self, text: bytes) -> bool:
        if self.ahead(text):
            self.at += len(text)
            return True
        return False

    def space(self) -> None:
        self.take(b" ")

    def atom(self) -> str:
        return self._match(_ATOM, "an atom")[0].decode()

    def word(self) -> str:
        return self.atom().upper()

    def number(self) -> int:
        return int(self._match(_NUMBER, "a number")[0])

    def positive(self) -> int:
        if (found := self.number()) == 0:
            raise Bad("0 where a positive number is wanted")
        return found

    def string(self) -> bytes:
        if self.ahead(b"\x00"):
            return self.literal().data
        inner = self._match(_QUOTED, "a string")[1]
        return re.sub(rb"\\(.)", rb"\1", inner)

    def literal(self) -> LiteralData:
        return self.literals[int(self._match(_LITERAL, "a literal")[1])]

    def nstring(self) -> bytes | None:
        return None if self.skip(b"NIL") else self.string()

    def astring(self) -> bytes:
        if self.ahead(b'"') or self.ahead(b"\x00"):
            return self.string()
        return self._match(_ASTRING, "a string")[0]

    def pattern(self) -> bytes:
        if self.ahead(b'"') or self.ahead(b"\x00"):
            return self.string()
        return self._match(_PATTERN, "a mailbox pattern")[0]

    def mailbox(self) -> bytes:
        return wire(self.astring())

    def flag(self) -> str:
        return self._match(_FLAG, "a flag")[0].decode()

    def flags(self) -> list[str]:
        """`(\\Seen $Forwarded)`; \\Recent may not be set (RFC 3501 §2.3.2)."""
        self.take(b"(")
        found: list[str] = []
        while not self.skip(b")"):
            if found:
                self.space()
            found.append(self.flag())
        if any(flag.lower() == "\\recent" for flag in found):
            raise Bad("\\Recent cannot be set")
        known = {"\\answered", "\\flagged", "\\deleted", "\\seen", "\\draft"}
        if unknown := [f for f in found if f.startswith("\\") and f.lower() not in known]:
            raise Bad(f"no such system flag: {unknown[0]}")
        return found

    def words(self) -> list[str]:
        """`(UIDNEXT MESSAGES)`: atoms in capitals."""
        self.take(b"(")
        found: list[str] = []
        while not self.skip(b")"):
            if found:
                self.space()
            found.append(self._match(_FLAG, "a word")[0].decode().upper())
        return found

    def sequence_set(self) -> list[Range]:
        text = self._match(_SET, "a sequence set")[0]
        found: list[Range] = []
        for part in text.split(b","):
            ends = [None if end == b"*" else int(end) for end in part.split(b":")]
            if any(end is not None and end > 0xFFFF_FFFF for end in ends):
                raise Bad(f"a number beyond 2^32-1 in {text!r}")
            found.append((ends[0], ends[-1]))
        return found

    def date_time(self) -> int:
        """`"17-Jul-1996 02:44:25 -0700"` as seconds since 1970."""
        found = self._match(_DATE, "a date-time")
        day, year, hour, minute, second = (int(found[n]) for n in (1, 3, 4, 5, 6))
        month = MONTHS.index(found[2].decode()) + 1
        if not (1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
            raise Bad(f"no such date: {found[0]!r}")
        offset = (int(found[8]) * 60 + int(found[9])) * 60
        moment = calendar.timegm((year, month, day, hour, minute, second))
        return moment + offset if found[7] == b"-" else moment - offset


def has_star(ranges: list[Range]) -> bool:
    return any(None in pair for pair in ranges)


def members(ranges: list[Range], numbers: list[int]) -> list[int]:
    """Those of the ascending `numbers` that the set names; `*` is the highest of them.

    Raises nothing for an empty mailbox: then nothing is named.
    """
    if not numbers:
        return []
    top = numbers[-1]
    spans = []
    for a, b in ranges:
        low, high = (top if a is None else a), (top if b is None else b)
        spans.append((min(low, high), max(low, high)))
    return [n for n in numbers if any(low <= n <= high for low, high in spans)]


def compact(numbers: list[int]) -> str:
    """`1,3:5`, in the order given where it is not ascending."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in runs)


def quoted(text: bytes) -> bytes:
    """A string as the server sends it: quoted, or a literal where that is impossible."""
    if re.fullmatch(rb"[\x20-\x7e]*", text):
        return b'"' + re.sub(rb'(["\\])', rb"\\\1", text) + b'"'
    return b"{%d}\r\n" % len(text) + text


def date_text(moment: int) -> str:
    parts = time.gmtime(moment)
    clock = f"{parts.tm_hour:02}:{parts.tm_min:02}:{parts.tm_sec:02}"
    return f'"{parts.tm_mday:2}-{MONTHS[parts.tm_mon - 1]}-{parts.tm_year:04} {clock} +0000"'
