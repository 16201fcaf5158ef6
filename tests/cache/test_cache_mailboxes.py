"""Mailboxes: seen, made, renamed, gone (semantics.md, rules 4, 9, 10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.cachebox import NOW, Box

from mailsync.model.actions import Defer
from mailsync.model.ids import UIDValidity
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import ServerMailbox
from mailsync.model.rows import VIEWS, Mailbox, Presence, Role, Side, Tally, Wait
from mailsync.model.uidset import UIDSet

A, B = MailboxName("A"), MailboxName("B")


def see(box: Box, server: str | None, local: str | None, selected: str = "INBOX A B") -> None:
    """Names with blanks between them; None: not listed."""
    box.cache.see_mailboxes(
        None
        if server is None
        else [ServerMailbox(MailboxName(name), name.encode()) for name in server.split()],
        None if local is None else [MailboxName(name) for name in local.split()],
        lambda name, role: name in selected.split(),
    )


def states(box: Box) -> dict[str, str]:
    marks = {Presence.NONE: "-", Presence.THERE: "+", Presence.GONE: "x"}
    return {found.name: marks[found.server] + marks[found.local] for found in everyone(box)}


def everyone(box: Box) -> list[Mailbox]:
    return box.cache.mailboxes(NOW)


@pytest.mark.parametrize(
    ("server", "local", "after"),
    [
        ("INBOX A", "INBOX A", {"A": "++", "INBOX": "++"}),
        ("INBOX", "INBOX", {"A": "xx", "INBOX": "++"}),
        ("INBOX A", "INBOX", {"A": "+x", "INBOX": "++"}),
        ("INBOX A B", "INBOX A", {"A": "++", "B": "+-", "INBOX": "++"}),
        (None, "INBOX", {"A": "+x", "INBOX": "++"}),
        ("INBOX", None, {"A": "x+", "INBOX": "++"}),
        (None, None, {"A": "++", "INBOX": "++"}),
    ],
)
def test_seen(inbox: Box, server: str | None, local: str | None, after: dict[str, str]) -> None:
    see(inbox, "INBOX A", "INBOX A")
    see(inbox, server, local)
    assert states(inbox) == after


def test_what_the_server_says_of_it(inbox: Box) -> None:
    sent = ServerMailbox(A, b"a &AOQ-", role=Role.SENT, mailbox_id="F1")
    parent = ServerMailbox(MailboxName("P"), b"P", selectable=False)
    child = ServerMailbox(MailboxName("A/x"), b"A.x")
    inbox.cache.see_mailboxes([sent, parent, child], None, lambda name, role: role is None)
    found = {box.name: box for box in everyone(inbox)}
    assert sorted(found) == ["A", "A/x", "INBOX"]
    assert (found[A].role, found[A].mailbox_id, found[A].has_children) == (Role.SENT, "F1", True)
    assert not found[A].selected
    assert found[MailboxName("A/x")].selected
    assert inbox.cache.wire_names()[A] == b"a &AOQ-"


@pytest.mark.parametrize(("now", "doubted"), [("F1", False), ("F2", True), (None, False)])
def test_another_mailboxid_under_its_name_doubts_its_uids(
    inbox: Box, now: str | None, doubted: bool
) -> None:
    def shown(mailbox_id: str | None) -> None:
        box = ServerMailbox(INBOX, b"INBOX", mailbox_id=mailbox_id)
        inbox.cache.see_mailboxes([box], [INBOX], lambda name, role: True)

    shown("F1")
    inbox.paired({1: "S"})
    shown(now)
    assert inbox.picture() == (["1?S f1+S =S"] if doubted else ["1+S f1+S =S"])


def test_whether_one_was_there_that_is_not_listed(inbox: Box) -> None:
    see(inbox, "INBOX A", "INBOX B")
    for side, name in ((Side.SERVER, A), (Side.LOCAL, B)):
        assert inbox.cache.has_more(side, [INBOX])
        assert not inbox.cache.has_more(side, [INBOX, name])
    see(inbox, "INBOX", "INBOX")
    assert not inbox.cache.has_more(Side.SERVER, [INBOX])


@pytest.mark.parametrize("shown", [VIEWS[0] - 1, VIEWS[0]])
def test_the_lowest_uid_of_as_many_as_some_servers_show_at_most(inbox: Box, shown: int) -> None:
    inbox.server(dict.fromkeys(range(5, 5 + shown), ""))
    assert [box.lowest for box in everyone(inbox)] == [5 if shown in VIEWS else None]


def test_without_their_tallies_they_are_the_same(inbox: Box) -> None:
    see(inbox, "INBOX A A/x", "INBOX A")
    inbox.paired({1: "S", 2: ""})
    inbox.cache.mailbox_trouble(inbox.id, "why", NOW + 9)
    whole, bare = everyone(inbox), inbox.cache.uncounted(NOW)
    assert (whole[2].messages, whole[2].on_server.there, whole[0].has_children) == (2, 2, True)
    assert bare == [
        replace(box, messages=0, on_server=Tally(), on_local=Tally(), has_children=False)
        for box in whole
    ]


def test_what_is_held_because_its_mailbox_was_gone_ends_with_that(inbox: Box) -> None:
    """What is deleted in it from then on is a decision."""
    see(inbox, "INBOX A", "INBOX A")
    box = Box(inbox.cache, A)
    box.paired({1: "", 2: ""})
    inbox.cache.mark_synced([box.id], NOW)
    for names in ("INBOX", "INBOX A"):
        see(inbox, names, "INBOX A")
    box.local({"f2": ""})
    inbox.cache.apply([Defer(box.id, (box.row(1),), Wait.HELD, "many", Side.SERVER)])
    inbox.cache.whole_again([box.id])
    assert [found.returned for found in everyone(inbox)] == [Side.SERVER, None]
    box.local({"f1": "", "f2": ""})
    inbox.cache.whole_again([inbox.id])
    assert everyone(inbox)[0].returned is Side.SERVER
    inbox.cache.whole_again([box.id])
    assert everyone(inbox)[0].returned is None


def test_out_of_scope_and_back(inbox: Box) -> None:
    see(inbox, "INBOX A", "INBOX A")
    box = Box(inbox.cache, A)
    box.paired({1: "S", 2: ""})
    see(inbox, "INBOX A", "INBOX A", selected="INBOX")
    assert box.picture() == ["1+S f1+S =S", "2+ f2+ ="]
    see(inbox, "INBOX A", "INBOX A", selected="INBOX A")
    assert box.picture() == ["1?S f1?S =S", "2? f2? ="]
    known = inbox.cache.cursors()[A]
    assert (known.relink, known.cursor) == (True, None)
    box.server({1: "S", 2: ""})
    box.local({"f1": "S"})
    assert box.picture() == ["1+S f1+S =S", "2+ f2? ="]


@pytest.mark.parametrize("server", ["INBOX A", "INBOX"])
def test_what_failed_in_it_is_tried_anew_when_it_is_gone(inbox: Box, server: str) -> None:
    """Nothing else would: what is planned for messages of a mailbox that is gone may be nothing."""
    see(inbox, "INBOX A", "INBOX A")
    box = Box(inbox.cache, A)
    box.paired({1: "", 2: ""})
    box.local({"f2": ""})
    inbox.cache.trouble([box.row(1).id], "it does not exist", NOW + 900)
    see(inbox, server, "INBOX A")
    assert box.row(1).parked == (server == "INBOX A")
    assert inbox.cache.totals().parked == (server == "INBOX A")


def test_made_gone_and_forgotten(inbox: Box) -> None:
    see(inbox, "INBOX", "INBOX A")
    box = Box(inbox.cache, A)
    inbox.cache.mailbox_made(box.id, Side.SERVER, b"a")
    assert states(inbox)["A"] == "++"
    assert inbox.cache.wire_names()[A] == b"a"
    box.paired({1: ""})
    inbox.cache.mailbox_gone(box.id, Side.LOCAL)
    assert states(inbox)["A"] == "+x"
    assert box.picture() == ["1+ f1x ="]
    inbox.cache.mark_synced([inbox.id, box.id], NOW)
    assert [found.synced for found in everyone(inbox)] == [False, True]
    inbox.cache.expunged(box.ids(1), NOW)
    inbox.cache.forget_mailbox(box.id)
    assert states(inbox) == {"INBOX": "++"}
    assert inbox.cache.totals().messages == 0


class TestRenamed:
    def test_in_the_maildir_and_now_on_the_server(self, inbox: Box) -> None:
        """A is B in the Maildir; 2 was removed and 3 arrived there in the meantime."""
        see(inbox, "INBOX A", "INBOX A")
        a = Box(inbox.cache, A)
        a.paired({1: "S", 2: ""})
        number = a.id
        see(inbox, "INBOX A", "INBOX B")
        b = Box(inbox.cache, B)
        b.local({"f1": "FS", "f3": ""})
        inbox.cache.mailbox_renamed(number, b.id, Side.SERVER)
        assert b.id == number
        assert states(inbox) == {"B": "++", "INBOX": "++"}
        assert b.picture() == ["1+S f1+FS =S", "2+ f2+ =", "- f3+"]
        known = inbox.cache.cursors()[B]
        assert (known.cursor, known.stamp) == (None, None)
        b.local({"f1": "FS", "f3": ""})
        assert b.picture() == ["1+S f1+FS =S", "2+ f2x =", "- f3+"]

    def test_where_the_server_cannot_rename(self, inbox: Box) -> None:
        """Its files are in the other one; the messages are to go there, until it is here again."""
        see(inbox, "INBOX A", "INBOX A")
        a = Box(inbox.cache, A)
        a.paired({1: "S"})
        see(inbox, "INBOX A", "INBOX A B")
        b = Box(inbox.cache, B).id
        inbox.cache.renamed_by_moves(a.id, b)
        assert (states(inbox)["A"], a.picture()) == ("+x", ["1+S f1xS =S"])
        assert [box.renamed for box in everyone(inbox)] == [b, None, None]
        see(inbox, "INBOX A", "INBOX A B")
        assert [box.renamed for box in everyone(inbox)] == [None, None, None]

    def cut_off(self, inbox: Box, here: bool) -> Box:
        """A became B on one side, and a run was about to repeat that on the other, or did."""
        see(inbox, "INBOX A", "INBOX A")
        a = Box(inbox.cache, A)
        a.paired({1: "S"})
        see(inbox, *(("INBOX B", "INBOX A") if here else ("INBOX A", "INBOX B")))
        b = Box(inbox.cache, B)
        if here:
            b.server({1: "S"})
        else:
            b.local({"f1": "S"})
        inbox.cache.renaming(a.id, b.id)
        return b

    @pytest.mark.parametrize("here", [False, True])
    def test_a_run_that_was_cut_off_behind_it(self, inbox: Box, here: bool) -> None:
        b = self.cut_off(inbox, here)
        see(inbox, "INBOX B", "INBOX B")
        assert states(inbox) == {"B": "++", "INBOX": "++"}
        assert b.picture() == ["1+S f1+S =S"]

    @pytest.mark.parametrize("here", [False, True])
    def test_a_run_that_was_cut_off_before_it(self, inbox: Box, here: bool) -> None:
        """Who has both names later did not get them from us."""
        self.cut_off(inbox, here)
        see(inbox, *(("INBOX B", "INBOX A") if here else ("INBOX A", "INBOX B")))
        see(inbox, "INBOX B", "INBOX B")
        assert states(inbox) == {"A": "xx", "B": "++", "INBOX": "++"}

    def test_where_nobody_has_looked_here_it_is_told_later(self, inbox: Box) -> None:
        b = self.cut_off(inbox, here=True)
        see(inbox, "INBOX B", None)
        see(inbox, "INBOX B", "INBOX B")
        assert states(inbox) == {"B": "++", "INBOX": "++"}
        assert b.picture() == ["1+S f1+S =S"]

    ALL = "INBOX A B A/x A/y B/x B/y"

    def test_what_is_below_it_goes_along_on_the_server(self, inbox: Box) -> None:
        """Not where the new name is another mailbox's."""
        see(inbox, "INBOX A A/x A/y", "INBOX A A/x A/y", self.ALL)
        for name in ("A", "A/x", "A/y"):
            Box(inbox.cache, MailboxName(name)).paired({1: "S"})
        see(inbox, "INBOX A A/x A/y", "INBOX B B/y", self.ALL)
        a, b = (Box(inbox.cache, name).id for name in (A, B))
        inbox.cache.mailbox_renamed(a, b, Side.SERVER, b"b")
        after = {"A/y": "+x", "B": "++", "B/x": "+x", "B/y": "-+", "INBOX": "++"}
        assert states(inbox) == after
        wires = inbox.cache.wire_names()
        assert [wires[MailboxName(name)] for name in ("B", "B/x", "A/y")] == [b"b", b"b/x", b"A/y"]
        assert Box(inbox.cache, MailboxName("B/x")).picture() == ["1+S f1+S =S"]

    def test_what_is_below_it_and_has_not_moved_here_is_a_new_mailbox(self, inbox: Box) -> None:
        """Its messages went along; the Maildir has both names."""
        see(inbox, "INBOX A A/x", "INBOX A A/x", self.ALL)
        x = MailboxName("A/x")
        Box(inbox.cache, x).paired({1: "S"})
        see(inbox, "INBOX A A/x", "INBOX B A/x B/x", self.ALL)
        new = Box(inbox.cache, MailboxName("B/x"))
        new.local({"f1": "S"})
        a, b = (Box(inbox.cache, name).id for name in (A, B))
        inbox.cache.mailbox_renamed(a, b, Side.SERVER, b"B")
        assert states(inbox) == {"A/x": "-+", "B": "++", "B/x": "++", "INBOX": "++"}
        assert new.picture() == ["1+S f1+S =S"]
        assert Box(inbox.cache, x).picture() == []
        assert inbox.cache.wire_names()[new.name] == b"B/x"

    def renamed_on_the_server(self, inbox: Box, validity: int) -> Box:
        see(inbox, "INBOX A", "INBOX A")
        a = Box(inbox.cache, A)
        a.paired({1: "S", 2: ""})
        see(inbox, "INBOX B", "INBOX A")
        b = Box(inbox.cache, B)
        b.validity = UIDValidity(validity)
        b.server({1: "FS", 3: ""})
        inbox.cache.mailbox_renamed(a.id, b.id, Side.LOCAL)
        assert states(inbox) == {"B": "++", "INBOX": "++"}
        assert inbox.cache.wire_names()[B] == b"B"
        return b

    def test_on_the_server_and_now_in_the_maildir(self, inbox: Box) -> None:
        b = self.renamed_on_the_server(inbox, 1)
        assert b.picture() == ["1+FS f1+S =S", "2x f2+ =", "3+ -"]
        assert b.server({1: "FS", 3: ""}) == (True, False)
        assert b.picture() == ["1+FS f1+S =S", "2x f2+ =", "3+ -"]

    def test_under_a_new_uidvalidity(self, inbox: Box) -> None:
        b = self.renamed_on_the_server(inbox, 2)
        assert sorted(b.picture()) == ["1+FS -", "1?S f1+S =S", "2? f2+ =", "3+ -"]
        assert inbox.cache.cursors()[B].relink
        assert b.server({1: "FS", 3: ""}) == (True, False)

    def test_another_file_of_the_same_name(self, inbox: Box) -> None:
        see(inbox, "INBOX A", "INBOX A")
        a = Box(inbox.cache, A)
        a.paired({1: "S"})
        see(inbox, "INBOX A", "INBOX B")
        b = Box(inbox.cache, B)
        b.local({"f1": "S"})
        inbox.cache.facts({})
        with inbox.cache._tx() as c:
            c.exec_driver_sql("UPDATE messages SET file_size = 7 WHERE uid IS NULL")
        inbox.cache.mailbox_renamed(a.id, b.id, Side.SERVER)
        assert b.picture() == ["1+S ?S =S", "- f1+S"]


DAY = 86_400.0


def test_an_audit_is_due_a_day_after_the_last(inbox: Box) -> None:
    inbox.paired(dict.fromkeys(range(1, 2101), "S"))
    inbox.server(dict.fromkeys(range(1, 2101), "S"))
    inbox.cache.mark_synced([inbox.id], NOW)
    assert inbox.cache.audits(NOW + DAY - 1) == {}
    first = inbox.cache.audits(NOW + DAY)[inbox.id]
    assert (str(first.uids), len(first.names), first.next_uid) == ("1:2000", 2_000, 2_001)
    inbox.cache.audited(inbox.id, first.next_uid, NOW + DAY)
    assert inbox.cache.audits(NOW + DAY) == {}
    second = inbox.cache.audits(NOW + 2 * DAY)[inbox.id]
    assert (str(second.uids), len(second.names), second.next_uid) == ("2001:2100", 100, 1)


def test_no_audit_of_what_is_on_one_side_only(inbox: Box) -> None:
    inbox.server({1: "S"})
    assert inbox.cache.audits(NOW + DAY) == {}


def test_an_empty_mailbox_is_audited_at_once(inbox: Box) -> None:
    inbox.server({})
    inbox.cache.mark_synced([inbox.id], NOW)
    found = inbox.cache.audits(NOW + DAY)[inbox.id]
    assert (found.uids, found.names, found.next_uid) == (UIDSet(), frozenset(), 1)


def test_inbox_is_there(inbox: Box) -> None:
    assert [box.name for box in everyone(inbox)] == [INBOX]


class TestGuessedRoles:
    """By the name alone; the name goes, and the role with it."""

    def shown(self, inbox: Box, name: str, role: Role | None, guessed: bool) -> None:
        made = ServerMailbox(MailboxName(name), name.encode(), role=role, guessed=guessed)
        inbox.cache.see_mailboxes([made], [MailboxName(name)], lambda name, role: True)

    def role(self, inbox: Box, name: str) -> tuple[Role | None, bool]:
        (found,) = [box for box in everyone(inbox) if box.name == name]
        return found.role, found.guessed

    def test_the_server_says_it_later(self, inbox: Box) -> None:
        self.shown(inbox, "Trash", Role.TRASH, True)
        assert self.role(inbox, "Trash") == (Role.TRASH, True)
        self.shown(inbox, "Trash", Role.TRASH, False)
        assert self.role(inbox, "Trash") == (Role.TRASH, False)

    @pytest.mark.parametrize(
        ("old", "new", "after"),
        [
            ((Role.TRASH, True), (None, False), (None, False)),
            ((Role.TRASH, False), (None, False), (Role.TRASH, False)),
            ((None, False), (Role.JUNK, True), (Role.JUNK, True)),
            ((Role.TRASH, True), (Role.JUNK, False), (Role.JUNK, False)),
        ],
    )
    def test_renamed(
        self,
        inbox: Box,
        old: tuple[Role | None, bool],
        new: tuple[Role | None, bool],
        after: tuple[Role | None, bool],
    ) -> None:
        self.shown(inbox, "A", *old)
        self.shown(inbox, "B", *new)
        a, b = (next(box.id for box in everyone(inbox) if box.name == name) for name in "AB")
        inbox.cache.mailbox_renamed(a, b, Side.LOCAL)
        assert self.role(inbox, "B") == after

    def test_one_that_is_to_be_made(self, inbox: Box) -> None:
        for _ in range(2):
            inbox.cache.expect_mailbox(B, False)
        assert states(inbox)["B"] == "--"
        assert not next(box for box in everyone(inbox) if box.name == "B").selected
        inbox.cache.forget_gone()
        assert "B" not in states(inbox)
