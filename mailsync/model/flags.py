"""Flags as one integer: six that both sides name, then the keywords of the account's table.

Bit 6 + n is the keyword with number n (`model.keywords`).  What has no number is text (`extra`).
"""

from __future__ import annotations

import enum


class Flags(enum.IntFlag):
    """The six flags that both IMAP and Maildir can keep (glossary: flag letters)."""

    NONE = 0
    DRAFT = 1
    FLAGGED = 2
    FORWARDED = 4  # the keyword $Forwarded, Maildir's P (passed)
    ANSWERED = 8
    SEEN = 16
    DELETED = 32

    def __invert__(self) -> Flags:
        """All other flags, also keywords, which the class does not name."""
        return Flags(_EVERY ^ self)


FIRST_KEYWORD = 6  # its bit
MOST_KEYWORDS = 57  # of one account: what the bits of SQLite's integer leave
_EVERY = (1 << FIRST_KEYWORD + MOST_KEYWORDS) - 1
SYSTEM = Flags(63)
KEYWORDS = Flags(_EVERY & ~63)
ALL_FLAGS = SYSTEM | KEYWORDS

# In the order of the Maildir letters, which is ASCII order.
LETTERS: dict[str, Flags] = {
    "D": Flags.DRAFT,
    "F": Flags.FLAGGED,
    "P": Flags.FORWARDED,
    "R": Flags.ANSWERED,
    "S": Flags.SEEN,
    "T": Flags.DELETED,
}
IMAP_NAMES: dict[Flags, str] = {
    Flags.DRAFT: "\\Draft",
    Flags.FLAGGED: "\\Flagged",
    Flags.FORWARDED: "$Forwarded",
    Flags.ANSWERED: "\\Answered",
    Flags.SEEN: "\\Seen",
    Flags.DELETED: "\\Deleted",
}
BY_IMAP_NAME: dict[str, Flags] = {name.lower(): flag for flag, name in IMAP_NAMES.items()}

# Keywords whose arrival does not save a message that the other side deleted (semantics.md, rule 6).
QUIET_KEYWORDS = frozenset({"$junk", "$notjunk", "junk", "nonjunk", "$mdnsent"})


def imap_names(flags: int) -> list[str]:
    """The flags by their IMAP names, in the order of their letters."""
    return [name for flag, name in IMAP_NAMES.items() if flags & flag]


def letters(flags: int) -> str:
    """The flags as Maildir letters: sorted, unique, ASCII."""
    return "".join(letter for letter, flag in LETTERS.items() if flags & flag)


def from_letters(text: str) -> Flags:
    """The flags that `text` names; other characters are ignored."""
    found = 0
    for letter in text:
        found |= LETTERS.get(letter, 0)
    return Flags(found)
