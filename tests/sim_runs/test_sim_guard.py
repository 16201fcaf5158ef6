"""The guard over several syncs (I12): whatever comes in whatever order within an hour, no more than
its share goes unasked; after accept exactly what was held goes, after reject all of it is back.

MAILSYNC_GUARD_EXAMPLES=500 pytest tests/sim_runs/test_sim_guard.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sim.server_profile import strict_qresync
from sim.server_state import ghost_of
from sim.stack import Stack
from sim.witness import SERVER
from sqlalchemy import text
from support.storied import Story

from mailsync.cache import Cache, mailboxes
from mailsync.model.errors import Exit
from mailsync.model.rows import Side
from mailsync.model.settings import Guard

HOUR = 3600.0
FLOOR, SHARE, SMALL = 25, 0.25, 10
EXAMPLES = int(os.environ.get("MAILSYNC_GUARD_EXAMPLES", "8"))
SIDES = (SERVER, "sim")

Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["serve", "file"]), st.sampled_from([1, 15])),
        st.tuples(st.sampled_from(["expunge", "unlink"]), st.sampled_from([1, 9, 20, 24, 40, 999])),
        st.tuples(st.just("pass"), st.sampled_from([10, 40, 61])),
        st.tuples(st.sampled_from(["sync", "accept", "reject"]), st.just(0)),
        st.tuples(st.just("jump"), st.sampled_from([-7200, 7200])),
    ),
    max_size=9,
)


class Guarded(Story):
    """INBOX with so many messages, all of them synced, and who took which of them when."""

    def __init__(self, count: int) -> None:
        super().__init__("guarded", strict_qresync(), guard=Guard(share=SHARE, floor=FLOOR))
        self.made = 0
        self.unasked: list[tuple[float, str, str]] = []  # when, side, ghost
        for _ in range(count):
            self.new("serve")
        self.tell()

    def new(self, how: str) -> None:
        self.made += 1
        ghost = f"g{self.made:04d}"
        if how == "serve":
            self.serve("INBOX", ghost)
        else:
            self.file("INBOX", ghost)

    def there(self, side: str) -> set[str]:
        if side == SERVER:
            return {message.ghost or "?" for message in self.server.contents("INBOX")}
        return {ghost_of(data) or "?" for data in self.mail().values()}

    def held(self) -> set[tuple[str, str]]:
        """(side, ghost) of all that is held now."""
        found = set()
        uids = {message.uid: message.ghost or "?" for message in self.server.contents("INBOX")}
        names = {
            path.rpartition("/")[2].partition(":")[0]: ghost_of(data) or "?"
            for path, data in self.mail().items()
        }
        with closing(self.cache()) as cache:
            for one in cache.held():
                if one.side is Side.SERVER:
                    found |= {(SERVER, uids[uid]) for uid in one.uids}
                else:
                    found |= {("sim", names[name]) for name in one.names}
        return found

    def look(self, *, asked: bool = False) -> set[tuple[str, str]]:
        """One sync: what it took; unless asked, no more than the guard's share within an hour."""
        before = {side: len(self.there(side)) for side in SIDES}
        since = len(self.server.witness.taken)
        ran = self.tell()
        now = self.server.time.now
        took = {(side, ghost) for side, _, ghost in self.server.witness.taken[since:]}
        assert (ran.exit == Exit.HELD) == bool(self.held()), ran.report
        if asked:
            return took
        for side in SIDES:
            older = [1 for when, at, _ in self.unasked if at == side and when > now - HOUR]
            goes = [ghost for at, ghost in took if at == side]
            self.unasked += [(now, side, ghost) for ghost in goes]
            total, count = len(older) + len(goes), before[side] + len(older)
            assert not goes or total <= max(FLOOR, SHARE * count), f"{total} of {count} on {side}"
            assert not goes or count < SMALL or total < count, f"all {count} on {side}"
        return took

    def decide(self, what: str) -> None:
        held = self.held()
        if what == "accept":
            self.accept()
            assert self.look(asked=True) == held
        else:
            self.reject()
            assert self.look(asked=True) == set()
            assert {ghost for _, ghost in held} <= self.there(SERVER) & self.there("sim")

    def step(self, what: str, number: int) -> None:
        if what in ("serve", "file"):
            for _ in range(number):
                self.new(what)
        elif what in ("expunge", "unlink"):
            there = self.there(SERVER if what == "expunge" else "sim")
            for ghost in sorted(there)[:number]:
                getattr(self, what)("INBOX", ghost)
        elif what == "pass":
            self.pass_time(number * 60)
        elif what == "jump":
            self.jump(number)
        elif what == "sync":
            self.look()
        else:
            self.look()  # what is not seen yet is not decided about
            self.decide(what)


def played(steps: list[Step], count: int = 40, last: str = "reject") -> None:
    with Guarded(count) as s:
        for step in steps:
            s.step(*step)
        s.look()
        s.decide(last)
        assert s.held() == set()
        assert s.there(SERVER) == s.there("sim")
        s.idle()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS, st.sampled_from([9, 40, 120]), st.sampled_from(["accept", "reject"]))
def test_whatever_comes(steps: list[Step], count: int, last: str) -> None:
    played(steps, count, last)


BITES: list[Step] = [("unlink", 15), ("sync", 0), ("pass", 10), ("unlink", 15), ("sync", 0)]
MANY: list[Step] = [("expunge", 40), ("sync", 0)]


@pytest.mark.parametrize("steps", [BITES, MANY, [*BITES, ("accept", 0)], [*MANY, ("accept", 0)]])
def test_by_bites_and_at_once(steps: list[Step]) -> None:
    played(steps)


class TestSabotage:
    """A property that cannot fail shows nothing."""

    def test_there_is_no_guard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mailsync.planner.deletions.stops", lambda *_: None)
        with pytest.raises(AssertionError, match="of 40 on sim"):
            played(MANY)

    def test_what_went_before_is_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nothing = text(f"SELECT * FROM ({mailboxes._REMOVED.text}) WHERE 0")
        monkeypatch.setattr(mailboxes, "_REMOVED", nothing)
        with pytest.raises(AssertionError, match="of 40 on server"):
            played(BITES)

    def test_accept_releases_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Cache, "accept", lambda *_, **__: 1)
        with pytest.raises(AssertionError):
            played([*MANY, ("accept", 0)])

    def test_reject_is_an_accept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Cache, "reject", lambda cache, box, now: cache.accept(box, now + HOUR))
        with pytest.raises(AssertionError):
            played(MANY)


@contextmanager
def all_held(box: str, count: int) -> Iterator[tuple[Stack, set[str]]]:
    """A mailbox of which all messages were removed here, and are held; their ghosts."""
    stack = Stack(f"all of {box} is held", guard=Guard())
    try:
        if box != "INBOX":
            stack.server.create(box)
        ghosts = {f"m{number}" for number in range(count)}
        for ghost in sorted(ghosts):
            stack.serve(box, ghost)
        for _ in range(2):
            assert stack.sync().exit == Exit.OK
            stack.pass_time(60)
        for ghost in sorted(ghosts):
            stack.unlink(box, ghost)
        stack.pass_time(60)
        assert stack.sync().total().held == count
        yield stack, ghosts
    finally:
        stack.close()


def one_comes(stack: Stack, box: str, held: int) -> None:
    """They are not all any more."""
    stack.serve(box, "new")
    stack.pass_time(60)
    assert stack.sync().total().held == held


@pytest.mark.parametrize(
    "change",
    [{"max_size": 10**7}, {"max_age": 9999}, {"trash": "Bin"}, {"expunge_deleted": True}],
    ids=str,
)
def test_another_limit_is_no_accept(change: dict[str, object]) -> None:
    with all_held("INBOX", 24) as (stack, ghosts):
        one_comes(stack, "INBOX", 24)
        stack.account = replace(stack.account, **change)  # type: ignore[arg-type]
        for _ in range(2):
            stack.pass_time(60)
            assert stack.sync().total().held == 24
        assert stack.server.ghosts("INBOX").keys() == {*ghosts, "new"}
        stack.account = replace(stack.account, guard=Guard(share=None))
        stack.pass_time(60)
        assert stack.sync().exit == Exit.OK
        assert stack.server.ghosts("INBOX").keys() == {"new"}


@pytest.mark.parametrize("limit", [{"max_size": 10}, {"max_age": 1}], ids=str)
def test_what_is_held_and_then_out_of_scope_asks_nobody(limit: dict[str, int]) -> None:
    with all_held("INBOX", 12) as (stack, ghosts):
        stack.pass_time(3 * 86400)
        stack.account = replace(stack.account, **limit)  # type: ignore[arg-type]
        assert stack.sync().exit == Exit.OK
        assert stack.server.ghosts("INBOX").keys() == ghosts
        stack.account = replace(stack.account, **dict.fromkeys(limit))  # type: ignore[arg-type]
        assert stack.sync().total().downloaded == 12, "what went meanwhile is no deletion"
        assert stack.server.ghosts("INBOX").keys() == ghosts


@pytest.mark.parametrize("where", ["renamed there", "renamed here", "gone and back"])
def test_a_mailbox_that_goes_is_no_accept(where: str) -> None:
    with all_held("Work", 24) as (stack, ghosts):
        one_comes(stack, "Work", 24)
        if where == "renamed there":
            stack.server.rename("Work", "Other")
        elif where == "renamed here":
            stack.rename("/mail/Work", "/mail/Other")
        else:
            stack.rename("/mail/Work", "/mail/.away")
            stack.pass_time(60)
            assert stack.sync().exit == Exit.HELD
            stack.rename("/mail/.away", "/mail/Work")
        for _ in range(3):
            stack.pass_time(60)
            report = stack.sync()
            assert report.exit == Exit.HELD, report
            assert stack.server.ghosts().keys() == {*ghosts, "new"}


@pytest.mark.parametrize("where", ["there", "here", "gone and back"])
def test_another_name_is_no_accept_of_what_was_expunged_there(where: str) -> None:
    """With what has come since it is not all of the mailbox any more."""
    with Story("expunged and held", guard=Guard()) as story:
        story.server.create("Work")
        ghosts = [f"g{number}" for number in range(24)]
        for ghost in ghosts:
            story.serve("Work", ghost)
        assert story.tell().exit == 0
        for ghost in ghosts:
            story.expunge("Work", ghost)
        assert story.tell().total.held == 24
        story.serve("Work", "new")
        assert story.tell().total.held == 24
        if where == "here":
            story.rename("/mail/Work", "/mail/Other")
        else:
            story.server.rename("Work", "Other")
        if where == "gone and back":
            story.tell()
            story.server.rename("Other", "Work")
        for _ in range(3):
            ran = story.tell()
            assert (ran.exit, ran.total.held, len(story.mail())) == (3, 24, 25), ran.text
        story.accept()
        assert story.tell().total.removed == 24
