"""Which mailboxes are synced: IMAP patterns, `!` before those that are left out, last one wins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from mailsync.model.mailboxname import INBOX
from mailsync.model.rows import Role

UNASKED = frozenset({Role.ALL, Role.FLAGGED, Role.IMPORTANT})
"""Views of other mailboxes: every message in them is somewhere else too (RFC 6154 §2)."""


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """`*` is any text, `%` any text without the delimiter (RFC 9051 §6.3.9)."""
    if pattern.upper() == INBOX:
        return re.compile(re.escape(INBOX), re.I)
    pieces = re.split(r"([*%]+)", pattern)
    made = [
        re.escape(piece) if at % 2 == 0 else (".*" if "*" in piece else "[^/]*")
        for at, piece in enumerate(pieces)
    ]
    return re.compile("".join(made), re.S)


def matches(pattern: str, name: str) -> bool:
    """Whether `name` (components joined by `/`) is one that `pattern`, without `!`, means."""
    return _compiled(pattern).fullmatch(name) is not None


def selected(patterns: Sequence[str], name: str, role: Role | None) -> tuple[bool, str]:
    """Whether the mailbox is in scope, and why.

    A pattern with a wildcard does not bring in \\All, \\Flagged and \\Important; their names do.
    """
    for pattern in reversed(patterns):
        if pattern.startswith("!"):
            if matches(pattern[1:], name):
                return False, f'left out by "{pattern}"'
        elif matches(pattern, name):
            if role in UNASKED and ("*" in pattern or "%" in pattern):
                return False, f"a view of other mailboxes ({role}): name it in full to have it"
            return True, f'selected by "{pattern}"'
    return False, "no pattern matches"
