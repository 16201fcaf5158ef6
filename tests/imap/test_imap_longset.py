"""The end of a long UID set, found alike whatever the chunks."""

from __future__ import annotations

import pytest

from mailsync.imap import Limits, ProtocolError, Receiver

SET = ",".join(str(n) for n in range(1, 5000, 2)).encode()


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
    def said(chunks: list[bytes]) -> tuple[list[object], bool]:
        receiver = Receiver(Limits(line=2000))
        events: list[object] = []
        try:
            for chunk in chunks:
                events += receiver.receive(chunk)
        except ProtocolError:
            return events, True
        return events, False

    data = line + b"\r\n"
    whole = said([data])
    for size in (1, 7, 1023, 1024, 1025, 4096):
        assert said([data[at : at + size] for at in range(0, len(data), size)]) == whole
