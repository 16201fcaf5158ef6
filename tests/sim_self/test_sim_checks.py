"""Checks of the simulator held against worlds and engines that are wrong on purpose."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from typing import Any

import pytest
from regressions.test_servers import (
    test_15_mutt_2021_lines_are_missing_in_a_listing as lines_missing,
)
from sim import commute, play, random_runs
from sim.commute import distinct, replicas
from sim.events import Act, Fault, Run, Sync
from sim.exhaust import prepared, settled
from sim.faulty import Point, check
from sim.ledger import Ledger
from sim.oracle import Violation
from sim.play import PASSWORD, Outcome, Play, Views
from sim.server_profile import plain
from sim.under import named
from sqlalchemy import Connection

from mailsync.cache import observe
from mailsync.cache.words import Stored
from mailsync.model.flags import Flags
from mailsync.model.ids import UID_MAX
from mailsync.model.observation import ServerObservation
from mailsync.model.rows import Presence
from mailsync.model.uidset import UIDSet
from mailsync.planner import verdict
from mailsync.system.lock import Lock


def test_a_message_that_is_nowhere() -> None:
    scenario = named("flags on both sides")
    stack = prepared(scenario, 0)
    try:
        stack.oracle.born("x", b"X-Ghost: x\n\nlost\n")
        with pytest.raises(Violation, match="I1 no loss"):
            stack.oracle.no_loss(stack.server, stack.fs, "now")
    finally:
        stack.close()


def test_a_second_sync_that_does_something() -> None:
    scenario = named("flags on both sides")
    stack = prepared(scenario, 0)
    try:
        stack.sync()
        stack.make("Odd")
        with pytest.raises(Violation, match="a second sync sent"):
            settled(scenario, stack, "now")
    finally:
        stack.close()


def test_a_fault_after_which_a_deletion_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    gone, there = Presence.GONE, Presence.THERE
    monkeypatch.setitem(verdict.TABLE, (gone, there), lambda *_: verdict.PUT_BACK_UP)
    with pytest.raises(Violation):
        check(Point.of("deleted on both sides|server|12|NO|once"))


def test_a_listing_that_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever EXISTS says: what is missing in it is taken for expunged."""
    stored = observe.store_server

    def believed(c: Connection, obs: ServerObservation, now: float) -> Stored:
        return stored(c, replace(obs, complete=UIDSet.span(1, UID_MAX)), now)

    monkeypatch.setattr(observe, "_whole", lambda *_: True)
    monkeypatch.setattr(observe, "store_server", believed)
    with pytest.raises(AssertionError):
        lines_missing(plain)


def test_a_password_in_a_file() -> None:
    one = Play(Run("secret"))
    try:
        (one.machines[0].state / "log").write_text(f"said {PASSWORD}")
        with pytest.raises(Violation, match="I17"):
            one._secrets()
    finally:
        one.machines[0].close()


def test_a_sync_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "LONGEST", 15.0)
    assert play.play(Run("fast", events=(Sync((0,), 1),))).wrong == ""
    slow = Sync((0,), 1, faults=(Fault("slow", 0, 3, "20"),))
    assert "I18" in play.play(Run("slow", events=(slow,))).wrong


def test_a_seed_that_plays_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    count = itertools.count()
    outcome = Outcome("", "", 0, 0, 0, 0)
    monkeypatch.setattr(
        random_runs, "attempt", lambda run: play.replace(outcome, trace=f"{next(count)}")
    )
    assert "I19" in random_runs.one(("1.1", None, True))[1].wrong


ON_BOTH = (Act("0", "fflag", ("m1", "INBOX", "F", "")), Act("1", "fflag", ("m1", "INBOX", "S", "")))


def test_the_flags_of_whoever_syncs_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Maildir wins, whatever others changed: then it matters who comes first."""
    replicas("self", "strict_qresync", ON_BOTH)

    def wins(base: Flags | None, server: Flags, local: Flags) -> Flags:
        return local

    monkeypatch.setattr(sys.modules["mailsync.planner.plan"], "merged", wins)
    with pytest.raises(Violation, match="I6c"):
        replicas("self", "strict_qresync", ON_BOTH)


def test_a_flag_that_spreads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one message got, all get that are looked at later: then it matters which come first.
    Only the comparison is to see it."""
    spread: list[Flags] = [Flags.NONE]
    plan, ended = sys.modules["mailsync.planner.plan"], commute.ended
    merged = plan.merged

    def spreads(base: Flags | None, server: Flags, local: Flags) -> Flags:
        flags = merged(base, server, local)
        spread[0] |= flags & ~(base or Flags.NONE)
        return flags | spread[0]

    def anew(*args: Any, **given: Any) -> list[Views]:
        spread[0] = Flags.NONE
        return ended(*args, **given)

    monkeypatch.setattr(plan, "merged", spreads)
    monkeypatch.setattr(commute, "ended", anew)
    monkeypatch.setattr(Ledger, "_wrong", lambda *_: "")
    with pytest.raises(Violation, match="I6b"):
        distinct("spread 9", "strict_qresync")


def test_two_runs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Run("twice", events=(Act("server", "serve", ("m1", "INBOX", "")), Sync((0, 0), 1)))
    assert play.play(one).wrong == ""
    monkeypatch.setattr(Lock, "acquire", lambda _: None)
    assert "I20" in play.play(one).wrong
