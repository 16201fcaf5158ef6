"""Words and pictures for a person: arguments in; tables, progress and exit status out."""

from __future__ import annotations

import sys


def main() -> None:
    """The `mailsync` program."""
    try:
        from mailsync.cli import locale

        if locale.needs_another():
            locale.start_again()
        from mailsync.cli.entry import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # before or after the time in which `run` takes care of it
        status = 130
    sys.exit(status)
