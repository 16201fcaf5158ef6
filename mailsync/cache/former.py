# ruff: noqa: S608 (the statements are put together from constants of this room)
"""Take over what another program knew: pairs with their merge base, and what one side lacks."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from mailsync.cache import pairing
from mailsync.cache.schema import printable
from mailsync.cache.sql import NO_TROUBLE, many
from mailsync.cache.words import Missing
from mailsync.model.actions import Pair
from mailsync.model.rows import Side

# As by `reject` of a policy's change: it waits until accept or reject, whatever the policy.
_MISSING = {
    side: f"""
    UPDATE messages SET
        {side} = 2, synced = ?2, synced_masked = 0, settled = 0,
        wait = 1, wait_side = ?3, wait_reason = ?4, wait_policy = NULL,
        accepted_until = NULL, {NO_TROUBLE}
    WHERE id = ?1 AND {side} = 0 AND {there} = 1"""
    for side, there in ((Side.SERVER, Side.LOCAL), (Side.LOCAL, Side.SERVER))
}


def adopt(c: Connection, pairs: Sequence[Pair], missing: Sequence[Missing]) -> None:
    pairing.apply(c, pairs)
    for side in Side:
        loses = Side.LOCAL if side is Side.SERVER else Side.SERVER
        rows = [
            (one.row, int(one.synced), loses, printable(one.reason))
            for one in missing
            if one.side is side
        ]
        many(c, _MISSING[side], rows)
