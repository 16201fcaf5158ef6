"""Flags as the letters of a Maildir, on both sides of the simulator."""

from __future__ import annotations

from collections.abc import Iterable

LETTERS = {
    "\\draft": "D",
    "\\flagged": "F",
    "$forwarded": "P",
    "\\answered": "R",
    "\\seen": "S",
    "\\deleted": "T",
}


def letters_of(flags: Iterable[str]) -> str:
    """Of IMAP flags; what has no letter is left out."""
    return "".join(sorted(LETTERS[f.lower()] for f in flags if f.lower() in LETTERS))


def info_letters(name: str) -> str:
    """Of a file name."""
    _, mark, info = name.rpartition(":2,")
    return "".join(sorted(set(info) & set("DFPRST"))) if mark else ""
