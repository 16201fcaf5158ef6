"""Small files of other programs, read whole."""

from __future__ import annotations

from mailsync.system.trouble import translated

LIMIT = 64 << 20  # bytes; a million messages need less


class Unreadable(Exception):
    """A state that cannot be understood; the text says where and why."""


def read(path: str) -> str | None:
    """None: there is no such file.  Raises Unreadable, StorageError."""
    with translated("read", path):
        try:
            with open(path, "rb") as file:
                data = file.read(LIMIT + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
    if len(data) > LIMIT:
        raise Unreadable(f"{path}: larger than {LIMIT} bytes; this is no state")
    return data.decode("utf-8", "surrogateescape")


def number(text: str) -> int | None:
    """A number of digits alone."""
    return int(text) if text.isascii() and text.isdigit() else None
