"""A server that shows only the newest messages of a mailbox (Yahoo, Gmail's folder size limit):
what it shows no more is deleted nowhere, however few at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sim.server_profile import yahoo
from sim.server_state import Message
from support.storied import Story

from mailsync.model.rows import VIEWS
from mailsync.model.settings import Guard

SHOWN = VIEWS[0]


class Seen(Story):
    """Messages as a server shows them, and those that it holds besides: `older`, oldest first."""

    def __enter__(self) -> Seen:
        self.older: list[Message] = []
        return self

    def arrive(self, ghost: str) -> None:
        self.serve("INBOX", ghost)
        box = self.server.box("INBOX")
        while len(box.messages) > SHOWN:
            uid = min(box.messages)
            self.older.append(box.messages[uid])
            self.server.expunge("INBOX", uid)  # as it looks to everybody

    def delete(self, ghost: str) -> None:
        """On another device: the newest of the older ones is shown again."""
        self.expunge("INBOX", ghost)
        back, box = self.older.pop(), self.server.box("INBOX")
        box.messages = dict(sorted({**box.messages, back.uid: back}.items()))

    def tell_held(self) -> tuple[int, int, int]:
        ran = self.tell()
        return ran.exit, ran.total.held, ran.total.removed


@pytest.fixture
def story() -> Iterator[Seen]:
    with Seen("view", yahoo(), guard=Guard()) as made:
        for number in range(SHOWN):
            made.arrive(f"m{number}")
        assert made.tell().exit == 0
        yield made


def test_what_is_pushed_out_of_the_view_is_held(story: Seen) -> None:
    story.arrive("new")
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.total.held, ran.total.removed) == (3, 1, 1, 0)
    assert "shows 1000 messages" in ran.text
    assert story.path_of("INBOX", "m0")
    story.idle(exit=3)
    story.arrive("newer")
    assert story.tell_held() == (3, 2, 0)
    assert story.path_of("INBOX", "m1")
    story.delete("m500")
    assert story.tell_held() == (3, 1, 1), "what was deleted is, and m1 is shown again"
    assert story.path_of("INBOX", "m1")
    story.change(max_age=1)
    assert story.tell_held() == (0, 0, 0), "out of scope, and nothing is asked"
    assert story.path_of("INBOX", "m0")
    story.change(max_age=None)
    assert story.tell_held()[:2] == (3, 1)
    assert story.accept("INBOX") == 1
    story.oracle.deleted.add("m0")
    assert story.tell_held() == (0, 0, 1)
    story.idle()


def test_the_oldest_one_deleted_by_chance(story: Seen) -> None:
    """Where a thousand are left a person says."""
    story.serve("INBOX", "one more")
    assert story.tell().exit == 0
    story.expunge("INBOX", "m0")
    assert story.tell_held() == (3, 1, 0)
    assert story.accept("INBOX") == 1
    assert story.tell_held() == (0, 0, 1)
    story.idle()
