"""An account gets another name in the configuration: another state directory, the same Maildir."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.storied import Story

from mailsync.model.settings import Guard


def called(s: Story, name: str) -> None:
    """STATE/ACCOUNT, as the configuration makes it."""
    top = s.state.parent if s.state.name == s.account.name else s.state
    s.state = top / name
    s.state.mkdir()
    s.change(name=name, state=s.state)


@pytest.fixture
def story() -> Iterator[Story]:
    """Six messages; then `a` is expunged on the server, and the account is called otherwise."""
    with Story("before", guard=Guard()) as s:
        top = s.state
        called(s, "before")
        s.server.create("Work")
        for ghost in "abcdef":
            s.serve("INBOX", ghost)
        s.serve("Work", "w")
        s.tell()
        s.server.expunge("INBOX", s.uid_of("INBOX", "a"))
        called(s, "after")
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (3, 0, 0)
        assert "mailsync accept after" in ran.text
        yield s
        s.state = top


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_what_was_expunged_meanwhile_is_held(story: Story, decision: str) -> None:
    """The names of the files say that it was there: it is not sent as new."""
    story.accept()
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored, ran.total.held) == (3, 0, 0, 1), ran.text
    story.idle(exit=3)
    assert getattr(story, decision)() == 1
    assert story.tell().exit == 0
    if decision == "accept":
        story.oracle.deleted.add("a")
    story.agree({"INBOX": "b c d e f" if decision == "accept" else "a b c d e f", "Work": "w"})


def test_also_when_the_cache_is_lost_then(story: Story) -> None:
    story.accept()
    assert story.tell().exit == 3
    story.reject()
    assert story.tell().exit == 0
    story.expunge("INBOX", "b")
    for path in story.state.glob("cache.db*"):
        path.unlink()
    ran = story.tell()
    assert (ran.exit, ran.stored, ran.total.held) == (3, 0, 1), ran.text
