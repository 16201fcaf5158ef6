"""Rows that a plan needs beside the open ones."""

from __future__ import annotations

import pytest
from support.cachebox import Box, digest, entry, facts

from mailsync.cache import DeliveredRow
from mailsync.model.actions import Defer
from mailsync.model.flags import Flags
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import ServerMailbox
from mailsync.model.rows import Role, Settled, Side, Wait


class TestCandidates:
    def test_by_body_of_a_row_without_a_file(self, inbox: Box, other: Box) -> None:
        inbox.paired({1: "", 2: ""})
        inbox.local({"f2": ""})
        other.local({"n": ""}, looked={"n": facts(content="body 1")})
        assert [row.uid for row in inbox.cache.candidates([other.file("n")])] == [1]

    def test_not_by_the_body_of_a_closed_row(self, inbox: Box, other: Box) -> None:
        inbox.paired({1: ""})
        other.local({"n": ""}, looked={"n": facts(content="body 1")})
        assert inbox.cache.candidates([other.file("n")]) == []

    def test_by_email_id_of_any_row(self, inbox: Box, other: Box) -> None:
        inbox.server({1: ""}, email_ids={1: "M1"})
        inbox.cache.delivered([DeliveredRow(inbox.row(1).id, entry("f"), facts(), Flags.NONE)])
        other.server({5: ""}, email_ids={5: "M1"})
        assert [row.uid for row in inbox.cache.candidates([other.row(5)])] == [1]

    def test_by_header_of_an_open_row(self, inbox: Box, other: Box) -> None:
        inbox.server({1: "", 2: ""})
        inbox.cache.headers({inbox.row(1).id: digest("x").header})
        other.local({"n": ""}, looked={"n": facts(content="x")})
        assert [row.uid for row in inbox.cache.candidates([other.file("n")])] == [1]

    def test_by_name_with_few_and_with_many_rows(self, inbox: Box, other: Box) -> None:
        inbox.paired(dict.fromkeys(range(1, 30), ""))
        names = {f"f{uid}": "" for uid in range(1, 30)}
        other.local(names)
        new = other.rows()
        assert [row.uid for row in inbox.cache.candidates(new[:1])] == [1]
        assert [row.uid for row in inbox.cache.candidates(new)] == list(range(1, 30))

    def test_all_that_is_held(self, inbox: Box, other: Box) -> None:
        inbox.paired({1: "", 2: ""})
        inbox.local({})
        inbox.cache.apply([Defer(inbox.id, (inbox.row(1),), Wait.HELD, "too many", Side.SERVER)])
        other.server({5: ""})
        assert [row.uid for row in inbox.cache.candidates([other.row(5)])] == [1]

    def test_new_versions_of_drafts_that_are_left_out(self, inbox: Box, other: Box) -> None:
        """Of any name and header, while something is deleted; not what lies elsewhere."""
        inbox.paired({1: "", 2: ""})
        inbox.local({"f2": ""})
        name = MailboxName("Drafts")
        boxes = [ServerMailbox(box, box.encode()) for box in (INBOX, other.name)]
        boxes.append(ServerMailbox(name, b"Drafts", role=Role.DRAFTS))
        inbox.cache.see_mailboxes(boxes, [INBOX, other.name, name], lambda name, role: True)
        drafts = Box(inbox.cache, name)
        for box in (other, drafts):
            box.server({9: ""})
            box.local({"n": "", "sent": ""})
            rows = (box.row(9), box.file("n"))
            inbox.cache.apply([Defer(box.id, rows, Wait.OUT, "too large", Side.SERVER)])
        assert inbox.cache.candidates([inbox.row(2)]) == []
        assert inbox.cache.candidates([inbox.row(1)]) == [drafts.file("n")]

    def test_by_date_and_size_in_a_mailbox_that_could_not_be_looked_at(
        self, inbox: Box, other: Box
    ) -> None:
        """On either side; what is closed there may have left it."""
        inbox.paired({1: "", 2: ""})
        inbox.local({"f1": "", "f2": "", "n": ""}, looked={"n": facts(mtime_ns=9_000_000_000)})
        other.server({2: ""})
        other.local({"m": "", "o": ""}, looked={"m": facts(mtime_ns=9_000_000_000), "o": facts(7)})
        by_uid, by_time, neither = other.row(2), other.file("m"), other.file("o")
        for row, found in ((by_uid, inbox.row(2)), (by_time, inbox.file("n"))):
            assert found not in inbox.cache.candidates([row])
            assert found not in inbox.cache.candidates([row], [other.id])
            assert inbox.cache.candidates([row], [inbox.id]) == [found]
        assert inbox.cache.candidates([neither], [inbox.id]) == []

    @pytest.mark.parametrize(
        ("size", "may_be"),
        [(14, False), (15, True), (50, True), (100, True), (169, True), (170, False)],
    )
    def test_a_waiting_file_that_was_not_read_by_its_size(
        self, inbox: Box, other: Box, size: int, may_be: bool
    ) -> None:
        """The message has 100 bytes, with CRLFs; a field may have been added.  One that was read is
        told by its very size."""
        names = ("n", "read", "due")
        files = {name: facts(size, content="x" if name == "read" else "") for name in names}
        for box in (inbox, other):
            box.local(dict.fromkeys(files, ""), looked=files)
            waiting = (box.file("n"), box.file("read"))
            inbox.cache.apply([Defer(box.id, waiting, Wait.UNSENT, "pull", Side.SERVER)])
        inbox.server({1: ""})
        wanted = [inbox.file("n")] if may_be else []
        assert inbox.cache.candidates([inbox.row(1)]) == wanted

    @pytest.mark.parametrize(
        ("size", "may_be"),
        [(15, False), (16, True), (50, True), (100, True), (169, True), (170, False)],
    )
    def test_waiting_messages_by_the_size_of_a_file_that_was_not_read(
        self, inbox: Box, other: Box, size: int, may_be: bool
    ) -> None:
        """They never had one, and what it holds tells which of them it is."""
        for box in (inbox, other):
            box.server({1: "", 2: "", 3: ""})
            waiting = (box.row(1), box.row(2))
            inbox.cache.apply([Defer(box.id, waiting, Wait.UNSENT, "push", Side.LOCAL)])
        inbox.local({"n": "", "read": ""}, looked={"n": facts(size), "read": facts(size, 5, "x")})
        found = inbox.cache.candidates([inbox.file("n")])
        assert [row.id for row in found] == (inbox.ids(1, 2) if may_be else [])
        assert inbox.cache.candidates([inbox.file("read")]) == []

    @pytest.mark.parametrize("size", [30, 31, 100, 169, 170])
    def test_what_is_kept_by_the_size_that_its_file_had(
        self, inbox: Box, other: Box, size: int
    ) -> None:
        """It had 100 bytes; a field may have been added or taken away."""
        for box in (inbox, other):
            box.paired({1: "", 2: ""})
            box.local({"f2": ""})
            kept = (box.row(1),)
            defer = Defer(box.id, kept, Wait.KEPT, "keep", Side.SERVER, Settled.KEPT)
            inbox.cache.apply([defer])
        looked = {"n": facts(size), "read": facts(size, content="x")}
        inbox.local({"f2": "", "n": "", "read": ""}, looked=looked)
        wanted = [inbox.row(1)] if 31 <= size <= 169 else []
        assert inbox.cache.candidates([inbox.file("n")]) == wanted
        assert inbox.cache.candidates([inbox.file("read")]) == []


class TestWhereItMayComeFrom:
    """Message n was received at 1000 + n, and has 100 bytes, as every file."""

    def test_a_message_of_its_date_and_size(self, inbox: Box, other: Box) -> None:
        inbox.paired({1: "", 2: ""})
        other.server({1: "", 3: ""})
        assert inbox.cache.may_have_left(other.ids(1))
        assert inbox.cache.may_have_left(other.ids(3, 1))
        assert not inbox.cache.may_have_left(other.ids(3))
        inbox.server({2: ""})
        assert not inbox.cache.may_have_left(other.ids(1)), "it is seen gone"
        inbox.server({1: "", 2: ""})
        other.server({1: ""})
        assert not inbox.cache.may_have_left([])

    def test_one_that_was_never_here_came_from_nowhere(self, inbox: Box, other: Box) -> None:
        inbox.server({1: ""})
        other.server({1: ""})
        assert not inbox.cache.may_have_left(other.ids(1))

    def test_a_file_of_its_time_and_size(self, inbox: Box, other: Box) -> None:
        inbox.paired({1: ""})
        looked = {"n": facts(), "m": facts(mtime_ns=7), "o": facts(size=7)}
        other.local(dict.fromkeys(looked, ""), looked=looked)
        for name, boxes in (("n", {inbox.id}), ("m", set()), ("o", set())):
            assert inbox.cache.may_have_held([other.file(name).id]) == boxes
        inbox.local({})
        assert inbox.cache.may_have_held([other.file("n").id]) == set()
