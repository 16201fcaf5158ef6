"""What OfflineIMAP got wrong (reliability.md §2): the numbers are those of its list."""

from __future__ import annotations

import re

import pytest
from sim.server_profile import plain, strict_qresync
from support.storied import Story

ONCE = re.compile(rb"(?<=\r\n)(?=\* \d+ FETCH)")


def after_each_fetch(news: bytes):  # type: ignore[no-untyped-def]
    return lambda answer: ONCE.sub(lambda _: news, answer)


def test_5_offlineimap_6_5_several_appends_are_told_one_uid() -> None:
    """Every APPENDUID names the first message; a link to it would be wrong for all others."""

    def lie(answer: bytes) -> bytes:
        return re.sub(rb"APPENDUID (\d+) [\d:,]+", rb"APPENDUID \1 1", answer)

    with Story("one uid", plain()) as s:
        for ghost in "abcd":
            s.file("INBOX", ghost, ":2,S" if ghost == "c" else "")
        s.server.fault("APPEND", lie, sticky=True)
        for _ in range(3):
            s.tell(pause=3600)
        s.server.faults.clear()
        s.tell(pause=3600)
        s.agree({"INBOX": "a b c:S d"})


@pytest.mark.parametrize(
    "news",
    [
        b"* OK still here\r\n",
        b"* 4 FETCH (FLAGS (\\Seen))\r\n",
        b"* 4 FETCH (UID 4 FLAGS (\\Seen))\r\n",
        b"* FLAGS (\\Seen \\Deleted)\r\n* NO [ALERT] a notice\r\n",
        b'* LIST () "/" Elsewhere\r\n* SEARCH 1 2\r\n* 0 RECENT\r\n',
    ],
)
def test_6_7_offlineimap_6_3_4_news_between_the_lines_of_a_fetch(news: bytes) -> None:
    """A status shifted the answers, and a flag update became the text of a message."""
    with Story("news", strict_qresync()) as s:
        for ghost in "abcd":
            s.serve("INBOX", ghost, *(["\\Seen"] if ghost == "d" else []))
        s.server.fault("UID FETCH", after_each_fetch(news), sticky=True)
        assert s.tell().exit == 0
        s.agree({"INBOX": "a b c d:S"})


def test_8_offlineimap_6_5_5_an_upload_that_is_refused_is_not_stored() -> None:
    with Story("refused", strict_qresync()) as s:
        for ghost in "ab":
            s.file("INBOX", ghost)
        s.server.fault("APPEND", "NO not now", sticky=True)
        assert s.tell().exit == 1
        assert s.tell().exit == 1
        s.server.faults.clear()
        assert s.tell(pause=24 * 3600).exit == 0
        s.agree({"INBOX": "a b"})
