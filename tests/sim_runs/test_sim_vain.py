"""A server that says OK and does nothing: sent once more, then parked, and said (rule 8)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sim.oracle import body_of
from sim.scenarios import six
from sim.server_profile import Profile, condstore, plain, strict_qresync
from sim.stack import Stack

from mailsync.model.errors import Exit

DATE = 1_700_000_000
DAY = 86400.0
PROFILES = [plain(), condstore(), strict_qresync()]


@pytest.fixture(params=PROFILES, ids=lambda profile: profile.name)
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    profile: Profile = request.param
    made = Stack(f"vain {profile.name}", profile)
    six(made)
    assert made.sync().exit == 0
    made.pass_time(60)
    yield made
    made.close()


def sent(stack: Stack, command: str) -> tuple[int, Exit, int]:
    """How often one sync sends it, its exit status, and what it parked."""
    executed = len(stack.server.executed)
    report = stack.sync()
    return stack.server.counts(executed)[command], report.exit, report.total().parked


def test_an_append_that_is_never_seen(stack: Stack) -> None:
    stack.server.fault("APPEND", "OK APPEND completed", sticky=True)
    stack.file("INBOX", "x")
    stack.pass_time(10)
    assert sent(stack, "APPEND") == (2, Exit.FAILED, 1)
    delays = []
    for _ in range(4):
        stack.pass_time(1)
        assert sent(stack, "APPEND") == (0, Exit.FAILED, 1)
        delays.append(waited(stack))
        assert sent(stack, "APPEND") == (1, Exit.FAILED, 1)
    assert delays == sorted(delays)
    assert delays[-1] > 4 * delays[0]
    stack.server.faults.clear()
    stack.pass_time(2 * 86400)
    assert sent(stack, "APPEND") == (1, Exit.OK, 0)
    assert stack.server.ghosts("INBOX")["x"] == 1
    assert sent(stack, "APPEND") == (0, Exit.OK, 0)


def waited(stack: Stack) -> float:
    """Let the time pass until what is parked is due; how long that took."""
    cache = stack.cache()
    try:
        (due,) = [one.next_try for one in cache.reports() if one.next_try is not None]
    finally:
        cache.close()
    pause = due - stack.server.wall() + 1
    stack.pass_time(pause)
    return pause


def test_its_twin_that_is_seen_later_is_linked_and_not_sent_again(stack: Stack) -> None:
    """The mailbox shows what was appended only hours later."""
    late: list[bytes] = []
    stack.server.fault("APPEND", "OK APPEND completed", sticky=True)
    path = stack.file("INBOX", "x")
    late.append(stack.fs.files()[path])
    stack.pass_time(10)
    assert sent(stack, "APPEND") == (2, Exit.FAILED, 1)
    stack.server.deliver("INBOX", late[0].replace(b"\n", b"\r\n"), [], 1_700_000_100)
    waited(stack)
    assert sent(stack, "APPEND") == (0, Exit.OK, 0)
    assert stack.server.ghosts("INBOX")["x"] == 1
    assert sent(stack, "APPEND") == (0, Exit.OK, 0)


def test_a_move_that_does_not_happen(stack: Stack) -> None:
    command = "UID MOVE" if stack.server.profile.move else "UID COPY"
    stack.server.fault(command, f"OK {command} completed", sticky=True)
    stack.move_file("INBOX", "a", "Work")
    stack.pass_time(10)
    assert sent(stack, command) == (2, Exit.FAILED, 1)
    stack.pass_time(1)
    assert sent(stack, command) == (0, Exit.FAILED, 1)
    assert stack.server.ghosts()["a"] == 1
    stack.server.faults.clear()
    stack.pass_time(2 * 86400)
    executed = len(stack.server.executed)
    assert stack.sync().exit == Exit.OK
    assert stack.server.counts(executed)["APPEND"] == 0
    assert stack.server.ghosts("Work")["a"] == 1
    assert stack.server.ghosts()["a"] == 1


def test_an_intent_that_is_left_open_is_said(stack: Stack) -> None:
    stack.server.fault("APPEND", "OK APPEND completed", sticky=True)
    stack.file("INBOX", "x")
    stack.pass_time(10)
    for _ in range(2):
        report = stack.sync(no_wait=True)
        assert report.exit == Exit.TEMPORARY, report
        assert "unknown" in "".join(n for box in report.mailboxes for n in box.notices)
        stack.pass_time(1)
    stack.server.faults.clear()
    assert stack.sync().exit == Exit.OK
    assert stack.server.ghosts("INBOX")["x"] == 1


@pytest.mark.parametrize("bare", [True, False], ids=["without", "another"])
def test_what_comes_while_another_leaves_is_not_taken_for_it(bare: bool) -> None:
    """By chance with the same date and size, without a Message-ID or with another one; the COPY
    did nothing, and the server names no UIDs."""
    stack = Stack("chance", plain())
    stack.server.create("Work")
    stack.serve("Work", "w")
    bodies = {}
    for ghost in ("a", "b"):
        body = body_of(ghost)
        if bare:
            body = body.replace(f"Message-ID: <{ghost}@sim.example>\n".encode(), b"")
        stack.oracle.born(ghost, body)
        bodies[ghost] = body.replace(b"\n", b"\r\n")
    uid = stack.server.deliver("INBOX", bodies["a"], [], DATE)
    stack.sync()
    stack.pass_time(10 * DAY)

    def left(answer: bytes) -> bytes:
        stack.server.expunge("INBOX", uid)
        stack.server.deliver("Work", bodies["b"], [], DATE)
        return answer

    stack.server.fault("SELECT", left, mailbox="Work")
    stack.move_file("INBOX", "a", "Work")
    stack.pass_time(10)
    for _ in range(3):  # the third does nothing
        executed = len(stack.server.executed)
        assert stack.sync().exit is Exit.OK
        stack.pass_time(10)
    assert not stack.server.changing(executed)
    here = stack.oracle.local_views(stack.fs.files())["Work"]
    assert sorted(ghost for ghost, _ in here) == ["a", "b", "w"]
    assert sorted(stack.server.ghosts("Work")) == ["a", "b", "w"]
    stack.close()


@pytest.mark.parametrize("way", ["expunged", "moved"])
def test_what_left_before_its_move_is_not_moved_in_vain(stack: Stack, way: str) -> None:
    """A command that names no UID of the mailbox is OK (RFC 9051 §6.4.9), and does nothing."""
    command = "UID MOVE" if stack.server.profile.move else "UID COPY"
    uid = stack.uid_of("INBOX", "a")
    stack.server.create("Old")
    stack.sync()

    def left(answer: bytes) -> bytes:
        if way == "moved":
            stack.server.move("INBOX", uid, "Old")
        else:
            stack.server.expunge("INBOX", uid)
        return answer

    stack.server.fault("SELECT", left, mailbox="Work")
    stack.serve("Work", "w")
    stack.move_file("INBOX", "a", "Work")
    stack.pass_time(10)
    executed = len(stack.server.executed)
    assert stack.sync().exit is Exit.OK
    assert stack.server.counts(executed)[command] <= 1
    assert stack.server.ghosts("Work")["a"] == 1
    assert stack.server.ghosts()["a"] == (2 if way == "moved" else 1)
    stack.pass_time(10)
    executed = len(stack.server.executed)
    assert stack.sync().exit is Exit.OK
    assert not stack.server.changing(executed)
