"""Where log records go: nowhere, or with -v to standard error, safe and without passwords."""

from __future__ import annotations

import logging
import sys
from typing import IO

from mailsync.system.hidden import redact
from mailsync.system.text import safe


class _Safe(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        lines = redact(super().format(record)).splitlines() or [""]
        return "\n".join(safe(line) for line in lines)


def setup(verbosity: int, *, debug: bool = False, stream: IO[str] | None = None) -> None:
    """`-v` shows what is done, `-vv` how; nothing is ever logged with a traceback unasked."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())  # else the records of others go to standard error
    for old in [handler for handler in root.handlers if isinstance(handler.formatter, _Safe)]:
        root.removeHandler(old)
    if not verbosity and not debug:
        return
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Safe("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if debug or verbosity > 1 else logging.INFO)
