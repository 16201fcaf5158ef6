"""Every line for a person passes here: nothing foreign reaches the terminal raw."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence

import click

from mailsync.system.text import safe


def colours(*, err: bool = False) -> bool:
    """On a terminal, unless NO_COLOR (no-color.org) or a dumb terminal says otherwise."""
    stream = sys.stderr if err else sys.stdout
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return stream is not None and stream.isatty() and not plain


def say(text: str = "", *, err: bool = False, bold: bool = False, colour: str = "") -> None:
    """One line, made safe; longer than 500 characters it is cut."""
    shown = safe(text)
    if (bold or colour) and colours(err=err):
        shown = click.style(shown, fg=colour or None, bold=bold)
    click.echo(shown, err=err)


def error(text: str) -> None:
    say(f"mailsync: {text}", err=True, colour="red")


def trouble(account: str, text: str) -> None:
    """An error of one account; its name stands before it once."""
    error(text if text.startswith(f"{account}/") else f"{account}: {text}")


def note(text: str) -> None:
    say(f"mailsync: {text}", err=True)


WIDEST = 50  # columns that one cell may ask of all rows


def table(rows: Sequence[Sequence[str]], *, indent: str = "", right: frozenset[int]) -> None:
    """Aligned columns; those in `right` are numbers.  The first row is the heading.

    A cell that is longer than most terminals allow sticks out of its own row only."""
    shown = [[safe(cell) for cell in row] for row in rows]
    widths = [min(WIDEST, max(_width(row[at]) for row in shown)) for at in range(len(shown[0]))]
    for number, row in enumerate(shown):
        cells = [_padded(cell, widths[at], at in right) for at, cell in enumerate(row)]
        line = (indent + "  ".join(cells)).rstrip()
        if number == 0 and colours():
            line = click.style(line, bold=True)
        click.echo(line)


def _padded(cell: str, width: int, right: bool) -> str:
    fill = " " * (width - _width(cell))
    return fill + cell if right else cell + fill


def _width(text: str) -> int:
    """Columns on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def many(count: int, one: str, more: str = "") -> str:
    """`1 message`, `2,600 messages`."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def size(count: float) -> str:
    """Bytes for a person, in powers of 1000."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:,.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:,.1f} {unit}"


def ago(age: float | None) -> str:
    return "never" if age is None else f"{span(age)} ago"


def span(seconds: float) -> str:
    """A length of time in its largest unit."""
    count = max(0.0, seconds)
    for unit, length, until in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 36)):
        if count < until * length:
            return f"{count / length:.0f} {unit}"
    return f"{count / 86400:.0f} days"
