"""Canonical form: the same message, however stored and however it arrives."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mailsync.model import content
from mailsync.model.content import Digester, canonical_header, digest, header_hash, message_id

MESSAGES = st.lists(
    st.sampled_from([b"a", b": ", b"\r", b"\n", b"\r\n", b"\n\n", b"\0", b"Message-ID: <x>", b" "])
).map(b"".join)


def fed(data: bytes, cuts: list[int], *, shown: bool = False) -> content.Digest:
    digester = Digester(shown)
    marks = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for a, b in pairwise(marks):
        digester.feed(data[a:b])
        digester.feed(b"")
    return digester.finish()


@given(MESSAGES, st.lists(st.integers(0, 100)))
def test_chunks_make_no_difference(data: bytes, cuts: list[int]) -> None:
    assert fed(data, cuts) == digest(data)
    assert fed(data, cuts, shown=True) == fed(data, [], shown=True)


@given(MESSAGES, MESSAGES, st.lists(st.integers(0, 100)))
def test_the_text_is_what_is_below_the_header(one: bytes, two: bytes, cuts: list[int]) -> None:
    """Without its last line end."""
    made = fed(b"A: b\r\nC: d\r\n\r\n" + one, cuts, shown=True)
    other = fed(b"A: b\n\n" + two, cuts, shown=True)
    plain = [content.as_shown(text).removesuffix(b"\n") for text in (one, two)]
    assert (made.text == other.text) == (plain[0] == plain[1])


@pytest.mark.parametrize("text", [b"", b"a", b"a\n", b"\n", b"\n\n", b"a\r\n\r\n", b"\0\n"])
def test_another_field_and_a_line_end_leave_the_text_as_it_is(text: bytes) -> None:
    one = fed(b"A: b\n\n" + text, [3], shown=True)
    two = fed(b"X: y\r\nA: b\r\n\r\n" + text.removesuffix(b"\n") + b"\r\n", [9], shown=True)
    assert (one.text, one.body == two.body) == (two.text, False)
    assert digest(text).text == b""


@given(MESSAGES)
def test_line_ends_make_no_difference_to_the_hashes(data: bytes) -> None:
    local = data.replace(b"\r\n", b"\n")
    assume(b"\r" not in local)  # else it is stored as it came (decision 5)
    one, two = digest(data), digest(local)
    assert (one.body, one.header, one.message_id) == (two.body, two.header, two.message_id)


@given(MESSAGES)
def test_sizes(data: bytes) -> None:
    made = digest(data)
    wire = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert (made.size, made.wire_size, made.has_nul) == (len(data), len(wire), b"\0" in data)


@given(MESSAGES, st.lists(st.integers(0, 100)))
def test_the_field_that_mbsync_adds_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    added = b"A: b\nX-TUID: 5QgKclk+Nt3n\nC: d\n" + data
    made, plain = fed(added, cuts), digest(b"A: b\nC: d\n" + data)
    assert (made.body, made.header) == (plain.body, plain.header)
    assert made.wire_size == plain.wire_size + content.COPIED_SIZE
    assert header_hash(b"A: b\r\nx-tuid: 1\r\nC: d\r\n\r\n") == header_hash(b"A: b\nC: d")


def test_a_text_like_that_field_in_the_body_does() -> None:
    assert digest(b"A: b\n\nX-TUID: 1\n").body != digest(b"A: b\n\n").body


@pytest.mark.parametrize(
    ("message", "header"),
    [
        (b"A: b\r\n\r\nbody", b"A: b"),
        (b"A: b\n\nbody\n\nmore", b"A: b"),
        (b"A: b\n\n", b"A: b"),
        (b"A: b", b"A: b"),
        (b"\r\nbody", b""),
        (b"", b""),
    ],
)
def test_the_header_ends_at_the_first_blank_line(message: bytes, header: bytes) -> None:
    assert digest(message).header == header_hash(header)
    assert canonical_header(header.replace(b"\n", b"\r\n") + b"\r\n\r\n") == header


@pytest.mark.parametrize("head", [b"A: b\r\r\nC: d", b"A: b\r\nC\r: d", b"\rA: b\nC: d\r"])
@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\r\r\n\r\r\n", b"\n\r\n"])
def test_a_header_in_which_a_server_drops_crs_is_the_same(head: bytes, end: bytes) -> None:
    found = digest(head + end + b"body: more\r\n").header
    assert found == header_hash(head + end) == header_hash(b"A: b\r\nC: d\r\n\r\n")
    assert found != header_hash(b"A: b\r\nC: D\r\n\r\n")


def test_nul_in_a_header_is_what_a_server_shows_for_it() -> None:
    assert digest(b"A: \0\n\nb").header == header_hash(b"A: \x80\r\n\r\n")
    assert message_id(b"Message-ID: <\0@x>\n") == message_id(b"Message-ID: <\x80@x>\r\n") != ""


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"Message-ID: <a@b>\n", "<a@b>"),
        (b"A: b\r\nmessage-id :\r\n <a\r\n\t@b>\r\nC: d\r\n", "<a@b>"),
        (b"X-Message-ID: <a@b>\n", ""),
        (b"", ""),
        (b"Message-ID: \xff\n", "\ufffd"),
        (b"Message-ID: " + b"x" * 2000, "x" * 998),
    ],
)
def test_message_id(head: bytes, found: str) -> None:
    assert message_id(head) == found


@pytest.mark.parametrize("step", [1000, 1 << 16, 1 << 30])
def test_a_long_header_is_cut_at_the_same_place(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    monkeypatch.setattr(content, "HEADER_LIMIT", 100)
    data = b"A: " + b"x" * 200 + b"\nMessage-ID: <late@b>\n\nbody"
    made = fed(data, list(range(0, len(data), step)))
    assert made.header == header_hash(data[:100])
    assert made.message_id == ""
    assert fed(data, list(range(len(data)))) == made


@pytest.mark.parametrize(
    "added", [b"Content-Length: 12\n", b"Lines: 3\nContent-Length: 4\n", b"content-length:7\n"]
)
def test_what_mutt_counts_is_left_out(added: bytes) -> None:
    """It writes the fields anew into what it saves elsewhere, whether they were there or not."""
    plain, made = (digest(b"A: b\n" + more + b"\nContent-Length: 5\n") for more in (b"", added))
    assert (made.body, made.header) == (plain.body, plain.header)
    assert digest(b"A: b\n\n").body != plain.body  # in the body they count
    assert header_hash(b"A: b\r\n" + added.replace(b"\n", b"\r\n") + b"\r\n") == plain.header
