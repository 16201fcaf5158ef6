"""Mailboxes made, renamed and removed: what the server and the cache are told, and when not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from support.bare import Bare
from support.storied import Story

from mailsync.executor import boxes
from mailsync.executor.boxes import _by_now, _follow, _note_parents
from mailsync.model.actions import (
    CreateLocalMailbox,
    CreateMailbox,
    RemoveLocalMailbox,
    RemoveMailbox,
    RenameLocalMailbox,
    RenameMailbox,
)
from mailsync.model.errors import Help, MailsyncError, Reach, Refused
from mailsync.model.ids import MailboxId, ModSeq, UIDValidity
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, ServerObservation
from mailsync.model.rows import Mailbox, Presence, Side
from mailsync.model.settings import Direction, Rules, Section
from mailsync.planner import Narrow
from mailsync.server import Ask

THERE, GONE, NONE = Presence.THERE, Presence.GONE, Presence.NONE
Said = tuple[object, ...]


@dataclass
class Server:
    """Does what it is told, and notes it."""

    said: list[Said] = field(default_factory=list)
    refusal: Refused | None = None
    validity: UIDValidity | None = None
    below: Sequence[tuple[str, str]] = ()  # names that go along with a RENAME
    shows: dict[str, ServerObservation | MailsyncError] = field(default_factory=dict)
    asked: list[Ask] = field(default_factory=list)

    def know(self, keywords: Keywords) -> None:
        self.said.append(("know", len(keywords.names)))

    async def create(self, name: MailboxName, had: bytes | None) -> bytes:
        self.said.append(("create", name, had))
        if self.refusal is not None:
            raise self.refusal
        return had or name.encode()

    async def rename(self, old: MailboxName, new: MailboxName) -> tuple[bytes, UIDValidity | None]:
        self.said.append(("rename", old, new))
        if self.refusal is not None:
            raise self.refusal
        return new.encode(), self.validity

    async def delete(self, name: MailboxName) -> None:
        self.said.append(("delete", name))

    async def subscribe(self, name: MailboxName) -> None:
        self.said.append(("subscribe", name))

    def carried(self, old: bytes, new: bytes) -> list[tuple[MailboxName, MailboxName, bytes]]:
        self.said.append(("carried", old, new))
        return [(MailboxName(a), MailboxName(b), b.encode()) for a, b in self.below]

    async def observe(
        self, asks: Sequence[Ask]
    ) -> AsyncIterator[ServerObservation | tuple[MailboxName, MailsyncError]]:
        for ask in asks:
            self.asked.append(ask)
            shown = self.shows[ask.name]
            yield shown if isinstance(shown, ServerObservation) else (ask.name, shown)


@dataclass
class Maildir:
    """Does what it is told, unless `works` says no, and notes it."""

    works: bool = True
    said: list[Said] = field(default_factory=list)

    def know(self, keywords: Keywords) -> None:
        self.said.append(("know", len(keywords.names)))

    def create(self, *names: MailboxName) -> None:
        self.said.append(("create", *names))

    def remove(self, name: MailboxName) -> bool:
        self.said.append(("remove", name))
        return self.works

    def rename(self, old: MailboxName, new: MailboxName) -> bool:
        self.said.append(("rename", old, new))
        return self.works


class Rig(Bare):
    def __init__(self, story: Story) -> None:
        self.server, self.maildir = Server(), Maildir()
        super().__init__(story, self.server, self.maildir)

    def side(self, name: str) -> tuple[Presence, Presence] | None:
        """Where it is: on the server, here."""
        found = [box for box in self.cache.mailboxes(self.now) if box.name == name]
        return (found[0].server, found[0].local) if found else None

    def known(self, name: str) -> Mailbox:
        """As the run knows it."""
        return next(box for box in self.run.mailboxes.values() if box.name == name)

    def said(self) -> list[Said]:
        return [one for one in self.server.said if one[0] != "know"]

    def did(self) -> list[Said]:
        return [one for one in self.maildir.said if one[0] != "know"]


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A with a message, A/C, Empty, and New, which is nowhere yet."""
    with Story("boxes") as s:
        for name in ("A", "A/C", "Empty"):
            s.server.create(name)
        s.serve("A", "a")
        s.serve("A/C", "c")
        s.tell()
        with Rig(s) as made:
            made.cache.expect_mailbox(MailboxName("New"), True)
            other = made.box("Drafts").id  # it says whether the moment is right
            made.cache.mailbox_trouble(other, "not now", made.now + 600)
            made.do(boxes.refresh(made.run))
            made.maildir.said.clear()
            yield made


def refreshed(rig: Rig) -> bool:
    """What the run knows is what the cache knows; and every room has the keywords again."""
    known = {box.id: box for box in rig.cache.mailboxes(rig.now)}
    return rig.run.mailboxes == known and "know" in {one[0] for one in rig.maildir.said}


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


# -- looked at -----------------------------------------------------------------------------------


def shown(rig: Rig, name: str, validity: int, messages: int = 0, uid_next: int = 1) -> None:
    """What the server shows of it from now on."""
    cursor = Cursor(UIDValidity(validity), uid_next, messages, ModSeq(1))
    rig.server.shows[name] = ServerObservation(MailboxName(name), cursor)


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
    assert rig.do(boxes.ensure_observed(rig.run, box)).uid_validity == 5
    assert [(ask.name, ask.full) for ask in rig.server.asked] == [("New", True)]


@pytest.mark.parametrize(
    ("there", "text"),
    [(False, "New is not on the server"), (True, "what the server lists in New does not add up")],
)
def test_one_that_cannot_be_had_is_tried_again(rig: Rig, there: bool, text: str) -> None:
    """Not on the server; or what is shown cannot be, and nothing of it was stored."""
    box = made_there(rig) if there else rig.known("New").id
    shown(rig, "New", 5, messages=3)
    with pytest.raises(MailsyncError) as caught:
        rig.do(boxes.ensure_observed(rig.run, box))
    assert str(caught.value) == text
    assert (caught.value.reach, caught.value.help) == (Reach.MAILBOX, Help.RETRY)


# -- made ----------------------------------------------------------------------------------------


def test_a_new_one_is_made_there(rig: Rig) -> None:
    box = rig.known("New")
    rig.do(boxes.create_mailbox(rig.run, CreateMailbox(box.id)))
    assert rig.said() == [("create", "New", None)]
    assert rig.side("New") == (THERE, NONE)
    assert refreshed(rig)
    assert rig.cache.wire_names()[MailboxName("New")] == b"New"
    assert (rig.server.asked, rig.run.below_nothing) == ([], False)


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
    assert rig.did() == [("create", "New")]
    assert rig.side("New") == (NONE, THERE)
    assert refreshed(rig)


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
    """Courier: what is planned for the mailbox speaks of UIDs that mean something else now."""
    box = rig.known("A")
    assert box.uid_validity is not None
    rig.server.validity = box.uid_validity if same else UIDValidity(box.uid_validity + 1)
    shown(rig, "New", box.uid_validity + 1, 1)
    rename(rig)
    assert rig.run.renumbered == (set() if same else {box.id})
    assert [(ask.name, ask.full) for ask in rig.server.asked] == ([] if same else [("New", True)])
    assert rig.run.seen_server == (set() if same else {"New"})


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
    else:
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
    rig.do(_follow(rig.run, [(MailboxName(old), MailboxName(new), b"") for old, new in pairs]))
    assert rig.did() == [("rename", "A/C", "B/C"), ("rename", "Empty", "B/Empty")]
    assert rig.run.renamed == [("A/C", "B/C"), ("Empty", "B/Empty")]


def test_what_the_disk_does_not_rename_stays(rig: Rig) -> None:
    rig.maildir.works = False
    follow(rig, "A/C", "B/C")
    assert (rig.run.renamed, rig.side("A/C"), rig.side("B/C")) == ([], (THERE, THERE), None)


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
    shown(rig, "Empty", before[name].cursor.uid_validity, shows or 0)
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


@pytest.mark.parametrize("works", [True, False])
def test_only_what_is_empty_is_removed_here(rig: Rig, works: bool) -> None:
    rig.maildir.works = works
    rig.do(boxes.remove_local_mailbox(rig.run, RemoveLocalMailbox(rig.known("Empty").id)))
    assert rig.did() == [("remove", "Empty")]
    assert rig.side("Empty") == ((THERE, GONE) if works else (THERE, THERE))
    said = [] if works else ["not removed: there are messages or other files in it by now"]
    assert rig.run.tallies.notices.get(MailboxName("Empty"), []) == said
    assert not works or refreshed(rig)
