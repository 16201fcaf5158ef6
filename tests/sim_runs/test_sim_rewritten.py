"""A server that stores what is uploaded with another header (Exchange), and a relink: nothing is
kept twice, nothing is transferred."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sim.oracle import body_of
from sim.server_profile import courier, o365, received, strict_qresync
from sim.stack import DATE
from support.storied import Story


def cache_lost(story: Story) -> None:
    for path in story.state.glob("cache.db*"):
        path.unlink()


def new_uidvalidity(story: Story) -> None:
    story.server.new_uidvalidity("INBOX", 100)


AGAIN = pytest.mark.parametrize("again", [new_uidvalidity, cache_lost])


@pytest.fixture(params=["o365", "qresync"])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    """a came from the server, b and c were uploaded, where they have another header now."""
    profile = o365() if request.param == "o365" else replace(strict_qresync(), alter=received)
    with Story("rewritten", profile) as made:
        made.serve("INBOX", "a", "\\Seen")
        made.file("INBOX", "b", ":2,S")
        made.file("INBOX", "c")
        assert made.tell().exit == 0
        assert made.tell().exit == 0
        yield made


@AGAIN
def test_what_was_uploaded_is_paired_again(story: Story, again: Callable[[Story], None]) -> None:
    again(story)
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.report
    story.agree({"INBOX": "a:S b:S c"})


@AGAIN
def test_and_what_came_since_goes_its_way(story: Story, again: Callable[[Story], None]) -> None:
    again(story)
    story.serve("INBOX", "d")
    story.file("INBOX", "e", ":2,S")
    story.flag("INBOX", "b", "RS")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 1, 1), ran.report
    story.agree({"INBOX": "a:S b:RS c d e:S"})


def test_a_move_there_and_a_draft_of_another_name_here_are_one_message() -> None:
    """Courier stores it with a line end at its end: only its header tells it from others, and
    \\Draft, which was set since, does not make another message of it."""
    with Story("courier", courier()) as story:
        story.server.create("INBOX.Work")
        body = body_of("a").removesuffix(b"\n")
        story.oracle.born("a", body)
        story.tell()
        story.write("/mail/INBOX/cur/1.a.reader:2,", body, DATE + 1)
        assert story.tell().exit == 0
        story.server.move("INBOX", story.uid_of("INBOX", "a"), "INBOX.Work")
        story.rename(story.path_of("INBOX", "a"), "/mail/INBOX/cur/2.b.reader:2,D")
        ran = story.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.report
        assert story.server.ghosts() == {"a": 1}
        assert [path.split("/")[2] for path in story.mail()] == ["Work"]
        story.idle()
