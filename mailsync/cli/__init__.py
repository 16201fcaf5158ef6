"""Words and pictures for a person: arguments in; tables, progress and exit status out."""

from __future__ import annotations

import sys


def main() -> None:
    """The `mailsync` program."""
    from mailsync.cli.entry import run

    sys.exit(run(sys.argv[1:]))
