"""What several files of this room begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.bare import Bare
from support.storied import Story

from mailsync.model.keywords import Keywords

WORDS = ("Later", "Todo", "Work")


class Quiet:
    def know(self, keywords: Keywords) -> None:
        """Nothing is shown of it."""


@pytest.fixture
def made() -> Iterator[Bare]:
    """Seven messages; the first has keywords."""
    with Story("flags") as s:
        for number in range(7):
            s.serve("INBOX", f"m{number}")
        s.server.set_flags("INBOX", 1, WORDS)
        s.tell()
        with Bare(s, maildir=Quiet()) as one:
            yield one


@pytest.fixture
def story() -> Iterator[Story]:
    """Three messages in INBOX, one in Work."""
    with Story("moves") as s:
        s.server.create("Work")
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.serve("Work", "w")
        s.tell()
        yield s
