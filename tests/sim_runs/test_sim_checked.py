"""What `mailsync check` must not call good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from unittest import mock

import pytest
from sim import loop
from sim.oracle import body_of
from sim.server_profile import Profile, dovecot, o365, proton, yahoo
from sim.stack import DATE, _noted
from sim.steps import Steps
from sim.world import make_world
from support.storied import Story

from mailsync.model.checked import AccountCheck, CheckOptions
from mailsync.model.settings import Guard
from mailsync.modes import check, contents


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("checked") as made:
        made.serve("INBOX", "a")
        yield made


def checked(story: Story, *, read_data: bool = False) -> AccountCheck:
    options = CheckOptions(read_data=read_data)
    world = make_world(story.server, story.fs, "check", Steps())
    with mock.patch.object(check, "production_world", return_value=nullcontext(world)), _noted():
        return loop.run(check._check(story.account, options, None))


@pytest.mark.parametrize("name", ["1.n.host", "1.\udcff.host", "1.\u200b.host"])
@pytest.mark.parametrize("notices", [0, 30])
def test_a_message_whose_name_is_taken(story: Story, name: str, notices: int) -> None:
    """However the name is shown, and however much else there is to say."""
    story.make("INBOX")
    story.write(f"/mail/INBOX/cur/{name}:2,S", body_of("n"), DATE)
    story.tell()
    story.tell()
    for at in range(notices):
        story.disk.plant(f"/mail/INBOX/cur/l{at}", kind="link", link="/mail")
    assert checked(story).exit == 0
    story.write(f"/mail/INBOX/new/{name}", body_of("other"), DATE)
    found = checked(story)
    ((box, difference),) = ((one.name, two) for one in found.mailboxes for two in one.differences)
    assert (found.exit, box, difference.file) == (1, "INBOX", f"new/{name}")
    story.tell()
    assert sorted(story.server.ghosts("INBOX")) == ["a", "n", "other"]
    assert checked(story).exit == 0


def test_mail_in_a_directory_that_no_mailbox_can_be_named_after(story: Story) -> None:
    """`check` says of it what a sync says: else all would agree, and it is here alone."""
    story.make("a\x07")
    story.write("/mail/a\x07/cur/1.n.host:2,", body_of("n"), DATE)
    told = r"skipped /mail/a\x07: a mailbox cannot have this name; rename it"
    assert told in story.tell().text
    found = checked(story)
    assert (found.exit, found.differences, found.errors) == (0, 0, (told,))


# -- what a server makes of what is uploaded ------------------------------------------------------

STORED = "the server stored it otherwise than it was uploaded"
TEXT = "the server stored another text than was uploaded, or has changed it since"
CHANGED = "the server has changed since"


def said(story: Story) -> tuple[int, list[tuple[int | None, str]], list[tuple[int | None, str]]]:
    """The status, whose bytes differ and what is said of them last, and what is noted."""
    found = checked(story, read_data=True)
    differences = [two for one in found.mailboxes for two in one.differences if two.data]
    notes = [two for one in found.mailboxes for two in one.notes]
    return (
        found.exit,
        [(one.uid, one.what.rpartition("; ")[2]) for one in differences],
        [(one.uid, one.what) for one in notes],
    )


def change(story: Story, ghost: str, old: bytes, new: bytes, box: str = "INBOX") -> None:
    """The server shows other bytes of it from now on."""
    message = story.server.boxes[box.encode()].messages[story.uid_of(box, ghost)]
    assert old in message.body
    message.body = message.body.replace(old, new, 1)


def unended(story: Story) -> None:
    """A file without a line end at its end."""
    body = body_of("b").removesuffix(b"\n\n")
    story.oracle.born("b", body)
    story.make("INBOX")
    story.write("/mail/INBOX/cur/1.b.reader:2,S", body, DATE)


@pytest.mark.parametrize("make", [o365, proton, yahoo])
def test_what_a_server_adds_to_an_upload_is_no_difference(make: Callable[[], Profile]) -> None:
    """A header field, or the line end that it wants at the end."""
    with Story("stored", make()) as story:
        story.serve("INBOX", "a")
        unended(story)
        assert (story.tell().exit, story.tell().exit) == (0, 0)
        assert said(story) == (0, [], [(2, STORED)])
        change(story, "b", b"Body of", b"Bodx of")
        assert said(story) == (1, [(2, TEXT)], [])
        change(story, "b", b"Bodx of b", b"Body of b, and more")
        assert said(story) == (1, [(2, CHANGED)], [])


def test_a_line_end_that_an_upload_lost_is_a_difference() -> None:
    with Story("lost", o365()) as story:
        story.file("INBOX", "b")
        assert (story.tell().exit, story.tell().exit) == (0, 0)
        assert said(story) == (0, [], [(1, STORED)])
        change(story, "b", b"\n\r\n", b"\n")
        assert said(story) == (1, [(1, CHANGED)], [])


def test_after_a_lost_cache_the_server_has_told_what_it_made_of_it() -> None:
    """Size and header: another one than that is a difference.  Moved by another client its file
    has a name of ours, as if it had been fetched."""
    with Story("lost", o365()) as story:
        story.server.create("Work")
        story.file("INBOX", "b")
        story.tell()
        for path in story.state.glob("cache.db*"):
            path.unlink()
        assert (story.tell().exit, story.tell().exit) == (0, 0)
        assert said(story) == (0, [], [(1, STORED)])
        story.server.move("INBOX", story.uid_of("INBOX", "b"), "Work")
        assert (story.tell().exit, story.tell().exit) == (0, 0)
        assert "/1700000001.O" in story.path_of("Work", "b")
        assert said(story) == (0, [], [(1, STORED)])
        change(story, "b", b"Subject: b", b"Subject: b, and more", "Work")
        assert said(story) == (1, [(1, CHANGED)], [])


def test_what_cannot_be_read_a_second_time_is_a_difference() -> None:
    with Story("once", o365()) as story:
        story.file("INBOX", "b")
        story.tell()
        read = contents.Pass.all

        async def once(reading: contents.Pass) -> None:
            if not reading.shown:
                await read(reading)

        with mock.patch.object(contents.Pass, "all", once):
            assert said(story) == (1, [(1, TEXT)], [])


@pytest.mark.parametrize("make", [o365, proton, dovecot])
def test_another_header_of_what_was_fetched_is_a_difference(make: Callable[[], Profile]) -> None:
    with Story("fetched", make()) as story:
        story.serve("INBOX", "a")
        assert (story.tell().exit, story.tell().exit) == (0, 0)
        change(story, "a", b"Subject: a", b"Subject: a, and more")
        assert said(story) == (1, [(1, CHANGED)], [])


def test_also_under_the_name_that_a_reader_gave_it() -> None:
    """The server told its size before."""
    with Story("renamed", proton()) as story:
        story.server.create("Work")
        story.serve("INBOX", "a")
        story.tell()
        story.move_file("INBOX", "a", "Work", "2.a.reader")
        assert (story.tell().exit, story.tell().exit) == (0, 0)
        assert said(story) == (0, [], [])
        change(story, "a", b"Subject: a", b"Subject: a, and more", "Work")
        assert said(story) == (1, [(1, CHANGED)], [])


def test_another_header_of_what_was_stored_as_it_was_sent_is_a_difference() -> None:
    with Story("as sent", dovecot()) as story:
        story.file("INBOX", "b")
        assert (story.tell().exit, story.tell().exit) == (0, 0)
        change(story, "b", b"Subject: b", b"Subject: x")
        assert said(story) == (1, [(1, CHANGED)], [])


def test_what_reject_sends_again_has_no_size_until_the_server_tells_it() -> None:
    """Proton's bridge adds a field to it: it is larger there than what had been fetched."""
    with Story("again", proton()) as story:
        story.serve("INBOX", "a")
        story.change(guard=Guard(share=0.0, floor=0))
        story.tell()
        story.expunge("INBOX", "a")
        assert story.tell().exit == 3
        assert story.reject() == 1
        assert (story.tell().exit, story.tell().exit) == (0, 0)
        assert checked(story).exit == 0
        assert said(story) == (0, [], [(2, STORED)])
