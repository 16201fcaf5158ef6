"""Mailboxes renamed, and what goes along with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.told import Rig, refreshed, rigged, shown

from mailsync.executor import boxes
from mailsync.executor.boxes import _by_now, _follow, _note_parents
from mailsync.model.actions import (
    RenameLocalMailbox,
    RenameMailbox,
)
from mailsync.model.errors import Help, Refused
from mailsync.model.ids import MailboxId, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Presence, Side
from mailsync.model.settings import Direction, Rules, Section
from mailsync.planner import Narrow

THERE, GONE, NONE = Presence.THERE, Presence.GONE, Presence.NONE


@pytest.fixture
def rig() -> Iterator[Rig]:
    with rigged() as made:
        yield made


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("renamed", "name", "new", "by_now"),
    [
        ([], "A/C", "D", "A/C"),
        ([("A", "B")], "A/C", "D", "B/C"),
        ([("A", "B")], "A/C", "B/C", "A/C"),  # what is to be there by that name cannot be it
        ([("A", "B")], "A", "D", "A"),
        ([("A", "B")], "AB/C", "D", "AB/C"),
        ([("A", "B"), ("B/C", "X/Y")], "A/C/D", "E", "X/Y/D"),
        ([("B/C", "X"), ("A", "B")], "A/C/D", "E", "B/C/D"),
    ],
)
def test_where_a_mailbox_is_by_now(
    rig: Rig, renamed: list[tuple[str, str]], name: str, new: str, by_now: str
) -> None:
    rig.run.renamed = [(MailboxName(a), MailboxName(b)) for a, b in renamed]
    assert _by_now(rig.run, MailboxName(name), MailboxName(new)) == by_now


@pytest.mark.parametrize(
    ("before", "made", "missing"),
    [
        (False, "A/C/D", False),
        (False, "Top", False),
        (False, "New/X", True),  # known, and not on the server
        (False, "A/Other/X", True),
        (True, "A/C/D", True),  # of an earlier one
    ],
)
def test_parents_that_are_no_mailboxes(rig: Rig, before: bool, made: str, missing: bool) -> None:
    rig.run.below_nothing = before
    _note_parents(rig.run, MailboxName(made))
    assert rig.run.below_nothing is missing


# -- renamed -------------------------------------------------------------------------------------


def rename(rig: Rig, old: str = "A", new: str = "New") -> None:
    rig.do(boxes.rename_mailbox(rig.run, RenameMailbox(rig.known(old).id, rig.known(new).id)))


def test_it_is_renamed_there(rig: Rig) -> None:
    box = rig.known("A")
    rename(rig)
    assert rig.said() == [("rename", "A", "New"), ("carried", b"A", b"New")]
    assert rig.known("New").id == box.id
    assert (rig.side("A"), rig.side("New")) == (None, (THERE, THERE))
    wire = rig.cache.wire_names()
    assert wire[MailboxName("New")] == b"New"
    assert rig.run.renamed == [("A", "New")]
    assert rig.run.tallies.done == {"New": {"renamed": 1}}
    assert (rig.run.renumbered, rig.server.asked, rig.run.below_nothing) == (set(), [], False)
    assert refreshed(rig)


@pytest.mark.parametrize(("new", "old"), [("New", "B/C"), ("B/C", "A/C")])
def test_what_went_along_with_its_parent_is_renamed_from_there(
    rig: Rig, new: str, old: str
) -> None:
    rig.cache.expect_mailbox(MailboxName(new), True)
    rig.do(boxes.refresh(rig.run))
    rig.run.renamed = [(MailboxName("A"), MailboxName("B"))]
    rename(rig, "A/C", new)
    assert rig.said()[0] == ("rename", old, new)
    assert rig.run.renamed[1:] == [("A/C", new)]


@pytest.mark.parametrize("refused", [False, True])
def test_a_rename_is_remembered_before_it_is_sent(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    """And forgotten where it was refused."""
    a, new = rig.known("A").id, rig.known("New").id
    remembered: list[tuple[MailboxId, MailboxId | None, int]] = []

    def renaming(box: MailboxId, to: MailboxId | None) -> None:
        remembered.append((box, to, len(rig.said())))

    monkeypatch.setattr(rig.cache, "renaming", renaming)
    if refused:
        rig.server.refusal = Refused("no")
        with pytest.raises(Refused):
            rename(rig)
    else:
        rename(rig)
    assert remembered == [(a, new, 0), *([(a, None, 1)] if refused else [])]


def test_what_has_gone_along_here_goes_along_there(rig: Rig) -> None:
    """It keeps its row, under its new name."""
    child = rig.known("A/C").id
    rig.cache.mailbox_gone(child, Side.LOCAL)
    rename(rig)
    assert rig.known("New/C").id == child
    assert rig.cache.wire_names()[MailboxName("New/C")] == b"New/C"


def test_a_rename_below_what_is_no_mailbox_is_noted(rig: Rig) -> None:
    rig.cache.expect_mailbox(MailboxName("Deep/Er"), True)
    rig.do(boxes.refresh(rig.run))
    rename(rig, "A", "Deep/Er")
    assert rig.run.below_nothing


@pytest.mark.parametrize("same", [True, False])
def test_new_uids_after_a_rename_are_looked_at(rig: Rig, same: bool) -> None:
    """Courier: what is planned for the mailbox, and for what went along with it, speaks of UIDs
    that mean something else now."""
    box, child = rig.known("A"), rig.known("A/C").id
    assert box.uid_validity is not None
    rig.server.below = [("A/C", "New/C")]
    shown(rig, "New/C", box.uid_validity + 1, 1)
    rig.server.validity = box.uid_validity if same else UIDValidity(box.uid_validity + 1)
    shown(rig, "New", box.uid_validity + 1)
    rename(rig)
    assert rig.run.renumbered == (set() if same else {box.id, child})
    asked = [] if same else [("New", True), ("New/C", True)]
    assert [(ask.name, ask.full) for ask in rig.server.asked] == asked
    assert rig.run.seen_server == {name for name, _ in asked}


@pytest.mark.parametrize(
    ("listed", "help", "moved"),
    [(True, Help.ASK, True), (False, Help.ASK, False), (True, Help.RETRY, False)],
)
def test_a_refused_rename(rig: Rig, listed: bool, help: Help, moved: bool) -> None:
    """Onto a name that is listed as no mailbox: all goes there by moves.  Else it comes out, and
    is not remembered as one that may have happened."""
    rig.server.refusal = Refused("taken", help=help)
    if listed:
        rig.run.not_selectable.add(MailboxName("New"))
    if moved:
        rename(rig)
    else:
        with pytest.raises(Refused, match="taken"):
            rename(rig)
    assert rig.run.renamed == []
    box = rig.cache.mailboxes(rig.now)
    (old,) = (one for one in box if one.name == "A")
    assert old.renamed == (rig.known("New").id if moved else None)
    assert not moved or refreshed(rig)


@pytest.mark.parametrize("works", [True, False])
def test_it_is_renamed_here(rig: Rig, works: bool) -> None:
    box, new = rig.known("A"), rig.known("New")
    rig.maildir.works = works
    rig.do(boxes.rename_local_mailbox(rig.run, RenameLocalMailbox(box.id, new.id)))
    assert rig.did() == [("rename", "A", "New")]
    if works:
        assert rig.known("New").id == box.id
        assert refreshed(rig)
        assert rig.run.tallies.notices == {}
        assert rig.run.tallies.done == {"New": {"renamed": 1}}
    else:
        assert rig.run.tallies.done == {}
        assert rig.known("A").id == box.id
        assert rig.run.tallies.notices == {
            "A": ["cannot rename A to New: that name is taken"],
        }


# -- what goes along -----------------------------------------------------------------------------

PUSH = Section("A/*", Rules(direction=Direction.PUSH), frozenset({"direction"}))


def follow(rig: Rig, name: str, target: str) -> None:
    rig.do(_follow(rig.run, [(MailboxName(name), MailboxName(target), b"wire")]))


@pytest.mark.parametrize("subscribed", [False, True])
def test_what_is_still_here_under_its_old_name_follows(rig: Rig, subscribed: bool) -> None:
    rig.run.account = replace(rig.run.account, subscribed_only=subscribed)
    box = rig.known("A/C")
    follow(rig, "A/C", "B/C")
    assert rig.did() == [("rename", "A/C", "B/C")]
    assert rig.known("B/C").id == box.id
    assert rig.side("A/C") is None
    assert rig.cache.wire_names()[MailboxName("B/C")] == b"wire"
    assert rig.run.renamed == [("A/C", "B/C")]
    assert rig.run.tallies.done == {"B/C": {"renamed": 1}}
    assert rig.said() == ([("subscribe", "B/C")] if subscribed else [])
    assert refreshed(rig)


def pushed(rig: Rig) -> None:
    rig.run.narrow = Narrow(push=True)


def only_there(rig: Rig) -> None:
    rig.run.account = replace(rig.run.account, direction=Direction.PUSH)


def in_a_section(rig: Rig) -> None:
    rig.run.account = replace(rig.run.account, sections=(PUSH,))


def not_here(rig: Rig) -> None:
    box = rig.known("A/C")
    rig.run.mailboxes[box.id] = replace(box, local=GONE)


def not_there(rig: Rig) -> None:
    box = rig.known("A/C")
    rig.run.mailboxes[box.id] = replace(box, server=GONE)


def taken(rig: Rig) -> None:
    rig.cache.expect_mailbox(MailboxName("B/C"), True)
    rig.do(boxes.refresh(rig.run))


@pytest.mark.parametrize(
    "why",
    [pushed, only_there, in_a_section, not_here, not_there, taken],
    ids=lambda one: one.__name__,
)
def test_where_nothing_here_is_to_change_it_stays(rig: Rig, why: object) -> None:
    why(rig)  # type: ignore[operator]
    follow(rig, "A/C", "B/C")
    assert (rig.did(), rig.run.renamed) == ([], [])


def test_what_nobody_knows_does_not_follow_and_the_next_does(rig: Rig) -> None:
    pairs = [("A/Unknown", "B/Unknown"), ("A/C", "B/C"), ("Empty", "B/Empty")]
    carried = [(MailboxName(old), MailboxName(new), b"") for old, new in pairs]
    rig.do(_follow(rig.run, carried))
    assert rig.did() == [("rename", "A/C", "B/C"), ("rename", "Empty", "B/Empty")]
    assert rig.run.renamed == [("A/C", "B/C"), ("Empty", "B/Empty")]


def test_what_the_disk_does_not_rename_stays(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is remembered of it."""
    rig.maildir.works = False
    remembered: list[tuple[MailboxId, bool]] = []
    monkeypatch.setattr(
        rig.cache, "renaming", lambda box, to: remembered.append((box, to is not None))
    )
    follow(rig, "A/C", "B/C")
    box = rig.known("A/C").id
    assert remembered == [(box, True), (box, False)]
    assert (rig.run.renamed, rig.side("A/C"), rig.side("B/C")) == ([], (THERE, THERE), None)
    assert rig.run.tallies.done == {}
