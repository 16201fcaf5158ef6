"""The configuration of the program before us, in our words."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mailsync.config.former import mbsync, offlineimap
from mailsync.config.former.words import Converted
from mailsync.model.errors import ConfigError

__all__ = ["PROGRAMS", "Converted", "convert", "found"]

PROGRAMS = {"mbsync": mbsync.convert, "offlineimap": offlineimap.convert}
LIMIT = 1 << 20  # bytes


def found(environ: Mapping[str, str] = os.environ) -> list[tuple[str, str]]:
    """The programs' configurations that are where each looks for its own: (program, path)."""
    xdg = environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    places = (
        ("mbsync", os.path.expanduser("~/.mbsyncrc")),
        ("mbsync", f"{xdg}/isyncrc"),
        ("offlineimap", os.path.expanduser("~/.offlineimaprc")),
        ("offlineimap", f"{xdg}/offlineimap/config"),
    )
    there: dict[str, str] = {}
    for program, path in places:
        if program not in there and os.path.isfile(path):
            there[program] = path
    return list(there.items())


def convert(program: str, path: str) -> Converted:
    """Raises ConfigError, with file and line."""
    try:
        with open(path, "rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > LIMIT:
        raise ConfigError(f"{path}: larger than {LIMIT} bytes; this is no configuration")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: this is not UTF-8") from None
    return PROGRAMS[program](text, path)
