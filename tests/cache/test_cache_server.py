"""What the server showed, in the rows (semantics.md, rules 1, 3, 4; reliability.md I14, I15)."""

from __future__ import annotations

import pytest
from support.cachebox import EVERYTHING, NOW, Box

from mailsync.model.actions import Defer
from mailsync.model.flags import ALL_FLAGS, Flags
from mailsync.model.ids import UID
from mailsync.model.rows import Presence, Settled, Side, Wait
from mailsync.model.uidset import UIDSet


def test_a_first_listing(inbox: Box) -> None:
    assert inbox.server({1: "S", 3: ""}) == (True, False)
    assert inbox.picture() == ["1+S -", "3+ -"]
    row = inbox.row(3)
    assert (row.internal_date, row.size, row.synced) == (1003, 100, None)
    known = inbox.cache.cursors()[inbox.name]
    assert known.cursor is not None
    assert (known.cursor.messages, known.known, known.relink) == (2, 2, False)


@pytest.mark.parametrize(
    ("what", "shown", "options", "after"),
    [
        ("a flag", {1: "SF"}, {"count": 2}, ["1+FS f1+S =S", "2+ f2+ ="]),
        ("a new message", {3: ""}, {"count": 3}, ["1+S f1+S =S", "2+ f2+ =", "3+ -"]),
        ("an expunge", {}, {"count": 1, "vanished": (2,)}, ["1+S f1+S =S", "2x f2+ ="]),
        ("expunges of unknown UIDs", {}, {"count": 2, "vanished": (8, 9)}, None),
        ("a UID that vanished and is shown", {2: ""}, {"count": 2, "vanished": (2,)}, None),
        ("nothing", {}, {"count": 2}, None),
    ],
)
def test_a_delta(
    inbox: Box, what: str, shown: dict[int, str], options: dict[str, object], after: list[str]
) -> None:
    inbox.paired({1: "S", 2: ""})
    assert inbox.server(shown, full=False, **options) == (True, False)  # type: ignore[arg-type]
    assert inbox.picture() == (after or ["1+S f1+S =S", "2+ f2+ ="])


def test_a_full_listing_proves_absence_but_only_of_what_was_there(inbox: Box) -> None:
    inbox.paired({1: "", 2: "", 3: ""})
    inbox.cache.begin_relink(inbox.id, {Side.SERVER})
    assert inbox.server({1: ""}) == (True, False)
    assert inbox.picture() == ["1+ f1+ =", "2? f2+ =", "3? f3+ ="]
    inbox.server({1: "", 3: ""})
    inbox.server({1: ""})
    assert inbox.picture() == ["1+ f1+ =", "2? f2+ =", "3x f3+ ="]


def test_a_listing_of_a_range_proves_absence_in_the_range_only(inbox: Box) -> None:
    inbox.paired({1: "", 2: "", 3: ""})
    assert inbox.server({1: ""}, complete=UIDSet.span(1, 2), count=2) == (True, False)
    assert inbox.picture() == ["1+ f1+ =", "2x f2+ =", "3+ f3+ ="]


@pytest.mark.parametrize("count", [1, 3])
def test_a_delta_that_does_not_add_up_is_not_stored_at_all(inbox: Box, count: int) -> None:
    inbox.paired({1: "", 2: ""})
    before = inbox.cache.cursors()
    assert inbox.server({2: "F"}, full=False, count=count) == (False, False)
    assert inbox.picture() == ["1+ f1+ =", "2+ f2+ ="]
    assert inbox.cache.cursors() == before


def test_a_full_listing_is_believed_whatever_the_count(inbox: Box) -> None:
    assert inbox.server({1: "", 2: ""}, count=1) == (True, False)


def test_all_but_what_is_known_counts_as_full(inbox: Box) -> None:
    """CHANGEDSINCE and UID SEARCH ALL: everything but the UIDs that were found."""
    inbox.paired({1: "", 2: "", 3: ""})
    found = UIDSet([1, 3])
    assert inbox.server({}, complete=EVERYTHING - found, count=9) == (True, False)
    assert inbox.picture() == ["1+ f1+ =", "2x f2+ =", "3+ f3+ ="]
    unknown = UIDSet([1, 3, 7])
    assert inbox.server({}, complete=EVERYTHING - unknown, count=3) == (False, False)


def test_a_uid_that_is_shown_again_is_there_again(inbox: Box) -> None:
    inbox.paired({1: "S"})
    inbox.server({})
    assert inbox.picture() == ["1xS f1+S =S"]
    inbox.server({1: "S"})
    assert inbox.picture() == ["1+S f1+S =S"]
    assert not inbox.cache.due(NOW)


@pytest.mark.parametrize(
    ("letters", "marked", "there", "after"),
    [
        ("S", True, True, "1xS f1+S"),
        ("S", False, True, "1xS f1+S =S"),
        ("S", True, False, "1xS f1xS =S"),
        ("ST", True, True, "1xST f1+ST =ST"),  # as both sides agreed
    ],
)
def test_one_that_goes_with_a_mark_of_ours_was_not_deleted_by_others(
    inbox: Box, letters: str, marked: bool, there: bool, after: str
) -> None:
    """Its file was put back, and the mark was to be taken back: another client expunged what was
    marked."""
    inbox.paired({1: letters})
    if marked:
        inbox.cache.mark(inbox.ids(1))
    if not there:
        inbox.local({})
    inbox.server({})
    assert inbox.picture() == [after]


def test_synced_takes_what_both_sides_agree_on(inbox: Box) -> None:
    inbox.paired({1: ""})
    inbox.local({"f1": "SF"})
    inbox.server({1: "SR"})
    assert inbox.picture() == ["1+RS f1+FS =S"]


def test_what_changed_is_due_again(inbox: Box) -> None:
    inbox.paired({1: ""})
    inbox.server({1: "F"})
    inbox.cache.trouble(inbox.ids(1), "refused", NOW + 60)
    assert not inbox.cache.due(NOW)
    assert [row.attempts for row in inbox.cache.due(NOW + 60)] == [1]
    inbox.server({1: "FS"})
    assert [row.attempts for row in inbox.cache.due(NOW)] == [0]


def test_the_same_again_frees_nothing(inbox: Box) -> None:
    inbox.paired({1: ""})
    inbox.server({1: "F"})
    inbox.cache.trouble(inbox.ids(1), "refused", NOW + 60)
    inbox.server({1: "F"})
    assert not inbox.cache.due(NOW)


class TestPermanentFlags:
    def test_what_the_mailbox_cannot_keep_opens_nothing(self, inbox: Box) -> None:
        seen_only = Flags.SEEN
        inbox.paired({1: "S"})
        assert inbox.server({1: "S"}, permanent=seen_only) == (True, False)
        inbox.local({"f1": "SFR"})
        assert inbox.picture() == ["1+S f1+S =S"]
        assert inbox.file("f1").info == ":2,SFR"
        assert not inbox.cache.due(NOW)

    def test_when_it_can_again_they_are_sent(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.server({1: "S"}, permanent=Flags.SEEN)
        inbox.local({"f1": "SF"})
        inbox.server({1: "S"}, permanent=ALL_FLAGS)
        assert inbox.picture() == ["1+S f1+FS =S"]
        assert len(inbox.cache.due(NOW)) == 1

    def test_synced_is_masked_too(self, inbox: Box) -> None:
        inbox.paired({1: "SF"})
        inbox.server({1: "S"}, permanent=Flags.SEEN)
        assert inbox.picture() == ["1+S f1+S =S"]
        (box,) = inbox.cache.mailboxes(NOW)
        assert box.permanent is Flags.SEEN


class TestKeywords:
    def test_they_open_nothing_and_are_the_base_from_the_end_of_the_run(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.server({1: "S"}, extra={1: frozenset({"no]atom", "\\Odd"})})
        row = inbox.row(1)
        assert row.server_extra == {"no]atom", "\\Odd"}
        assert row.synced_extra == frozenset()
        assert not inbox.cache.due(NOW)
        inbox.cache.mark_synced([inbox.id], NOW)
        assert inbox.row(1).synced_extra == {"no]atom", "\\Odd"}

    def test_one_that_comes_after_the_file_went_is_seen_as_such(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.local({})
        inbox.server({1: "S"}, extra={1: frozenset({"no]atom"})})
        inbox.cache.mark_synced([inbox.id], NOW)
        assert inbox.row(1).server_extra == {"no]atom"}
        assert inbox.row(1).synced_extra == frozenset()


class TestNewUidValidity:
    def test_the_uids_become_hints(self, inbox: Box) -> None:
        inbox.paired({1: "S", 2: ""})
        inbox.validity += 1  # type: ignore[assignment]
        assert inbox.server({1: "", 7: "S"}) == (True, True)
        assert inbox.picture() == ["1?S f1+S =S", "2? f2+ =", "1+ -", "7+S -"]
        known = inbox.cache.cursors()[inbox.name]
        assert known.relink
        assert known.stamp is None
        assert inbox.row(1).name is None

    def test_only_a_full_listing_is_stored(self, inbox: Box) -> None:
        inbox.paired({1: "S", 2: ""})
        inbox.validity += 1  # type: ignore[assignment]
        assert inbox.server({9: ""}, full=False, count=2) == (False, False)
        assert inbox.picture() == ["1+S f1+S =S", "2+ f2+ ="]
        assert not inbox.cache.cursors()[inbox.name].relink

    def test_it_ends(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.validity += 1  # type: ignore[assignment]
        inbox.server({1: "S"})
        inbox.cache.end_relink(inbox.id)
        assert not inbox.cache.cursors()[inbox.name].relink


class TestSettled:
    def kept(self, inbox: Box) -> None:
        inbox.paired({1: ""})
        inbox.local({})
        assert inbox.picture() == ["1+ f1x ="]
        inbox.cache.settle(inbox.ids(1), Settled.KEPT)
        assert not inbox.cache.due(NOW)

    def test_no_flag_opens_what_is_kept(self, inbox: Box) -> None:
        self.kept(inbox)
        inbox.server({1: "F"})
        assert not inbox.cache.due(NOW)

    def test_its_end_on_the_other_side_does(self, inbox: Box) -> None:
        self.kept(inbox)
        inbox.server({})
        assert [row.settled for row in inbox.cache.due(NOW)] == [Settled.NO]

    def test_so_does_its_return(self, inbox: Box) -> None:
        self.kept(inbox)
        inbox.local({"f1": ""})
        assert inbox.picture() == ["1+ f1+ ="]
        assert inbox.row(1).settled is Settled.NO

    def test_a_relink_of_its_missing_side_leaves_it(self, inbox: Box) -> None:
        self.kept(inbox)
        inbox.cache.begin_relink(None, {Side.LOCAL})
        assert inbox.row(1).local is Presence.GONE
        assert not inbox.cache.due(NOW)


def test_an_unknown_mailbox_is_made(inbox: Box) -> None:
    inbox.name = type(inbox.name)("New")
    assert inbox.server({5: ""}) == (True, False)
    assert inbox.picture() == ["5+ -"]


def test_row_of_uid_knows_only_its_mailbox(inbox: Box, other: Box) -> None:
    inbox.server({1: "", 2: ""})
    other.server({1: "S"})
    found = inbox.cache.row_of_uid(other.id, [UID(1), UID(2)])
    assert [row.server_flags for row in found.values()] == [Flags.SEEN]
    assert found[UID(1)].wait is Wait.NO


class TestScant:
    """Of UIDs that are known the listing has flags at most: by those none is told."""

    def test_what_is_known_and_there_is_stored(self, inbox: Box) -> None:
        inbox.paired({1: "", 2: ""})
        assert inbox.server({1: "S", 2: ""}, scant=True) == (True, False)
        assert inbox.picture() == ["1+S f1+ =", "2+ f2+ ="]

    def test_what_was_gone_and_is_listed_again_is_not(self, inbox: Box) -> None:
        inbox.paired({1: "", 2: ""})
        inbox.server({2: ""})
        before = inbox.cache.cursors()
        assert inbox.server({1: "S", 2: "S"}, scant=True) == (False, False)
        assert inbox.picture() == ["1x f1+ =", "2+ f2+ ="]
        assert inbox.cache.cursors() == before

    def test_nor_what_is_given_a_second_time(self, inbox: Box) -> None:
        inbox.paired({1: "", 2: ""})
        assert inbox.server({1: "S", 2: ""}, scant=True, went_back=True) == (False, False)
        assert inbox.picture() == ["1+ f1+ =", "2+ f2+ ="]


@pytest.mark.parametrize("read_only", [False, True])
def test_what_could_not_be_sent_is_due_when_the_mailbox_can_be_written(
    inbox: Box, other: Box, read_only: bool
) -> None:
    """In other mailboxes, too: it may be the trash, to which that could not be moved."""
    other.paired({5: "", 6: ""})
    inbox.server({}, read_only=True)
    other.local({})
    for uid, side in ((5, Side.SERVER), (6, Side.LOCAL)):
        row = (other.row(uid),)
        inbox.cache.apply([Defer(other.id, row, Wait.UNSENT, "read-only", side)])
    inbox.server({}, read_only=read_only)
    assert [row.uid for row in inbox.cache.due(NOW)] == ([] if read_only else [5])
