"""I6: what users do to different messages commutes, with each other and with the sync (b); and so
does which of two machines syncs first (c).

The same deeds are played in two orders, each from the same beginning; both must end alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from sim.events import Act, Event, Pause, Run, Sync
from sim.oracle import Violation
from sim.play import Play, Views
from sim.rand import SimRand

BOXES = ("INBOX", "Work", "Archive")
GHOSTS = [f"m{number}" for number in range(1, 10)]
FIRST = {ghost: BOXES[at % len(BOXES)] for at, ghost in enumerate(GHOSTS)}


def deeds(rand: SimRand, machines: int, *, server: bool, again: float = 0.0) -> list[Act]:
    """One deed a message, by anybody; with `again` some messages meet with a second."""
    done = [_deed(rand, ghost, machines, server) for ghost in GHOSTS]
    done += [_deed(rand, ghost, machines, server) for ghost in GHOSTS if rand.chance(again)]
    done.append(Act(str(rand.below(machines)), "file", ("new", rand.choice(BOXES), "")))
    if server:
        done.append(Act("server", "serve", ("newer", rand.choice(BOXES), "S")))
    return done


def _deed(rand: SimRand, ghost: str, machines: int, server: bool) -> Act:
    who = rand.below(machines + server)
    box, target = FIRST[ghost], rand.choice(BOXES)
    on_server = who == machines
    at = "server" if on_server else str(who)
    unique = f"179{rand.below(9999):07d}.{ghost}.reader{who}"
    what = rand.choice(["flag", "flag", "delete", "move", "copy"])
    if what == "flag":
        return Act(at, "sflag" if on_server else "fflag", (ghost, box, rand.choice("FRS"), ""))
    if what == "delete":
        return Act(at, "expunge" if on_server else "unlink", (ghost, box))
    if what == "move":
        if on_server:
            return Act(at, "smove", (ghost, box, target))
        return Act(at, "fmove", (ghost, box, target, unique))
    if on_server:
        return Act(at, "scopy", (ghost, box, target))
    return Act(at, "fcopy", (ghost, box, target, unique))


def begun(machines: int) -> list[Event]:
    """Every machine has all of it."""
    events: list[Event] = [Act("server", "screate", (box,)) for box in BOXES if box != "INBOX"]
    events += [Act("server", "serve", (ghost, box, "")) for ghost, box in FIRST.items()]
    return [*events, *synced(range(machines), 1)]


def synced(machines: Sequence[int], seed: int) -> list[Event]:
    """No two runs of a machine are to draw the same names: `seed` of the first."""
    return list(
        chain.from_iterable(
            (Pause(60.0), Sync((one,), seed + at)) for at, one in enumerate(machines)
        )
    )


def ended(events: Sequence[Event], machines: int, profile: str, *, calm: bool) -> list[Views]:
    """What server and machines hold after these; `calm`: and after all that is left to do."""
    play = Play(Run("commute", profile, machines, events=tuple(events)))
    try:
        for number, event in enumerate(events, 1):
            play.ledger.now = number
            play.event(event)
        if calm:
            play.calm()
        return play.views()
    finally:
        for machine in play.machines:
            machine.close()


def distinct(seed: str, profile: str) -> None:
    """I6 (b).  Raises Violation."""
    rand = SimRand(f"commute {seed}")
    acts = deeds(rand, 1, server=True)
    ends = []
    for _ in range(2):
        events: list[Event] = begun(1)
        for act in acts:
            events.append(act)
            if rand.chance(0.2):
                events += synced([0], 10 + len(events))
        ends.append(ended(events, 1, profile, calm=True)[0])
        rand.shuffle(acts)
    if ends[0] != ends[1]:
        raise Violation(f"I6b: {seed}, {profile}: {ends[0]} or {ends[1]}, as it happens: {acts}")


def replicas(seed: str, profile: str, acts: Sequence[Act] = ()) -> None:
    """I6 (c): A, B, A or B, A, B.  Raises Violation."""
    acts = acts or deeds(SimRand(f"replicas {seed}"), 2, server=False, again=0.4)
    ends = [
        ended([*begun(2), *acts, *synced(order, 10)], 2, profile, calm=False)
        for order in ([0, 1, 0], [1, 0, 1])
    ]
    told = [end for end in chain(*ends) if end != ends[0][0]]
    if told:
        raise Violation(f"I6c: {seed}, {profile}: {ends[0][0]} or {told[0]}, by {acts}")
