"""UID sets against Python's own sets."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsync.model.ids import UID_MAX
from mailsync.model.uidset import BLOCK, UIDSet

UIDS = st.sets(st.integers(1, 40) | st.integers(UID_MAX - 3, UID_MAX))


@given(UIDS, UIDS)
def test_like_a_set(a: set[int], b: set[int]) -> None:
    one, two = UIDSet(a), UIDSet(b)
    assert list(one) == sorted(a)
    assert len(one) == len(a)
    assert bool(one) == bool(a)
    assert set(one | two) == a | b
    assert set(one & two) == a & b
    assert set(one - two) == a - b
    assert (one == two) == (a == b)
    assert hash(one) == hash(UIDSet(sorted(a, reverse=True)))
    assert {uid for uid in range(42) if uid in one} == {uid for uid in a if uid < 42}
    assert (UID_MAX in one) == (UID_MAX in a)


@given(UIDS)
def test_ranges_ascend_and_never_touch(uids: set[int]) -> None:
    ranges = tuple(UIDSet(uids).ranges)
    assert all(low <= high for low, high in ranges)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(ranges))
    assert tuple(UIDSet.of_ranges(reversed(ranges)).ranges) == ranges
    assert UIDSet(uids).range_count == len(ranges)


@given(UIDS, st.integers(21, 60))
def test_split_gives_all_in_small_parts(uids: set[int], limit: int) -> None:
    parts = list(UIDSet(uids).split(limit))
    assert [uid for part in parts for uid in part] == sorted(uids)
    assert all(0 < len(str(part)) <= limit for part in parts)


@pytest.mark.parametrize("step", [1, -1, 11])
def test_more_ranges_than_are_sorted_at_once_in_any_order(step: int) -> None:
    count = 2 * BLOCK + 5
    ranges = [(4 * n + 1, 4 * n + 2) for n in range(count)]
    mixed = [ranges[n * step % count] for n in range(count)]
    assert tuple(UIDSet.of_ranges(mixed).ranges) == tuple(ranges)


def test_text() -> None:
    assert str(UIDSet([7, 3, 9, 8, 8])) == "3,7:9"
    assert repr(UIDSet([1])) == "UIDSet(1)"
    assert str(UIDSet()) == ""


def test_ends() -> None:
    uids = UIDSet([5, 9])
    assert (uids.lowest, uids.highest) == (5, 9)
    with pytest.raises(IndexError):
        _ = UIDSet().lowest
    with pytest.raises(IndexError):
        _ = UIDSet().highest


def test_span_and_ranges() -> None:
    assert str(UIDSet.span(3, 5)) == "3:5"
    assert not UIDSet.span(5, 3)
    assert str(UIDSet.of_ranges([(5, 3), (4, 9)])) == "3:9"
    assert UIDSet(UIDSet.span(1, UID_MAX)) == UIDSet.span(1, UID_MAX)
    assert len(UIDSet.span(1, UID_MAX) - UIDSet([7])) == UID_MAX - 1
    assert UIDSet([1]) != {1}


@pytest.mark.parametrize("uid", [0, -1, UID_MAX + 1])
def test_no_uid(uid: int) -> None:
    with pytest.raises(ValueError):
        UIDSet([uid])
    with pytest.raises(ValueError):
        UIDSet.of_ranges([(uid, 5)])
    assert uid not in UIDSet.span(1, UID_MAX)
