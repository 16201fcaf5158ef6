"""Names of files are UTF-8, in every locale: a cron job and a shell must see the same mailboxes.

Python writes names in the locale's encoding, and only a new interpreter can be told otherwise.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def needs_another() -> bool:
    """Whether names of files would be written otherwise than in UTF-8."""
    return sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode


def start_again() -> NoReturn:
    """The same command line in UTF-8 mode (PEP 540); the terminal keeps its encoding."""
    words = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
    if sys.stdout is not None:
        os.environ.setdefault("PYTHONIOENCODING", sys.stdout.encoding)
    arguments = [word.encode("utf-8", "surrogateescape") for word in words]
    os.execv(sys.executable, arguments)  # noqa: S606 (no shell is wanted)
