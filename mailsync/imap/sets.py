"""UID sets as a server writes them: read into ranges, whatever their size."""

from __future__ import annotations

from collections.abc import Iterable

from mailsync.imap.limits import ProtocolError
from mailsync.model.ids import UID, UID_MAX
from mailsync.model.uidset import UIDSet


class Malformed(ValueError):
    """What was sent is not what the grammar has there; the receiver makes it a ProtocolError,
    a response code does without its arguments."""


class Ranges:
    """Numbers in the order in which they came, neighbours merged: `4,5:7,2` is 4…7, 2."""

    __slots__ = ("_limit", "pairs")

    def __init__(self, limit: int) -> None:
        self.pairs: list[tuple[int, int]] = []
        self._limit = limit

    def add(self, items: Iterable[bytes]) -> None:
        """Each a number, `*` for the highest possible, or `low:high` in either order."""
        pairs = self.pairs
        last = pairs[-1][1] if pairs else -1
        for item in items:
            low, colon, high = item.partition(b":")
            a = _number(low)
            b = _number(high) if colon else a
            if a > b:
                a, b = b, a
            if a == last + 1:
                pairs[-1] = (pairs[-1][0], b)
            else:
                pairs.append((a, b))
            last = b
        if len(pairs) > self._limit:
            raise ProtocolError("the server sent a UID set with too many ranges")

    def uid_set(self) -> UIDSet:
        return UIDSet.of_ranges(self.pairs)

    def uids(self, limit: int) -> tuple[UID, ...]:
        """Every number in the order in which it came; Malformed when they are over `limit`."""
        if sum(high - low + 1 for low, high in self.pairs) > limit:
            raise Malformed("too many UIDs")
        return tuple(UID(uid) for low, high in self.pairs for uid in range(low, high + 1))


def _number(text: bytes) -> int:
    if text == b"*":
        return UID_MAX
    if not text.isdigit() or len(text) > 20 or not 1 <= int(text) <= UID_MAX:
        raise Malformed("not a UID")
    return int(text)


def ranges(text: bytes, limit: int) -> Ranges:
    """A whole set, `3,7:9`; empty text is the empty set."""
    made = Ranges(limit)
    if text:
        made.add(text.split(b","))
    return made
