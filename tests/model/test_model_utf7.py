"""Modified UTF-7: there and back, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsync.model import utf7


@given(st.text(max_size=30))
def test_modified_utf7(text: str) -> None:
    try:
        wire = utf7.encode(text)
    except ValueError:
        assert any("\ud800" <= c <= "\udfff" for c in text)
        return
    assert utf7.decode(wire) == text
    assert all(0x20 <= byte <= 0x7E for byte in wire)


@given(st.binary(max_size=20))
def test_every_component_comes_back(wire: bytes) -> None:
    assert utf7.to_wire(utf7.from_wire(wire)) == wire


def test_raw_bytes_that_need_not_be_raw() -> None:
    with pytest.raises(ValueError, match="need not be raw"):
        utf7.to_wire(utf7.RAW + "abc")
