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
PATIENCE = 1.0  # seconds of listing before a bar says that something happens

Clock = Callable[[], float]


class Meter:
    """What was found to do and what of it is done, summed over the accounts."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._mailboxes: dict[str, int] = {}  # account -> most of one plan
        self._touched: set[str] = set()
        self.messages = self.size = 0
        self.messages_done = self.size_done = 0
        self.sized = True  # the server said how large everything is

    def start(self, account: str, mailboxes: int, messages: int, size: int | None) -> None:
        if self._began is None:
            self._began = self._clock()
        self._mailboxes[account] = max(mailboxes, self._mailboxes.get(account, 0))
        self.messages += messages
        self.size += size or 0
        self.sized = self.sized and size is not None

    def advance(self, messages: int, size: int, place: str) -> None:
        self.messages_done += messages
        self.size_done += size
        self._touched.add(place)

    @property
    def elapsed(self) -> float:
        return 0.0 if self._began is None else self._clock() - self._began

    @property
    def by_size(self) -> bool:
        """Bytes tell better than messages how far it is."""
        return self.sized and self.size > 0

    @property
    def left(self) -> float | None:
        """Seconds, None while nothing can be said."""
        done, total = (
            (self.size_done, self.size) if self.by_size else (self.messages_done, self.messages)
        )
        if not done or self.elapsed < 1:
            return None
        return max(0.0, self.elapsed * (total - done) / done)

    def told(self, place: str, width: int) -> str:
        """As much of it as fits into `width` columns, what matters most first to stay."""
        done, messages = self.messages_done, max(self.messages, self.messages_done)
        shown = {
            "messages": f"{done:,}/{messages:,} messages",
            "size": self._amount(),
            "rate": self._rate(),
            "left": "" if self.left is None else f"{out.span(self.left)} left",
            "mailboxes": self._boxes(),
            "place": place,
        }
        for name in ("", "place", "mailboxes", "size", "rate", "left"):
            shown.pop(name, None)
            text = ", ".join(part for part in shown.values() if part)
            if len(text) <= width:
                break
        return text

    def _boxes(self) -> str:
        count = max(sum(self._mailboxes.values()), len(self._touched))
        return f"mailbox {len(self._touched):,}/{count:,}" if count > 1 else ""

    def _amount(self) -> str:
        if not self.size_done:
            return ""
        done = out.size(self.size_done)
        if not self.by_size:
            return done
        total = out.size(max(self.size, self.size_done))
        number, unit = done.split()
        return f"{number}/{total}" if total.endswith(unit) else f"{done}/{total}"

    def _rate(self) -> str:
        if self.elapsed < 1 or not self.messages_done:
            return ""
        if self.size_done:
            return f"{out.size(self.size_done / self.elapsed)}/s"
        return f"{self.messages_done / self.elapsed:,.0f}/s"


class Lines:
    """Plain lines: what there is to do, then one in ten seconds at most."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._meter = Meter(clock)
        self._last = clock()
        self._begun: set[str] = set()

    def look(self, place: str) -> None:
        if self._clock() - self._last >= EVERY:
            self._say(f"listing {place}")

    def start(self, account: str, mailboxes: int, messages: int, size: int | None) -> None:
        self._meter.start(account, mailboxes, messages, size)
        if messages and account not in self._begun:
            self._begun.add(account)
            where = out.many(mailboxes, "mailbox", "mailboxes")
            weight = f", {out.size(size)}" if size else ""
            self._say(f"{account}: {out.many(messages, 'message')} in {where}{weight}")

    def advance(self, messages: int, size: int, place: str) -> None:
        self._meter.advance(messages, size, place)
        if self._clock() - self._last >= EVERY:
            self._say(self._meter.told(place, 500))

    def _say(self, text: str) -> None:
        self._last = self._clock()
        out.say(text, err=True)

    def note(self, text: str) -> None:
        out.note(text)

    def finish(self) -> None:
        pass


class Bars:
    """One bar by rich, which is imported when there is something to show."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._meter = Meter(clock)
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._looking: float | None = None

    def look(self, place: str) -> None:
        now = self._clock()
        if self._looking is None:
            self._looking = now
        if self._bar is not None or now - self._looking >= PATIENCE:
            self._show(f"listing {place}")

    def start(self, account: str, mailboxes: int, messages: int, size: int | None) -> None:
        self._meter.start(account, mailboxes, messages, size)
        if messages:
            self._show(self._told(account))

    def advance(self, messages: int, size: int, place: str) -> None:
        self._meter.advance(messages, size, place)
        if self._bar is not None:
            self._show(self._told(place))

    def note(self, text: str) -> None:
        if self._bar is None:
            out.note(text)
        else:
            self._bar.console.print(f"mailsync: {safe(text)}", markup=False, highlight=False)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None

    def _told(self, place: str) -> str:
        if self._bar is None:
            self._open()
        assert self._bar is not None
        width = self._bar.console.width
        return self._meter.told(safe(place), width - bar_width(width) - 2)

    def _open(self) -> None:
        self._bar = _bar()
        self._task = self._bar.add_task("", total=None, told="")
        self._bar.start()

    def _show(self, told: str) -> None:
        if self._bar is None:
            self._open()
        assert self._bar is not None
        assert self._task is not None
        meter = self._meter
        total = meter.size if meter.by_size else meter.messages
        self._bar.update(
            self._task,
            total=total or None,  # None: it moves, and promises nothing
            completed=meter.size_done if meter.by_size else meter.messages_done,
            told=safe(told),
        )


def bar_width(columns: int) -> int:
    return 24 if columns >= 110 else max(4, columns // 10)


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    console = Console(stderr=True)
    return Bar(
        BarColumn(bar_width=bar_width(console.width)),
        TextColumn(
            "{task.fields[told]}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis"),
        ),
        console=console,
        transient=True,
    )


def choose(quiet: bool) -> Progress | None:
    """None: nothing is shown."""
    if quiet:
        return None
    if sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return Bars()
    return Lines()
