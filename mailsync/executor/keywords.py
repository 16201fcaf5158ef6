"""Keywords that a server does not keep, although it lets everybody set what he wants.

One that is refused, or was set and is not shown, is remembered for its mailbox: it stays where it
is, and is sent again only when PERMANENTFLAGS says something else (semantics.md, rule 6).
"""

from __future__ import annotations

from mailsync.executor.boxes import refresh
from mailsync.executor.run import Run, spoils_all
from mailsync.model.errors import Help, Refused
from mailsync.model.flags import KEYWORDS, Flags
from mailsync.model.ids import UID
from mailsync.model.rows import Mailbox
from mailsync.model.uidset import UIDSet

# Reasons that hold for every message of a mailbox: in halves they would only be repeated.
OF_MAILBOX = {"NOPERM", "READ-ONLY", "NONEXISTENT", "TRYCREATE", "UIDVALIDITY"}
NOT_KEPT = "the server does not keep {words} here: only the Maildir has it"


def may_blame_keywords(error: Refused) -> bool:
    """Whether it may be for its keywords that a command was refused."""
    spoils = spoils_all(error) or error.help is Help.RETRY
    return not spoils and error.code not in OF_MAILBOX | {"OVERQUOTA", "TOOBIG"}


async def store(
    run: Run, box: Mailbox, uids: UIDSet, add: Flags, remove: Flags
) -> tuple[Flags, UIDSet]:
    """STORE; the keywords among `add` that the server does not keep, and the messages that it
    showed in its answer.  Raises Refused."""
    shown: set[UID] = set()

    async def change(add: Flags, remove: Flags) -> None:
        if add or remove:
            stored = await run.server.store(
                box.name, uids, add, remove, uid_validity=box.uid_validity, shown=True
            )
            shown.update(stored.flags)

    lacking = Flags.NONE
    try:
        await change(add, remove)
    except Refused as error:
        words = (add | remove) & KEYWORDS
        if not words or not may_blame_keywords(error):
            raise
        await change(add & ~KEYWORDS, remove & ~KEYWORDS)
        for word in run.keywords.of(words):
            flag = run.keywords.flag(word)
            try:
                await change(add & flag, remove & flag)
            except Refused as one:
                if not may_blame_keywords(one):
                    raise
                lacking |= flag
    if wanted := add & KEYWORDS & ~lacking:
        kept = await run.server.flags(box.name, uids, uid_validity=box.uid_validity)
        for item in kept.values():
            lacking |= wanted & ~run.keywords.split(item.extra)[0]
    if lacking:
        await run.stored(run.cache.refuse_keywords, box.id, lacking)
        await refresh(run)
        for word in run.keywords.of(lacking):
            run.note(box.id, NOT_KEPT.format(words=word))
    return lacking, UIDSet(shown)
