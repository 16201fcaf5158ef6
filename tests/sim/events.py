"""A random run as data: what users do, what goes wrong, when which machine syncs.

An event names messages by their ghost and mailboxes by name, so it means the same whatever other
events are dropped; where it finds nothing to do it does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Act:
    """A user: `who` is "server" (another client) or a machine's number; see `users.ACTS`."""

    who: str
    what: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong during a sync, on machine number `who`; see `play.FAULTS`."""

    what: str
    who: int = 0
    at: int = 1
    how: str = ""
    sticky: bool = False


@dataclass(frozen=True, slots=True)
class Meddling:
    """A user acts just before step `at` of the process on machine `who`; later if it ends."""

    who: int
    at: int
    act: Act


@dataclass(frozen=True, slots=True)
class Sync:
    """These machines sync at once; a number given twice is two processes on one machine.
    `options`: names of SyncOptions, or "only MAILBOX"."""

    machines: tuple[int, ...]
    seed: int
    meddling: tuple[Meddling, ...] = ()
    faults: tuple[Fault, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


Event = Act | Sync | Pause
_KINDS: dict[str, type] = {"act": Act, "sync": Sync, "pause": Pause}


@dataclass(frozen=True, slots=True)
class Run:
    """One run; the seed only makes latencies and the like.  `settings`: of the account."""

    seed: str
    profile: str = "strict_qresync"
    machines: int = 1
    disk: str = "posix"  # or "fold", "nfd", "bare", "apart"
    grain: int = 1  # ns; file times are multiples of it
    settings: tuple[tuple[str, str], ...] = ()
    events: tuple[Event, ...] = field(default=())

    # -- smaller runs --------------------------------------------------------------------------

    def parts(self) -> list[tuple[int, str, int]]:
        """Everything that can be dropped: (event, "event" | "meddling" | "faults", index)."""
        found: list[tuple[int, str, int]] = []
        for number, event in enumerate(self.events):
            found.append((number, "event", 0))
            if isinstance(event, Sync):
                found += [(number, "meddling", at) for at in range(len(event.meddling))]
                found += [(number, "faults", at) for at in range(len(event.faults))]
        return found

    def without(self, dropped: set[tuple[int, str, int]]) -> Run:
        """What was to happen during a sync that is dropped goes with it."""
        events: list[Event] = []
        for number, event in enumerate(self.events):
            if (number, "event", 0) in dropped:
                continue
            if isinstance(event, Sync):
                kept = {
                    kind: tuple(
                        one
                        for at, one in enumerate(getattr(event, kind))
                        if (number, kind, at) not in dropped
                    )
                    for kind in ("meddling", "faults")
                }
                event = replace(event, **kept)  # type: ignore[arg-type]
            events.append(event)
        return replace(self, events=tuple(events))

    # -- kept as text --------------------------------------------------------------------------

    def dump(self) -> str:
        head = {key: value for key, value in asdict(self).items() if key != "events"}
        lines = [json.dumps(_plain(event)) for event in self.events]
        return json.dumps(head)[:-1] + ',\n"events": [\n' + ",\n".join(lines) + "\n]}\n"

    @classmethod
    def load(cls, text: str) -> Run:
        data = json.loads(text)
        events = tuple(_event(one) for one in data.pop("events"))
        data["settings"] = tuple((key, value) for key, value in data["settings"])
        return cls(**data, events=events)

    def acts(self) -> Iterator[Act]:
        for event in self.events:
            if isinstance(event, Act):
                yield event
            elif isinstance(event, Sync):
                yield from (one.act for one in event.meddling)


def _plain(event: Event) -> dict[str, object]:
    name = next(name for name, kind in _KINDS.items() if type(event) is kind)
    return {"event": name, **asdict(event)}


def _event(data: dict[str, object]) -> Event:
    kind = data.pop("event")
    if kind == "act":
        return _act(data)
    if kind == "pause":
        return Pause(**data)  # type: ignore[arg-type]
    meddling = tuple(
        Meddling(one["who"], one["at"], _act(one["act"]))
        for one in data["meddling"]  # type: ignore[attr-defined]
    )
    faults = tuple(Fault(**one) for one in data["faults"])  # type: ignore[attr-defined]
    options = tuple(data.get("options", ()))  # type: ignore[arg-type, var-annotated]
    return Sync(tuple(data["machines"]), data["seed"], meddling, faults, options)  # type: ignore[arg-type]


def _act(data: dict[str, object]) -> Act:
    return Act(data["who"], data["what"], tuple(data["args"]))  # type: ignore[arg-type]
