"""Retry by error class, the only place where it lives (architecture.md, style 5).

A message that keeps failing is parked (`park_until`), a refused mailbox likewise; the account is
tried again here, from a new observation, because the cache has kept every outcome so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from mailsync.cache.schema import LONGEST_PARK
from mailsync.model.errors import Help, MailsyncError, Refused
from mailsync.system.seams import Rand

T = TypeVar("T")

ATTEMPTS = 4
FIRST_WAIT = 1.0  # seconds; doubled each time, with full jitter
LONGEST_WAIT = 300.0  # Exchange asks for 299961 ms; a server that asks for more is left for later
FIRST_PARK = 15 * 60.0
MOST_DOUBLED = 10  # times: that is more than LONGEST_PARK


def worth_repeating(error: BaseException) -> bool:
    """RETRY always; WAIT only when the server named a time that a run can wait."""
    if not isinstance(error, MailsyncError):
        return False
    if error.help is Help.RETRY:
        return True
    hinted = error.retry_after is not None and error.retry_after <= LONGEST_WAIT
    return error.help is Help.WAIT and hinted


def backoff(attempt: int, error: MailsyncError, rand: Rand) -> float:
    """Seconds before attempt number `attempt` + 1: the server's hint, else jitter by half."""
    if error.retry_after is not None:
        return min(error.retry_after, LONGEST_WAIT)
    ceiling: float = min(LONGEST_WAIT, FIRST_WAIT * 2.0**attempt)
    return ceiling * (0.5 + rand.fraction() / 2)


def park_until(attempts: int, now: float) -> float:
    """When a message that failed `attempts` times is due again: 15 minutes, doubled to a day."""
    doubled = min(attempts - 1, MOST_DOUBLED)  # what fails every day for years overflows no float
    return now + min(LONGEST_PARK, FIRST_PARK * 2.0**doubled)


def only_busy(error: BaseException) -> bool:
    """The connection is fine and the command was answered: it may be sent again as it was."""
    return isinstance(error, Refused) and worth_repeating(error)


def retrying(
    rand: Rand,
    note: Callable[[MailsyncError, float], None],
    attempts: int = ATTEMPTS,
    when: Callable[[BaseException], bool] = worth_repeating,
) -> AsyncRetrying:
    """The policy as tenacity's object; `note` hears of each repeat and its wait in seconds."""

    def wait(state: RetryCallState) -> float:
        return backoff(state.attempt_number, _failure(state), rand)

    def tell(state: RetryCallState) -> None:
        note(_failure(state), state.upcoming_sleep)

    return AsyncRetrying(
        sleep=asyncio.sleep,
        retry=retry_if_exception(when),
        wait=wait,
        stop=stop_after_attempt(attempts),
        before_sleep=tell,
        reraise=True,
    )


def _failure(state: RetryCallState) -> MailsyncError:
    """What is waited for: nothing else is worth repeating."""
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, MailsyncError)
    return error


async def repeated(rand: Rand, call: Callable[[], Awaitable[T]]) -> T:
    """`call` again while the server says that it is only busy; for idempotent commands."""
    result: T
    async for attempt in retrying(rand, lambda _error, _seconds: None, 3, only_busy):
        with attempt:
            result = await call()
    return result
