"""Steps: every call through a seam is one, and at each of them the process may die."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable


class Crash(BaseException):
    """The process was killed.  Every later call through a seam raises it again."""


class Steps:
    """Counts the calls through the seams (the first is step 1) and lets things happen before one.

    `names` lists what the steps were, when `record` is set.
    """

    def __init__(self, crash_at: int | None = None, *, record: bool = False) -> None:
        self.crash_at = crash_at
        self.record = record
        self.count = 0
        self.dead = False
        self.names: list[str] = []
        self.on_crash: list[Callable[[], None]] = []
        self.looks: list[Callable[[str], None]] = []  # told the name of every step, before it
        self._at: defaultdict[int, list[Callable[[], None]]] = defaultdict(list)
        self._before: defaultdict[tuple[str, int], list[Callable[[], None]]] = defaultdict(list)
        self._seen: Counter[str] = Counter()
        self._acting = False

    def step(self, name: str) -> None:
        """One call through a seam is about to happen.  Raises Crash here, or when dead."""
        self.check()
        if self._acting:  # what an agitator does is not a step of the process
            return
        self.count += 1
        for look in self.looks:
            look(name)
        self._seen[name] += 1
        if self.record:
            self.names.append(name)
        for act in (*self._at.pop(self.count, ()), *self._before.pop((name, self._seen[name]), ())):
            self._acting = True
            try:
                act()
            finally:
                self._acting = False
        if self.crash_at == self.count:
            self.crash(name)

    def crash(self, name: str = "asked") -> None:
        """Kill the process now: the seams are dead before Crash is raised."""
        self.dead = True
        for act in self.on_crash:
            act()
        raise Crash(f"step {self.count}: {name}")

    def check(self) -> None:
        if self.dead:
            raise Crash("after the crash")

    def at(self, count: int, act: Callable[[], None]) -> None:
        """Call `act` (another client, a mail reader) just before step number `count`."""
        self._at[count].append(act)

    def before(self, name: str, act: Callable[[], None], nth: int = 1) -> None:
        """Call `act` just before the nth step of this name, such as `net.write`."""
        self._before[name, nth].append(act)
