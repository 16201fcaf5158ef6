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
    "$junk": "j",
    "work": "w",
}
WORDS = {"j": "$Junk", "w": "Work"}  # keywords; names of files have the letter of their mailbox


def letters_of(flags: Iterable[str]) -> str:
    """Of IMAP flags; what has no letter is left out."""
    return "".join(sorted(LETTERS[f.lower()] for f in flags if f.lower() in LETTERS))


def system_letters(flags: Iterable[str]) -> str:
    """Of IMAP flags, without keywords."""
    return "".join(letter for letter in letters_of(flags) if letter not in WORDS)


def info_letters(name: str) -> str:
    """Of a file name, without keywords."""
    _, mark, info = name.rpartition(":2,")
    return "".join(sorted(set(info) & set("DFPRST"))) if mark else ""


def words_of(table: bytes) -> dict[str, str]:
    """Letters of file names to those of `WORDS`, by a mailbox's dovecot-keywords."""
    found: dict[str, str] = {}
    for line in table.decode().splitlines():
        number, _, word = line.partition(" ")
        found[chr(97 + int(number))] = LETTERS.get(word.lower(), "")
    return found


def shown_words(name: str, table: dict[str, str]) -> str:
    _, mark, info = name.rpartition(":2,")
    return "".join(table.get(letter, "") for letter in info) if mark else ""
