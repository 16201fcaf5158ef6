"""UID sets as a server writes them: read into ranges, whatever their size."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from mailsync.imap.limits import ProtocolError
from mailsync.model.ids import UID, UID_MAX
from mailsync.model.uidset import UIDSet


class Malformed(ValueError):
    """What was sent is not what the grammar has there; the receiver makes it a ProtocolError,
    a response code does without its arguments."""


class Ranges:
    """Numbers in the order in which they came, neighbours merged: `4,5:7,2` is 4…7, 2."""

    __slots__ = ("_high", "_limit", "_low")

    def __init__(self, limit: int) -> None:
        self._low, self._high = array("I"), array("I")  # a tenth of what tuples would take
        self._limit = limit

    def add(self, items: Iterable[bytes]) -> None:
        """Each a number, `*` for the highest possible, or `low:high` in either order."""
        lows, highs = self._low, self._high
        last = highs[-1] if highs else -1
        for item in items:
            low, colon, high = item.partition(b":")
            a = _number(low)
            b = _number(high) if colon else a
            if a > b:
                a, b = b, a
            if a == last + 1:
                highs[-1] = b
            else:
                lows.append(a)
                highs.append(b)
            last = b
        if len(lows) > self._limit:
            raise ProtocolError("the server sent a UID set with too many ranges")

    def uid_set(self) -> UIDSet:
        return UIDSet.of_ranges(zip(self._low, self._high, strict=True))

    def uids(self, limit: int) -> tuple[UID, ...]:
        """Every number in the order in which it came; Malformed when they are over `limit`."""
        if sum(self._high) - sum(self._low) + len(self._low) > limit:
            raise Malformed("too many UIDs")
        pairs = zip(self._low, self._high, strict=True)
        return tuple(UID(uid) for low, high in pairs for uid in range(low, high + 1))


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
