"""What is tried again, when, and how often."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest
from sim import loop
from sim.loop import Time
from sim.rand import SimRand

from mailsync.executor.retry import backoff, only_busy, park_until, repeated, retrying
from mailsync.executor.retry import worth_repeating as worth
from mailsync.model.errors import (
    AuthError,
    Disconnected,
    Help,
    MailsyncError,
    Refused,
    Throttled,
    Unavailable,
)

NOW = 1_700_000_000.0
MINUTE, DAY = 60.0, 86_400.0


class Fraction(SimRand):
    """Always the same."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def fraction(self) -> float:
        return self.value


def busy(after: float | None, help: Help = Help.WAIT) -> Refused:
    return Refused("busy", code="UNAVAILABLE", help=help, retry_after=after)


@pytest.mark.parametrize(
    ("error", "again", "as_it_was"),
    [
        (Disconnected("cut"), True, False),
        (Refused("no"), False, False),
        (AuthError("no"), False, False),
        (busy(None, Help.RETRY), True, True),
        (busy(None), False, False),
        (busy(300.0), True, True),
        (busy(300.5), False, False),
        (busy(1.0, Help.ASK), False, False),
        (Unavailable("later"), False, False),
        (Unavailable("later", retry_after=5), True, False),
        (Throttled("slow down", retry_after=5), True, True),
        (ssl.SSLError("no"), False, False),
        (OSError("no"), False, False),
    ],
)
def test_worth_repeating(error: Exception, again: bool, as_it_was: bool) -> None:
    assert worth(error) is again
    assert only_busy(error) is as_it_was


@pytest.mark.parametrize(
    ("attempt", "hint", "least", "most"),
    [
        (1, None, 1, 2),
        (2, None, 2, 4),
        (3, None, 4, 8),
        (12, None, 150, 300),
        (1, 7.0, 7, 7),
        (3, 0.0, 0, 0),
        (1, 1000.0, 300, 300),
    ],
)
def test_backoff(attempt: int, hint: float | None, least: float, most: float) -> None:
    """Doubled, never less than half of it; what the server asks for, up to what a run can wait."""
    error = Disconnected("cut", retry_after=hint)
    assert backoff(attempt, error, Fraction(0.0)) == least
    assert backoff(attempt, error, Fraction(1.0)) == most


@pytest.mark.parametrize(
    ("attempts", "after"),
    [(1, 15 * MINUTE), (2, 30 * MINUTE), (3, 60 * MINUTE), (7, 960 * MINUTE), (8, DAY), (9, DAY)],
)
def test_park_until(attempts: int, after: float) -> None:
    assert park_until(attempts, NOW) == NOW + after


def test_what_fails_every_day_for_years_stays_parked_for_a_day() -> None:
    assert park_until(5000, NOW) == NOW + DAY


def calls(error: Callable[[int], Exception | None]) -> tuple[int, float, str]:
    """How often a command is sent, what the waits took, and what came of it in the end."""
    sent, time = 0, Time(0.0)

    async def call() -> str:
        nonlocal sent
        sent += 1
        if (wrong := error(sent)) is not None:
            raise wrong
        return "done"

    try:
        said = loop.run(repeated(SimRand(1), call), time)
    except MailsyncError as wrong:
        said = str(wrong)
    return sent, time.now, said


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (lambda at: None, (1, 0, "done")),
        (lambda at: busy(5.0) if at < 3 else None, (3, 10, "done")),
        (lambda at: busy(5.0), (3, 10, "busy")),
        (lambda at: Refused("no"), (1, 0, "no")),
        (lambda at: Disconnected("cut"), (1, 0, "cut")),
    ],
)
def test_a_busy_server_is_asked_three_times(
    error: Callable[[int], Exception | None], told: tuple[int, float, str]
) -> None:
    assert calls(error) == told


def test_a_busy_server_that_names_no_time_is_asked_again() -> None:
    sent, waited, said = calls(lambda at: busy(None, Help.RETRY) if at < 3 else None)
    assert (sent, said) == (3, "done")
    assert 1 + 2 <= waited <= 2 + 4


def test_each_repeat_is_told_with_its_wait() -> None:
    """Four attempts; the last error comes out as it is."""
    heard: list[tuple[str, float]] = []
    tried = 0

    async def attempts() -> None:
        nonlocal tried
        policy = retrying(Fraction(1.0), lambda error, wait: heard.append((str(error), wait)))
        async for attempt in policy:
            with attempt:
                tried += 1
                raise Disconnected(f"cut {tried}")

    with pytest.raises(Disconnected, match="cut 4"):
        loop.run(attempts())
    assert (tried, heard) == (4, [("cut 1", 2), ("cut 2", 4), ("cut 3", 8)])
