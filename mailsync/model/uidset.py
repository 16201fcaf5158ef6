"""A set of UIDs held as ascending ranges: a hostile `1:4294967295` costs one pair, and every second
UID of a million no more than the numbers take."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from heapq import merge

from mailsync.model.ids import UID, UID_MAX

Range = tuple[int, int]
BLOCK = 1 << 15  # ranges that are sorted at once, for as numbers they take five times as much


def _packed(low: int, high: int) -> int:
    """A range as one number, which sorts as it does and takes a quarter of its memory."""
    return low << 32 | high


class UIDSet:
    """An immutable set of UIDs; ranges are inclusive, ascending and never touch.

    `str()` gives the IMAP form, `3,7:9` (RFC 9051 `sequence-set`, never `*`).
    """

    __slots__ = ("_high", "_low")

    def __init__(self, uids: Iterable[int] = ()) -> None:
        self._low, self._high = array("I"), array("I")  # a tenth of what tuples would take
        if isinstance(uids, UIDSet):
            self._low, self._high = uids._low, uids._high
            return
        for uid in sorted(set(uids)):
            if not 1 <= uid <= UID_MAX:
                raise ValueError(f"{uid} is not a UID: a number from 1 to 4294967295")
            self._append(uid, uid)

    def _append(self, low: int, high: int) -> None:
        """While it is made: a range that begins nowhere before the last one."""
        if not self._high or low > self._high[-1] + 1:
            self._low.append(low)
            self._high.append(high)
        elif high > self._high[-1]:
            self._high[-1] = high

    @classmethod
    def _of_packed(cls, packed: Iterable[int]) -> UIDSet:
        """In ascending order."""
        made = cls()
        for one in packed:
            made._append(one >> 32, one & UID_MAX)
        return made

    @classmethod
    def of_ranges(cls, ranges: Iterable[Range]) -> UIDSet:
        """From inclusive `(low, high)` pairs in any order; raises ValueError outside 1…2^32-1."""
        full: list[array[int]] = []
        block: list[int] = []
        for low, high in ranges:
            if not (1 <= low <= UID_MAX and 1 <= high <= UID_MAX):
                raise ValueError("a UID is a number from 1 to 4294967295")
            block.append(_packed(low, high) if low <= high else _packed(high, low))
            if len(block) == BLOCK:
                full.append(array("Q", sorted(block)))
                block = []
        block.sort()
        return cls._of_packed(merge(*full, block) if full else block)

    @classmethod
    def span(cls, low: int, high: int) -> UIDSet:
        """Every UID from `low` to `high`; empty when `low > high`."""
        return cls.of_ranges([(low, high)] if low <= high else [])

    @property
    def ranges(self) -> Iterator[Range]:
        return zip(self._low, self._high, strict=True)

    @property
    def range_count(self) -> int:
        return len(self._low)

    def __str__(self) -> str:
        return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in self.ranges)

    def __repr__(self) -> str:
        return f"UIDSet({self!s})"

    def __len__(self) -> int:
        return sum(self._high) - sum(self._low) + len(self._low)

    def __bool__(self) -> bool:
        return bool(self._low)

    def __iter__(self) -> Iterator[UID]:
        for low, high in self.ranges:
            for uid in range(low, high + 1):
                yield UID(uid)

    def __contains__(self, uid: int) -> bool:
        at = bisect_right(self._low, uid) - 1
        return at >= 0 and uid <= self._high[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UIDSet) and (self._low, self._high) == (other._low, other._high)

    def __hash__(self) -> int:
        return hash((self._low.tobytes(), self._high.tobytes()))

    def __or__(self, other: UIDSet) -> UIDSet:
        if not other or not self:
            return self or other
        both = (map(_packed, one._low, one._high) for one in (self, other))
        return self._of_packed(merge(*both))

    def __and__(self, other: UIDSet) -> UIDSet:
        found = UIDSet()
        i = j = 0
        while i < len(self._low) and j < len(other._low):
            low, high = max(self._low[i], other._low[j]), min(self._high[i], other._high[j])
            if low <= high:
                found._append(low, high)
            if self._high[i] < other._high[j]:
                i += 1
            else:
                j += 1
        return found

    def __sub__(self, other: UIDSet) -> UIDSet:
        gaps = UIDSet()
        below = 1
        for low, high in other.ranges:
            if below < low:
                gaps._append(below, low - 1)
            below = high + 1
        if below <= UID_MAX:
            gaps._append(below, UID_MAX)
        return self & gaps

    @property
    def lowest(self) -> UID:
        """Raises IndexError when empty."""
        return UID(self._low[0])

    @property
    def highest(self) -> UID:
        """Raises IndexError when empty."""
        return UID(self._high[-1])

    def split(self, limit: int) -> Iterator[UIDSet]:
        """Parts in ascending order whose IMAP form is at most `limit` bytes each (≥ 21)."""
        part: list[Range] = []
        size = 0
        for low, high in self.ranges:
            width = len(str(low)) + (0 if low == high else 1 + len(str(high))) + 1
            if part and size + width > limit:
                yield UIDSet.of_ranges(part)
                part, size = [], 0
            part.append((low, high))
            size += width
        if part:
            yield UIDSet.of_ranges(part)
