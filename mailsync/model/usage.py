"""What an account used of its day, and until when its server is left alone: bookkeeping in ages.

Ages, not dates, because a wall clock jumps.  While the machine runs they grow by the boot's clock;
across a reboot by the wall clock, but at least by the time since the boot: so nothing is kept for
ever, and a clock that is set while the machine runs loses nothing.

The day is a rolling one.  No provider says when its day begins, and what is kept within any 24
hours is kept within each of its days, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

HOUR = 3600.0  # seconds
DAY = 24 * HOUR
FIRST_PAUSE = HOUR / 4  # where the server does not say for how long
LONGEST_PAUSE = 6 * HOUR  # likewise; Gmail bars an account for up to a day


@dataclass(frozen=True, slots=True)
class Moment:
    """By both clocks: `wall` in seconds since 1970, `boot` in seconds since the boot."""

    wall: float
    boot_id: str
    boot: float

    def since(self, earlier: Moment) -> float:
        """Seconds, as well as can be told; never negative."""
        if self.boot_id == earlier.boot_id:
            return max(0.0, self.boot - earlier.boot)
        return max(0.0, self.boot, self.wall - earlier.wall)


@dataclass(frozen=True, slots=True)
class Bytes:
    """`down` from the server, `up` to it."""

    down: int = 0
    up: int = 0

    def __bool__(self) -> bool:
        return self.down > 0 or self.up > 0

    def __add__(self, other: Bytes) -> Bytes:
        return Bytes(self.down + other.down, self.up + other.up)

    def __sub__(self, other: Bytes) -> Bytes:
        return Bytes(self.down - other.down, self.up - other.up)


@dataclass(frozen=True, slots=True)
class Used:
    """What was used within about an hour: the first byte `oldest` seconds ago, the last `age`."""

    oldest: float
    age: float
    bytes: Bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Something waits for `left` more seconds (below 0: it is over)."""

    left: float
    why: str
    times: int = 1  # in a row


@dataclass(frozen=True, slots=True)
class Book:
    """`used`: of the last day, youngest first.  `pause`: the server wants to be left alone;
    `short`: what is left to transfer waits for more of the day's budget."""

    at: Moment
    used: tuple[Used, ...] = ()
    pause: Pause | None = None
    short: Pause | None = None

    def by(self, now: Moment) -> Book:
        """The same at a later time, without what is over for a day."""
        passed = now.since(self.at)
        grown = (Used(one.oldest + passed, one.age + passed, one.bytes) for one in self.used)
        return Book(
            now,
            tuple(one for one in grown if one.age < DAY),
            _later(self.pause, passed),
            _later(self.short, passed),
        )

    def plus(self, more: Bytes) -> Book:
        """With what was transferred just now."""
        if not more:
            return self
        first = self.used[0] if self.used else None
        if first is None or first.oldest >= HOUR:
            return replace(self, used=(Used(0.0, 0.0, more), *self.used))
        return replace(self, used=(Used(first.oldest, 0.0, first.bytes + more), *self.used[1:]))

    @property
    def spent(self) -> Bytes:
        return sum((one.bytes for one in self.used), Bytes())

    def slowed(self, seconds: float | None, why: str) -> Book:
        """The server wants to be left alone, for `seconds` where it says; else each time twice as
        long as the last one."""
        times = 1 if self.pause is None else self.pause.times + 1
        if seconds is None:
            seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(times - 1, 20))
        return replace(self, pause=Pause(min(max(seconds, 0.0), DAY), why, times))

    @property
    def paused(self) -> Pause | None:
        """The pause, while it lasts."""
        return self.pause if self.pause is not None and self.pause.left > 0 else None


@dataclass(frozen=True, slots=True)
class Ration:
    """Bytes that are left of the day's budget, with the `reserve` for what is new."""

    left: int
    reserve: int


def room_in(spent: Sequence[tuple[float, int]], budget: int) -> float:
    """Seconds until less than `budget` bytes are younger than a day; `spent`: age in seconds and
    bytes, youngest first."""
    total, wait = sum(size for _, size in spent), 0.0
    for age, size in reversed(spent):
        if total < budget:
            break
        total, wait = total - size, DAY - age
    return wait


def _later(pause: Pause | None, passed: float) -> Pause | None:
    if pause is None or pause.left - passed < -DAY:
        return None
    return replace(pause, left=pause.left - passed)
