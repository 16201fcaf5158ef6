"""A server that is full: what fits goes there, what does not is named and tried again later."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sim.server_profile import Profile, plain, strict_qresync
from support.storied import Story

COUNT = 40
DAY = 86400.0


@pytest.mark.parametrize("profile", [strict_qresync(), plain()], ids=lambda one: one.name)
def test_what_is_smaller_still_fits(profile: Profile) -> None:
    """The large one is alone in its trouble, among others that came in one APPEND with it."""
    with Story("quota", profile) as s:
        for number in range(COUNT):
            s.file("INBOX", f"m{number}")
        s.file("INBOX", "large", size=90_000)
        s.server.quota = 50_000
        ran = s.tell()
        assert (ran.exit, ran.total.uploaded, ran.total.parked) == (1, COUNT, 1), ran.report
        assert "quota" in ran.text
        s.idle(exit=1)
        s.server.quota = None
        s.pass_time(DAY)
        assert (ran := s.tell()).exit == 0
        assert (ran.total.uploaded, ran.commands["APPEND"]) == (1, 1)
        s.agree({"INBOX": " ".join([*(f"m{n}" for n in range(COUNT)), "large"])})


def test_no_room_at_all() -> None:
    """The smallest says so for all: not one APPEND for each."""
    with Story("full", replace(strict_qresync(), name="full")) as s:
        for number in range(COUNT):
            s.file("INBOX", f"m{number}", size=100 + number)
            s.file("Work", f"w{number}", size=900 - number)
        s.server.quota = 0
        ran = s.tell()
        assert (ran.exit, ran.total.uploaded, ran.total.parked) == (1, 0, 2 * COUNT)
        assert ran.commands["APPEND"] <= 2 * 7  # 40, 20, 10, 5, 2, 1 and once more
        s.server.quota = None
        s.pass_time(DAY)
        s.tell()
        s.agree(
            {
                "INBOX": " ".join(f"m{n}" for n in range(COUNT)),
                "Work": " ".join(f"w{n}" for n in range(COUNT)),
            }
        )
