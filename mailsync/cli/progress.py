"""How far a sync is: a bar on a terminal, a line now and then elsewhere.  All on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from mailsync.cli import out
from mailsync.model.report import Progress
from mailsync.system.text import safe

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

EVERY = 10.0  # seconds between plain lines


class Meter:
    """What was found to do and what of it is done, summed over the accounts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self.mailboxes = self.messages = self.size = 0
        self.mailboxes_done = self.messages_done = self.size_done = 0
        self.sized = True  # the server said how large everything is

    def start(self, mailboxes: int, messages: int, size: int | None) -> None:
        if self._began is None:
            self._began = self._clock()
        self.mailboxes += mailboxes
        self.messages += messages
        self.size += size or 0
        self.sized = self.sized and size is not None

    def advance(self, messages: int, size: int, mailboxes: int) -> None:
        self.messages_done += messages
        self.size_done += size
        self.mailboxes_done += mailboxes

    @property
    def elapsed(self) -> float:
        return 0.0 if self._began is None else self._clock() - self._began

    @property
    def left(self) -> float | None:
        """Seconds, None while nothing can be said."""
        by_size = self.sized and self.size
        done, total = (
            (self.size_done, self.size) if by_size else (self.messages_done, self.messages)
        )
        if not done or self.elapsed < 1:
            return None
        return max(0.0, self.elapsed * (total - done) / done)

    def amounts(self) -> str:
        parts = []
        if self.mailboxes > 1:
            parts.append(f"{self.mailboxes_done:,}/{self.mailboxes:,} mailboxes")
        parts.append(f"{self.messages_done:,}/{self.messages:,} messages")
        if self.size_done:
            of = f" of {out.size(self.size)}" if self.sized and self.size else ""
            parts.append(f"{out.size(self.size_done)}{of}")
        return ", ".join(parts)

    def pace(self) -> str:
        """Rate and time left, as far as they can be told."""
        if self.elapsed < 1 or not self.messages_done:
            return ""
        rate = f"{out.size(self.size_done / self.elapsed)}/s" if self.size_done else ""
        rate = rate or f"{self.messages_done / self.elapsed:,.0f} messages/s"
        left = "" if self.left is None else f", {out.span(self.left)} left"
        return rate + left


class Lines:
    """Plain lines, at most one in ten seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._meter = Meter(clock)
        self._last = clock()

    def start(self, account: str, mailboxes: int, messages: int, size: int | None) -> None:
        self._meter.start(mailboxes, messages, size)
        if messages:
            where = out.many(mailboxes, "mailbox", "mailboxes")
            weight = f", {out.size(size)}" if size else ""
            out.say(f"{account}: {out.many(messages, 'message')} in {where}{weight}", err=True)

    def advance(self, messages: int = 0, size: int = 0, mailboxes: int = 0, now: str = "") -> None:
        self._meter.advance(messages, size, mailboxes)
        if self._clock() - self._last >= EVERY:
            self._last = self._clock()
            told = [self._meter.amounts(), self._meter.pace(), now]
            out.say(", ".join(part for part in told if part), err=True)

    def note(self, text: str) -> None:
        out.note(text)

    def finish(self) -> None:
        pass


class Bars:
    """One bar by rich, which is imported when there is something to show."""

    def __init__(self) -> None:
        self._meter = Meter()
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._now = ""

    def start(self, account: str, mailboxes: int, messages: int, size: int | None) -> None:
        self._meter.start(mailboxes, messages, size)
        self._now = account
        if messages:
            self._show()

    def advance(self, messages: int = 0, size: int = 0, mailboxes: int = 0, now: str = "") -> None:
        self._meter.advance(messages, size, mailboxes)
        self._now = now or self._now
        if self._bar is not None:
            self._show()

    def note(self, text: str) -> None:
        if self._bar is None:
            out.note(text)
        else:
            self._bar.console.print(f"mailsync: {safe(text)}", markup=False, highlight=False)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None

    def _show(self) -> None:
        if self._bar is None or self._task is None:
            self._bar = _bar()
            self._task = self._bar.add_task("", total=None, amounts="", pace="")
            self._bar.start()
        meter = self._meter
        by_size = meter.sized and meter.size
        self._bar.update(
            self._task,
            description=safe(self._now)[:40],
            total=meter.size if by_size else meter.messages,
            completed=meter.size_done if by_size else meter.messages_done,
            amounts=meter.amounts(),
            pace=meter.pace(),
        )


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    return Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[amounts]}", markup=False),
        TextColumn("{task.fields[pace]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )


def choose(quiet: bool) -> Progress | None:
    """None: nothing is shown."""
    if quiet:
        return None
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return Bars()
    return Lines()
