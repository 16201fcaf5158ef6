"""Held, accepted, rejected; another policy; undo (semantics.md, rules 9 and 10)."""

from __future__ import annotations

import pytest
from support.cachebox import NOW, Box, digest, entry, facts

from mailsync.cache import Matter, NewDeletion
from mailsync.model.actions import Defer, DeferMailbox
from mailsync.model.ids import UIDValidity
from mailsync.model.mailboxname import INBOX
from mailsync.model.observation import ServerMailbox
from mailsync.model.rows import Presence, Row, Settled, Side, Wait

DAY = 86_400.0


def defer(box: Box, uids: tuple[int, ...], wait: Wait, side: Side, kept: bool = False) -> None:
    rows = tuple(box.row(uid) for uid in uids)
    settled = Settled.KEPT if kept else Settled.NO
    box.cache.apply([Defer(box.id, rows, wait, "why", side, settled)])


@pytest.fixture
def held(inbox: Box) -> Box:
    """1 and 2 have lost their files, 3 its UID; all are held."""
    inbox.paired({1: "S", 2: "", 3: ""})
    inbox.local({"f3": ""})
    inbox.server({1: "S", 2: ""})
    defer(inbox, (1, 2), Wait.HELD, Side.SERVER)
    defer(inbox, (3,), Wait.HELD, Side.LOCAL)
    return inbox


def test_what_is_held_is_told(held: Box) -> None:
    local, server = held.cache.held()
    assert (local.side, str(local.uids), local.names, local.count) == (
        Side.LOCAL,
        "3",
        ("f3",),
        1,
    )
    assert (server.side, str(server.uids), server.uid_validity) == (
        Side.SERVER,
        "1:2",
        UIDValidity(1),
    )
    assert (server.reason, server.whole) == ("why", False)
    (box,) = held.cache.mailboxes(NOW)
    assert (box.on_server.held, box.on_local.held) == (2, 1)


def test_accept_releases_exactly_what_is_held_now(held: Box) -> None:
    assert held.cache.accept(None, NOW + DAY) == 3
    assert [(row.uid, row.accepted) for row in held.cache.due(NOW)] == [
        (3, True),
        (2, True),
        (1, True),
    ]
    assert {row.accepted for row in held.cache.due(NOW + DAY)} == {False}
    assert held.cache.held() == []


def test_accept_one_mailbox(held: Box, other: Box) -> None:
    assert held.cache.accept(other.id, NOW + DAY) == 0
    assert held.cache.accept(held.id, NOW + DAY) == 3


def test_what_is_accepted_and_not_done_yet_is_told(held: Box) -> None:
    assert held.cache.accepted(NOW) == []
    held.cache.accept(None, NOW + DAY)
    local, server = held.cache.accepted(NOW)
    assert (local.side, str(local.uids), local.names) == (Side.LOCAL, "3", ("f3",))
    assert (server.side, str(server.uids), server.reason) == (
        Side.SERVER,
        "1:2",
        "accepted, and not done yet",
    )
    held.cache.expunged(held.ids(1, 2), NOW)
    assert [str(one.uids) for one in held.cache.accepted(NOW)] == ["3"]
    assert held.cache.accepted(NOW + DAY) == []


def test_what_changes_after_accept_is_accepted_no_more(held: Box) -> None:
    held.cache.accept(None, NOW + DAY)
    held.server({1: "FS", 2: ""})
    assert {row.uid: row.accepted for row in held.cache.due(NOW)} == {1: False, 2: True, 3: True}


def test_reject(held: Box) -> None:
    assert held.cache.reject(None, NOW) == 3
    assert held.picture() == ["1+S -", "2+ -", "- f3+"]
    assert len(held.cache.due(NOW)) == 3
    assert held.cache.held() == []


def test_files_that_come_back_end_it(held: Box) -> None:
    held.local({"f1": "S", "f2": "", "f3": ""})
    held.server({1: "S", 2: "", 3: ""})
    assert held.cache.held() == []
    assert not held.cache.open_rows()


class TestHeldMailbox:
    @pytest.fixture
    def lost(self, inbox: Box, other: Box) -> Box:
        """Archive was on both sides and is gone on the server."""
        other.paired({1: "S", 2: ""})
        inbox.cache.mark_synced([other.id], NOW)
        inbox.cache.see_mailboxes([ServerMailbox(INBOX, b"INBOX")], None, lambda name, role: True)
        inbox.cache.apply([DeferMailbox(other.id, "gone", Side.LOCAL)])
        return other

    def box(self, lost: Box) -> tuple[Presence, Presence, bool, bool, bool]:
        (box,) = [box for box in lost.cache.mailboxes(NOW) if box.name == lost.name]
        return box.server, box.local, box.held, box.accepted, box.synced

    def test_it_is_told(self, lost: Box) -> None:
        (found,) = lost.cache.held()
        assert (found.whole, found.count, found.side) == (True, 2, Side.LOCAL)
        assert self.box(lost) == (Presence.GONE, Presence.THERE, True, False, True)

    def test_accept(self, lost: Box) -> None:
        assert lost.cache.accept(lost.id, NOW + DAY) == 1
        assert self.box(lost) == (Presence.GONE, Presence.THERE, False, True, True)

    def test_accepted_was_one_of_its_uidvalidity(self, inbox: Box, other: Box) -> None:
        """It is gone here, and was made anew on the server in the meantime."""
        other.paired({1: "S", 2: ""})
        inbox.cache.mark_synced([inbox.id, other.id], NOW)
        inbox.cache.see_mailboxes(None, [INBOX], lambda name, role: True)
        inbox.cache.apply([DeferMailbox(other.id, "gone", Side.SERVER)])
        inbox.cache.accept(None, NOW + DAY)
        other.server({1: "S", 2: ""})
        assert self.box(other)[2:4] == (False, True)
        other.validity = UIDValidity(2)
        other.server({1: "S", 2: ""})
        assert self.box(other)[2:4] == (False, False)

    def test_reject_makes_it_new(self, lost: Box) -> None:
        assert lost.cache.reject(None, NOW) == 1
        assert self.box(lost) == (Presence.NONE, Presence.THERE, False, False, False)
        assert lost.picture() == ["- f1+S", "- f2+"]
        assert lost.cache.cursors()[lost.name].cursor is None

    def test_it_is_reported(self, lost: Box) -> None:
        """As held, not as one that failed, until it does."""
        (found,) = lost.cache.reports()
        assert (found.matter, found.side, found.count) == (Matter.HELD, Side.LOCAL, 0)
        lost.cache.mailbox_trouble(lost.id, "refused", NOW)
        assert [one.matter for one in lost.cache.reports()] == [Matter.HELD, Matter.PARKED]

    def test_rejected_when_it_is_gone_on_both_sides(self, lost: Box) -> None:
        """Of what is held in it nothing is left that could be made again."""
        defer(lost, (1,), Wait.HELD, Side.LOCAL)
        lost.cache.mailbox_gone(lost.id, Side.SERVER)
        lost.cache.mailbox_gone(lost.id, Side.LOCAL)
        assert lost.cache.reject(None, NOW) == 2
        assert self.box(lost) == (Presence.NONE, Presence.NONE, False, False, False)
        assert lost.picture() == ["- -", "2x f2x ="]
        lost.cache.forget_gone()
        assert [box.name for box in lost.cache.mailboxes(NOW)] == ["INBOX"]

    def test_its_return_ends_it(self, lost: Box) -> None:
        lost.cache.see_mailboxes(
            [ServerMailbox(INBOX, b"INBOX"), ServerMailbox(lost.name, b"Archive")],
            None,
            lambda name, role: True,
        )
        assert self.box(lost) == (Presence.THERE, Presence.THERE, False, False, True)


class TestOtherPolicy:
    """`direction` and `deletions` (rule 9), and the digest of the rest of the policy."""

    def ran(self, box: Box, direction: str, deletions: str, digest: str = "") -> bool:
        return box.cache.ran_with(lambda name: (direction, deletions, digest))

    def test_the_first_and_the_same(self, inbox: Box) -> None:
        assert not self.ran(inbox, "both", "trash")
        assert not self.ran(inbox, "both", "trash")

    def test_where_no_deletion_waits_none_is_held(self, inbox: Box) -> None:
        """Then there is nothing to be said of it."""
        self.ran(inbox, "pull", "trash")
        inbox.paired({1: "", 2: ""})
        inbox.local({"f1": "F", "f2": "", "n": ""})
        inbox.cache.apply(
            [
                Defer(inbox.id, (row,), Wait.UNSENT, "pull", Side.SERVER)
                for row in (inbox.row(1), inbox.file("n"))
            ]
        )
        assert not self.ran(inbox, "both", "trash")
        assert not self.ran(inbox, "both", "keep")
        assert inbox.cache.held() == []

    def test_an_unsent_deletion_is_held_until_accept(self, inbox: Box) -> None:
        self.ran(inbox, "pull", "trash")
        inbox.paired({1: "", 2: ""})
        inbox.local({"f2": "F"})
        defer(inbox, (1, 2), Wait.UNSENT, Side.SERVER)
        assert self.ran(inbox, "both", "trash")
        assert [(row.uid, row.wait) for row in inbox.cache.open_rows()] == [
            (2, Wait.NO),  # an unsent flag goes at once
            (1, Wait.HELD),
        ]
        inbox.server({1: "S", 2: ""})
        assert inbox.row(1).wait is Wait.HELD, "a flag does not release it"
        self.ran(inbox, "both", "trash", "guard off")
        assert inbox.row(1).wait is Wait.HELD, "nor does another guard"
        (found,) = inbox.cache.held()
        assert found.side is Side.SERVER
        assert inbox.cache.accept(None, NOW + DAY) == 1

    def test_an_unsent_file_goes_at_once(self, inbox: Box) -> None:
        self.ran(inbox, "pull", "trash")
        inbox.local({"n": ""})
        row = inbox.file("n")
        inbox.cache.apply([Defer(inbox.id, (row,), Wait.UNSENT, "pull", Side.SERVER)])
        self.ran(inbox, "both", "trash")
        assert [row.name for row in inbox.cache.due(NOW)] == ["n"]

    def test_keep_then_trash(self, inbox: Box) -> None:
        self.ran(inbox, "both", "keep")
        inbox.paired({1: ""})
        inbox.local({})
        defer(inbox, (1,), Wait.KEPT, Side.SERVER, kept=True)
        assert not inbox.cache.open_rows()
        assert self.ran(inbox, "both", "trash")
        assert [row.wait for row in inbox.cache.open_rows()] == [Wait.HELD]

    def test_another_digest_voids_a_wait(self, held: Box) -> None:
        self.ran(held, "both", "trash", "25 %")
        defer(held, (1, 2), Wait.HELD, Side.SERVER)
        assert not self.ran(held, "both", "trash", "50 %")
        assert len(held.cache.due(NOW)) == 3

    def test_what_the_same_guard_held_is_held_whatever_else_changes(self, held: Box) -> None:
        """With what has come since it would not be all of the mailbox any more."""
        self.ran(held, "both", "trash", "25 %, 5, a")
        defer(held, (1, 2), Wait.HELD, Side.SERVER)
        assert not self.ran(held, "both", "trash", "25 %, 5, b")
        assert held.cache.due(NOW) == []
        self.ran(held, "both", "trash", "25 %, 6, b")
        assert len(held.cache.due(NOW)) == 3


class TestUnsent:
    """What waits because of something elsewhere, until that is over."""

    def due(self, box: Box) -> list[int]:
        return [row.uid for row in box.cache.due(NOW) if row.uid is not None]

    def unsent(self, box: Box, *rows: Row, reason: str) -> None:
        box.cache.apply([Defer(box.id, rows, Wait.UNSENT, reason, Side.SERVER)])

    def test_until_it_can_go_to_the_trash(self, inbox: Box) -> None:
        inbox.paired({1: "", 2: "", 3: ""})
        inbox.local({})
        for uid, reason in ((1, "no trash"), (2, "read-only trash"), (3, "other")):
            self.unsent(inbox, inbox.row(uid), reason=reason)
        inbox.cache.trash_open([])
        assert self.due(inbox) == []
        inbox.cache.trash_open(["no trash", "read-only trash"])
        assert self.due(inbox) == [2, 1]

    def test_until_its_new_version_is_not_out_of_scope_any_more(self, inbox: Box) -> None:
        """That of 1 says so by the UID in its name, that of 2 by its Message-ID."""
        inbox.paired({1: "", 2: "", 3: ""})
        new = {"a": facts(content="new 1", origin=1), "b": facts(content="body 2")}
        inbox.local(dict.fromkeys(new, ""), looked=new)
        self.unsent(inbox, *(inbox.row(uid) for uid in (1, 2, 3)), reason="new version")
        out = [inbox.file(name) for name in new]
        inbox.cache.apply([Defer(inbox.id, tuple(out), Wait.OUT, "too large", Side.SERVER)])
        inbox.cache.version_gone("another reason")
        assert self.due(inbox) == []
        inbox.cache.version_gone("new version")
        assert self.due(inbox) == [3]
        inbox.local({"a": ""})
        inbox.cache.version_gone("new version")
        assert self.due(inbox) == [3, 2]
        inbox.local({})
        inbox.cache.version_gone("new version")
        assert self.due(inbox) == [3, 2, 1]

    def test_until_it_is_not_where_it_moved_to_any_more(self, inbox: Box, other: Box) -> None:
        """2 is there by its name, 3 by its bytes, 4 and 5 by a header; 1 is not, and z is new."""
        inbox.paired(dict.fromkeys((1, 2, 3, 4, 5), ""))
        inbox.cache.headers({inbox.row(5).id: b"as the server has it"})
        inbox.local({})
        there = {name: facts(mtime_ns=at) for at, name in enumerate(("f2", "x", "y", "w", "z"))}
        there["x"] = facts(mtime_ns=8, content="body 3")
        other.local(dict.fromkeys(there, ""), looked=there)
        for name, uid in (("y", 4), ("w", 5)):
            row = inbox.row(uid)
            inbox.cache.headers({other.file(name).id: row.server_header or row.header})
        inbox.cache.move_over(["moved"])
        assert self.due(inbox) == [5, 4, 3, 2, 1]
        self.unsent(inbox, *inbox.rows(), reason="moved")
        self.unsent(other, *other.rows(), reason="moved")
        inbox.cache.move_over(["another reason"])
        assert self.due(inbox) == []
        inbox.cache.move_over(["moved"])
        assert self.due(inbox) == [1]
        other.local({"f2": "", "w": "", "z": ""})
        inbox.cache.move_over(["moved"])
        assert self.due(inbox) == [4, 3, 1]
        assert other.file("z").wait is Wait.UNSENT


class TestUndo:
    def test_of_nothing_nothing_is_told(self, inbox: Box) -> None:
        new = NewDeletion(None, inbox.name, entry("n"), None, "u")
        inbox.cache.record_deletions([new], NOW)
        inbox.cache.deletions_done([])
        inbox.cache.forget_deletions([])
        assert [one.done for one in inbox.cache.deletions()] == [False]

    def test_a_deletion_knows_its_message(self, inbox: Box) -> None:
        inbox.paired({1: "S"})
        row = inbox.row(1)
        first, second = inbox.cache.record_deletions(
            [
                NewDeletion(row.id, inbox.name, entry("f1", "S"), None, "u\udcff"),
                NewDeletion(None, inbox.name, entry("n\udcff"), digest("x").body, "u2"),
            ],
            NOW,
        )
        found, alien = inbox.cache.deletions()
        assert (found.id, found.new.undo, found.new.entry) == (first, "u\udcff", entry("f1", "S"))
        assert (found.new.body, found.message_id) == (row.body, "<body 1@x>")
        assert (found.internal_date, found.at, found.done) == (1001, NOW, False)
        assert (alien.id, alien.new.entry.name, alien.message_id) == (second, "n\udcff", "")
        inbox.cache.deletions_done([first])
        assert [one.done for one in inbox.cache.deletions()] == [True, False]

    def test_in_time(self, inbox: Box) -> None:
        for at in (1.0, 2.0, 3.0):
            new = NewDeletion(None, inbox.name, entry("n"), None, f"u{at}")
            inbox.cache.record_deletions([new], at)
        assert [one.at for one in inbox.cache.deletions(since=2.0)] == [2.0, 3.0]
        expired = inbox.cache.expired_deletions(before=2.0)
        assert [one.at for one in expired] == [1.0]
        inbox.cache.forget_deletions([one.id for one in expired])
        assert [one.at for one in inbox.cache.deletions()] == [2.0, 3.0]


def test_reports(held: Box, other: Box) -> None:
    other.server({5: "", 6: "", 7: ""})
    held.cache.trouble(other.ids(5, 6), "no \udcff", NOW + 9)
    defer(other, (7,), Wait.UNSENT, Side.LOCAL)
    held.cache.mailbox_trouble(held.id, "over quota", NOW + 60)
    found = [
        (one.mailbox, one.matter, one.side, one.count, one.reason) for one in held.cache.reports()
    ]
    assert found == [
        ("Archive", Matter.PARKED, None, 2, "no ?"),
        ("Archive", Matter.UNSENT, Side.LOCAL, 1, "why"),
        ("INBOX", Matter.HELD, Side.LOCAL, 1, "why"),
        ("INBOX", Matter.HELD, Side.SERVER, 2, "why"),
        ("INBOX", Matter.PARKED, None, 0, "over quota"),
    ]
    totals = held.cache.totals()
    assert (totals.held, totals.parked, totals.unsent, totals.open) == (3, 2, 1, 6)
    held.cache.mark_synced([held.id], NOW + 59)  # not tried again yet: not over
    assert [one.reason for one in held.cache.reports() if not one.count] == ["over quota"]
    held.cache.mark_synced([held.id], NOW + 60)
    assert [one.reason for one in held.cache.reports() if not one.count] == []
