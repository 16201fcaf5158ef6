"""The three trees of one account in one SQLite file, and what must outlive a run.

Everything is synchronous and belongs to the cache thread; each method is one transaction.
`mailsync.cache.quick` is the exception: it imports neither this package's tables nor SQLAlchemy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailsync.cache.words import (
    Audit,
    Deletion,
    DeletionId,
    DeliveredRow,
    Held,
    Intent,
    IntentKind,
    Known,
    Linked,
    Matter,
    Missing,
    MovedFile,
    NewDeletion,
    NewIntent,
    Report,
    Stored,
    Totals,
)

if TYPE_CHECKING:
    from mailsync.cache.cache import Cache

__all__ = [
    "Audit",
    "Cache",
    "Deletion",
    "DeletionId",
    "DeliveredRow",
    "Held",
    "Intent",
    "IntentKind",
    "Known",
    "Linked",
    "Matter",
    "Missing",
    "MovedFile",
    "NewDeletion",
    "NewIntent",
    "Report",
    "Stored",
    "Totals",
]


def __getattr__(name: str) -> Any:
    """`Cache` costs the import of SQLAlchemy (0.2 s), which a no-op must not pay."""
    if name == "Cache":
        from mailsync.cache.cache import Cache

        return Cache
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
