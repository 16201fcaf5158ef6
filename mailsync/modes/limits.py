"""What one account's server allows, across runs: how much within a day, and not before when.

STATE/ACCOUNT/limits remembers what was transferred, so that a first sync of Gmail stops before the
provider locks the account, and goes on the next day; and how long a server wants to be left alone,
so that a timer that runs every five minutes does not hammer one that said "in an hour"
(protocol.md §2).  Who types `mailsync sync` at a terminal may try at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mailsync.imap.quirks import Allowance
from mailsync.model.errors import MailsyncError, SlowDown, Unavailable
from mailsync.model.mailboxname import MailboxName
from mailsync.model.settings import Account, Day
from mailsync.model.usage import DAY, HOUR, Book, Bytes, Moment, Pause, Ration, Used, room_in
from mailsync.modes.kept import read, write
from mailsync.server.values import Traffic
from mailsync.system.seams import Clock

NAME = "limits"
RESERVE = 10  # one part in so many is for what is new
OFTEN = 1_000_000  # bytes between two notes of what was transferred
LEAST = 50_000  # bytes of a run that are worth one

Waiting = Mapping[MailboxName, Mapping[str, int]]


class NotTried(Unavailable):
    """Nothing was sent: an earlier run was asked to wait."""


class Limits:
    """Read when it is first needed; the lock of the account keeps others from writing it."""

    def __init__(self, account: Account, clock: Clock, *, interactive: bool = False) -> None:
        self._account, self._clock, self._interactive = account, clock, interactive
        self._kept: Book | None = None
        self._traffic: list[Traffic] = []  # of this run's connections
        self._counted = Bytes()  # of that, what is in the book
        self._allowance = Allowance()

    def book(self) -> Book:
        """What is known, as of now."""
        now = Moment(self._clock.wall(), *self._clock.boot())
        if self._kept is None:
            self._kept = _load(self._account) or Book(now)
        self._kept = self._kept.by(now)
        return self._kept

    # -- the server wants to be left alone -------------------------------------------------------

    def check(self) -> None:
        """Raises NotTried while it does, unless somebody at a terminal asks."""
        book = self.book()
        if book.paused is None:
            return
        if self._interactive:
            self._keep(replace(book, pause=None))
            return
        raise NotTried(f"not tried: {self._until(book.paused)}; it said: {book.paused.why}")

    def heed(self, error: MailsyncError | None) -> None:
        """How a run ended.  What asks for patience is kept, and its text says until when."""
        book = self.book()
        if error is None:
            if book.pause is not None:
                self._keep(replace(book, pause=None))
        elif not isinstance(error, NotTried) and (
            isinstance(error, SlowDown) or error.retry_after is not None
        ):
            book = book.slowed(error.retry_after, str(error))
            self._keep(book)
            if book.paused is not None:
                error.args = (f"{error}; {self._until(book.paused)}",)

    @property
    def said(self) -> str:
        """For `mailsync status`; "" when nothing waits."""
        book = self.book()
        if book.paused is not None:
            return f"{self._until(book.paused)}; it said: {book.paused.why}"
        if book.short is None:
            return ""
        soon = "the next sync goes on"
        when = f"it goes on at {self.when(book.short)}" if book.short.left > 0 else soon
        return f"{book.short.why}; {when}"

    def _until(self, pause: Pause) -> str:
        return (
            f"the server wants to be left alone until {self.when(pause)}; "
            f"`mailsync sync {self._account.name}` on a terminal tries at once"
        )

    def when(self, pause: Pause) -> str:
        """Its end, on the clock on the wall."""
        end = self._clock.wall() + pause.left
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(end))

    # -- so much a day ---------------------------------------------------------------------------

    def watch(self, traffic: Traffic) -> None:
        """What goes over another connection of this run."""
        self._traffic.append(traffic)

    def allowed(self, allowance: Allowance) -> None:
        """What the provider is known to allow."""
        self._allowance = allowance

    @property
    def budgets(self) -> tuple[int | None, int | None]:
        """Bytes a day, down and up; None: without limit."""
        account, auto = self._account, self._allowance
        both = ((account.download_per_day, auto.down), (account.upload_per_day, auto.up))
        down, up = (known if said is Day.AUTO else said for said, known in both)
        return _number(down), _number(up)

    def rations(self) -> tuple[Ration | None, Ration | None]:
        """What is left of them."""
        down, up = self.budgets
        if down is None and up is None:
            return None, None
        spent = self.book().spent + self._uncounted
        return _ration(down, spent.down), _ration(up, spent.up)

    @property
    def _uncounted(self) -> Bytes:
        return (
            Bytes(
                sum(one.plain_in for one in self._traffic),
                sum(one.plain_out for one in self._traffic),
            )
            - self._counted
        )

    def count(self, least: int = OFTEN) -> None:
        """Write down what was transferred, where there is a budget and at least so much."""
        budgets = [budget for budget in self.budgets if budget is not None]
        if not budgets:
            return
        more = self._uncounted
        if more.down + more.up >= min(least, min(budgets) // 100):
            self._counted += more
            self._keep(self.book().plus(more))

    def ended(
        self, waiting: Mapping[MailboxName, Mapping[str, int]], *, keep: bool
    ) -> tuple[str, ...]:
        """The run is over, and `waiting` (messages by mailbox and action) is left for more of the
        budget: what to say of that."""
        book = self.book()
        shorts = list(self._short(book, waiting))
        short: Pause | None = None
        if shorts:
            last = max(one.left for one in shorts)
            short = Pause(last, "; ".join(one.why for one in shorts))
        if keep and (short is not None or book.short is not None):
            self._keep(replace(book, short=short))
        return () if short is None else (f"{short.why}; it goes on at {self.when(short)}",)

    def _short(self, book: Book, waiting: Waiting) -> Iterator[Pause]:
        """For each budget that something waits for: until when, and what."""
        down, up = self.budgets
        downs = [(one.age, one.bytes.down) for one in book.used]
        ups = [(one.age, one.bytes.up) for one in book.used]
        for verb, budget, spent in (("Download", down, downs), ("Upload", up, ups)):
            count = sum(counts.get(verb, 0) for counts in waiting.values())
            if count and budget is not None:
                what = "1 message waits" if count == 1 else f"{count:,} messages wait"
                why = (
                    f"{verb.lower()}-per-day: the {budget / 1e6:,.10g} MB of a day are used up, "
                    f"{what}"
                )
                yield Pause(room_in(spent, budget - budget // RESERVE), why)

    # -- the file --------------------------------------------------------------------------------

    def _keep(self, book: Book) -> None:
        self._kept = book
        values = {
            "whose": _whose(self._account),
            "at": [book.at.wall, book.at.boot_id, book.at.boot],
            "used": [[one.oldest, one.age, one.bytes.down, one.bytes.up] for one in book.used],
            "pause": _written(book.pause),
            "short": _written(book.short),
        }
        write(self._account.state, NAME, values)


def _number(budget: int | Day | None) -> int | None:
    return budget if isinstance(budget, int) else None


def _ration(budget: int | None, spent: int) -> Ration | None:
    return None if budget is None else Ration(budget - spent, budget // RESERVE)


def _load(account: Account) -> Book | None:
    """What was kept of this login; None: nothing that makes sense."""
    try:
        found = read(account.state, NAME)
        if found["whose"] != _whose(account):
            return None
        wall, boot_id, boot = found["at"]
        return Book(
            Moment(float(wall), str(boot_id), float(boot)),
            tuple(
                Used(max(0.0, oldest), max(0.0, age), Bytes(int(down), int(up)))
                for oldest, age, down, up in found["used"]
            ),
            _read(found["pause"]),
            _read(found["short"]),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def _written(pause: Pause | None) -> list[object] | None:
    return None if pause is None else [pause.left, pause.why, pause.times]


def _read(found: Any) -> Pause | None:
    if found is None:
        return None
    left, why, times = found
    return Pause(min(float(left), DAY + HOUR), str(why), int(times))


def _whose(account: Account) -> str:
    return f"{account.user}@{account.host}"
