"""Faulty mode: one command, one call to the disk or to the cache, or one byte on the wire of a
scenario's sync goes wrong; then all heals.

python tests/sim/faulty.py --share 0.1 --seed 3   # a tenth of the points, picked by seed
python tests/sim/faulty.py --only moved --kind server
python tests/sim/faulty.py --kind up              # connections cut at every byte that we send
python tests/sim/faulty.py --kind cache           # the disk of the cache fails
python tests/sim/faulty.py --profile every --seconds 600   # the scenarios on other servers
python tests/sim/faulty.py --point 'flags on both sides|server|12|NO [LIMIT]|once'

Whatever goes wrong: nothing is lost, nothing is doubled, exit status 0 only when all is done, else
a reason is said; and once the cause is gone one sync completes and the next has nothing to do.
"""

from __future__ import annotations

import argparse
import errno
import itertools
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from mailsync.cache.open import translated
from mailsync.model.errors import Exit
from mailsync.model.report import AccountReport
from sim.exhaust import prepared, settled
from sim.net import Cut
from sim.oracle import Violation
from sim.rand import SimRand
from sim.scenarios import Scenario
from sim.server_faults import Answer, Stop
from sim.stack import Stack
from sim.under import add_profile, chosen, named
from sim.volume import add_options, go

# RFC 5530 §3, and what IMAP's own documents add
CODES = [
    *("UNAVAILABLE", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED"),
    *("CONTACTADMIN", "NOPERM", "INUSE", "EXPUNGEISSUED", "CORRUPTION", "SERVERBUG", "CLIENTBUG"),
    *("CANNOT", "LIMIT", "OVERQUOTA", "ALREADYEXISTS", "NONEXISTENT", "TRYCREATE", "READ-ONLY"),
    *("THROTTLED", "UIDNOTSTICKY"),
]
ANSWERS: dict[str, Answer] = {
    "NO": "NO it does not work",
    "BAD": "BAD what?",
    "BYE": "BYE good bye",
    "BYE [UNAVAILABLE]": "BYE [UNAVAILABLE] maintenance",
    **{f"NO [{code}]": f"NO [{code}] it does not work" for code in CODES},
    **{stop.name: stop for stop in Stop},
}
ERRORS = ["ENOSPC", "EIO", "EACCES", "EROFS", "EMFILE", "EINVAL", "ENOENT", "EDQUOT"]
DAMAGE = {"FULL": sqlite3.SQLITE_FULL, "IOERR": sqlite3.SQLITE_IOERR}
CUT = "CUT"
MANY = 50  # more connections than one sync makes
HEALED = 2 * 86400.0  # seconds: what was parked is due again


@dataclass(frozen=True)
class Point:
    """`at` counts the commands (server), the calls (disk, cache) or the bytes (up: those that reach
    the server, down: those that reach us) of the sync under test, from 1.

    `sticky`: the same command, or the same call on the same folder, fails from then on; every
    connection is cut there.
    """

    scenario: str
    side: str
    at: int
    what: str
    sticky: bool

    def __str__(self) -> str:
        how = "sticky" if self.sticky else "once"
        return f"{self.scenario}|{self.side}|{self.at}|{self.what}|{how}"

    @classmethod
    def of(cls, text: str) -> Point:
        scenario, side, at, what, how = text.split("|")
        return cls(scenario, side, int(at), what, how == "sticky")


@dataclass(frozen=True)
class Calm:
    """A sync in which nothing fails: the names of its commands, its calls to the disk, how many it
    made to the cache, and how many bytes went up and came down."""

    commands: tuple[str, ...]
    calls: tuple[tuple[str, str], ...]
    stores: int
    up: int
    down: int


@cache
def calm(name: str) -> Calm:
    stack = prepared(named(name), 0)
    calls: list[tuple[str, str]] = []
    stores: list[str] = []
    stack.refuse = lambda call, path: calls.append((call, path))
    stack.refuse_cache = stores.append
    try:
        before = len(stack.server.executed)
        stack.sync()
        commands = tuple(one.name for one in stack.server.executed[before:])
        return Calm(commands, tuple(calls), len(stores), *stack.traffic)
    finally:
        stack.close()


def points(side: str, scenarios: Sequence[Scenario], share: float, seed: int) -> Iterator[Point]:
    """In a fixed order; the same share and seed, the same points."""
    rand = SimRand(f"faults {seed}")
    for scenario in scenarios:
        whole = calm(scenario.name)
        for where, count, whats in (
            ("server", len(whole.commands), list(ANSWERS)),
            ("disk", len(whole.calls), ERRORS),
            ("cache", whole.stores, list(DAMAGE)),
            ("up", whole.up, [CUT]),
            ("down", whole.down, [CUT]),
        ):
            for at in range(1, count + 1):
                for what in whats:
                    # A disk that lists a file and always says that it is not there is none.
                    for sticky in (False,) if what == "ENOENT" else (False, True):
                        chosen = share >= 1 or rand.chance(share)
                        if chosen and side in (where, ""):
                            yield Point(scenario.name, where, at, what, sticky)


def folder(path: str) -> str:
    return path.rpartition("/")[0]


def break_it(stack: Stack, point: Point) -> None:
    whole = calm(point.scenario)
    if point.side in ("up", "down"):
        cut = Cut(up=point.at) if point.side == "up" else Cut(down=point.at)
        stack.cuts = [cut] * (MANY if point.sticky else 1)
        return
    commands, calls = whole.commands, whole.calls
    if point.side == "server":
        answer = ANSWERS[point.what]
        if not point.sticky:
            stack.server.fault("*", answer, nth=point.at)
            return
        name = commands[point.at - 1]
        stack.server.fault(name, answer, nth=commands[: point.at].count(name), sticky=True)
        return
    if point.side == "cache":
        stack.refuse_cache = _failing(point, str(stack.state / "cache.db"))
        return
    number = getattr(errno, point.what)
    broken = calls[point.at - 1]
    count = 0

    def refuse(call: str, path: str) -> None:
        nonlocal count
        count += 1
        again = point.sticky and count > point.at
        if count == point.at or (again and (call, folder(path)) == (broken[0], folder(broken[1]))):
            raise OSError(number, "refused", path)

    stack.refuse = refuse


def _failing(point: Point, path: str) -> Callable[[str], None]:
    """Nothing of the transaction is stored."""
    count = itertools.count(1)

    def refuse(call: str) -> None:
        now = next(count)
        if now == point.at or (point.sticky and now > point.at):
            with translated(path):
                error = sqlite3.OperationalError("the disk fails")
                error.sqlite_errorcode = DAMAGE[point.what]
                raise error

    return refuse


def said(report: AccountReport) -> bool:
    counts = report.total()
    notices = any(box.notices for box in report.mailboxes)
    return bool(report.errors or notices or counts.failed or counts.parked or counts.held)


def check(point: Point) -> None:
    """Raises Violation."""
    scenario = named(point.scenario)
    stack = prepared(scenario, 0)
    try:
        break_it(stack, point)
        for _ in range(2):  # the cause is still there when the next timer calls
            report = stack.sync()
            stack.oracle.no_loss(stack.server, stack.fs, f"{point}")
            stack.witnessed(f"{point}")
            if report.exit is not Exit.OK:
                if not said(report):
                    raise Violation(f"{point}: exit {report.exit}, and no reason: {report}")
            elif point.what != "ENOENT":  # that is a file being renamed: the next run looks again
                stack.oracle.at_rest(
                    stack.server, stack.fs, scenario.expected, f"{point}, exit 0", scenario.here
                )
            stack.pass_time(60)
        stack.server.faults.clear()
        stack.refuse = stack.refuse_cache = None
        stack.cuts = []
        # What was pipelined behind a SELECT that was refused is no fault of the client.
        stack.server.violations[:] = [
            one for one in stack.server.violations if "without a selected mailbox" not in one
        ]
        for _ in range(2):  # the second: a deletion waits until a mailbox was seen again
            stack.pass_time(HEALED)
            report = stack.sync()
            stack.witnessed(f"{point}, healed")
        if report.exit is not Exit.OK:
            raise Violation(f"{point}: healed, and exit {report.exit}: {report}")
        settled(scenario, stack, f"{point}")
    finally:
        stack.close()


def attempt(point: Point) -> list[str]:
    """What went wrong."""
    try:
        check(point)
    except Violation as error:
        return [str(error)]
    except Exception:
        return [f"{point}: {traceback.format_exc(limit=-6)}"]
    return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--kind", choices=["server", "disk", "cache", "up", "down"], default="")
    parser.add_argument("--point", help="one point, as it is printed")
    add_profile(parser)
    add_options(parser)
    options = parser.parse_args()
    if options.point:
        wanted = [Point.of(options.point)]
    else:
        scenarios = chosen(options)
        wanted = list(points(options.kind, scenarios, options.share, options.seed))
    said = go(wanted, attempt, options)
    print(f"faults: {said}")
    return 0 if " 0 violations" in said else 1


if __name__ == "__main__":
    sys.exit(main())
