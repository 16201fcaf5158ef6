"""What the executor did, in the rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cachebox import NOW, Box, digest, entry, facts

from mailsync.cache import Cache, DeliveredRow, MovedFile, NewDeletion
from mailsync.model.actions import Defer, DeferMailbox, Forget, Pair, Rung
from mailsync.model.flags import ALL_FLAGS, Flags, from_letters
from mailsync.model.ids import UniqueName
from mailsync.model.mailboxname import INBOX
from mailsync.model.observation import ServerMailbox
from mailsync.model.rows import Presence, Settled, Side, Wait


def pair(box: Box, uid: int, name: str, synced: str | None = None) -> None:
    base = None if synced is None else from_letters(synced)
    box.cache.apply([Pair(box.id, box.row(uid), box.file(name), Rung.HEADER, base)])


class TestDelivered:
    def test_the_row_has_the_file(self, inbox: Box) -> None:
        inbox.server({1: "S"})
        inbox.cache.delivered(
            [DeliveredRow(inbox.row(1).id, entry("n", "S"), facts(content="x"), Flags.SEEN)]
        )
        assert inbox.picture() == ["1+S n+S =S"]
        row = inbox.row(1)
        assert (row.body, row.header) == (digest("x").body, digest("x").header)
        assert (row.wire_size, row.message_id, row.file_size) == (1, "<x@x>", 100)
        assert not inbox.cache.open_rows()

    def test_flags_that_changed_meanwhile_stay_open(self, inbox: Box) -> None:
        inbox.server({1: "SF"})
        inbox.cache.delivered([DeliveredRow(inbox.row(1).id, entry("n", "S"), facts(), Flags.SEEN)])
        assert inbox.picture() == ["1+FS n+S =S"]

    def test_the_stamp_is_dropped(self, inbox: Box) -> None:
        inbox.server({1: ""})
        inbox.local({})
        assert inbox.stamped()
        inbox.cache.delivered([DeliveredRow(inbox.row(1).id, entry("n"), facts(), Flags.NONE)])
        assert not inbox.stamped()

    def test_the_servers_header_is_kept_beside_the_files(self, inbox: Box) -> None:
        inbox.server({1: ""})
        row = inbox.row(1).id
        inbox.cache.headers({row: b"h" * 16})
        assert inbox.row(1).header == b"h" * 16
        inbox.cache.delivered([DeliveredRow(row, entry("n"), facts(content="x"), Flags.NONE)])
        assert (inbox.row(1).header, inbox.row(1).server_header) == (digest("x").header, b"h" * 16)

    def test_a_file_row_of_that_name_is_swallowed_and_a_hint_cleared(self, inbox: Box) -> None:
        inbox.paired({1: ""})
        inbox.local({"n": ""})
        assert inbox.picture() == ["1+ f1x =", "- n+"]
        inbox.server({1: "", 2: "", 3: ""})
        items = [
            DeliveredRow(inbox.row(2).id, entry("n"), facts(), Flags.NONE),
            DeliveredRow(inbox.row(3).id, entry("f1"), facts(), Flags.NONE),
        ]
        inbox.cache.delivered(items)
        assert inbox.picture() == ["1+ x =", "2+ n+ =", "3+ f1+ ="]

    def test_a_failed_batch_is_rolled_back(self, inbox: Box) -> None:
        inbox.paired({1: ""})
        inbox.server({1: "", 2: "", 3: ""})
        items = [
            DeliveredRow(inbox.row(2).id, entry("n"), facts(), Flags.NONE),
            DeliveredRow(inbox.row(3).id, entry("f1"), facts(), Flags.NONE),  # it has a row
        ]
        with pytest.raises(Exception, match="UNIQUE"):
            inbox.cache.delivered(items)
        assert inbox.picture() == ["1+ f1+ =", "2+ -", "3+ -"]

    def test_flags_the_mailbox_cannot_keep(self, inbox: Box) -> None:
        inbox.server({1: "S"}, permanent=Flags.SEEN)
        flags = Flags.SEEN | Flags.FLAGGED
        inbox.cache.delivered([DeliveredRow(inbox.row(1).id, entry("n", "FS"), facts(), flags)])
        assert inbox.picture() == ["1+S n+S =S"]

    def test_from_undo(self, inbox: Box) -> None:
        inbox.paired({1: ""})
        row = inbox.row(1)
        assert row.body is not None
        deletion = NewDeletion(row.id, inbox.name, entry("f1"), row.body, "u1")
        inbox.cache.record_deletions([deletion], NOW)
        assert inbox.row(1).undo
        inbox.cache.delivered(
            [DeliveredRow(row.id, entry("n"), facts(content="body 1"), Flags.NONE, undo="u1")]
        )
        assert inbox.cache.deletions() == []
        assert not inbox.row(1).undo


class TestPair:
    def test_the_file_row_is_swallowed(self, inbox: Box) -> None:
        inbox.server({1: "S"})
        inbox.local({"n": "S"}, looked={"n": facts(content="x", origin=1)})
        pair(inbox, 1, "n")
        assert inbox.picture() == ["1+S n+S =S"]
        row = inbox.row(1)
        assert (row.message_id, row.origin, row.internal_date) == ("<x@x>", 1, 1001)

    @pytest.mark.parametrize(
        ("server", "synced", "local", "after"),
        [
            ("S", None, "F", None),
            ("S", None, "S", "S"),
            ("S", "", "S", "S"),
            ("SF", "S", "S", "S"),
            ("SF", "SR", "S", "S"),
            ("S", "FR", "F", "F"),
        ],
    )
    def test_the_merge_base(
        self, inbox: Box, server: str, synced: str | None, local: str, after: str | None
    ) -> None:
        inbox.server({1: server})
        inbox.local({"n": local})
        pair(inbox, 1, "n", synced)
        base = inbox.row(1).synced
        assert base == (None if after is None else from_letters(after))

    def test_many_at_once_with_twins(self, inbox: Box) -> None:
        inbox.server(dict.fromkeys(range(1, 50), "S"))
        inbox.local({f"n{number:02}": "S" for number in range(1, 50)})
        actions = [
            Pair(inbox.id, inbox.row(uid), inbox.file(f"n{uid:02}"), Rung.BODY, None)
            for uid in range(1, 50)
        ]
        inbox.cache.apply(actions)
        assert inbox.picture() == [f"{uid}+S n{uid:02}+S =S" for uid in range(1, 50)]

    def test_a_downloaded_body_proved_equal(self, inbox: Box) -> None:
        inbox.server({1: "S"})
        inbox.local({"n": "S"})
        pair(inbox, 1, "n")
        assert inbox.picture() == ["1+S n+S =S"]


class TestCacheActions:
    def test_forget(self, inbox: Box) -> None:
        inbox.paired({1: "", 2: ""})
        inbox.cache.apply([Forget(inbox.id, (inbox.row(1),), "gone on both sides")])
        assert inbox.picture() == ["2+ f2+ ="]

    @pytest.mark.parametrize("wait", [Wait.HELD, Wait.UNSENT, Wait.KEPT])
    def test_what_waits_is_open_and_not_due(self, inbox: Box, wait: Wait) -> None:
        inbox.paired({1: ""})
        inbox.local({})
        defer = Defer(inbox.id, (inbox.row(1),), wait, "because", Side.SERVER)
        inbox.cache.apply([defer])
        assert not inbox.cache.due(NOW)
        assert [row.wait for row in inbox.cache.open_rows()] == [wait]

    def test_what_is_kept_is_closed(self, inbox: Box) -> None:
        inbox.paired({1: ""})
        inbox.local({})
        kept = Defer(inbox.id, (inbox.row(1),), Wait.KEPT, "keep", Side.SERVER, Settled.KEPT)
        inbox.cache.apply([kept])
        assert not inbox.cache.open_rows()

    def test_a_mailbox_is_held(self, inbox: Box) -> None:
        inbox.cache.apply([DeferMailbox(inbox.id, "gone there", Side.LOCAL)])
        (box,) = inbox.cache.mailboxes(NOW)
        assert box.held


class TestFlags:
    def test_stored_on_the_server(self, inbox: Box) -> None:
        inbox.paired({1: "S", 2: "S"})
        inbox.local({"f1": "F", "f2": "F"})
        inbox.cache.stored_flags(inbox.ids(1, 2), Flags.FLAGGED, Flags.SEEN)
        assert inbox.picture() == ["1+F f1+F =F", "2+F f2+F =F"]
        assert not inbox.cache.due(NOW)

    def test_half_of_them(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.local({"f1": "F"})
        inbox.cache.stored_flags(inbox.ids(1), Flags.FLAGGED, Flags.NONE)
        assert inbox.picture() == ["1+FS f1+F =FS"]

    def test_renamed(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.local({"f1": "S"})
        inbox.server({1: "FS"})
        inbox.cache.renamed([(inbox.row(1).id, entry("f1", "FS"))])
        assert inbox.picture() == ["1+FS f1+FS =FS"]
        assert inbox.row(1).info == ":2,FS"
        assert not inbox.stamped()

    def test_our_rename_says_nothing_about_what_the_server_refused(self, inbox: Box) -> None:
        inbox.paired({1: ""})
        inbox.local({"f1": "S"})
        inbox.server({1: "F"})
        inbox.cache.trouble(inbox.ids(1), "refused", NOW + 900)
        inbox.cache.renamed([(inbox.row(1).id, entry("f1", "FS"))])
        assert inbox.picture() == ["1+F f1+FS =F"]
        assert inbox.row(1).attempts == 1
        assert inbox.cache.due(NOW) == []

    def test_a_first_agreement(self, inbox: Box) -> None:
        inbox.server({1: "S"})
        inbox.local({"n": "F"})
        pair(inbox, 1, "n")
        inbox.cache.stored_flags(inbox.ids(1), Flags.FLAGGED, Flags.NONE)
        assert inbox.row(1).synced is None
        inbox.cache.renamed([(inbox.row(1).id, entry("n", "FS"))])
        assert inbox.picture() == ["1+FS n+FS =FS"]


def test_removed_and_expunged(inbox: Box) -> None:
    inbox.paired({1: "", 2: "", 3: ""})
    inbox.cache.removed(inbox.ids(1), NOW)
    inbox.cache.expunged(inbox.ids(2, 3), NOW)
    assert inbox.picture() == ["1+ f1x", "2x f2+ =", "3x f3+ ="]  # 1: none that a user removed
    (box,) = inbox.cache.mailboxes(NOW + 60)
    assert (box.on_local.there, box.on_local.executed) == (2, 1)
    assert (box.on_server.there, box.on_server.executed) == (1, 2)
    (box,) = inbox.cache.mailboxes(NOW + 3601)
    assert box.on_server.executed == 0


@pytest.mark.parametrize(
    ("boot", "wall", "counted"),
    [
        (("one", 100.0), NOW + 1e9, 1),  # the clock was set forward: the hour is not over
        (("one", 3_600.0), NOW - 1e9, 1),
        (("one", 3_601.0), NOW - 1e9, 0),
        (("two", 5.0), NOW + 3_599, 1),  # another boot: only the wall clock can tell
        (("two", 5.0), NOW + 3_601, 0),
    ],
)
def test_the_hour_of_the_guard(
    tmp_path: Path, boot: tuple[str, float], wall: float, counted: int
) -> None:
    now = ("one", 0.5)
    cache = Cache.open(str(tmp_path / "state"), "account", lambda: now)
    box = Box(cache)
    cache.see_mailboxes([ServerMailbox(INBOX, b"INBOX")], [INBOX], lambda name, role: True)
    box.paired({1: ""})
    cache.removed(box.ids(1), NOW)
    now = boot
    (found,) = cache.mailboxes(wall)
    assert found.on_local.executed == counted
    cache.close()


def test_what_is_not_counted(inbox: Box) -> None:
    inbox.paired({1: "", 2: "", 3: ""})
    inbox.cache.settle(inbox.ids(1), Settled.COPIED)
    inbox.cache.expunged(inbox.ids(1), NOW)
    inbox.cache.expunged(inbox.ids(2), NOW, counted=False)
    inbox.cache.removed(inbox.ids(3), NOW, counted=False)
    (box,) = inbox.cache.mailboxes(NOW)
    assert (box.on_server.executed, box.on_local.executed) == (0, 0)


def test_a_lost_file_is_looked_for(inbox: Box) -> None:
    inbox.paired({1: ""})
    inbox.local({"f1": ""})
    inbox.cache.lost_file(inbox.ids(1))
    assert inbox.picture() == ["1+ f1+ ="]
    assert not inbox.stamped()


def test_a_file_that_has_gone_on_before_it_was_told(inbox: Box) -> None:
    """Not where that very name is, nor where there is a file or was one."""
    inbox.paired({1: "", 2: ""})
    inbox.local({"f1": "", "n": ""})
    inbox.server({1: "", 2: "", 3: "S", 4: ""})
    given = [
        (row, UniqueName(name)) for row, name in zip(inbox.ids(1, 2, 3, 4), "abcn", strict=True)
    ]
    assert inbox.cache.departed(given) == 1
    assert inbox.picture() == ["1+ f1+ =", "2+ f2x =", "- n+", "3+S cx", "4+ -"]
    assert inbox.cache.departed(given) == 0


def test_a_moved_file_takes_the_new_uid(inbox: Box, other: Box) -> None:
    inbox.paired({1: "S"})
    inbox.local({"f1": "FS"})
    inbox.server({})
    other.server({9: "S"})
    other.local({})
    row, join = inbox.file("f1"), other.row(9)
    inbox.cache.moved_local([MovedFile(row.id, join.id, entry("m", "FS"))])
    assert inbox.picture() == []
    assert other.picture() == ["9+S m+FS =S"]
    moved = other.row(9)
    assert (moved.id, moved.internal_date, moved.body) == (row.id, 1009, row.body)
    assert not inbox.stamped()
    assert not other.stamped()


def test_learned_of_files_and_headers(inbox: Box) -> None:
    inbox.server({1: ""})
    inbox.local({"n": ""})
    inbox.cache.facts({inbox.file("n").id: digest("x")})
    inbox.cache.headers({inbox.row(1).id: b"s" * 16, inbox.file("n").id: None})
    assert inbox.file("n").body == digest("x").body
    assert inbox.row(1).header == b"s" * 16
    pair(inbox, 1, "n", "")
    assert (inbox.row(1).header, inbox.row(1).server_header) == (digest("x").header, b"s" * 16)


def test_nothing_at_all(inbox: Box) -> None:
    cache = inbox.cache
    cache.apply([])
    cache.delivered([])
    cache.renamed([])
    cache.removed([], NOW)
    cache.moved_local([])
    cache.facts({})
    assert cache.candidates([]) == []
    assert cache.rows([]) == []


@pytest.mark.parametrize("waits", [True, False])
def test_what_both_sides_agree_on_by_the_flags_that_are_left_is_over(
    inbox: Box, waits: bool
) -> None:
    """The server took no \\Flagged, and says by now that it keeps none."""
    inbox.paired({1: "", 2: "T"})
    inbox.local({"f1": "F", "f2": "T"})
    if waits:
        inbox.cache.apply([Defer(inbox.id, (inbox.row(1),), Wait.UNSENT, "no", Side.SERVER)])
    else:
        inbox.cache.trouble([inbox.row(1).id], "refused", NOW + 900)
    assert inbox.cache.reports()
    inbox.server({1: "", 2: "T"}, permanent=ALL_FLAGS & ~Flags.FLAGGED)
    inbox.cache.mark_synced([inbox.id], NOW)
    assert inbox.cache.open_rows() == []
    assert inbox.cache.reports() == []


class TestExpungeDeleted:
    def test_closed_rows_are_due_by_policy_only(self, inbox: Box) -> None:
        inbox.paired({1: "ST", 2: "S"})
        assert not inbox.cache.due(NOW)
        assert [row.uid for row in inbox.cache.due(NOW, expunge_deleted=True)] == [1]

    def test_once_each(self, inbox: Box) -> None:
        inbox.paired({1: "ST"})
        inbox.server({1: "FST"})
        assert len(inbox.cache.due(NOW, expunge_deleted=True)) == 1


def test_due_only_in_scope(inbox: Box, other: Box) -> None:
    inbox.server({1: "", 2: ""})
    other.server({5: ""})
    assert [row.uid for row in inbox.cache.due(NOW)] == [2, 1, 5]
    inbox.cache.mailbox_trouble(other.id, "refused", NOW + 60)
    assert [row.uid for row in inbox.cache.due(NOW)] == [2, 1]
    assert [row.uid for row in inbox.cache.due(NOW + 60)] == [2, 1, 5]
    inbox.cache.see_mailboxes(None, None, lambda name, role: name == other.name)
    assert [row.uid for row in inbox.cache.due(NOW + 60)] == [5]
    assert {row.server for row in inbox.cache.open_rows()} == {Presence.THERE}


class TestMark:
    def test_it_is_ours_and_no_flag_of_the_message(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        inbox.cache.mark([inbox.row(1).id])
        inbox.server({1: "ST"})
        assert (inbox.row(1).marked, inbox.row(1).server_flags) == (True, Flags.SEEN)
        assert inbox.cache.open_rows()

    def test_one_that_was_agreed_on_before_is_the_messages(self, inbox: Box) -> None:
        inbox.paired({1: "T"})
        inbox.cache.mark([inbox.row(1).id])
        assert (inbox.row(1).marked, inbox.row(1).server_flags) == (False, Flags.DELETED)

    def test_it_ends_when_it_is_taken_back(self, inbox: Box) -> None:
        inbox.paired({1: ""})
        row = inbox.row(1).id
        inbox.cache.mark([row])
        inbox.cache.stored_flags([row], Flags.DELETED, Flags.NONE)
        assert inbox.row(1).marked
        inbox.cache.stored_flags([row], Flags.NONE, Flags.SEEN)
        assert inbox.row(1).marked
        inbox.cache.stored_flags([row], Flags.NONE, Flags.DELETED)
        assert not inbox.row(1).marked
        assert not inbox.cache.open_rows()

    def test_it_ends_with_the_uid(self, inbox: Box) -> None:
        inbox.paired({1: "", 2: ""})
        inbox.cache.mark([inbox.row(1).id, inbox.row(2).id])
        inbox.cache.expunged([inbox.row(1).id], NOW)
        inbox.server({})
        assert [row.marked for row in inbox.cache.open_rows()] == [False, False]

    @pytest.mark.parametrize("ends", ["unmarked", "expunged"])
    def test_what_waits_for_a_foreign_one_is_due_when_that_is_gone(
        self, inbox: Box, ends: str
    ) -> None:
        inbox.paired({1: "", 2: "", 3: ""})
        row = inbox.row(1).id
        inbox.local({"f2": "", "f3": ""})
        inbox.cache.mark([row])
        inbox.server({1: "T", 2: "T", 3: "T"})
        inbox.cache.trouble([row], "others are marked", NOW + 900)
        inbox.server({1: "T", 2: "T", 3: ""})
        assert inbox.row(1).parked
        inbox.server({1: "T", 2: ""} if ends == "unmarked" else {1: "T"})
        assert not inbox.row(1).parked

    def test_all_that_waits_is_tried_with_one(self, inbox: Box) -> None:
        inbox.paired({1: "", 2: ""})
        inbox.server({1: "", 2: "S"})
        inbox.cache.mark([inbox.row(1).id])
        inbox.cache.trouble([inbox.row(1).id, inbox.row(2).id], "refused", NOW + 900)
        assert inbox.cache.try_marked(inbox.id) == 1
        assert (inbox.row(1).parked, inbox.row(2).parked) == (False, True)


def test_a_message_id_is_taken_where_none_is_known(inbox: Box) -> None:
    inbox.paired({1: ""})
    inbox.server({1: "", 2: ""})
    rows = [inbox.row(uid).id for uid in (1, 2)]
    inbox.cache.headers(dict.fromkeys(rows, b"h" * 16), dict.fromkeys(rows, "<new@x>"))
    assert [inbox.row(uid).message_id for uid in (1, 2)] == ["<body 1@x>", "<new@x>"]
