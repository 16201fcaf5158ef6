"""`expunge-deleted`: what is \\Deleted on both sides is held, said and decided like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sim.server_faults import Executed, Fault, Stop
from sim.server_profile import Profile, icloud, plain, plain_no_uidplus, strict_qresync
from support.storied import Story

from mailsync.model.settings import Deletions, Direction, Guard

COUNT = 12
GUARD = Guard(share=0.25, floor=5)
KEPT = " ".join(f"a{number}" for number in range(COUNT))
FLAGGED = " ".join(f"a{number}:T" for number in range(COUNT))


# How it is sent into the trash.
TO_TRASH = {strict_qresync: "UID MOVE"} | dict.fromkeys(
    (icloud, plain, plain_no_uidplus), "UID COPY"
)


@contextmanager
def marked(make: Callable[[], Profile], box: str = "INBOX") -> Iterator[Story]:
    """`a` is \\Deleted here, and is to go into the trash."""
    settings = {"deletions": Deletions.TRASH, "trash": "Trash", "expunge_deleted": True}
    with Story("marked", make(), **settings) as s:
        if box != "INBOX":
            s.server.create(box)
        for ghost in "ab":
            s.serve(box, ghost)
        s.tell()
        s.flag(box, "a", "T")
        s.oracle.deleted.add("a")
        yield s


@contextmanager
def accepted(make: Callable[[], Profile], trash: str) -> Iterator[Story]:
    """Twelve of thirteen are \\Deleted on both sides, and may go into the trash."""
    with Story("trash", make(), deletions=Deletions.TRASH, trash=trash) as s:
        for number in range(COUNT):
            s.serve("INBOX", f"a{number}", "\\Deleted")
        s.serve("INBOX", "z")
        s.tell()
        s.change(expunge_deleted=True, guard=GUARD)
        assert s.tell().exit == 3
        assert s.accept() == COUNT
        yield s


@pytest.fixture
def story() -> Iterator[Story]:
    """Twelve of thirteen are \\Deleted on both sides, and `expunge-deleted` comes."""
    with Story("flagged", strict_qresync()) as s:
        for number in range(COUNT):
            s.serve("INBOX", f"a{number}", "\\Deleted")
        s.serve("INBOX", "z")
        s.tell()
        s.change(expunge_deleted=True, guard=GUARD)
        ran = s.tell()
        assert (ran.exit, ran.total.held, ran.total.expunged) == (3, COUNT, 0), ran.text
        assert "mailsync accept test/INBOX" in ran.text
        s.idle(exit=3)
        yield s


def test_accepted(story: Story) -> None:
    assert story.accept() == COUNT
    ran = story.tell()
    assert (ran.exit, ran.total.expunged) == (0, COUNT)
    story.oracle.deleted |= {f"a{number}" for number in range(COUNT)}
    story.agree({"INBOX": "z"})


def test_rejected(story: Story) -> None:
    """The flag is taken away on both sides, so it is asked once; set again it is meant."""
    assert story.reject("INBOX") == COUNT
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.fetched, ran.stored) == (0, 0, 0, 0), ran.text
    story.agree({"INBOX": f"{KEPT} z"})
    story.flag("INBOX", "a0", "T")
    story.oracle.deleted.add("a0")
    ran = story.tell()
    assert (ran.exit, ran.total.expunged) == (0, 1)
    story.idle()


def test_accepted_then_rejected(story: Story) -> None:
    assert story.accept() == COUNT
    assert story.reject() == COUNT
    assert story.tell().exit == 0
    story.agree({"INBOX": f"{KEPT} z"})


@pytest.mark.parametrize("here", [True, False])
def test_rejected_and_the_flag_is_taken_away_at_once(story: Story, here: bool) -> None:
    story.reject()
    if here:
        story.flag("INBOX", "a0", "S")
    else:
        story.server.set_flags("INBOX", story.uid_of("INBOX", "a0"), ["\\Seen"], ["\\Deleted"])
    assert story.tell().exit == 0
    story.agree({"INBOX": f"{KEPT} z".replace("a0", "a0:S", 1)})


@pytest.mark.parametrize("direction", [Direction.PULL, Direction.PUSH])
def test_rejected_where_one_side_is_not_changed(story: Story, direction: Direction) -> None:
    """The other side follows when it may."""
    story.reject()
    story.change(direction=direction)
    assert story.tell().exit == 0
    story.idle()
    story.change(direction=Direction.BOTH)
    assert story.tell().exit == 0
    story.agree({"INBOX": f"{KEPT} z"})


def test_held_until_the_setting_is_taken_back(story: Story) -> None:
    story.change(expunge_deleted=False)
    assert story.tell().exit == 0
    story.agree({"INBOX": f"{FLAGGED} z"})


@pytest.mark.parametrize("decision", ["accept", "reject"])
@pytest.mark.parametrize(
    "before", [{"direction": Direction.PULL}, {"deletions": Deletions.KEEP}], ids=str
)
def test_what_waited_is_held_when_the_policy_changes(
    before: dict[str, object], decision: str
) -> None:
    """However few; also when it is read meanwhile."""
    with Story("waited", strict_qresync(), expunge_deleted=True, guard=GUARD, **before) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost, *(["\\Deleted"] if ghost == "a" else []))
        s.tell()
        s.idle()
        s.change(direction=Direction.BOTH, deletions=Deletions.EXPUNGE)
        ran = s.tell()
        assert (ran.exit, ran.total.held, ran.total.expunged) == (3, 1, 0), ran.text
        s.idle(exit=3)
        s.server.set_flags("INBOX", s.uid_of("INBOX", "a"), ["\\Seen"])
        ran = s.tell()
        assert (ran.exit, ran.total.held, ran.total.expunged) == (3, 1, 0), ran.text
        assert getattr(s, decision)() == 1
        ran = s.tell()
        assert (ran.exit, ran.total.expunged) == (0, int(decision == "accept")), ran.text
        if decision == "accept":
            s.oracle.deleted.add("a")
        s.agree({"INBOX": "b c" if decision == "accept" else "a:S b c"})


@pytest.mark.parametrize("decision", ["accept", "reject"])
@pytest.mark.parametrize(
    "before", [{"direction": Direction.PULL}, {"deletions": Deletions.KEEP}], ids=str
)
@pytest.mark.parametrize("make", [strict_qresync, plain])
def test_on_its_way_to_the_trash_it_is_held_when_the_policy_changes(
    make: Callable[[], Profile], before: dict[str, object], decision: str
) -> None:
    """Like any other that waited, although the flag is off on the server."""
    with marked(make) as s:
        s.server.fault(TO_TRASH[make], "NO [CANNOT] not now", sticky=True)
        assert s.tell().exit == 1
        s.server.faults.clear()
        s.change(**before)
        s.tell(pause=86400)
        s.change(direction=Direction.BOTH, deletions=Deletions.TRASH)
        ran = s.tell()
        assert (ran.exit, ran.total.held) == (3, 1), ran.text
        s.idle(exit=3)
        assert getattr(s, decision)() == 1
        assert s.tell().exit == 0
        s.agree({"INBOX": "b", "Trash": "a"} if decision == "accept" else {"INBOX": "a b"})


def test_refused_it_is_parked_and_said_again() -> None:
    with Story("parked", strict_qresync(), expunge_deleted=True) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        s.server.set_flags("INBOX", s.uid_of("INBOX", "a"), ["\\Deleted"])
        s.refuse_uid("UID EXPUNGE", s.uid_of("INBOX", "a"))
        assert s.tell().exit == 1
        s.idle(exit=1)
        s.change(expunge_deleted=False)
        s.tell()
        s.idle()
        s.change(expunge_deleted=True)
        assert s.tell().exit == 1
        del s.server.next_fault
        s.pass_time(1000)
        ran = s.tell()
        assert (ran.exit, ran.total.expunged) == (0, 1), ran.text
        s.oracle.deleted.add("a")
        s.agree({"INBOX": "b c"})


@pytest.mark.parametrize("make", [strict_qresync, plain])
def test_accepted_it_goes_to_the_trash_once(make: Callable[[], Profile]) -> None:
    with accepted(make, "") as s:
        ran = s.tell()
        assert (ran.exit, ran.total.held, ran.stored) == (0, 0, 0), ran.text
        s.agree({"INBOX": "z", "Trash": KEPT})


@pytest.mark.parametrize("make", TO_TRASH)
@pytest.mark.parametrize("flag_off", [True, False])
def test_accepted_and_rejected_when_it_was_on_its_way_to_the_trash(
    make: Callable[[], Profile], flag_off: bool
) -> None:
    """On the server the flag may be off by then: the intent of the move is none to go on with."""
    with accepted(make, "Trash") as s:
        s.server.fault(TO_TRASH[make] if flag_off else "UID STORE", "BYE bye", sticky=True)
        assert s.tell(no_wait=True).exit == 75
        s.server.faults.clear()
        assert s.reject() == COUNT
        assert s.tell().exit == 0
        s.agree({"INBOX": f"{KEPT} z"})


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_held_and_the_flag_is_taken_away_here(decision: str) -> None:
    """Whatever is decided: who takes the flag away wants the message."""
    with Story("back", strict_qresync(), expunge_deleted=True, direction=Direction.PULL) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost, *(["\\Deleted"] if ghost == "a" else []))
        s.tell()
        s.change(direction=Direction.BOTH)
        assert s.tell().exit == 3
        s.flag("INBOX", "a", "S")
        assert s.tell().exit == 3
        assert getattr(s, decision)() == 1
        ran = s.tell()
        assert (ran.exit, ran.total.expunged) == (0, 0), ran.text
        s.agree({"INBOX": "a:S b c"})


MOVED = 4


@pytest.mark.parametrize("unique", ["", "1700000000.reader{}"])
@pytest.mark.parametrize("target", ["Other", "INBOX"])
def test_rejected_and_moved_before_the_next_sync(story: Story, target: str, unique: str) -> None:
    """A mail reader moves or renames files: the decision goes along."""
    story.make("Other")
    story.server.create("Other")
    story.reject()
    for number in range(MOVED):
        if unique or target == "Other":
            story.move_file("INBOX", f"a{number}", target, unique.format(number))
    moved = MOVED if target == "Other" else 0
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.total.moved) == (0, 0, moved), ran.text
    names = [f"a{number}" for number in range(COUNT)]
    story.agree({"INBOX": " ".join([*names[moved:], "z"]), "Other": " ".join(names[:moved])})


def test_rejected_and_moved_on_the_server_before_the_next_sync(story: Story) -> None:
    story.server.create("Other")
    story.reject()
    for number in range(MOVED):
        story.server.move("INBOX", story.uid_of("INBOX", f"a{number}"), "Other")
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.total.moved) == (0, 0, MOVED), ran.text
    names = [f"a{number}" for number in range(COUNT)]
    story.agree({"INBOX": " ".join([*names[MOVED:], "z"]), "Other": " ".join(names[:MOVED])})


def test_rejected_and_deleted_before_the_next_sync(story: Story) -> None:
    """That is another decision."""
    story.reject()
    story.unlink("INBOX", "a0")
    ran = story.tell()
    assert (ran.exit, ran.total.expunged) == (0, 1), ran.text
    story.agree({"INBOX": KEPT.removeprefix("a0 ") + " z"})


@pytest.mark.parametrize("make", TO_TRASH)
@pytest.mark.parametrize("answer", ["NO not now", "BYE bye"])
def test_a_sync_that_ends_before_it_is_in_the_trash(
    make: Callable[[], Profile], answer: str
) -> None:
    """The flag is off by then on the server; that is nobody's change of mind."""
    with marked(make) as s:
        s.server.fault(TO_TRASH[make], answer, sticky=True)
        s.tell()
        s.server.faults.clear()
        s.tell(pause=2 * 86400)
        s.tell()
        s.agree({"INBOX": "b", "Trash": "a"})


@pytest.mark.parametrize("make", TO_TRASH)
@pytest.mark.parametrize("later", [1, 5, 25])
def test_the_server_takes_the_flag_off_later_than_the_connection_was_lost(
    make: Callable[[], Profile], later: float
) -> None:
    """That is seen before the move is given up, so that it is still known who did it."""
    with marked(make) as s:
        due: list[float] = []

        def late(name: str, record: Executed) -> Fault | None:
            if name == "UID STORE" and b"-FLAGS" in record.text and not due:
                due.append(record.time + later)
                return Fault(name, Stop.CUT_BEFORE)
            if due and record.time > due[0]:
                s.server.set_flags("INBOX", s.uid_of("INBOX", "a"), [], ["\\Deleted"])
                del s.server.next_fault
            return None

        s.server.next_fault = late  # type: ignore[method-assign]
        assert s.tell().exit == 0
        s.tell(pause=86400)
        s.agree({"INBOX": "b", "Trash": "a"})


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_a_sync_that_ends_before_it_is_in_the_trash_and_its_mailbox_is_deleted(
    decision: str,
) -> None:
    """There is nothing left to be seen of it, and that holds up no decision."""
    with marked(strict_qresync, "Work") as s:
        s.server.fault("UID MOVE", "BYE bye", sticky=True)
        assert s.tell().exit == 75
        s.server.faults.clear()
        s.server.delete("Work")
        assert s.tell().exit == 3
        getattr(s, decision)()
        ran = s.tell()
        assert ran.exit == 0, ran.text
        if decision == "accept":
            s.oracle.deleted.add("b")
        s.agree({} if decision == "accept" else {"Trash": "a", "Work": "b"})
