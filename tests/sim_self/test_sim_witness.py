"""What the witness lets pass, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sim.oracle import Violation, body_of
from sim.stack import Stack
from sim.steps import Steps

from mailsync.executor import remove
from mailsync.model.layout import Layout
from mailsync.model.uidset import UIDSet


@pytest.fixture(params=Layout)
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    stack = Stack(layout=request.param)
    stack.make("INBOX")
    yield stack
    stack.close()


@pytest.mark.parametrize("told", [False, True])
def test_a_delivery_is_taken_back_until_the_cache_heard_of_it(stack: Stack, told: bool) -> None:
    steps = Steps()
    fs = stack.job(steps).world.fs
    here = stack.oracle.directory("INBOX")
    writer = fs.create(f"{here}/tmp/1")
    writer.write(body_of("a"))
    writer.close()
    fs.rename(f"{here}/tmp/1", f"{here}/new/1")
    if told:
        steps.step("cache.delivered.done")
    fs.unlink(f"{here}/new/1")
    assert bool(stack.server.witness.found) == told


def test_a_copy_below_is_no_copy(stack: Stack) -> None:
    """The same bytes in a mailbox below are another message."""
    stack.file("Work", "a")
    stack.make("Work/Sub")
    path = stack.path_of("Work", "a")
    stack.write(f"{stack.oracle.directory('Work/Sub')}/new/1", stack.fs.files()[path], 1)
    stack.job(Steps()).world.fs.unlink(path)
    with pytest.raises(Violation, match="I1b"):
        stack.witnessed("now")


def test_a_mailbox_that_nobody_renamed(stack: Stack) -> None:
    stack.file("Work", "a")
    old, new = stack.oracle.directory("Work"), stack.oracle.directory("Job")
    stack.job(Steps()).world.fs.rename(old, new)
    with pytest.raises(Violation, match="nobody renamed Work to Job"):
        stack.witnessed("now")


def test_a_deletion_without_a_condition(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag that another client set before the mark could be known: by UNCHANGEDSINCE, or by
    what STORE answers."""

    async def none(*_: object) -> None:
        return None

    monkeypatch.setattr(remove, "_modseq", none)
    monkeypatch.setattr(remove, "_flagged_since", lambda *_: UIDSet())
    stack.serve("INBOX", "a")
    stack.sync()
    stack.pass_time(60)
    stack.unlink("INBOX", "a")
    steps, uid = Steps(), stack.uid_of("INBOX", "a")
    steps.before("cache.mark", lambda: stack.server.set_flags("INBOX", uid, ["\\Flagged"]))
    stack.sync(steps)
    with pytest.raises(Violation, match="I10 deleted although F"):
        stack.witnessed("now")
