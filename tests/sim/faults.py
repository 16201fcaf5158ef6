"""What goes wrong during one sync of a random run, and is over with it."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mailsync.modes.job import Job
from sim.events import Fault, Sync
from sim.faulty import ANSWERS
from sim.liar import liar
from sim.net import Cut, SimNet
from sim.rand import SimRand
from sim.steps import Steps

if TYPE_CHECKING:
    from sim.play import Play
    from sim.stack import Stack


@contextlib.contextmanager
def applied(play: Play, event: Sync, steps: Sequence[Steps], jobs: Sequence[Job]) -> Iterator[None]:
    """Every fault of the event is armed; afterwards all is well."""
    server = play.server
    machines = [play.machines[number % len(play.machines)] for number in event.machines]
    for at, fault in enumerate(event.faults):
        who = fault.who % len(steps)
        rand = SimRand(f"{event.seed} {at}")
        _arm(play, fault, machines[who], steps[who], jobs[who], rand)
    try:
        yield
    finally:
        server.faults.clear()
        server.nil_bodies.clear()
        server.missing_bodies.clear()
        server.lie = None


def _arm(play: Play, fault: Fault, machine: Stack, steps: Steps, job: Job, rand: SimRand) -> None:
    server, net, disk = play.server, job.world.net, job.world.fs
    assert isinstance(net, SimNet)
    if fault.what == "answer":
        answer, _, command = fault.how.partition("@")
        server.fault(command or "*", ANSWERS[answer], nth=fault.at, sticky=fault.sticky)
    elif fault.what == "slow":
        server.fault("*", None, nth=fault.at, delay=float(fault.how))
    elif fault.what in {"nil", "missing"}:
        keys = server.nil_bodies if fault.what == "nil" else server.missing_bodies
        keys.add((play.users.wire(fault.how).encode(), fault.at))
    elif fault.what == "errno":
        disk.refuse = _refusal(getattr(errno, fault.how), fault.at, fault.sticky)
    elif fault.what == "mislist":
        disk.mislist = _mislisting(fault)
    elif fault.what == "cut":
        way, _, number = fault.how.partition(":")
        while len(net.cuts) <= int(number):
            net.cuts.append(None)
        net.cuts[int(number)] = Cut(**{way: fault.at})
    elif fault.what == "refuse":
        net.refuse = fault.at
    elif fault.what == "crash":
        steps.crash_at = fault.at
        steps.on_crash.append(lambda: machine.disk.crash(fault.how, rand))
        if fault.how != "all":
            steps.on_crash.append(machine.reboot)
    elif fault.what == "suspend":
        steps.at(fault.at, lambda: _suspend(play, net, float(fault.how)))
    elif fault.what == "jump":
        steps.at(fault.at, lambda: machine.jump(float(fault.how)))
    elif fault.what == "lie":
        server.lie = liar(fault.how, fault.at / 100, rand)
    else:
        raise ValueError(fault.what)


def _suspend(play: Play, net: SimNet, seconds: float) -> None:
    """The machine sleeps; after half an hour the server has hung up."""
    play.server.time.now += seconds
    if seconds > 1800:
        for stream in list(net.streams):
            stream.snap()


def _refusal(number: int, at: int, sticky: bool) -> object:
    """The call number `at` fails; sticky: and each such call on the same folder from then on."""
    state: dict[str, object] = {"count": 0, "broken": None}

    def refuse(call: str, path: str) -> None:
        state["count"] = count = int(str(state["count"])) + 1
        here = (call, path.rpartition("/")[0])
        if count == at:
            state["broken"] = here
        if count == at or (sticky and here == state["broken"]):
            raise OSError(number, "refused", path)

    return refuse


def _mislisting(fault: Fault) -> object:
    """The listing number `at` of a folder that holds something misses an entry or doubles one."""
    count = 0
    what, _, which = fault.how.partition(":")

    def mislist(path: str, names: list[str]) -> list[str]:
        nonlocal count
        if not names or not path.endswith(("/new", "/cur")):
            return names
        count += 1
        if count != fault.at:
            return names
        at = int(which) % len(names)
        return names[:at] + names[at + 1 :] if what == "miss" else [*names, names[at]]

    return mislist
