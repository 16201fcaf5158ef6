"""From a byte stream to framed commands: lines, and the literals inside them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .server_grammar import Bad, LiteralData

_SPEC = re.compile(rb"(~?)\{(0|[1-9]\d{0,9})(\+?)\}$")


@dataclass(frozen=True, slots=True)
class Framed:
    text: bytes
    literals: list[LiteralData]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A literal is announced.  `text`: the command so far."""

    text: bytes
    literals: list[LiteralData]
    size: int
    binary: bool
    sync: bool


Gate = Callable[[Wanted], bool]
"""Asked once for each literal: go on (and send "+" where it is synchronising)?  False: the
command is refused already; what follows is read as the next command (RFC 3501 §7.5), also where
the client had not waited: that is how a non-synchronising body gets executed."""


class Framer:
    def __init__(self, max_line: int) -> None:
        self.buffer = bytearray()
        self.max_line = max_line
        self._text = bytearray()
        self._literals: list[LiteralData] = []
        self._need: Wanted | None = None

    def clear(self) -> None:
        self.buffer.clear()
        self.drop()

    def drop(self) -> None:
        """Forget the command that is half read."""
        self._text.clear()
        self._literals = []
        self._need = None

    def next(self, gate: Gate) -> Framed | None:
        """The next complete command, None until there is one.

        Raises Bad for a line that is no line; that line is then consumed.
        """
        while True:
            if self._need is not None:
                if len(self.buffer) < self._need.size:
                    return None
                self._take_literal(self._need)
            line = self.line()
            if line is None:
                return None
            spec = _SPEC.search(line)
            if spec is None:
                framed = Framed(bytes(self._text + line), self._literals)
                self.drop()
                return framed
            self._text += line[: spec.start()]
            wanted = Wanted(
                text=bytes(self._text),
                literals=self._literals,
                size=int(spec[2]),
                binary=bool(spec[1]),
                sync=not spec[3],
            )
            if not gate(wanted):
                self.drop()
                continue
            self._need = wanted

    def _take_literal(self, need: Wanted) -> None:
        self._literals.append(LiteralData(bytes(self.buffer[: need.size]), need.binary))
        self._text += b"\x00%d\x00" % (len(self._literals) - 1)
        del self.buffer[: need.size]
        self._need = None

    def line(self) -> bytes | None:
        """The next line without its CRLF."""
        end = self.buffer.find(b"\n")
        if end < 0 and len(self.buffer) <= self.max_line:
            return None
        if end < 0 or end > self.max_line:
            self.clear()
            raise Bad("line too long")
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 1]
        if not line.endswith(b"\r"):
            self.drop()
            raise Bad(f"a line that ends in a bare LF: {line[:60]!r}")
        line = line[:-1]
        if found := re.search(rb"[\r\x00\x80-\xff]", line):
            self.drop()
            raise Bad(f"{found[0]!r} outside a literal: {line[:60]!r}")
        return line

    def count(self) -> int:
        """How many commands lie complete in the buffer, were it all that ever comes."""
        twin = Framer(self.max_line)
        twin.buffer = bytearray(self.buffer)
        twin._text = bytearray(self._text)
        twin._literals = list(self._literals)
        twin._need = self._need
        found = 0
        while True:
            try:
                if twin.next(lambda wanted: not wanted.sync) is None:
                    return found
            except Bad:
                pass
            found += 1
