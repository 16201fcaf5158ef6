"""What the Maildir showed, in the rows (semantics.md, rules 3, 4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.cachebox import NOW, STAMP, Box, digest, entry, facts

from mailsync.cache import DeliveredRow
from mailsync.model.actions import Defer, Pair, Rung
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UIDValidity, UniqueName
from mailsync.model.observation import LocalEntry, LocalObservation
from mailsync.model.rows import Presence, Settled, Side, Wait


def test_a_first_listing(inbox: Box) -> None:
    inbox.local({"a": "S", "b": ""}, looked={"a": facts(content="one", origin=4), "b": facts(7)})
    assert inbox.picture() == ["- a+S", "- b+"]
    row = inbox.file("a")
    assert (row.wire_size, row.message_id, row.origin) == (3, "<one@x>", 4)
    assert (row.file_size, row.mtime_ns, row.folder, row.info) == (100, 5 * 10**9, "cur", ":2,S")
    assert inbox.file("b").body is None
    assert inbox.stamped()


def test_a_new_name_without_facts_is_left_out_and_looked_for_again(inbox: Box) -> None:
    inbox.local({"a": "", "b": ""}, looked={"a": facts()})
    assert inbox.picture() == ["- a+"]
    assert not inbox.stamped()


@pytest.mark.parametrize(("proven", "after"), [(True, "2+ f2x ="), (False, "2+ f2+ =")])
def test_only_a_proven_listing_shows_what_is_gone(inbox: Box, proven: bool, after: str) -> None:
    inbox.paired({1: "S", 2: ""})
    inbox.local({"f1": "S"}, proven=proven)
    assert inbox.picture() == ["1+S f1+S =S", after]
    assert inbox.stamped() is proven


def test_flags_and_names(inbox: Box) -> None:
    inbox.paired({1: "S"})
    inbox.local({"f1": "FS"})
    assert inbox.picture() == ["1+S f1+FS =S"]
    assert inbox.file("f1").info == ":2,FS"


def test_a_move_from_new_to_cur_alone_frees_nothing(inbox: Box) -> None:
    name = UniqueName("f1")
    inbox.paired({1: ""})
    inbox.server({1: "F"})
    inbox.cache.trouble(inbox.ids(1), "no", NOW + 9)
    seen = LocalEntry(name, "new", "", Flags.NONE)
    inbox.cache.store_local(LocalObservation(inbox.name, (seen,), True, {}, STAMP))
    row = inbox.file("f1")
    assert (row.folder, row.info, row.attempts) == ("new", "", 1)
    assert not inbox.cache.due(NOW)


class TestOtherBytes:
    def test_the_row_loses_its_file_and_the_file_is_a_new_row(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.local({"f1": "S"}, looked={"f1": facts(size=101, content="edited")})
        assert inbox.picture() == ["1+S xS =S", "- f1+S"]
        assert inbox.row(1).body == b"body 1".ljust(16, b".")
        assert inbox.file("f1").message_id == "<edited@x>"

    def test_equal_facts_change_nothing(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.local({"f1": "S"}, looked={"f1": facts()})
        assert inbox.picture() == ["1+S f1+S =S"]

    def test_another_mtime_is_enough(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.local({"f1": "S"}, looked={"f1": facts(mtime_ns=5_000_000_001)})
        assert inbox.picture() == ["1+S xS =S", "- f1+S"]

    def test_a_doubtful_side_stays_doubtful(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.cache.begin_relink(None, {Side.LOCAL})
        inbox.local({"f1": "S"}, looked={"f1": facts(size=101)})
        assert inbox.picture() == ["1+S ?S =S", "- f1+S"]


class TestReturn:
    def test_a_name_that_was_gone_is_unknown_and_looked_at(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.local({})
        assert inbox.cache.unknown_names(inbox.name, [entry("f1")]) == [entry("f1")]
        inbox.local({"f1": "S"})
        assert inbox.picture() == ["1+S f1+S =S"]

    def test_a_name_alone_proves_nothing(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.local({})
        inbox.local({"f1": "S"}, looked={})
        assert inbox.picture() == ["1+S f1xS =S"]
        assert not inbox.stamped()


class TestRelink:
    def test_the_local_side(self, inbox: Box) -> None:
        inbox.paired({1: "S", 2: ""})
        inbox.cache.begin_relink(None, {Side.LOCAL})
        assert inbox.picture() == ["1+S f1?S =S", "2+ f2? ="]
        known = inbox.cache.cursors()[inbox.name]
        assert (known.cursor, known.stamp, known.relink) == (None, None, True)
        inbox.local({"f1": "S"})
        assert inbox.picture() == ["1+S f1+S =S", "2+ f2? ="]

    def test_our_own_names_are_hints(self, inbox: Box) -> None:
        """A fresh cache: what the names say of UIDs is kept, and never taken for proof."""
        inbox.cache.begin_relink(None, set(Side))
        inbox.server({7: ""})
        inbox.local({"a": "", "b": ""}, looked={"a": facts(origin=7), "b": facts()})
        assert inbox.picture() == ["7+ -", "7? a+", "- b+"]
        assert inbox.file("a").origin == 7
        assert [row.uid for row in inbox.cache.candidates([inbox.file("a")])] == [7]

    def test_a_mailbox_that_is_seen_later_is_in_it_too(self, inbox: Box) -> None:
        inbox.cache.begin_relink(None, set(Side))
        late = Box(inbox.cache, type(inbox.name)("Late"))
        late.local({"a": ""}, looked={"a": facts(origin=7)})
        assert late.file("a").server is Presence.UNKNOWN
        for box in (inbox, late):
            inbox.cache.end_relink(box.id)
        later = Box(inbox.cache, type(inbox.name)("Later"))
        later.local({"a": ""}, looked={"a": facts(origin=7)})
        assert later.file("a").server is Presence.NONE
        assert later.file("a").origin == 7

    @pytest.mark.parametrize("sides", [{Side.SERVER}, set(Side)])
    def test_what_is_settled_stays_so_while_its_uid_holds(
        self, inbox: Box, sides: set[Side]
    ) -> None:
        """A kept message was removed here, a copied one is only to be expunged; 3 is not found."""
        inbox.paired({1: "", 2: "", 3: ""})
        inbox.server({1: "", 2: "", 3: ""})
        inbox.local({"f2": ""})
        inbox.cache.settle(inbox.ids(1, 3), Settled.KEPT)
        inbox.cache.settle(inbox.ids(2), Settled.COPIED)
        inbox.cache.begin_relink(None, sides)
        inbox.server({1: "", 2: ""})
        inbox.local({"f2": ""})
        inbox.cache.end_relink(inbox.id)
        assert [row.settled for row in inbox.rows()] == [Settled.KEPT, Settled.COPIED, Settled.NO]
        assert [row.uid for row in inbox.cache.due(NOW)] == [3]

    def test_what_waits_for_a_removed_file_waits_under_a_new_uid(self, inbox: Box) -> None:
        inbox.paired({1: "", 2: ""})
        inbox.server({1: "", 2: ""})
        inbox.local({})
        waits = Defer(inbox.id, (inbox.row(1),), Wait.HELD, "why", Side.SERVER)
        inbox.cache.apply([waits])
        inbox.cache.settle(inbox.ids(2), Settled.KEPT)
        inbox.validity = UIDValidity(2)
        inbox.server({11: "", 12: ""})
        new = [inbox.row(11), inbox.row(12)]
        old = [row for row in inbox.cache.candidates(new) if row.server is Presence.UNKNOWN]
        assert len(old) == 2
        pairs = [
            Pair(inbox.id, keep, file, Rung.HEADER, Flags.NONE)
            for keep, file in zip(new, old, strict=True)
        ]
        inbox.cache.apply(pairs)
        assert [(row.wait, row.settled) for row in inbox.rows()] == [
            (Wait.HELD, Settled.NO),
            (Wait.NO, Settled.KEPT),
        ]
        assert inbox.cache.due(NOW) == []


def test_lacks(inbox: Box) -> None:
    inbox.paired({1: "", 2: ""})
    name = UniqueName
    assert not inbox.cache.lacks(inbox.name, [name("f1"), name("f2"), name("f3")])
    assert inbox.cache.lacks(inbox.name, [name("f1")])
    inbox.local({"f1": ""})
    assert not inbox.cache.lacks(inbox.name, [name("f1")])


def test_names_that_are_not_utf8(inbox: Box) -> None:
    odd, latin, emoji = "a\udcff", "aÿ", "a\U0001f600"
    inbox.local({odd: "S", latin: "", emoji: "F"})
    assert {row.name for row in inbox.rows()} == {odd, latin, emoji}
    assert not inbox.cache.lacks(inbox.name, [UniqueName(n) for n in (odd, latin, emoji)])
    inbox.local({odd: "SF", latin: "", emoji: "F"})
    assert inbox.file(odd).local_flags == Flags.SEEN | Flags.FLAGGED
    assert inbox.cache.candidates([inbox.file(latin)]) == []


def test_two_names_may_be_in_two_mailboxes(inbox: Box, other: Box) -> None:
    inbox.local({"a": "S"})
    other.local({"a": "F"})
    assert inbox.file("a").local_flags is Flags.SEEN
    assert [row.mailbox for row in inbox.cache.candidates([inbox.file("a")])] == [other.id]


def test_file_time(inbox: Box) -> None:
    inbox.local({"a": ""}, looked={"a": facts(mtime_ns=-1_500_000_000)})
    assert inbox.file("a").mtime == -2
    assert inbox.file("a").uid is None
    assert inbox.cache.row_of_uid(inbox.id, [UID(1)]) == {}


@pytest.mark.parametrize("ours", [False, True])
def test_what_comes_back_after_both_sides_had_lost_it_is_a_new_file(inbox: Box, ours: bool) -> None:
    """Whoever took it away: its message is not one that went elsewhere."""
    inbox.paired({1: "S"})
    inbox.local({})
    if ours:
        inbox.cache.expunged(inbox.ids(1), NOW)
    else:
        inbox.server({})
    inbox.local({"f1": "S"})
    assert inbox.picture() == ["- f1+S"]
    assert inbox.file("f1").synced is None


def test_how_many_lie_in_new(inbox: Box, other: Box) -> None:
    new = [replace(entry(name), folder="new", info="") for name in ("a", "b")]
    found = {one.name: facts() for one in (*new, entry("c"))}
    seen = LocalObservation(inbox.name, (*new, entry("c")), True, found)
    inbox.cache.store_local(seen)
    assert (inbox.cache.in_new(inbox.name), inbox.cache.in_new(other.name)) == (2, 0)
    inbox.local({"c": ""})
    assert inbox.cache.in_new(inbox.name) == 0


def test_files_that_come_back_to_their_messages(inbox: Box, other: Box) -> None:
    """Not one whose message has gone, too, nor one that is there, nor one that is unknown."""
    inbox.paired({1: "", 2: "", 3: ""})
    inbox.local({"f3": ""})
    inbox.server({1: "", 3: ""})
    listed = [entry(name) for name in ("f1", "f2", "f3", "n")]
    assert inbox.cache.come_back(inbox.name, listed) == [listed[0]]
    assert inbox.cache.come_back(other.name, listed) == []


@pytest.mark.parametrize("in_doubt", [False, True])
@pytest.mark.parametrize(("content", "file"), [("body 1", "f1"), ("edited", "")])
def test_where_only_the_time_is_another_the_bytes_are_asked_for(
    inbox: Box, content: str, file: str, *, in_doubt: bool
) -> None:
    """Nothing is stored before; they tell whether it is the same file, also where a copy of the
    Maildir was put back."""
    inbox.paired({1: "S", 2: "S"})
    if in_doubt:
        inbox.cache.begin_relink(None, set(Side), older=True)
    before, listed = inbox.picture(), (entry("f1", "FS"), entry("f2", "S"))
    found = {UniqueName("f1"): facts(mtime_ns=9), UniqueName("f2"): facts()}
    seen = LocalObservation(inbox.name, listed, True, found)
    assert inbox.cache.store_local(seen, ask=True) == [listed[0]]
    assert inbox.picture() == before
    found[UniqueName("f1")] = facts(mtime_ns=9, content=content)
    assert inbox.cache.store_local(replace(seen, facts=found), ask=True) == []
    assert (inbox.row(1).name or "") == file
    assert inbox.file("f1").mtime_ns == 9


def test_what_was_never_read_is_not_asked_for(inbox: Box) -> None:
    inbox.local({"n": ""})
    seen = LocalObservation(inbox.name, (entry("n"),), True, {UniqueName("n"): facts(mtime_ns=9)})
    assert inbox.cache.store_local(seen, ask=True) == []
    assert inbox.file("n").mtime_ns == 9


def test_a_relink_goes_on_while_a_file_could_not_be_read(inbox: Box) -> None:
    """It may be one of the messages that have none."""
    inbox.cache.begin_relink(inbox.id, {Side.SERVER})
    inbox.local({"n": "", "m": ""})
    for what, relink in (("refused", True), ("read", False)):
        if what == "refused":
            inbox.cache.trouble([inbox.file("n").id], "cannot be read", NOW + 900)
        else:
            inbox.cache.facts({inbox.file("n").id: digest("x")})
        inbox.cache.end_relink(inbox.id)
        assert inbox.cache.cursors()[inbox.name].relink is relink


def test_under_another_login_no_uid_means_what_it_did(inbox: Box, other: Box) -> None:
    inbox.server({1: "S"}, email_ids={1: "M1"})
    row = DeliveredRow(inbox.row(1).id, entry("f1", "S"), facts(origin=1), Flags.SEEN)
    inbox.cache.delivered([row])
    other.paired({1: ""})
    before = (inbox.picture(), other.picture())
    for login in ("me@here", "me@here"):
        assert not inbox.cache.set_login(login)
    assert (inbox.picture(), other.picture()) == before
    assert inbox.cache.set_login("me@there")
    assert (inbox.picture(), other.picture()) == (["1?S f1+S =S"], ["1? f1+ ="])
    assert inbox.cache.row_of_uid(inbox.id, [UID(1)]) == {}, "it is a hint"
    (found,) = inbox.rows()
    assert (found.email_id, found.origin) == (None, None)
    assert all(one.relink and one.cursor is None for one in inbox.cache.cursors().values())
    assert [box.uid_validity for box in inbox.cache.mailboxes(NOW)] == [None, None]
    assert inbox.cache.login == "me@there"
