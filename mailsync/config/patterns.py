"""Which mailboxes are synced: IMAP patterns, `!` before those that are left out, last one wins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from mailsync.model.mailboxname import INBOX
from mailsync.model.rows import Role
from mailsync.model.settings import Account, Rules

UNASKED = frozenset({Role.ALL, Role.FLAGGED, Role.IMPORTANT})
"""Views of other mailboxes: every message in them is somewhere else too (RFC 6154 §2)."""


@lru_cache(maxsize=1024)
def _pieces(pattern: str) -> tuple[str, ...]:
    """Texts and, at odd places, wildcards; neighbours are one: `*%` is `*`, `%%` is `%`."""
    return tuple(
        piece if at % 2 == 0 else ("*" if "*" in piece else "%")
        for at, piece in enumerate(re.split(r"([*%]+)", pattern))
    )


def matches(pattern: str, name: str) -> bool:
    """Whether `name` (components joined by `/`) is one that `pattern`, without `!`, means.

    `*` is any text, `%` any text without the delimiter (RFC 9051 §6.3.9).  The time is that of
    the lengths' product, whatever the server calls its mailboxes.
    """
    pieces = _pieces(pattern)
    if len(pieces) == 1:
        return pattern == name or (name == INBOX and pattern.upper() == INBOX)
    if not name.startswith(pieces[0]):
        return False
    ends = {len(pieces[0])}  # where the pieces so far may end
    for at, piece in enumerate(pieces[1:], 1):
        if at % 2 == 0:
            ends = {end + len(piece) for end in ends if name.startswith(piece, end)}
        elif piece == "*":
            ends = set(range(min(ends), len(name) + 1))
        else:
            ends = _within_component(name, ends)
        if not ends:
            return False
    return len(name) in ends


def _within_component(name: str, starts: set[int]) -> set[int]:
    ends: set[int] = set()
    going = False
    for at in range(min(starts), len(name) + 1):
        going = at in starts or (going and name[at - 1] != "/")
        if going:
            ends.add(at)
    return ends


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


def rules_of(account: Account, name: str) -> Rules:
    """What holds for one mailbox: of each thing, what the last section says that matches it and
    says it, else what the account says."""
    rules = Rules(account.direction, account.deletions, account.max_size, account.max_age)
    for section in account.sections:
        if matches(section.pattern, name):
            said = {key: getattr(section.rules, key) for key in section.given}
            rules = replace(rules, **said)
    return rules
