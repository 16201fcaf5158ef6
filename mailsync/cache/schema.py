# ruff: noqa: S608 (the statements are put together from constants of this room)
"""What both doors of the cache share: `tables` by SQLAlchemy, `quick` without it."""

from __future__ import annotations

import os

HEAD = "0013"  # the newest revision in migrations/versions
APPLICATION_ID = 0x6D734331  # "msC1", in the file's header (PRAGMA application_id)
FILE = "cache.db"

OLDER = 2  # `relink`, where the Maildir is an older copy: not only true

# One text everywhere, because SQLite takes a partial index only for the very same condition.
# Closed: there on both sides and both as synced, or settled as KEPT (semantics.md, rule 1).  Of
# what `expunge-deleted` would delete: unless it waits, is parked or spared.
ALIKE = (
    "messages.server = 1 AND messages.local = 1"
    " AND messages.synced IS messages.server_flags AND messages.synced IS messages.local_flags"
    " AND messages.local_lost = 0"
)
OPEN = (
    f"NOT (messages.settled = 2 OR ({ALIKE}"
    " AND messages.wait = 0 AND messages.next_try IS NULL AND messages.settled <> 3))"
)
# Rows that a new file or a new UID may turn out to be.
LOOSE = f"(messages.local <> 1 OR {OPEN})"
# What stays on one side for now or for good, and the traits by which it is told there.
WAITING = "(messages.wait > 1 OR messages.settled = 2)"
DATED = "coalesce(messages.internal_date, messages.mtime_ns / 1000000000)"
SIZED = "coalesce(messages.size, messages.wire_size)"
KEYWORDS = "9223372036854775744"  # model.flags.KEYWORDS as a literal
DELETED = "(messages.synced & 32) <> 0"
MARKED = "messages.marked"
EXTRA = "messages.synced_extra IS NOT messages.server_extra"

# Nothing is parked for longer: a later time is of a wall clock that was wrong, and counts as past.
LONGEST_PARK = 24 * 3600.0  # seconds
TRY_AGAIN = f"({{0}}.next_try <= :now OR {{0}}.next_try > :now + {LONGEST_PARK})"
_TRY = f"({{0}}.next_try IS NULL OR {TRY_AGAIN})"

# Rows to be planned now, but for what `mailboxes` say; :now in seconds.
DUE = f"{OPEN} AND messages.wait = 0 AND {_TRY.format('messages')}"
# Something waits because a mailbox may only be read: is that still so?
STUCK = (
    "SELECT EXISTS (SELECT 1 FROM mailboxes WHERE read_only AND server = 1"
    " AND direction IS NOT 'pull')"
    f" AND EXISTS (SELECT 1 FROM messages WHERE {OPEN} AND messages.wait = 2"
    " AND wait_side = 'server')"
)
# Closed rows that `expunge-deleted` makes due.
FLAGGED = f"({DELETED} AND messages.server = 1 AND messages.local = 1)"
DUE_DELETED = (
    f"{DELETED} AND messages.server = 1 AND messages.local = 1 AND NOT ({OPEN})"
    f" AND messages.wait = 0 AND {_TRY.format('messages')}"
)
IN_SCOPE = f"mailboxes.selected AND {_TRY.format('mailboxes')}"
# Mailboxes of which a range is compared in full now, once a day (semantics.md, rule 3).
AUDIT_DUE = (
    "selected AND server = 1 AND local = 1 AND synced AND uid_next IS NOT NULL"
    " AND (audit_at <= :now - 86400.0 OR audit_at > :now)"
)


def is_parked(next_try: float | None, now: float) -> bool:
    """Not to be tried yet."""
    return next_try is not None and now < next_try <= now + LONGEST_PARK


def read_only(path: str) -> str:
    """The file as SQLite's URI: not to be changed, whatever the statements say."""
    from urllib.parse import quote

    return f"file:{quote(os.fsencode(os.path.abspath(path)))}?mode=ro"


def pack(text: str) -> str | bytes:
    """A part of a file name for SQLite: one with bytes that are not UTF-8 becomes a BLOB, which
    is never equal to a TEXT, so different names stay different."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def unpack(stored: str | bytes) -> str:
    return stored if isinstance(stored, str) else os.fsdecode(stored)


def printable(text: str) -> str:
    """An error or reason that SQLite can store whatever it holds."""
    return text.encode("utf-8", "replace").decode()
