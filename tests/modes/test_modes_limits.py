"""What a server asked for is kept for the next runs."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.dialogue import account

from mailsync.imap.quirks import Allowance
from mailsync.model.errors import (
    AuthError,
    Disconnected,
    Exit,
    MailsyncError,
    SlowDown,
    Throttled,
    Unavailable,
)
from mailsync.model.mailboxname import MailboxName
from mailsync.model.settings import Day
from mailsync.model.usage import DAY, Bytes, Ration
from mailsync.modes.limits import LEAST, Limits, NotTried
from mailsync.modes.logins import Logins
from mailsync.server.values import Traffic

NOW = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now, self.since_boot, self.boot_id = NOW, 5000.0, "one"

    def wall(self) -> float:
        return self.now

    def boot(self) -> tuple[str, float]:
        return self.boot_id, self.since_boot

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        self.since_boot += seconds


class Runs:
    """One run after another."""

    def __init__(self, state: Path) -> None:
        self.clock = Clock()
        self.account = account(state=state / "me")

    def run(self, *, interactive: bool = False) -> Limits:
        return Limits(self.account, self.clock, interactive=interactive)

    def ends(self, error: MailsyncError | None) -> str:
        self.run().heed(error)
        return "" if error is None else str(error)

    def blocked(self) -> str:
        with pytest.raises(NotTried) as caught:
            self.run().check()
        assert caught.value.exit is Exit.TEMPORARY
        return str(caught.value)

    @property
    def file(self) -> Path:
        return self.account.state / "limits"


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_a_server_that_says_for_how_long(runs: Runs) -> None:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(NOW + 3600))
    rest = (
        f"the server wants to be left alone until {when}; `mailsync sync test` on a terminal tries "
        "at once"
    )
    assert runs.ends(Disconnected("busy", retry_after=3600.0)) == f"busy; {rest}"
    assert runs.blocked() == f"not tried: {rest}; it said: busy"
    assert runs.run().said == f"{rest}; it said: busy"
    runs.clock.go_on(3599)
    runs.blocked()
    runs.clock.go_on(1)
    runs.run().check()
    assert runs.run().said == ""


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (Throttled("slow", code="THROTTLED"), True),
        (SlowDown("slow"), True),
        (Unavailable("later", retry_after=30.0), True),
        (Unavailable("later"), False),
        (Disconnected("gone"), False),
        (AuthError("no"), False),
        (NotTried("not tried"), False),
        (None, False),
    ],
    ids=str,
)
def test_what_asks_for_patience(runs: Runs, error: MailsyncError | None, waits: bool) -> None:
    runs.ends(error)
    assert bool(runs.run().said) == waits
    assert runs.file.exists() == waits


def test_what_was_not_tried_makes_it_no_longer(runs: Runs) -> None:
    runs.ends(SlowDown("slow"))
    before = runs.file.read_bytes()
    with pytest.raises(NotTried) as caught:
        runs.run().check()
    runs.ends(caught.value)
    assert runs.file.read_bytes() == before


def test_a_run_that_was_served_ends_it(runs: Runs) -> None:
    for _ in range(3):
        runs.ends(SlowDown("slow"))
        runs.clock.go_on(DAY / 4)
    runs.ends(None)
    runs.ends(SlowDown("slow"))
    runs.clock.go_on(15 * 60)
    runs.run().check()


def test_a_person_at_a_terminal_may_try_once(runs: Runs) -> None:
    runs.ends(SlowDown("slow", retry_after=3600.0))
    made = runs.run(interactive=True)
    made.check()
    made.check()
    runs.run().check()
    made.heed(SlowDown("slow", retry_after=3600.0))
    runs.blocked()


@pytest.mark.parametrize("wall", [-30 * DAY, 30 * DAY])
def test_a_clock_that_jumps(runs: Runs, wall: float) -> None:
    runs.ends(SlowDown("slow", retry_after=3600.0))
    runs.clock.now += wall
    runs.blocked()
    runs.clock.since_boot += 3600
    runs.run().check()


def test_a_reboot_with_a_clock_of_long_ago(runs: Runs) -> None:
    runs.ends(SlowDown("slow", retry_after=3600.0))
    runs.clock.now -= 1000 * DAY
    runs.clock.boot_id, runs.clock.since_boot = "two", 20.0
    runs.blocked()
    runs.clock.go_on(3600)
    runs.run().check()


def test_another_account_is_not_meant(runs: Runs) -> None:
    runs.ends(SlowDown("slow"))
    runs.account = replace(runs.account, user="bob")
    runs.run().check()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", "{", '{"whose": 3}', "\xff"],
)
def test_a_damaged_file_is_as_none(runs: Runs, text: str) -> None:
    runs.ends(SlowDown("slow"))
    runs.file.write_bytes(text.encode("latin-1"))
    runs.run().check()
    runs.ends(SlowDown("slow"))
    runs.blocked()


@pytest.mark.parametrize("left", [1e300, float("inf"), float("nan"), "7", None, [], -1e300])
def test_what_somebody_wrote_into_it_locks_nobody_out(runs: Runs, left: object) -> None:
    runs.ends(SlowDown("slow"))
    found = json.loads(runs.file.read_text())
    found["pause"][0] = left
    found["used"] = [[left, left, 3, 3]]
    runs.file.write_text(json.dumps(found))
    runs.clock.go_on(DAY + 3600)
    made = runs.run()
    made.check()


def test_it_stands_before_every_login(runs: Runs) -> None:
    async def fetch(again: bool) -> str:
        raise AssertionError("nobody is asked for a password")

    runs.ends(SlowDown("slow"))
    made = Logins(runs.account, runs.clock, fetch, interactive=False, keep=True, limits=runs.run())
    with pytest.raises(NotTried):
        made.check()


# -- so much a day -------------------------------------------------------------------------------

GMAIL = Allowance(2_250_000_000, 450_000_000)
INBOX, WORK = MailboxName("INBOX"), MailboxName("Work")


def transferred(limits: Limits, down: int, up: int = 0) -> None:
    """By a connection of its own."""
    limits.watch(Traffic(plain_in=down, plain_out=up))


@pytest.mark.parametrize(
    ("changes", "allowance", "budgets"),
    [
        ({}, Allowance(), (None, None)),
        ({}, GMAIL, (2_250_000_000, 450_000_000)),
        ({"download_per_day": Day.OFF}, GMAIL, (None, 450_000_000)),
        ({"download_per_day": 7, "upload_per_day": Day.OFF}, GMAIL, (7, None)),
        ({"upload_per_day": 7}, Allowance(), (None, 7)),
    ],
)
def test_the_user_s_number_or_the_provider_s(
    runs: Runs,
    changes: dict[str, object],
    allowance: Allowance,
    budgets: tuple[int | None, int | None],
) -> None:
    runs.account = replace(runs.account, **changes)  # type: ignore[arg-type]
    limits = runs.run()
    limits.allowed(allowance)
    assert limits.budgets == budgets


def test_without_a_budget_nothing_is_written(runs: Runs) -> None:
    limits = runs.run()
    transferred(limits, 10**9)
    assert limits.rations() == (None, None)
    limits.count(1)
    assert limits.ended({}, keep=True) == ()
    assert not runs.file.exists()


def test_what_is_left_of_it(runs: Runs) -> None:
    limits = runs.run()
    limits.allowed(GMAIL)
    assert limits.rations() == (Ration(2_250_000_000, 225_000_000), Ration(450_000_000, 45_000_000))
    transferred(limits, 1_000_000_000, 50_000_000)
    transferred(limits, 200_000_000)
    assert limits.rations() == (Ration(1_050_000_000, 225_000_000), Ration(400_000_000, 45_000_000))
    limits.count()
    limits.count()  # nothing new
    assert limits.rations()[0] == Ration(1_050_000_000, 225_000_000)
    runs.clock.go_on(3600)
    again = runs.run()
    again.allowed(GMAIL)
    assert again.rations() == (Ration(1_050_000_000, 225_000_000), Ration(400_000_000, 45_000_000))
    runs.clock.go_on(DAY)
    assert again.rations() == (Ration(2_250_000_000, 225_000_000), Ration(450_000_000, 45_000_000))


def test_little_is_not_written_each_time(runs: Runs) -> None:
    limits = runs.run()
    limits.allowed(GMAIL)
    transferred(limits, 10_000)
    limits.count()
    limits.count(LEAST)
    assert not runs.file.exists()
    transferred(limits, LEAST)
    limits.count()
    assert not runs.file.exists()
    limits.count(LEAST)
    assert runs.run().book().spent == Bytes(LEAST + 10_000, 0)


def test_what_waits_is_said_and_kept(runs: Runs) -> None:
    limits = runs.run()
    limits.allowed(GMAIL)
    transferred(limits, 2_300_000_000)
    limits.count()
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(NOW + DAY))
    text = "download-per-day: the 2,250 MB of a day are used up, 1,003 messages wait"
    waiting = {INBOX: {"Download": 1000}, WORK: {"Download": 3}}
    assert limits.ended(waiting, keep=False) == (f"{text}; it goes on at {when}",)
    assert runs.run().said == ""
    limits.ended(waiting, keep=True)
    assert runs.run().said == f"{text}; it goes on at {when}"
    runs.clock.go_on(DAY)
    assert runs.run().said == f"{text}; the next sync goes on"
    runs.ends(SlowDown("slow"))
    assert "left alone" in runs.run().said, "that comes first"
    runs.ends(None)
    assert limits.ended({}, keep=True) == ()
    assert runs.run().said == ""


def test_both_budgets_are_used_up(runs: Runs) -> None:
    runs.account = replace(runs.account, download_per_day=1000, upload_per_day=2_000_000)
    limits = runs.run()
    transferred(limits, 1000, 2_000_000)
    limits.count()
    (text,) = limits.ended({INBOX: {"Download": 1, "Upload": 2}}, keep=True)
    assert text.startswith(
        "download-per-day: the 0.001 MB of a day are used up, 1 message waits; "
        "upload-per-day: the 2 MB of a day are used up, 2 messages wait; it goes on at "
    )
