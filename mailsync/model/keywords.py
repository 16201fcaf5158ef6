"""Keywords (RFC 9051 §2.3.2): an account has one table, in which each has its number for good."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mailsync.model.flags import (
    BY_IMAP_NAME,
    FIRST_KEYWORD,
    KEYWORDS,
    MOST_KEYWORDS,
    QUIET_KEYWORDS,
    Flags,
    imap_names,
    letters,
)

LONGEST = 128  # characters
# An atom (RFC 9051 §9, flag-keyword); no space or control, so that it fits a line of a table.
_ATOM = re.compile(r"[^\x00-\x20\x7f-\U0010ffff(){%*\"\\\]]+")


def is_keyword(name: str) -> bool:
    """Whether it can be one on both sides; \\Flags and what is no atom cannot."""
    return len(name) <= LONGEST and _ATOM.fullmatch(name) is not None


class Keywords:
    """Immutable.  `names[n]` is the keyword of bit 6 + n; case does not tell two apart."""

    __slots__ = ("_flags", "names", "quiet")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = tuple(names)
        self._flags = {
            name.lower(): Flags(1 << FIRST_KEYWORD + number)
            for number, name in enumerate(self.names)
        }
        self.quiet = Flags.NONE  # those whose arrival saves no message (semantics.md, rule 6)
        for name in QUIET_KEYWORDS:
            self.quiet |= self._flags.get(name, Flags.NONE)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keywords) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)

    @property
    def all(self) -> Flags:
        """The bits that are in use."""
        return Flags((1 << FIRST_KEYWORD + len(self.names)) - (1 << FIRST_KEYWORD))

    def flag(self, name: str) -> Flags:
        """Of a keyword, or of what counts among the six flags; NONE: it is not in the table."""
        lower = name.lower()
        return self._flags.get(lower) or BY_IMAP_NAME.get(lower, Flags.NONE)

    def split(self, names: Iterable[str]) -> tuple[Flags, frozenset[str]]:
        """What is in the table, and the rest."""
        found = Flags.NONE
        rest: set[str] = set()
        for name in names:
            flag = self.flag(name)
            found |= flag
            if not flag:
                rest.add(name)
        return found, frozenset(rest)

    def learn(self, names: Iterable[str]) -> Keywords:
        """The table with those of `names` that are keywords and not in it, while there is room;
        itself where that changes nothing.  Always in the same order, whatever that of `names`."""
        new: dict[str, str] = {}
        for name in sorted(names):
            if is_keyword(name) and not self.flag(name):
                new.setdefault(name.lower(), name)
        room = MOST_KEYWORDS - len(self.names)
        return Keywords((*self.names, *list(new.values())[:room])) if new and room else self

    def of(self, flags: int) -> Iterator[str]:
        """The keywords among the flags, in the order of the table."""
        left = int(flags & KEYWORDS) >> FIRST_KEYWORD
        for name in self.names:
            if left & 1:
                yield name
            left >>= 1

    def imap_names(self, flags: int) -> list[str]:
        """All flags by their IMAP names."""
        return [*imap_names(flags), *self.of(flags)]

    def describe(self, flags: int) -> str:
        """For a person: letters, then keywords by name."""
        return " ".join([letters(flags), *self.of(flags)]).strip()
