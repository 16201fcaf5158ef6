"""Decides what a sync does: pure functions from open rows to a plan (semantics.md)."""

from mailsync.planner.deletions import NEW_VERSION_OUT, NO_GMAIL_TRASH, TRASH_CLOSED
from mailsync.planner.exchanged import exchanged
from mailsync.planner.flags import for_file, saves
from mailsync.planner.moves import UNSENT_MOVES
from mailsync.planner.narrow import Narrow, narrowed
from mailsync.planner.needs import Needs, needs
from mailsync.planner.pairing import base
from mailsync.planner.plan import plan
from mailsync.planner.policy import Bounds, Policy
from mailsync.planner.ration import rationed

__all__ = [
    "NEW_VERSION_OUT",
    "NO_GMAIL_TRASH",
    "TRASH_CLOSED",
    "UNSENT_MOVES",
    "Bounds",
    "Narrow",
    "Needs",
    "Policy",
    "base",
    "exchanged",
    "for_file",
    "narrowed",
    "needs",
    "plan",
    "rationed",
    "saves",
]
