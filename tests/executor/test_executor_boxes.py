"""Mailboxes made, renamed and removed: what the server and the cache are told, and when not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.told import Rig, refreshed, rigged, shown

from mailsync.executor import boxes
from mailsync.local import Listing
from mailsync.model.actions import (
    CreateLocalMailbox,
    CreateMailbox,
    RemoveLocalMailbox,
    RemoveMailbox,
)
from mailsync.model.errors import Help, MailsyncError, Reach, Refused, ServerDefect
from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import LocalEntry
from mailsync.model.rows import Presence, Side

THERE, GONE, NONE = Presence.THERE, Presence.GONE, Presence.NONE


@pytest.fixture
def rig() -> Iterator[Rig]:
    with rigged() as made:
        yield made


# -- looked at -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{}, {"full": False}, {"full": True}])
def test_a_mailbox_is_asked_for_what_changed(rig: Rig, how: dict[str, bool]) -> None:
    box, had = rig.known("Empty"), rig.cache.cursors()[MailboxName("Empty")].cursor
    assert had is not None
    shown(rig, "Empty", had.uid_validity, uid_next=9)
    seen = rig.do(boxes.observe_again(rig.run, box, **how))
    (ask,) = rig.server.asked
    assert (ask.name, ask.wire_name) == ("Empty", b"Empty")
    assert (ask.cursor, ask.full) == ((None, True) if how.get("full") else (had, False))
    assert rig.do(boxes.cursor_of(rig.run, box)) == replace(had, uid_next=9)
    assert seen == rig.known("Empty")
    assert refreshed(rig)


def test_what_the_server_says_against_it_comes_out(rig: Rig) -> None:
    rig.server.shows["A"] = Refused("not today")
    with pytest.raises(Refused, match="not today"):
        rig.do(boxes.observe_again(rig.run, rig.known("A")))


def test_one_that_is_known_is_not_looked_at(rig: Rig) -> None:
    box = rig.known("A")
    assert rig.do(boxes.ensure_observed(rig.run, box.id)) == box
    assert rig.server.asked == []


def made_there(rig: Rig) -> MailboxId:
    """A moment ago; nobody has looked at it."""
    box = rig.known("New")
    rig.cache.mailbox_made(box.id, Side.SERVER, b"New")
    rig.do(boxes.refresh(rig.run))
    return box.id


def test_one_that_was_made_in_this_run_is_looked_at(rig: Rig) -> None:
    box = made_there(rig)
    shown(rig, "New", 5)
    rig.cache.mailbox_made(box, Side.LOCAL)
    rig.cache.mark_synced([box], rig.now)
    assert rig.do(boxes.ensure_observed(rig.run, box)).uid_validity == 5
    assert box not in rig.cache.audits(rig.now)
    assert box in rig.cache.audits(rig.now + 86_400)  # from that look on
    assert [(ask.name, ask.full) for ask in rig.server.asked] == [("New", True)]


def test_one_that_is_not_there_is_tried_again(rig: Rig) -> None:
    with pytest.raises(MailsyncError, match="New is not on the server") as caught:
        rig.do(boxes.ensure_observed(rig.run, rig.known("New").id))
    assert (caught.value.reach, caught.value.help) == (Reach.MAILBOX, Help.RETRY)


@pytest.mark.parametrize("made", [False, True])
def test_what_is_shown_and_cannot_be_is_asked_again_in_full(rig: Rig, made: bool) -> None:
    """Nothing of it is stored, so that nothing is known of the mailbox: later runs try again."""
    box, name = (made_there(rig), "New") if made else (rig.known("Empty").id, "Empty")
    had = rig.cache.cursors()[MailboxName(name)].cursor
    shown(rig, name, 5 if had is None else had.uid_validity, messages=3)
    with pytest.raises(ServerDefect, match="does not add up") as caught:
        rig.do(boxes.observe_again(rig.run, rig.run.mailboxes[box]))
    assert (caught.value.reach, caught.value.help) == (Reach.MAILBOX, Help.WAIT)
    assert [ask.full for ask in rig.server.asked] == [made, True]
    assert rig.cache.cursors()[MailboxName(name)].cursor == had


def test_what_cannot_be_looked_at_is_not_removed(rig: Rig) -> None:
    had = rig.cache.cursors()[MailboxName("Empty")].cursor
    assert had is not None
    shown(rig, "Empty", had.uid_validity, messages=1)
    with pytest.raises(ServerDefect):
        rig.do(boxes.remove_mailbox(rig.run, RemoveMailbox(rig.known("Empty").id)))
    assert rig.said() == []
    assert rig.side("Empty") == (THERE, THERE)


# -- made ----------------------------------------------------------------------------------------


def test_a_new_one_is_made_there(rig: Rig) -> None:
    box = rig.known("New")
    rig.do(boxes.create_mailbox(rig.run, CreateMailbox(box.id)))
    assert rig.said() == [("create", "New", None)]
    assert rig.side("New") == (THERE, NONE)
    assert refreshed(rig)
    assert rig.cache.wire_names()[MailboxName("New")] == b"New"
    assert (rig.server.asked, rig.run.below_nothing) == ([], False)


def test_a_new_one_below_what_is_no_mailbox_is_noted(rig: Rig) -> None:
    """The server may have made that, too."""
    rig.cache.expect_mailbox(MailboxName("Deep/Er"), True)
    rig.do(boxes.refresh(rig.run))
    rig.do(boxes.create_mailbox(rig.run, CreateMailbox(rig.known("Deep/Er").id)))
    assert rig.run.below_nothing


def test_one_that_was_there_before_is_made_as_it_was_called_and_looked_at(rig: Rig) -> None:
    """What its UIDs meant is forgotten before any is given again."""
    box = rig.known("Empty")
    shown(rig, "Empty", 77)
    rig.do(boxes.create_mailbox(rig.run, CreateMailbox(box.id)))
    assert rig.said() == [("create", "Empty", b"Empty")]
    assert [(ask.name, ask.cursor, ask.full) for ask in rig.server.asked] == [("Empty", None, True)]
    assert rig.known("Empty").uid_validity == 77


def test_one_that_is_refused_is_not_taken_for_made(rig: Rig) -> None:
    rig.server.refusal = Refused("no", code="CANNOT")
    with pytest.raises(Refused):
        rig.do(boxes.create_mailbox(rig.run, CreateMailbox(rig.known("New").id)))
    assert len(rig.said()) == 1
    assert rig.side("New") == (NONE, NONE)


def test_a_busy_server_is_asked_to_make_it_again(rig: Rig) -> None:
    rig.server.refusal = Refused("busy", help=Help.RETRY)
    with pytest.raises(Refused):
        rig.do(boxes.create_mailbox(rig.run, CreateMailbox(rig.known("New").id)))
    assert rig.said() == [("create", "New", None)] * 3


def test_a_new_one_is_made_here(rig: Rig) -> None:
    rig.do(boxes.create_local_mailbox(rig.run, CreateLocalMailbox(rig.known("New").id)))
    assert rig.did() == [("entries", "New", True), ("create", "New")]
    assert rig.side("New") == (NONE, THERE)
    assert rig.run.renumbered == rig.run.shifted == set()
    assert refreshed(rig)


@pytest.mark.parametrize("files", [0, 1])
def test_one_that_is_here_already_is_looked_at_before_anything_is_fetched(
    rig: Rig, files: int
) -> None:
    """A directory that one listing of the Maildir did not show; what is in it is not fetched."""
    entries = tuple(LocalEntry(UniqueName(f"{n}.m.h"), "cur", "", Flags.NONE) for n in range(files))
    rig.maildir.shows["New"] = Listing(entries, None)
    new = rig.known("New").id
    rig.do(boxes.create_local_mailbox(rig.run, CreateLocalMailbox(new)))
    assert rig.did() == [("entries", "New", True), ("create", "New")]
    assert rig.side("New") == (NONE, THERE)
    assert rig.run.renumbered == rig.run.shifted == ({new} if files else set())


# -- removed -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "shows", "removed"),
    [(0, 0, True), (1, 0, False), (0, 1, False), (0, None, True)],
)
def test_only_what_is_empty_is_removed_there(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, known: int, shows: int | None, removed: bool
) -> None:
    """By what SELECT shows of it now, and by the rows that the cache has."""
    box, name = rig.known("Empty"), MailboxName("Empty")
    before = rig.cache.cursors()
    assert before[name].cursor is not None
    shown(rig, "Empty", before[name].cursor.uid_validity)
    cursor = None if shows is None else replace(before[name].cursor, messages=shows)
    told = before | {name: replace(before[name], known=known, cursor=cursor)}
    monkeypatch.setattr(rig.cache, "cursors", lambda: told)
    rig.do(boxes.remove_mailbox(rig.run, RemoveMailbox(box.id)))
    assert [ask.name for ask in rig.server.asked] == ["Empty"]
    assert rig.said() == ([("delete", "Empty")] if removed else [])
    assert rig.side("Empty") == ((GONE, THERE) if removed else (THERE, THERE))
    said = [] if removed else ["not removed: there are messages in it by now"]
    assert rig.run.tallies.notices.get(name, []) == said
    assert refreshed(rig)


def test_what_is_not_empty_any_more_when_it_is_to_be_removed_stays(rig: Rig) -> None:
    box = rig.known("Empty")
    cursor = rig.cache.cursors()[box.name].cursor
    assert cursor is not None
    shown(rig, "Empty", cursor.uid_validity)
    rig.server.empty = False
    rig.do(boxes.remove_mailbox(rig.run, RemoveMailbox(box.id)))
    assert rig.side("Empty") == (THERE, THERE)
    assert rig.run.tallies.notices[box.name] == ["not removed: there are messages in it by now"]


@pytest.mark.parametrize("works", [True, False])
def test_only_what_is_empty_is_removed_here(rig: Rig, works: bool) -> None:
    rig.maildir.works = works
    rig.do(boxes.remove_local_mailbox(rig.run, RemoveLocalMailbox(rig.known("Empty").id)))
    assert rig.did() == [("remove", "Empty")]
    assert rig.run.shifted == rig.run.not_removed == (set() if works else {rig.known("Empty").id})
    assert rig.side("Empty") == ((THERE, GONE) if works else (THERE, THERE))
    said = [] if works else ["not removed: there are messages or other files in it by now"]
    assert rig.run.tallies.notices.get(MailboxName("Empty"), []) == said
    assert not works or refreshed(rig)
