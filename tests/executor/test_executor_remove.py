"""What is expunged: exactly what the plan says, unless it is another thing by now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sim.oracle import body_of
from sim.server_profile import Profile, condstore, plain, plain_no_uidplus, strict_qresync
from sim.steps import Steps
from support.storied import Story


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("remove") as made:
        for ghost in "abc":
            made.serve("INBOX", ghost)
        made.tell()
        yield made


@pytest.mark.parametrize("uidplus", [True, False])
@pytest.mark.parametrize("make", [condstore, strict_qresync, plain])
def test_what_was_flagged_a_moment_before_is_not_expunged(
    make: Callable[[], Profile], uidplus: bool
) -> None:
    """After the last look at it: STORE with UNCHANGEDSINCE tells (RFC 7162 §3.1.3), or without
    CONDSTORE the answer to the mark, which is taken back."""
    with Story("flagged", replace(make(), uidplus=uidplus)) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        for ghost in "ab":
            s.unlink("INBOX", ghost)
        steps, uid = Steps(), s.uid_of("INBOX", "a")
        steps.before("cache.mark", lambda: s.server.set_flags("INBOX", uid, ["\\Flagged"]))
        ran = s.tell(steps)
        assert (ran.exit, ran.total.expunged) == (0, 1)
        assert "1 messages changed on the server meanwhile" in ran.text
        assert s.server.ghosts("INBOX").keys() == set("ac")
        s.oracle.deleted.discard("a")
        s.agree({"INBOX": "a:F c"})


@pytest.mark.parametrize("uidplus", [True, False])
@pytest.mark.parametrize("make", [condstore, strict_qresync, plain])
def test_what_was_flagged_is_not_expunged_when_the_mailbox_was_looked_at_for_another(
    make: Callable[[], Profile], uidplus: bool
) -> None:
    """`a` and `b` go by two steps of one plan.  The first finds `b` changed, and looks: with the
    MODSEQ of that look no server would tell that `a` is not as it was planned."""
    with Story("flagged", replace(make(), uidplus=uidplus)) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost, *(["\\Deleted"] if ghost == "b" else []))
        s.tell()
        s.change(expunge_deleted=True)
        s.unlink("INBOX", "a")
        steps, both = Steps(), [s.uid_of("INBOX", ghost) for ghost in "ab"]

        def meanwhile() -> None:
            for uid in both:
                s.server.set_flags("INBOX", uid, ["\\Flagged"])

        steps.before("cache.mark", meanwhile)
        ran = s.tell(steps)
        assert (ran.exit, ran.total.expunged) == (0, 1), ran.text
        s.oracle.deleted.discard("a")
        s.oracle.deleted.add("b")  # \\Deleted on both sides it is still
        s.agree({"INBOX": "a:F c"})


def test_without_uidplus_what_was_marked_and_then_flagged_is_not_expunged() -> None:
    """`a` is marked by then, and waits for `b`, which is looked at because it was changed."""
    with Story("flagged", replace(condstore(), uidplus=False, move=False)) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.server.create("Work")
        s.tell()
        s.move_file("INBOX", "b", "Work")
        s.server.fault("UID STORE", "BYE bye", sticky=True)
        assert s.tell().exit == 75
        s.server.faults.clear()
        s.unlink("INBOX", "a")
        steps, both = Steps(), [s.uid_of("INBOX", ghost) for ghost in "ab"]

        def meanwhile() -> None:
            for uid in both:
                s.server.set_flags("INBOX", uid, ["\\Flagged"])

        steps.before("cache.mark", meanwhile, 2)
        ran = s.tell(steps)
        assert ran.exit == 0, ran.text
        s.oracle.deleted.discard("a")
        s.agree({"INBOX": "a:F c", "Work": "b:F"})


def test_a_version_that_could_not_be_sent_leaves_the_older_one(story: Story) -> None:
    """A draft saved anew, and the server takes none today."""
    story.serve("Drafts", "x", "\\Draft")
    story.tell()
    path = story.path_of("Drafts", "x")
    story.fs.unlink(path)
    story.oracle.born("y", body_of("y", 5))
    story.write(path, body_of("y", 5), 1_700_009_999)
    story.server.fault("APPEND", "NO [LIMIT] not that", sticky=True)
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.commands["UID EXPUNGE"]) == (1, 0, 0)
    assert story.server.ghosts("Drafts") == {"x": 1}
    story.server.faults.clear()
    story.oracle.deleted.add("x")
    story.pass_time(86_400)
    ran = story.tell()
    assert (ran.exit, ran.total.uploaded) == (0, 1)
    story.tell()
    story.agree({"INBOX": "a b c", "Drafts": "y:D"})


@pytest.mark.parametrize("make", [plain, plain_no_uidplus])
def test_a_move_by_copy_counts_no_deletion(make: Callable[[], Profile]) -> None:
    with Story("counted", make()) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        s.move_file("INBOX", "a", "Work")
        s.unlink("INBOX", "b")
        ran = s.tell()
        assert (ran.total.moved, ran.total.expunged) == (1, 1)
        s.agree({"INBOX": "c", "Work": "a"})


@pytest.mark.parametrize("command", ["UID STORE", "UID EXPUNGE"])
def test_only_what_the_server_refuses_to_delete_stays(story: Story, command: str) -> None:
    """In halves, until the culprit is alone; it is parked."""
    uid = story.uid_of("INBOX", "b")
    story.refuse_uid(command, uid)
    for ghost in "abc":
        story.unlink("INBOX", ghost)
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.total.failed, ran.total.parked) == (1, 2, 1, 1)
    assert "the server refused a deletion" in ran.text
    assert story.server.ghosts("INBOX") == {"b": 1}
    story.idle(exit=1)
    del story.server.next_fault
    story.pass_time(86_400)
    assert story.tell().total.expunged == 1
    story.agree({})
