"""A set of UIDs held as ascending ranges: a hostile `1:4294967295` costs one pair."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import overload

from mailsync.model.ids import UID, UID_MAX

Range = tuple[int, int]


def _normalised(ranges: Iterable[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


class UIDSet:
    """An immutable set of UIDs; ranges are inclusive, ascending and never touch.

    `str()` gives the IMAP form, `3,7:9` (RFC 9051 `sequence-set`, never `*`).
    """

    __slots__ = ("_ranges",)

    def __init__(self, uids: Iterable[int] = ()) -> None:
        self._ranges = _compressed(uids)

    @classmethod
    def of_ranges(cls, ranges: Iterable[Range]) -> UIDSet:
        """From inclusive `(low, high)` pairs in any order; raises ValueError outside 1…2^32-1."""
        pairs = [(low, high) if low <= high else (high, low) for low, high in ranges]
        if any(low < 1 or high > UID_MAX for low, high in pairs):
            raise ValueError("a UID is a number from 1 to 4294967295")
        made = cls.__new__(cls)
        made._ranges = _normalised(pairs)
        return made

    @classmethod
    def span(cls, low: int, high: int) -> UIDSet:
        """Every UID from `low` to `high`; empty when `low > high`."""
        return cls.of_ranges([(low, high)] if low <= high else [])

    @property
    def ranges(self) -> tuple[Range, ...]:
        return self._ranges

    def __str__(self) -> str:
        return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in self._ranges)

    def __repr__(self) -> str:
        return f"UIDSet({self!s})"

    def __len__(self) -> int:
        return sum(high - low + 1 for low, high in self._ranges)

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def __iter__(self) -> Iterator[UID]:
        for low, high in self._ranges:
            for uid in range(low, high + 1):
                yield UID(uid)

    def __contains__(self, uid: int) -> bool:
        at = bisect_right(self._ranges, (uid, UID_MAX + 1)) - 1
        return at >= 0 and self._ranges[at][0] <= uid <= self._ranges[at][1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UIDSet) and self._ranges == other._ranges

    def __hash__(self) -> int:
        return hash(self._ranges)

    def __or__(self, other: UIDSet) -> UIDSet:
        return UIDSet.of_ranges(self._ranges + other._ranges)

    def __and__(self, other: UIDSet) -> UIDSet:
        found: list[Range] = []
        mine, theirs = list(self._ranges), list(other._ranges)
        i = j = 0
        while i < len(mine) and j < len(theirs):
            low, high = max(mine[i][0], theirs[j][0]), min(mine[i][1], theirs[j][1])
            if low <= high:
                found.append((low, high))
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return UIDSet.of_ranges(found)

    def __sub__(self, other: UIDSet) -> UIDSet:
        gaps: list[Range] = []
        below = 1
        for low, high in other._ranges:
            if below < low:
                gaps.append((below, low - 1))
            below = high + 1
        if below <= UID_MAX:
            gaps.append((below, UID_MAX))
        return self & UIDSet.of_ranges(gaps)

    @property
    def lowest(self) -> UID:
        """Raises IndexError when empty."""
        return UID(self._ranges[0][0])

    @property
    def highest(self) -> UID:
        """Raises IndexError when empty."""
        return UID(self._ranges[-1][1])

    def split(self, limit: int) -> Iterator[UIDSet]:
        """Parts in ascending order whose IMAP form is at most `limit` bytes each (≥ 21)."""
        part: list[Range] = []
        size = 0
        for low, high in self._ranges:
            width = len(str(low)) + (0 if low == high else 1 + len(str(high))) + 1
            if part and size + width > limit:
                yield UIDSet.of_ranges(part)
                part, size = [], 0
            part.append((low, high))
            size += width
        if part:
            yield UIDSet.of_ranges(part)


@overload
def _compressed(uids: UIDSet) -> tuple[Range, ...]: ...
@overload
def _compressed(uids: Iterable[int]) -> tuple[Range, ...]: ...
def _compressed(uids: Iterable[int]) -> tuple[Range, ...]:
    if isinstance(uids, UIDSet):
        return uids.ranges
    runs: list[Range] = []
    for uid in sorted(set(uids)):
        if not 1 <= uid <= UID_MAX:
            raise ValueError(f"{uid} is not a UID: a number from 1 to 4294967295")
        if runs and uid == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], uid)
        else:
            runs.append((uid, uid))
    return tuple(runs)
