"""What waits on one side, or is kept there, and comes to the other by another way: it is the same.

Neither fetched nor sent a second time; its row is that of one message from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sim.server_profile import plain, strict_qresync
from support.storied import Story

from mailsync.model.rows import Row
from mailsync.model.settings import Deletions, Direction

Made = Callable[..., Story]


@pytest.fixture(params=[strict_qresync, plain])
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    stories: list[Story] = []

    def make(**settings: object) -> Story:
        story = Story("waiting", request.param(), **settings)  # type: ignore[arg-type]
        stories.append(story)
        story.serve("INBOX", "a")
        story.serve("INBOX", "b")
        story.tell()
        return story

    yield make
    for story in stories:
        story.close()


def is_one(story: Story, ghost: str, **back: object) -> None:
    """Nothing is sent or fetched, nothing is twice, now and when nothing is forbidden any more."""
    for settings in ({}, back):
        story.change(**settings)
        for _ in range(2):
            ran = story.tell()
            assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.report
        assert story.server.ghosts("INBOX")[ghost] == 1
        assert [path for path in story.mail() if ghost in path]


def test_a_file_that_is_not_sent_is_what_the_server_gets(made: Made) -> None:
    story = made(direction=Direction.PULL)
    story.file("INBOX", "mine")
    assert story.tell().stored == 0
    story.serve("INBOX", "mine")
    is_one(story, "mine", direction=Direction.BOTH)


def test_a_message_that_is_not_fetched_is_what_is_put_into_the_maildir(made: Made) -> None:
    story = made(direction=Direction.PUSH)
    assert story.tell().fetched == 0
    story.file("INBOX", "a")
    is_one(story, "a")


def test_it_has_another_date_there(made: Made) -> None:
    """Then it is told by its size and its header; of what waits, only what may be it is read."""
    story = made(direction=Direction.PULL)
    story.file("INBOX", "mine", size=3000)
    story.file("INBOX", "other", size=9000)
    assert story.tell().stored == 0
    story.serve("INBOX", "mine", size=3000, age=1234)
    is_one(story, "mine", direction=Direction.PULL)
    sizes = {row.name: row.wire_size for row in rows(story)}
    assert [name for name in sizes if sizes[name] is None] == ["1700000000.other.reader"]


def test_its_file_has_another_date(made: Made) -> None:
    story = made(direction=Direction.PUSH)
    story.serve("INBOX", "c", size=3000)
    assert story.tell().fetched == 0
    story.file("INBOX", "c", size=3000, age=1234)
    is_one(story, "c")


def rows(story: Story) -> list[Row]:
    cache = story.cache()
    try:
        return cache.open_rows()
    finally:
        cache.close()


@pytest.mark.parametrize(
    ("settings", "back"),
    [
        ({"deletions": Deletions.KEEP}, {"deletions": Deletions.EXPUNGE}),
        ({"direction": Direction.PULL}, {"direction": Direction.BOTH}),
    ],
)
def test_it_is_back_with_another_date(
    made: Made, settings: dict[str, object], back: dict[str, object]
) -> None:
    """As `cp` without `-p` puts it back."""
    story = made(**settings)
    path = story.path_of("INBOX", "a")
    data = story.fs.files()[path]
    story.unlink("INBOX", "a")
    assert story.tell().total.expunged == 0
    story.write("/mail/INBOX/cur/1790000000.a.backup:2,", data, 1_700_500_000)
    is_one(story, "a", **back)


def test_a_file_that_was_deleted_and_is_back_from_a_backup_is_the_message_that_was_kept(
    made: Made,
) -> None:
    story = made(deletions=Deletions.KEEP)
    path = story.path_of("INBOX", "a")
    data, date = story.fs.files()[path], story.fs.stat(path).mtime_ns // 1_000_000_000
    story.unlink("INBOX", "a")
    assert story.tell().total.expunged == 0
    story.write("/mail/INBOX/cur/1790000000.a.backup:2,", data, date)
    is_one(story, "a", deletions=Deletions.EXPUNGE)
