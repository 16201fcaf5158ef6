"""Line ends: reversible, and the same however the bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsync.local.lines import ToStored, ToWire, as_received, stored_form
from mailsync.model.content import digest

BYTES = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b"a", b"\0", b"bc"]), max_size=30).map(
        b"".join
    ),
    st.lists(st.sampled_from([b"\r\n", b"a", b"bc\r\n"]), max_size=30).map(b"".join),
)
CUTS = st.lists(st.integers(0, 60), max_size=8)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(c, len(data)) for c in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def streamed(parts: list[bytes]) -> bytes:
    lines, stored = ToStored(), b""
    for part in parts:
        before = lines.turned
        out = lines.feed(part)
        if lines.turned and not before:
            stored = as_received(stored)
        stored += out
    before = lines.turned
    out = lines.finish()
    if lines.turned and not before:
        stored = as_received(stored)
    return stored + out


@pytest.mark.parametrize(
    ("received", "stored"),
    [
        (b"", b""),
        (b"a", b"a"),
        (b"a\r\nb\r\n", b"a\nb\n"),
        (b"a\r\nb\n", b"a\r\nb\n"),
        (b"a\nb\n", b"a\nb\n"),
        (b"a\r\r\n", b"a\r\r\n"),
        (b"a\r\nb\r", b"a\r\nb\r"),
        (b"\r\n\0\r\n", b"\n\0\n"),
        (b"\n\r", b"\n\r"),
    ],
)
def test_stored_form(received: bytes, stored: bytes) -> None:
    assert stored_form(received) == stored


@given(BYTES, CUTS)
def test_in_pieces_it_is_the_same(received: bytes, cuts: list[int]) -> None:
    assert streamed(cut(received, cuts)) == stored_form(received)


@given(BYTES, CUTS)
def test_the_stored_form_gives_back_the_received_one(received: bytes, cuts: list[int]) -> None:
    stored = stored_form(received)
    to_wire = ToWire()
    wire = b"".join(to_wire.feed(part) for part in cut(stored, cuts))
    if stored != received or b"\n" not in received.replace(b"\r\n", b""):
        assert wire == received
    assert wire.replace(b"\r\n", b"\n") == received.replace(b"\r\n", b"\n")
    assert len(wire) == digest(stored).wire_size
    assert b"\n" not in wire.replace(b"\r\n", b"")
    assert digest(stored).body == digest(received).body
