"""The end of a long UID set, found alike whatever the chunks."""

from __future__ import annotations

import pytest

from mailsync.imap import Limits, ProtocolError, Receiver, Search

SET = ",".join(str(n) for n in range(1, 5000, 2)).encode()


SIZES = (1, 7, 1023, 1024, 1025, 1026, 4096)


def said(data: bytes, size: int) -> tuple[list[object], bool]:
    """The events, and whether it ended in an error."""
    receiver = Receiver(Limits(line=2000))
    events: list[object] = []
    try:
        for at in range(0, len(data), size):
            events += receiver.receive(data[at : at + size])
    except ProtocolError:
        return events, True
    return events, False


@pytest.mark.parametrize(
    "line",
    [
        b'* ESEARCH (TAG "a") UID ALL ' + SET + b"]x",  # a set, then something else
        b'* ESEARCH (TAG "a") UID ALL ' + SET + b",](x,y",
        b'* ESEARCH (TAG "a") UID ALL ' + SET + b"x" * 3000,
        b'* ESEARCH (TAG "a") UID ALL x' + b"y" * 9000,
        b'* ESEARCH (TAG "a") UID ALL ' + SET + b"(," + SET,
    ],
    ids=["tail", "comma before the tail", "long tail", "no set", "two sets in one word"],
)
def test_the_end_of_a_long_set_is_found_whatever_the_chunks(line: bytes) -> None:
    data = line + b"\r\n"
    for size in SIZES:
        assert said(data, size) == said(data, len(data))


@pytest.mark.parametrize("end", [b"", b" 5\r\n", b" (MODSEQ 7)\r\n"], ids=["begun", "5", "modseq"])
@pytest.mark.parametrize("word", [b"\xd2", b"1\t", b"1"], ids=["no number", "tabs", "digits"])
@pytest.mark.parametrize("length", [1023, 1024, 1025, 1026, 2500])
def test_a_word_that_is_no_number_is_too_long_whatever_the_chunks(
    word: bytes, length: int, end: bytes
) -> None:
    """Also while more of it may come: coverage-guided fuzzing found it held in one piece."""
    for start in (b"* SEARCH 1 2 ", b"* VANISHED 1,", b'* ESEARCH (TAG "a") UID ALL 1,'):
        data = start + b"3 " * (1000 if start.endswith(b" ") else 0)
        data += (word * length)[:length] + end
        for size in SIZES:
            assert said(data, size) == said(data, len(data)), (start, size)


def test_a_long_search_is_read_whatever_the_chunks() -> None:
    numbers = b" ".join(str(n).encode() for n in range(1, 5000, 2))
    for end in (b"\r\n", b" \r\n", b" (MODSEQ 9)\r\n"):
        data = b"* SEARCH " + numbers + end
        events, failed = said(data, len(data))
        assert not failed
        assert isinstance(events[0], Search)
        assert len(events[0].uids) == 2500
        for size in SIZES:
            assert said(data, size) == (events, False)
