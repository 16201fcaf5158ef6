"""A mailbox that may only be read, for a while or for good."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sim.scenarios import six
from sim.server_profile import Profile, plain, strict_qresync
from sim.stack import Stack

from mailsync.model.errors import Exit


@pytest.fixture(params=[plain(), strict_qresync()], ids=lambda profile: profile.name)
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    profile: Profile = request.param
    made = Stack(f"read-only {profile.name}", profile)
    six(made)
    yield made
    made.close()


def read_only(stack: Stack, box: str) -> None:
    def said(answer: bytes) -> bytes:
        answer = re.sub(rb"\[PERMANENTFLAGS \([^)]*\)\]", b"[PERMANENTFLAGS ()]", answer)
        return answer.replace(b"[READ-WRITE]", b"[READ-ONLY]")

    stack.server.fault("SELECT", said, sticky=True, mailbox=box)


def test_flags_of_the_server_are_shown(stack: Stack) -> None:
    """PERMANENTFLAGS () says that we may change none; not that there are none."""
    stack.server.create("Shared")
    stack.serve("Shared", "x", "\\Seen", "\\Flagged")
    read_only(stack, "Shared")
    assert stack.sync().exit == Exit.OK
    assert stack.path_of("Shared", "x").endswith(":2,FS")
    stack.pass_time(60)
    stack.server.set_flags("Shared", stack.uid_of("Shared", "x"), ["\\Answered"], ["\\Flagged"])
    assert stack.sync().exit == Exit.OK
    assert stack.path_of("Shared", "x").endswith(":2,RS")


def test_what_could_not_be_sent_goes_when_it_is_writable(stack: Stack) -> None:
    assert stack.sync().exit == Exit.OK
    stack.pass_time(60)
    read_only(stack, "INBOX")
    stack.file("INBOX", "new")
    stack.unlink("INBOX", "a")
    stack.flag("INBOX", "b", "FS")
    stack.serve("INBOX", "other")
    stack.pass_time(10)
    for _ in range(2):
        executed = len(stack.server.executed)
        report = stack.sync()
        assert (report.exit, report.total().unsent) == (Exit.OK, 3), report
        assert not stack.server.changing(executed)
        stack.pass_time(10)
    stack.server.faults.clear()
    stack.pass_time(10)  # no need to wait for the daily audit
    report = stack.sync()
    assert (report.exit, report.total().unsent) == (Exit.OK, 0), report
    assert stack.server.ghosts("INBOX") == dict.fromkeys(("b", "c", "new", "other"), 1)
    flags = next(m.flags for m in stack.server.contents("INBOX") if m.ghost == "b")
    assert {"\\Flagged", "\\Seen"} <= flags
    executed = len(stack.server.executed)
    assert stack.sync().exit == Exit.OK
    assert not stack.server.changing(executed)
