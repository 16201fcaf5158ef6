"""Makes a failing run small: drops events, users' acts and faults while it still fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sim.events import Fault, Run, Sync


def shrunk(run: Run, fails: Callable[[Run], bool]) -> Run:
    """A run that fails as `run` does, from which nothing more can be dropped one by one."""
    size = max(1, len(run.parts()) // 2)
    while True:
        smaller = _dropped(run, size, fails)
        if smaller is not None:
            run = smaller
        elif size > 1:
            size //= 2
        else:
            break
    for simpler in (
        {"machines": 1},
        {"disk": "posix"},
        {"grain": 1},
        {"settings": ()},
        {"profile": "strict_qresync"},
    ):
        changed = replace(run, **simpler)  # type: ignore[arg-type]
        if changed != run and fails(changed):
            run = changed
    return _simple_syncs(run, fails)


def _dropped(run: Run, size: int, fails: Callable[[Run], bool]) -> Run | None:
    parts = run.parts()
    for start in reversed(range(0, len(parts), size)):
        smaller = run.without(set(parts[start : start + size]))
        if smaller != run and fails(smaller):
            return smaller
    return None


def _simple_syncs(run: Run, fails: Callable[[Run], bool]) -> Run:
    """One process where two are not needed, one kind of lie where many were told."""
    for number, event in enumerate(run.events):
        if not isinstance(event, Sync):
            continue
        if len(event.machines) > 1:
            for one in event.machines:
                run = _try(run, number, replace(event, machines=(one,)), fails)
        for at, fault in enumerate(event.faults):
            for kind in fault.how.split(",") if fault.what == "lie" and "," in fault.how else ():
                current = run.events[number]
                assert isinstance(current, Sync)
                only = Fault("lie", fault.who, fault.at, kind)
                faults = (*current.faults[:at], only, *current.faults[at + 1 :])
                run = _try(run, number, replace(current, faults=faults), fails)
    return run


def _try(run: Run, number: int, event: Sync, fails: Callable[[Run], bool]) -> Run:
    changed = replace(run, events=(*run.events[:number], event, *run.events[number + 1 :]))
    return changed if fails(changed) else run
