"""How flags of two sides become one, and which changes save a message from deletion."""

from __future__ import annotations

from mailsync.model.flags import KEYWORDS, QUIET_KEYWORDS, Flags
from mailsync.model.rows import Row

# A message deleted on the other side survives when one of these was set since (I10) …
SAVING = Flags.FLAGGED | Flags.ANSWERED | Flags.DRAFT | Flags.FORWARDED
# … or one of these was removed.
SAVING_WHEN_REMOVED = Flags.DELETED


def merge(base: Flags, server: Flags, local: Flags) -> Flags:
    """Three-way, flag by flag: the side that differs from `base` wins (I9)."""
    changed = (base ^ server) | (base ^ local)
    return base ^ changed


def union(server: Flags, local: Flags) -> Flags:
    """Without a base: union, but \\Deleted by intersection and \\Draft as the server says (I9)."""
    both = (server | local) & ~(Flags.DELETED | Flags.DRAFT)
    return both | (server & local & Flags.DELETED) | (server & Flags.DRAFT)


def merged(base: Flags | None, server: Flags, local: Flags) -> Flags:
    return union(server, local) if base is None else merge(base, server, local)


def based(base: Flags | None, server: Flags, local: Flags) -> Flags:
    """A base that merges the two as `base` does, which may be none."""
    if base is not None:
        return base
    return (server & local) | ((server ^ local) & ~union(server, local))


def for_file(base: Flags | None, file: Row, lettered: Flags) -> Flags | None:
    """`base` as it holds for a file in a mailbox that has letters for the keywords `lettered`: a
    new one says nothing of others, and of none if it shows none, because readers that copy or
    move write the name anew, without their letters."""
    if base is None or file.synced is not None:
        return base
    return base & (~KEYWORDS | lettered if file.local_flags & KEYWORDS else ~KEYWORDS)


def saves(base: Flags, now: Flags, quiet: Flags) -> bool:
    """Whether the change from `base` to `now` outweighs a deletion on the other side (I10): of
    keywords any new one does, but for those that programs set by themselves (`quiet`)."""
    saving = SAVING | KEYWORDS & ~quiet
    return bool(now & ~base & saving or base & ~now & SAVING_WHEN_REMOVED)


def keyword_saves(base: frozenset[str], now: frozenset[str]) -> bool:
    """The same for keywords that have no number."""
    if base == now:
        return False
    known = QUIET_KEYWORDS | {word.lower() for word in base}
    return any(word.lower() not in known and not word.startswith("\\") for word in now)
