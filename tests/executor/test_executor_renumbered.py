"""A mailbox whose UIDs get another meaning after the last look at it: what the plan says of UIDs is
done to no other message (reliability.md I16)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
from sim.oracle import body_of
from sim.server_grammar import Scan
from sim.server_profile import Profile, condstore, plain, plain_no_uidplus, strict_qresync
from sim.server_session import Session
from sim.steps import Steps
from support.storied import Story

from mailsync.model.settings import Guard

DAY = 86_400.0


@pytest.fixture(params=[strict_qresync, plain, plain_no_uidplus])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    make: Callable[[], Profile] = request.param
    with Story("renumbered", make()) as made:
        made.watched = True
        made.server.create("Work")
        for ghost in "abcd":
            made.serve("Work", ghost)
        made.serve("INBOX", "x")
        made.tell()
        yield made


def deleted(s: Story) -> None:
    s.unlink("Work", "b")


def flagged(s: Story) -> None:
    s.flag("Work", "b", "F")


def moved_out(s: Story) -> None:
    s.move_file("Work", "b", "INBOX")


def moved_in(s: Story) -> None:
    s.move_file("INBOX", "x", "Work")


def copied_out(s: Story) -> None:
    path = s.path_of("Work", "b")
    s.write("/mail/INBOX/cur/1.b.reader:2,", s.fs.files()[path], 1_700_000_002)


def saved(s: Story) -> None:
    s.file("Work", "n", ":2,")


def due_again(s: Story) -> None:
    """A message whose text was not to be had, parked and due by now."""
    s.serve("Work", "n")
    s.server.fault("UID FETCH", nil, text=b"BODY.PEEK[]")
    assert s.tell().total.parked == 1
    s.pass_time(16 * 60)  # no audit is due yet


def nil(answer: bytes) -> bytes:
    head, _, rest = answer.partition(b"BODY[] {")
    return head + b"BODY[] NIL)\r\n" + rest.rpartition(b")\r\n")[2] if rest else answer


CASES: list[tuple[Callable[[Story], None], dict[str, str]]] = [
    (deleted, {"INBOX": "x", "Work": "a c d"}),
    (flagged, {"INBOX": "x", "Work": "a b:F c d"}),
    (moved_out, {"INBOX": "b x", "Work": "a c d"}),
    (moved_in, {"INBOX": "", "Work": "a b c d x"}),
    (copied_out, {"INBOX": "b x", "Work": "a b c d"}),
    (saved, {"INBOX": "x", "Work": "a b c d n"}),
    (due_again, {"INBOX": "x", "Work": "a b c d n"}),
]


@pytest.mark.parametrize(("change", "after"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_new_uidvalidity(
    story: Story, change: Callable[[Story], None], after: dict[str, str]
) -> None:
    change(story)

    def renumber(answer: bytes) -> bytes:
        story.server.new_uidvalidity("Work", 1)
        return answer

    story.server.fault("LIST", renumber, nth=1)
    story.tell()
    story.tell()
    story.tell(pause=DAY)
    story.agree({box: view for box, view in after.items() if view})


@pytest.mark.parametrize("make", [strict_qresync, plain, plain_no_uidplus])
@pytest.mark.parametrize("copies", [False, True])
def test_a_new_uidvalidity_just_before_the_command(
    make: Callable[[], Profile], copies: bool
) -> None:
    """The mailbox is not the selected one by then: its SELECT tells, before anything is moved or
    copied out of it."""
    with Story("just before", make()) as s:
        s.watched = True
        for box, ghosts in (("Work", "abcd"), ("Zed", "efgh")):
            s.server.create(box)
            for ghost in ghosts:
                s.serve(box, ghost)
        s.tell()
        for box, ghost in (("Work", "b"), ("Zed", "f")):
            if copies:
                s.server.set_flags(box, s.uid_of(box, ghost), ["\\Flagged"])
                s.write(f"/mail/INBOX/cur/{ghost}.reader:2,", body_of(ghost), 1_700_000_002)
            else:
                s.move_file(box, ghost, "INBOX")
        steps = Steps()
        nth = 2 if copies else 1  # what is to be moved is asked for before its intents
        steps.before("cache.begin_intents", lambda: s.server.new_uidvalidity("Zed", 1), nth=nth)
        s.tell(steps)
        s.tell()
        s.tell(pause=DAY)
        if copies:
            s.agree({"INBOX": "b f", "Work": "a b:F c d", "Zed": "e f:F g h"})
        else:
            s.agree({"INBOX": "b f", "Work": "a c d", "Zed": "e g h"})


@pytest.mark.parametrize("make", [strict_qresync, condstore, plain, plain_no_uidplus])
@pytest.mark.parametrize("leave", [deleted, moved_out])
def test_a_restored_server_that_counts_as_before(
    make: Callable[[], Profile], leave: Callable[[Story], None]
) -> None:
    """Under the UID of what is to go or to be moved is another message by now: it stays."""
    with Story("counts", make(), guard=Guard()) as s:
        s.watched = True
        s.server.create("Work")
        s.serve("Work", "a")
        s.tell()
        backup = copy.deepcopy(s.server.boxes[b"Work"])
        s.serve("Work", "b")
        s.tell()
        s.server.boxes[b"Work"] = backup
        s.serve("Work", "n", size=100)
        leave(s)
        ran = s.tell()
        assert "gives UIDs a second time" in ran.text
        assert (ran.exit, ran.total.moved, ran.total.expunged) == (0, 0, 0), ran.text
        s.tell(pause=DAY)
        moved = {"INBOX": "b"} if leave is moved_out else {}
        s.agree({**moved, "Work": "a n"})


@pytest.mark.parametrize("make", [strict_qresync, condstore])
@pytest.mark.parametrize("at_once", [False, True])
def test_a_new_uidvalidity_between_two_deletions(
    make: Callable[[], Profile], at_once: bool
) -> None:
    """What another client changed meanwhile is looked at again, and that look tells: what the plan
    still has for this mailbox names the UIDs of others by now."""
    with Story("between two", make(), expunge_deleted=True) as s:
        s.server.create("Work")
        for ghost in "zabcd":
            s.serve("Work", ghost)
        s.tell()
        uid = s.uid_of("Work", "a")
        if at_once:  # by one command
            s.unlink("Work", "a")
        else:
            s.server.set_flags("Work", uid, ["\\Deleted"])
            s.tell(no_delete=True)
            s.oracle.deleted.add("a")
        s.unlink("Work", "b")
        renumbered: list[int] = []
        state, switch, select = s.server.commands["SELECT"]

        def selected(session: Session, scan: Scan) -> str | None:
            if s.server.executed[-2].answer.startswith("OK [MODIFIED"):
                s.server.new_uidvalidity("Work", s.uid_of("Work", "b") - 1)
                renumbered.append(s.uid_of("Work", "z"))
            return select(session, scan)

        s.server.commands = {**s.server.commands, "SELECT": (state, switch, selected)}
        steps = Steps()
        steps.before("cache.mark", lambda: s.server.set_flags("Work", uid, ["\\Seen"]))
        ran = s.tell(steps)
        assert renumbered == [3]
        assert ran.exit == 0, ran.text
        s.agree({"Work": "z c d"})


def passes_one_over(answer: bytes) -> bytes:
    """A listing without the row of the lowest UID."""
    lines = answer.splitlines(keepends=True)
    rows = [at for at, line in enumerate(lines) if b" FETCH (" in line]
    return b"".join(line for at, line in enumerate(lines) if at not in rows[:1])


def refused(s: Story) -> None:
    s.server.fault("SELECT", "NO [INUSE] busy", mailbox="Work")


def short(s: Story) -> None:
    s.server.fault("UID FETCH", passes_one_over, sticky=True, mailbox="Work", text=b"RFC822.SIZE")


@pytest.mark.parametrize("how", [refused, short])
def test_a_new_uidvalidity_that_could_not_be_stored(
    story: Story, how: Callable[[Story], None]
) -> None:
    """LIST or SELECT told it, but what the mailbox has now was not to be had: the UIDs that are
    due are those of before, and other messages have them by now."""
    due_again(story)
    story.server.new_uidvalidity("Work", 1)
    how(story)
    assert story.tell().total.downloaded == 0
    story.server.faults.clear()
    story.server.violations.clear()  # what was sent in one write with the SELECT
    story.tell()
    story.tell(pause=DAY)
    story.agree({"INBOX": "x", "Work": "a b c d n"})
