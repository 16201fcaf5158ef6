"""Writing commands: pieces of a command, and what goes onto the wire when (reliability.md §4.5)."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final
from typing import Literal as OneOf

LITERAL_MINUS = 4096  # bytes (RFC 7888 §5)
QUOTED_LONGEST = 256

LiteralMode = OneOf["none", "minus", "plus"]

_ATOM = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+\Z")  # RFC 9051 atom, and no {
_QUOTABLE = re.compile(rb"[ -~]{0,%d}\Z" % QUOTED_LONGEST)
_TEXT = re.compile(rb"[ -~]*\Z")


@dataclass(frozen=True, slots=True)
class Literal:
    """Counted bytes.  `data` None: the session streams `size` bytes from elsewhere."""

    size: int
    data: bytes | None = None
    binary: bool = False  # literal8, may have NUL (RFC 3516)

    def __post_init__(self) -> None:
        if self.size < 0 or (self.data is not None and len(self.data) != self.size):
            raise ValueError("a literal's size is not that of its data")
        if not self.binary and self.data is not None and b"\0" in self.data:
            raise ValueError("NUL in a literal")


Part = bytes | Literal


@dataclass(frozen=True, slots=True, repr=False)
class Command:
    """One command without tag and line end.  `name` is for counting and logs: `UID FETCH`.

    Its bytes are printable ASCII; anything else can only stand in a literal.
    """

    parts: tuple[Part, ...]
    name: str
    secret: bool = False

    def __post_init__(self) -> None:
        for part in self.parts:
            if isinstance(part, bytes) and not _TEXT.match(part):
                raise ValueError("a byte in a command that only a literal may have")

    def __str__(self) -> str:
        """One line for a log: literals by their size, secrets as `***`."""
        if self.secret:
            return f"{self.name} ***"
        return "".join(
            part.decode("ascii") if isinstance(part, bytes) else f"{{{part.size}}}"
            for part in self.parts
        )

    __repr__ = __str__


class Wait(enum.Enum):
    """Write nothing more before the server's `+`, or its tagged NO or BAD."""

    WAIT = "wait"


WAIT: Final = Wait.WAIT


@dataclass(frozen=True, slots=True)
class Body:
    """Now stream the data of the `index`-th literal that has none of its own (0 …)."""

    index: int


Piece = bytes | Wait | Body


class Hidden(bytes):
    """Bytes that tell a password: a traceback that shows variables shows `***`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"


def encode(
    command: Command, tag: str, literal_plus: LiteralMode = "none", sync_first: bool = False
) -> list[Piece]:
    """What to write, in order.  `sync_first`: the first literal waits for `+` in any mode, so a
    server that refuses the command never takes a message's bytes for commands."""
    as_bytes = Hidden if command.secret else bytes
    made: list[Piece] = []
    text = bytearray(tag.encode("ascii") + b" ")
    bodies = literals = 0
    for part in command.parts:
        if isinstance(part, bytes):
            text += part
            continue
        literals += 1
        free = literal_plus == "plus" or (literal_plus == "minus" and part.size <= LITERAL_MINUS)
        free = free and not (sync_first and literals == 1)
        mark = b"~" if part.binary else b""
        text += b"%b{%d%b}\r\n" % (mark, part.size, b"+" if free else b"")
        if not free:
            made += [as_bytes(text), WAIT]
            text.clear()
        if part.data is not None:
            text += part.data
            continue
        if text:
            made.append(bytes(text))
            text.clear()
        made.append(Body(bodies))
        bodies += 1
    made.append(as_bytes(text + b"\r\n"))
    return made


def is_atom(text: bytes) -> bool:
    return _ATOM.match(text) is not None


def is_flag(text: str) -> bool:
    """Whether a command may carry this flag: an atom, or `\\` and one, but never `\\Recent`."""
    if not text.isascii() or text.lower() == "\\recent":
        return False
    return is_atom(text.removeprefix("\\").encode("ascii"))


def string(value: bytes) -> Part:
    """Quoted where that is safe everywhere, else a literal; ValueError for NUL."""
    if not _QUOTABLE.match(value):
        return Literal(len(value), value)
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def joined(*parts: Part) -> tuple[Part, ...]:
    """The same with neighbouring bytes made one."""
    made: list[Part] = []
    for part in parts:
        if part == b"":
            continue
        last = made[-1] if made else None
        if isinstance(part, bytes) and isinstance(last, bytes):
            made[-1] = last + part
        else:
            made.append(part)
    return tuple(made)
