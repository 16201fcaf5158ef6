"""Sections of the configuration in random runs: what mailsync leaves alone in a mailbox (rule 9).

Users change them between syncs, each machine its own: `Act("0", "section", ("Work", "pull"))`;
without a kind the section goes.  `*` is one for all mailboxes, in place of all others.  "out" is no
section: a pattern leaves the mailbox out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mailsync.model.settings import Deletions, Direction, Rules, Section
from sim.events import Fault
from sim.server_state import ghost_of
from sim.stack import DATE, Stack
from sim.witness import SERVER

if TYPE_CHECKING:
    from sim.users import Users

LIMIT = 10_000  # bytes
LARGE = 2 * LIMIT
DAY = 86400  # seconds
OLD = 90 * DAY  # how much older than others what is old is
LIMITS = ("size", "age")
KINDS = ("pull", "push", "keep", *LIMITS, "out")
Shown = dict[str, object]


def has_section(machine: Stack, box: str) -> bool:
    return not {box, "*"}.isdisjoint(singled_out(machine))


def is_limited(machine: Stack) -> bool:
    """Whether large or old messages are out of scope anywhere."""
    return any(one.rules.max_size or one.rules.max_age for one in machine.account.sections)


def singled_out(machine: Stack) -> list[str]:
    """The mailboxes for which something is said, or `*`."""
    named = [one.pattern for one in machine.account.sections]
    return named + left_out(machine)


def left_out(machine: Stack) -> list[str]:
    return [one.removeprefix("!") for one in machine.account.mailboxes if one.startswith("!")]


def set_section(machine: Stack, box: str, kind: str) -> None:
    """`kind`: of KINDS; "": none from now on."""
    days = int((machine.server.wall() - DATE) // DAY) + 30
    said: dict[str, object] = {
        "pull": {"direction": Direction.PULL},
        "push": {"direction": Direction.PUSH},
        "keep": {"deletions": Deletions.KEEP},
        "size": {"max_size": LIMIT},
        "age": {"max_age": days},
    }.get(kind, {})
    had = () if box == "*" else machine.account.sections
    kept = [one for one in had if one.pattern not in (box, "*")]
    if said:
        kept.append(Section(box, Rules(**said), frozenset(said)))  # type: ignore[arg-type]
    patterns = ["*", *(f"!{one}" for one in left_out(machine) if one != box)]
    if kind == "out" and box != "*":
        patterns.append(f"!{box}")
    machine.account = replace(machine.account, sections=tuple(kept), mailboxes=tuple(patterns))


def wrong_clock(machine: Stack, faults: Iterable[Fault]) -> bool:
    return bool(machine.skew) or any(one.what in ("jump", "suspend") for one in faults)


@dataclass
class Scope:
    """What the sections of one machine forbid during one sync."""

    machine: Stack
    users: Users
    dated: bool  # its clock is right all the time, and dates are what they were
    gmail: bool
    _before: dict[str, object] = field(default_factory=dict)
    # Without MOVE: it may have been put there before deletions were kept, and what is left goes.
    _in_trash: set[str | None] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._before = self._shown()
        server = self.machine.server
        trash = server.boxes.get(self.users.wire(server.witness.trash).encode())
        self._in_trash = {one.ghost for one in trash.messages.values()} if trash else set()

    def _rules(self, box: str) -> Iterable[Section]:
        return (one for one in self.machine.account.sections if one.pattern in (box, "*"))

    def forbids(self, side: str, box: str, ghost: str, moved: bool) -> str:
        """Why this machine may not take a message out of a mailbox on `side`; `moved`: a user
        moved it.  Empty: it may."""
        if box in left_out(self.machine):
            return "it is left out"
        for one in self._rules(box):
            if side == SERVER and one.rules.direction is Direction.PULL:
                return "direction is pull"
            if side != SERVER and one.rules.direction is Direction.PUSH:
                return "direction is push"
            if moved:
                continue
            begun = self.machine.server.witness.by_copy and ghost in self._in_trash
            if side == SERVER and "deletions" in one.given and not self.gmail and not begun:
                return "deletions are kept"
            if one.rules.max_size and len(self.machine.oracle.bodies[ghost]) > LIMIT:
                return "it is too large"
            if one.rules.max_age and self.dated and ghost in self.users.old:
                return "it is too old"
        return ""

    # -- what no machine but this one, and no user, could have changed ---------------------------

    def _shown(self) -> Shown:
        found: Shown = {}
        for box in left_out(self.machine):
            found[f"{box} on the server"] = self._served(box)
            found[f"{box} in the Maildir"] = self._files(box)
        for one in self.machine.account.sections:
            if one.rules.direction is Direction.PULL:
                found[f"{one.pattern} on the server"] = self._served(one.pattern)
            elif one.rules.direction is Direction.PUSH:
                found[f"{one.pattern} in the Maildir"] = self._files(one.pattern)
        return found

    def _served(self, box: str) -> object:
        if box == "*":
            known = [one.name.decode() for one in self.machine.server.boxes.values()]
            return {name: self._served(self.users.here(name)) for name in sorted(known)}
        try:
            held = self.machine.server.box(self.users.wire(box))
        except KeyError:
            return None
        return held.uid_validity, {uid: set(one.flags) for uid, one in held.messages.items()}

    def _files(self, box: str) -> object:
        places, files = self.machine.oracle.places, self.machine.fs.files()
        return {
            path: ghost_of(data)
            for path, data in files.items()
            if (place := places.message(path)) and box in (place[0], "*")
        }

    def broken(self) -> str:
        """What was changed although `direction` forbids it; empty: nothing."""
        after = self._shown()
        for where, before in self._before.items():
            if after[where] != before:
                return f"{where} was not to be changed: {before} became {after[where]}"
        return ""
