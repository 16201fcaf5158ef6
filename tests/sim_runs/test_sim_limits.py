"""Providers with limits: so much a day, and not before when, over many runs."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from unittest import mock

import pytest
from sim.fs import MODELS
from sim.server_profile import gmail, o365
from sim.server_state import ghost_of
from sim.steps import Steps
from support.storied import Story

from mailsync.imap.quirks import Allowance
from mailsync.model.errors import Exit
from mailsync.model.report import AccountStatus
from mailsync.model.settings import Day
from mailsync.modes import inspect
from mailsync.modes.limits import Limits

DAY = 24 * 3600.0
BUDGET = 60_000  # bytes
SIZE = 3000
RUNS = 12


def filled(name: str, **account: object) -> Story:
    """30 messages in INBOX and 10 in Work, the newest of which is the newest but one of all."""
    story = Story(name, gmail(), download_per_day=BUDGET, **account)
    story.server.create("Work")
    for number in range(38):
        box = "Work" if number < 9 else "INBOX"
        story.serve(box, f"g{number:02}", size=SIZE)
    story.serve("Work", "g38", size=SIZE)
    story.serve("INBOX", "g39", size=SIZE)
    return story


def here(story: Story) -> list[str]:
    """The ghosts of the files, oldest first."""
    found = [ghost_of(data) for data in story.mail().values()]
    return sorted(ghost for ghost in found if ghost is not None)


def finished(story: Story, runs: int = RUNS) -> int:
    """Runs, each a day after the last one, until all is there; how many."""
    for number in range(1, runs + 1):
        ran = story.tell(pause=DAY + 3600)
        assert ran.exit in (Exit.OK, Exit.TEMPORARY), ran.text
        assert ran.fetched > 0
        if ran.exit == Exit.OK:
            return number
    raise AssertionError(f"not done after {runs} days")


def status(story: Story) -> AccountStatus:
    """`mailsync status`, by the clock of the story."""
    world = nullcontext(story.job(Steps()).world)
    with mock.patch.object(inspect, "production_world", return_value=world):
        (found,) = inspect.status([story.account]).accounts
    return found


def equal(story: Story) -> None:
    """Both sides, and idle."""
    views = story.oracle.server_views(story.server)
    story.oracle.at_rest(story.server, story.fs, views, "at the end")
    story.idle()


def test_a_first_sync_of_gmail_goes_on_over_days() -> None:
    with filled("days") as s:
        ran = s.tell()
        assert ran.exit == Exit.TEMPORARY
        first = ran.fetched
        assert 10 <= first <= 20, "about what the budget has"
        assert (ran.total.downloaded, ran.total.waiting) == (first, 40 - first)
        assert "download-per-day: the 0.06 MB of a day are used up" in ran.text
        assert "it goes on at" in ran.text
        assert here(s) == [f"g{n:02}" for n in range(40 - first, 40)], (
            "the newest, of all mailboxes"
        )
        s.idle(exit=Exit.TEMPORARY)

        # What costs no body goes on.
        s.flag("INBOX", "g39", "FS")
        s.server.set_flags("Work", s.uid_of("Work", "g38"), ["\\Answered"])
        s.move_file("INBOX", "g37", "Work")
        s.unlink("INBOX", "g36")
        ran = s.tell(pause=3600)
        assert (ran.exit, ran.fetched) == (Exit.TEMPORARY, 0)
        assert ran.total.waiting == 40 - first + 1, "the one in the trash has no file any more"
        assert (ran.total.flags_server, ran.total.flags_local, ran.total.moved) == (1, 1, 2)
        s.idle(exit=Exit.TEMPORARY)

        assert finished(s) >= 2
        assert s.server.bodies_sent == 40 + 1, "each once"
        equal(s)
        assert s.server.bodies_sent == 40 + 1


def test_new_mail_goes_before_the_rest() -> None:
    """A tenth of the budget is kept for it."""
    with filled("new") as s:
        assert s.tell().exit == Exit.TEMPORARY
        body = b"X-Ghost: new\r\nSubject: new\r\n\r\nhello\r\n"
        s.oracle.born("new", body.replace(b"\r\n", b"\n"))
        s.server.deliver("INBOX", body, (), int(s.server.wall()))
        ran = s.tell(pause=300)
        assert (ran.exit, ran.total.downloaded) == (Exit.TEMPORARY, 1), ran.text
        assert "new" in here(s)
        finished(s)
        assert s.server.bodies_sent == 41
        equal(s)


def test_the_day_is_rolling() -> None:
    """A run every hour: what was used a day before is free again, and never more than a day's."""
    with filled("hours") as s:
        sent: list[int] = []
        for _ in range(100):
            ran = s.tell(pause=3600)
            sent.append(ran.fetched * SIZE)
            assert sum(sent[-24:]) <= BUDGET + SIZE
            if ran.exit == Exit.OK:
                break
        assert sum(1 for one in sent if one) <= 6, "as it was used, so it is free again"
        assert s.server.bodies_sent == 40
        equal(s)


@pytest.mark.parametrize("jump", [-400 * DAY, 400 * DAY])
def test_a_wall_clock_that_jumps(jump: float) -> None:
    """It neither frees the budget nor locks it for ever."""
    with filled(f"jump {jump}") as s:
        first = s.tell().fetched
        s.jump(jump)
        ran = s.tell()
        assert (ran.exit, ran.fetched) == (Exit.TEMPORARY, 0), ran.text
        assert s.tell(pause=DAY + 3600).fetched >= first // 2
        s.reboot()
        finished(s)
        assert s.server.bodies_sent == 40
        equal(s)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("at", [40, 75, 110, 150])
def test_cut_off_in_the_middle(at: int, model: str) -> None:
    """Nothing is lost or doubled, what was stored is not fetched again, and the days go on."""
    with filled(f"cut {at} {model}") as s:
        s.pass_time(60)
        s.crash(at, model)
        sent = s.server.bodies_sent
        ran = s.tell()
        assert ran.exit == Exit.TEMPORARY, ran.text
        finished(s)
        assert Counter(here(s)).most_common(1)[0][1] == 1
        assert s.server.bodies_sent <= 40 + sent
        equal(s)


def test_uploads_have_a_budget_too() -> None:
    with Story("up", gmail(), upload_per_day=BUDGET) as s:
        for number in range(30):
            s.file("INBOX", f"g{number:02}", size=SIZE)
        ran = s.tell()
        first = ran.stored
        assert (ran.exit, ran.total.waiting) == (Exit.TEMPORARY, 30 - first), ran.text
        assert "upload-per-day" in ran.text
        assert 10 <= first <= 20
        stored = sorted(str(message.ghost) for message in s.server.messages("INBOX"))
        assert stored == [f"g{n:02}" for n in range(30 - first, 30)], "the newest"
        s.idle(exit=Exit.TEMPORARY)
        for _ in range(RUNS):
            if s.tell(pause=DAY + 3600).exit == Exit.OK:
                break
        assert s.server.bodies_stored == 30
        equal(s)


@pytest.mark.parametrize("changes", [{"download_per_day": Day.OFF}, {"download_per_day": 10**9}])
def test_a_budget_that_is_raised_holds_at_once(changes: dict[str, object]) -> None:
    with filled("raised") as s:
        assert s.tell().exit == Exit.TEMPORARY
        s.change(**changes)
        assert s.tell().exit == Exit.OK
        assert s.server.bodies_sent == 40
        equal(s)


def test_what_gmail_is_known_to_allow() -> None:
    """By itself: nobody wrote a number."""
    with Story("auto", gmail()) as s:
        s.serve("INBOX", "a")
        known: list[tuple[int | None, int | None]] = []
        allowed = Limits.allowed

        def note(limits: Limits, allowance: Allowance) -> None:
            allowed(limits, allowance)
            known.append(limits.budgets)

        with mock.patch.object(Limits, "allowed", note):
            assert s.tell().exit == Exit.OK
        assert known == [(2_250_000_000, 450_000_000)]
        equal(s)


# -- the server wants to be left alone -----------------------------------------------------------

HOUR = "BAD Request is throttled. Suggested Backoff Time: 3600000 milliseconds"


def test_a_timer_leaves_a_server_alone() -> None:
    """What was said holds for later runs: none of them connects before its time."""
    with Story("alone", o365()) as s:
        s.serve("INBOX", "a")
        s.server.fault("UID FETCH", HOUR, sticky=True)
        ran = s.tell()
        assert ran.exit == Exit.TEMPORARY
        assert "the server wants to be left alone until" in ran.text
        s.server.faults.clear()
        s.file("INBOX", "b")
        (text,) = status(s).errors
        assert text.startswith("the server wants to be left alone until ")
        assert status(s).exit == Exit.TEMPORARY
        for _ in range(5):
            executed = len(s.server.executed)
            ran = s.tell(pause=600)
            assert (ran.exit, len(s.server.executed)) == (Exit.TEMPORARY, executed)
            assert "not tried: the server wants to be left alone until" in ran.text
            assert "Suggested Backoff Time" in ran.text
        assert s.tell(pause=601).exit == Exit.OK
        assert (status(s).errors, status(s).exit) == ((), Exit.OK)
        equal(s)


def test_at_a_terminal_it_is_tried_at_once() -> None:
    with Story("terminal", o365()) as s:
        s.serve("INBOX", "a")
        s.server.fault("UID FETCH", HOUR, nth=1, sticky=True)
        s.tell()
        executed = len(s.server.executed)
        ran = s.tell(interactive=True)
        assert ran.exit == Exit.TEMPORARY
        assert len(s.server.executed) > executed
        executed = len(s.server.executed)
        assert "not tried" in s.tell().text, "and the next timer waits again"
        assert len(s.server.executed) == executed
        s.server.faults.clear()
        assert s.tell(interactive=True).exit == Exit.OK
        equal(s)


def test_a_quota_without_a_time_is_tried_ever_more_rarely() -> None:
    """Gmail locks an account for up to a day, and does not say for how long."""
    with Story("quota", gmail()) as s:
        s.serve("INBOX", "a")
        text = "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)"
        s.server.fault("UID FETCH", text, sticky=True)
        tried = 0
        for _ in range(12 * 24):
            executed = len(s.server.executed)
            assert s.tell(pause=300).exit == Exit.TEMPORARY
            tried += len(s.server.executed) > executed
        assert 6 <= tried <= 9
        s.server.faults.clear()
        assert s.tell(pause=DAY / 4).exit == Exit.OK
        equal(s)


def test_too_many_connections_are_no_reason_to_wait() -> None:
    """They end by themselves, and mailsync needs one."""
    with Story("crowded", gmail()) as s:
        s.serve("INBOX", "a")
        s.server.fault("LOGIN", "NO [ALERT] Too many simultaneous connections. (Failure)")
        s.server.fault("AUTHENTICATE", "NO [ALERT] Too many simultaneous connections. (Failure)")
        ran = s.tell()
        assert ran.exit == Exit.TEMPORARY, ran.text
        assert "other programs and devices have all the connections" in ran.text
        assert s.tell(pause=300).exit == Exit.OK
        equal(s)
