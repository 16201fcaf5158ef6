"""APPEND, COPY, MOVE with an unknown outcome (semantics.md, rule 8)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.cachebox import NOW, Box, digest, entry, facts

from mailsync.cache import DeliveredRow, Intent, IntentKind, Linked, NewIntent
from mailsync.model.actions import Forget
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, IntentId, RowId, UIDValidity
from mailsync.model.rows import Presence, Settled, Side


def new(
    kind: IntentKind, target: Box, row: RowId | None, source: RowId | None, flags: Flags
) -> NewIntent:
    return NewIntent(
        kind, row, source, target.id, UIDValidity(1), 10, "<x@x>", 100, b"b", b"h", 1234, flags
    )


def begin(
    target: Box,
    kind: IntentKind,
    row: RowId | None,
    source: RowId | None = None,
    flags: Flags = Flags.SEEN,
) -> IntentId:
    (found,) = target.cache.begin_intents([new(kind, target, row, source, flags)], "run 1", NOW)
    return found


class TestLife:
    def test_it_is_kept_as_it_was(self, inbox: Box) -> None:
        inbox.local({"n": "S", "m": ""})
        given = [
            new(IntentKind.APPEND, inbox, inbox.file(name).id, None, Flags.SEEN)
            for name in ("n", "m")
        ]
        ids = inbox.cache.begin_intents(given, "run 1", NOW)
        assert inbox.cache.intents() == [
            Intent(number, intent, "run 1", NOW, 1)
            for number, intent in zip(ids, given, strict=True)
        ]
        inbox.cache.dropped(ids)
        assert inbox.cache.intents() == []

    def test_of_nothing_there_are_none(self, inbox: Box) -> None:
        inbox.local({"n": ""})
        intent = begin(inbox, IntentKind.APPEND, inbox.file("n").id)
        assert inbox.cache.begin_intents([], "run 2", NOW) == []
        inbox.cache.dropped([])
        inbox.cache.dropped([], NOW)
        inbox.cache.linked([], NOW)
        assert [one.id for one in inbox.cache.intents()] == [intent]

    def test_its_rows_are_marked_and_never_forgotten(self, inbox: Box) -> None:
        inbox.local({"n": ""})
        begin(inbox, IntentKind.APPEND, inbox.file("n").id)
        (row,) = inbox.cache.due(NOW)
        assert row.intent
        inbox.cache.apply([Forget(inbox.id, (row,), "a bug")])
        inbox.cache.forget_mailbox(inbox.id)
        assert inbox.picture() == ["- n+"]


def deliver(box: Box, uid: int) -> list[UID]:
    """A body of `content` "b" was downloaded."""
    seen = facts(content="b")
    item = DeliveredRow(box.row(uid).id, entry(f"f{uid}"), seen, Flags.NONE)
    return box.cache.delivered([item])


class TestLateTwin:
    @pytest.fixture
    def given_up(self, inbox: Box) -> Box:
        """Two uploads of one body were sent again, and a MOVE."""
        inbox.local({"n": "", "m": ""})
        inbox.server({1: ""})
        body = digest("b").body
        ids = inbox.cache.begin_intents(
            [
                replace(new(kind, inbox, row, source, Flags.NONE), body=body)
                for kind, row, source in (
                    (IntentKind.APPEND, inbox.file("n").id, None),
                    (IntentKind.COPY, inbox.file("m").id, inbox.row(1).id),
                    (IntentKind.MOVE, None, inbox.row(1).id),
                )
            ],
            "run 1",
            NOW,
        )
        inbox.cache.dropped(ids, NOW)
        return inbox

    def test_each_is_told_of_once(self, given_up: Box) -> None:
        for uid, twins in ((11, [11]), (12, [12]), (13, [])):
            given_up.server({uid: ""}, full=False, count=uid - 9)
            assert deliver(given_up, uid) == twins

    def test_they_are_not_expected_for_ever(self, given_up: Box) -> None:
        given_up.cache.forget_repeated(NOW + 1)
        given_up.server({11: ""}, full=False, count=2)
        assert deliver(given_up, 11) == []

    def test_not_in_another_mailbox(self, given_up: Box, other: Box) -> None:
        other.server({11: ""})
        assert deliver(other, 11) == []

    def test_a_forgotten_mailbox_expects_none(self, given_up: Box) -> None:
        given_up.cache.forget_mailbox(given_up.id)
        assert given_up.cache.totals().mailboxes == 0


class TestAppend:
    def test_gone_on_before_it_was_linked(self, inbox: Box) -> None:
        """Its file counts as one that lost its message before the sides agreed; it is due at once.
        One that is on the server by now is as it is."""
        inbox.local({"n": "S", "m": ""})
        row = inbox.file("n")
        ids = [begin(inbox, IntentKind.APPEND, inbox.file(name).id) for name in "nm"]
        inbox.cache.trouble([row.id], "no", NOW + 60)
        inbox.cache.went_on(ids[:1])
        assert [one.id for one in inbox.cache.intents()] == ids[1:]
        (now,) = inbox.cache.rows([row.id])
        assert (now.server, now.synced, now.local) == (Presence.GONE, None, Presence.THERE)
        assert not now.parked
        assert now.id in {one.id for one in inbox.cache.due(NOW)}
        inbox.cache.linked([Linked(ids[1], UID(12), internal_date=1234, size=100)], NOW)
        other = begin(inbox, IntentKind.APPEND, inbox.row(12).id)
        inbox.cache.went_on([other])
        assert inbox.row(12).server is Presence.THERE

    def test_linked(self, inbox: Box) -> None:
        inbox.local({"n": "S"})
        intent = begin(inbox, IntentKind.APPEND, inbox.file("n").id)
        inbox.cache.linked([Linked(intent, UID(10), email_id="M1")], NOW)
        assert inbox.picture() == ["10+S n+S =S"]
        assert (inbox.row(10).email_id, inbox.row(10).internal_date) == ("M1", 1234)
        assert inbox.cache.intents() == []
        assert not inbox.cache.due(NOW)

    def test_the_file_has_other_flags_by_now(self, inbox: Box) -> None:
        inbox.local({"n": "S"})
        intent = begin(inbox, IntentKind.APPEND, inbox.file("n").id)
        inbox.local({"n": "FS"})
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == ["10+S n+FS =S"]

    def test_what_was_observed_meanwhile_is_swallowed(self, inbox: Box) -> None:
        inbox.local({"n": "S"})
        intent = begin(inbox, IntentKind.APPEND, inbox.file("n").id)
        inbox.server({10: "SR"}, extra={10: frozenset({"no]atom"})})
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == ["10+RS n+S =S"]
        row = inbox.row(10)
        assert (row.internal_date, row.size) == (1010, 100)
        assert row.server_extra == row.synced_extra == {"no]atom"}

    def test_the_server_rewrote_the_header(self, inbox: Box) -> None:
        inbox.local({"n": ""}, looked={"n": facts(content="x")})
        own = inbox.file("n").header
        intent = begin(inbox, IntentKind.APPEND, inbox.file("n").id, flags=Flags.NONE)
        inbox.server({10: ""})
        inbox.cache.headers({inbox.row(10).id: b"s" * 16})
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert (inbox.row(10).header, inbox.row(10).server_header) == (own, b"s" * 16)

    def test_sent_again_it_has_nothing_of_the_uid_that_it_had(self, inbox: Box) -> None:
        """Neither its size nor its header: a server that rewrites does so anew."""
        inbox.local({"n": ""}, looked={"n": facts(content="x")})
        inbox.server({10: ""})
        inbox.cache.headers({inbox.row(10).id: b"s" * 16})
        first = begin(inbox, IntentKind.APPEND, inbox.file("n").id, flags=Flags.NONE)
        inbox.cache.linked([Linked(first, UID(10))], NOW)
        assert (inbox.row(10).size, inbox.row(10).server_header) == (100, b"s" * 16)
        inbox.server({})
        again = begin(inbox, IntentKind.APPEND, inbox.file("n").id, flags=Flags.NONE)
        inbox.cache.linked([Linked(again, UID(11))], NOW)
        assert (inbox.row(11).size, inbox.row(11).server_header) == (None, None)
        assert inbox.row(11).wire_size == 1

    def test_the_server_merged_it_with_a_message_that_has_a_file(self, inbox: Box) -> None:
        """Neither lost nor sent for ever: the second file stays, and that is said."""
        inbox.paired({3: ""})
        inbox.local({"f3": "", "n": ""})
        intent = begin(inbox, IntentKind.APPEND, inbox.file("n").id)
        inbox.cache.linked([Linked(intent, UID(3))], NOW)
        assert inbox.picture() == ["3+ f3+ =", "- n+"]
        assert inbox.file("n").settled is Settled.KEPT
        assert not inbox.cache.due(NOW)
        (report,) = inbox.cache.reports()
        assert "UID 3" in report.reason

    def test_linked_twice(self, inbox: Box) -> None:
        inbox.local({"n": "S"})
        intent = begin(inbox, IntentKind.APPEND, inbox.file("n").id)
        for _ in range(2):
            inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == ["10+S n+S =S"]

    def test_what_was_to_be_sent_is_no_more(self, inbox: Box, other: Box) -> None:
        """It went by another intent that was linked with it: what was observed under the UID stays,
        as a message without a file."""
        inbox.paired({1: "S"})
        inbox.local({})
        other.local({"n": "S"})
        row = inbox.row(1).id
        ids = [
            begin(other, IntentKind.MOVE, other.file("n").id, row),
            begin(inbox, IntentKind.APPEND, row),
        ]
        inbox.server({11: "F"})
        inbox.cache.linked([Linked(one, UID(at)) for at, one in enumerate(ids, 10)], NOW)
        assert other.picture() == ["10+S n+S =S"]
        assert inbox.picture() == ["11+F -"]
        assert inbox.cache.intents() == []

    def test_a_flag_the_mailbox_cannot_keep(self, inbox: Box) -> None:
        inbox.server({}, permanent=Flags.SEEN)
        inbox.local({"n": "FS"})
        sent = Flags.SEEN | Flags.FLAGGED
        intent = begin(inbox, IntentKind.APPEND, inbox.file("n").id, flags=sent)
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == ["10+S n+S =S"]


class TestMove:
    def moved(self, inbox: Box, other: Box, kind: IntentKind) -> IntentId:
        """The file of UID 1 went to `other`, where it is `n` and was flagged."""
        inbox.paired({1: "S"})
        inbox.local({})
        inbox.server({1: "RS"})
        other.local({"n": "FS"})
        return begin(other, kind, other.file("n").id, inbox.row(1).id)

    def test_by_move(self, inbox: Box, other: Box) -> None:
        intent = self.moved(inbox, other, IntentKind.MOVE)
        inbox.cache.linked([Linked(intent, UID(10), email_id="M1")], NOW)
        assert inbox.picture() == []
        assert other.picture() == ["10+RS n+FS =S"]
        assert other.row(10).internal_date == 1001

    @pytest.mark.parametrize("kind", [IntentKind.MOVE, IntentKind.MOVE_BY_COPY, IntentKind.COPY])
    def test_its_content_goes_along(self, inbox: Box, other: Box, kind: IntentKind) -> None:
        """The file was told by its name, so nobody has read it there."""
        intent = self.moved(inbox, other, kind)
        was, unread = inbox.row(1), other.file("n")
        assert was.body is not None
        assert unread.body is None
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        row = other.row(10)
        assert (row.body, row.header) == (was.body, was.header)
        assert (row.wire_size, row.message_id) == (was.wire_size, was.message_id)

    def test_by_copy(self, inbox: Box, other: Box) -> None:
        intent = self.moved(inbox, other, IntentKind.MOVE_BY_COPY)
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == ["1+RS f1xS =S"]
        assert inbox.row(1).settled is Settled.COPIED
        assert [row.uid for row in inbox.cache.due(NOW)] == [1, 10]
        inbox.cache.expunged(inbox.ids(1), NOW)
        assert inbox.row(1).settled is Settled.NO
        assert all(not box.on_server.executed for box in inbox.cache.mailboxes(NOW))

    def test_a_mere_copy(self, inbox: Box, other: Box) -> None:
        intent = self.moved(inbox, other, IntentKind.COPY)
        inbox.cache.linked([Linked(intent, UID(10), flags=Flags.NONE)], NOW)
        assert inbox.picture() == ["1+RS f1xS =S"]
        assert inbox.row(1).settled is Settled.NO
        assert other.picture() == ["10+RS n+FS =S"]

    @pytest.mark.parametrize("gone", [False, True])
    def test_a_source_whose_file_came_back_is_a_new_file(
        self, inbox: Box, other: Box, gone: bool
    ) -> None:
        """Or one as before, where there is only a copy of it.  Its message had gone, or not yet
        when it was looked at; it is a message whose file has left."""
        intent = self.moved(inbox, other, IntentKind.MOVE)
        if gone:
            inbox.server({})
        inbox.local({"f1": "S"})
        other.local({})
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == ["- f1+S"]
        assert inbox.file("f1").synced is None
        assert other.picture() == ["10+RS nxFS =S"]

    def test_a_source_whose_file_came_back_keeps_its_message(self, inbox: Box, other: Box) -> None:
        intent = self.moved(inbox, other, IntentKind.MOVE_BY_COPY)
        inbox.local({"f1": "S"})
        other.local({})
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == ["1+RS f1+S =S"]
        assert inbox.row(1).settled is Settled.NO
        assert other.picture() == ["10+RS nxFS =S"]

    def test_moved_back_to_its_file_it_has_the_merge_base_that_it_had(
        self, inbox: Box, other: Box
    ) -> None:
        """In the mailbox that it comes from it was never synced."""
        inbox.paired({1: "S"})
        inbox.server({})
        other.server({5: "FS"})
        intent = begin(inbox, IntentKind.MOVE, inbox.file("f1").id, other.row(5).id)
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == ["10+FS f1+S =S"]
        assert other.picture() == []

    def test_a_source_in_a_mailbox_that_is_gone_here_is_no_more(
        self, inbox: Box, other: Box
    ) -> None:
        """The file that was seen there last is the one that has gone along."""
        inbox.paired({1: "S"})
        other.local({"n": "S"})
        inbox.cache.see_mailboxes(None, [other.name], lambda name, role: True)
        assert inbox.picture() == ["1+S f1+S =S"]
        intent = begin(other, IntentKind.MOVE, other.file("n").id, inbox.row(1).id)
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == []
        assert other.picture() == ["10+S n+S =S"]


class TestTrash:
    def test_of_one_that_is_no_more(self, inbox: Box, other: Box) -> None:
        """It went by another intent that was linked with it: nothing is made up of it, and it
        counts once."""
        inbox.paired({1: "S"})
        inbox.local({})
        other.local({"n": "S"})
        row = inbox.row(1).id
        ids = [
            begin(other, IntentKind.MOVE, other.file("n").id, row),
            begin(other, IntentKind.MOVE, None, row),
        ]
        inbox.cache.linked([Linked(one, UID(at)) for at, one in enumerate(ids, 10)], NOW)
        assert (inbox.picture(), other.picture()) == ([], ["10+S n+S =S"])
        assert inbox.cache.intents() == []
        assert all(not box.on_server.executed for box in inbox.cache.mailboxes(NOW))

    @pytest.mark.parametrize("observed", [False, True])
    def test_a_new_row_in_the_target(self, inbox: Box, other: Box, observed: bool) -> None:
        inbox.paired({1: "S"})
        inbox.local({})
        intent = begin(other, IntentKind.MOVE, None, inbox.row(1).id)
        if observed:
            other.server({10: "S"})
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == ["1xS f1xS =S"]
        assert other.picture() == ["10+S -"]
        assert other.row(10).body == inbox.row(1).body
        counts = {box.name: box.on_server.executed for box in inbox.cache.mailboxes(NOW)}
        assert counts == {inbox.name: 1, other.name: 0}

    @pytest.mark.parametrize(
        ("kind", "letters", "after"),
        [
            (IntentKind.MOVE, "S", ["- f1+S"]),
            (IntentKind.MOVE_BY_COPY, "S", ["1+S f1+S =S"]),
            (IntentKind.MOVE, "ST", ["1xST f1+ST =ST"]),
            (IntentKind.MOVE_BY_COPY, "ST", ["1+ST f1+ST =ST"]),
        ],
    )
    def test_of_one_whose_file_is_there(
        self, inbox: Box, other: Box, kind: IntentKind, letters: str, after: list[str]
    ) -> None:
        """It was put back, and stays; or it was \\Deleted on both sides, and goes."""
        inbox.paired({1: letters})
        intent = begin(other, kind, None, inbox.row(1).id)
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == after
        settled = kind is IntentKind.MOVE_BY_COPY and "T" in letters
        assert inbox.file("f1").settled is (Settled.COPIED if settled else Settled.NO)

    @pytest.mark.parametrize("kind", [IntentKind.MOVE, IntentKind.MOVE_BY_COPY])
    def test_of_one_whose_mailbox_is_gone_here(
        self, inbox: Box, other: Box, kind: IntentKind
    ) -> None:
        """The file that was seen there last is none that was put back."""
        inbox.paired({1: "S"})
        inbox.cache.mailbox_gone(inbox.id, Side.LOCAL)
        intent = begin(other, kind, None, inbox.row(1).id)
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        settled = kind is IntentKind.MOVE_BY_COPY
        assert inbox.row(1).settled is (Settled.COPIED if settled else Settled.NO)
        assert inbox.row(1).server is (Presence.THERE if settled else Presence.GONE)

    def test_by_copy(self, inbox: Box, other: Box) -> None:
        inbox.paired({1: "S"})
        inbox.local({})
        intent = begin(other, IntentKind.MOVE_BY_COPY, None, inbox.row(1).id)
        inbox.cache.linked([Linked(intent, UID(10))], NOW)
        assert inbox.picture() == ["1+S f1xS =S"]
        assert inbox.row(1).settled is Settled.COPIED
        assert other.picture() == ["10+S -"]
