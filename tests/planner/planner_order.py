"""Other orders in which a plan may be carried out, and what two worlds have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from mailsync.model.actions import (
    Action,
    Copy,
    CopyLocal,
    CreateLocalMailbox,
    CreateMailbox,
    Defer,
    DeferMailbox,
    Download,
    Expunge,
    Forget,
    Move,
    MoveLocal,
    Pair,
    Plan,
    RemoveLocal,
    RemoveLocalMailbox,
    RemoveMailbox,
    RenameLocalMailbox,
    RenameMailbox,
    SetLocalFlags,
    StoreFlags,
    Upload,
)
from mailsync.model.rows import Row

CACHE_ONLY = (Pair, Forget, Defer, DeferMailbox)  # one transaction, before all else
MAILBOXES = (
    CreateMailbox,
    CreateLocalMailbox,
    RenameMailbox,
    RenameLocalMailbox,
    RemoveMailbox,
    RemoveLocalMailbox,
)
TRANSFERS = (Download, Upload)


def units(made: Plan) -> Iterator[Action]:
    """The plan a row at a time, as a failure in the middle may leave it."""
    for action in made.actions:
        match action:
            case Copy():
                parts = zip(action.rows, action.joins, action.bases, strict=True)
                for row, join, base in parts:
                    yield replace(action, rows=(row,), joins=(join,), bases=(base,))
            case Move() | MoveLocal() | CopyLocal():
                for at, row in enumerate(action.rows):
                    joins = action.joins[at : at + 1]
                    yield replace(action, rows=(row,), joins=joins)
            case Expunge():
                for at, row in enumerate(action.rows):
                    yield replace(action, rows=(row,), after=action.after[at : at + 1])
            case StoreFlags() | SetLocalFlags() | Download() | Upload() | RemoveLocal():
                yield from (replace(action, rows=(row,)) for row in action.rows)
            case _:
                yield action


def bound(first: Action, then: Action, text_of: Callable[[Row], str | None]) -> bool:
    """Whether `first`, which stands before `then` in the plan, must be done before it."""
    if isinstance(first, CACHE_ONLY) or isinstance(then, CACHE_ONLY):
        return True
    if isinstance(first, MAILBOXES) and isinstance(then, MAILBOXES):
        return True  # parents and children
    if isinstance(first, MAILBOXES) or isinstance(then, MAILBOXES):
        return bool(_boxes(first) & _boxes(then))
    if isinstance(first, TRANSFERS) and isinstance(then, TRANSFERS):
        # A Download may find that a file which waits is its message: twins in their order.
        twins = {text_of(row) for row in first.rows} & {text_of(row) for row in then.rows}
        return first.mailbox == then.mailbox and bool(twins)
    return bool(_rows(first) & _rows(then))


def reordered(made: Plan, rng: Random, world: Any) -> list[Action]:
    """A random linear extension of what must come before what."""

    def text_of(row: Row) -> str | None:
        box = world.boxes[row.mailbox]
        there = (box.server or {}).get(row.uid) or (box.local or {}).get(row.name)
        return None if there is None else str(there.text)

    all_ = list(units(made))
    before: list[set[int]] = [
        {at for at, other in enumerate(all_[:then]) if bound(other, one, text_of)}
        for then, one in enumerate(all_)
    ]
    left, done = list(range(len(all_))), list[int]()
    while left:
        free = [at for at in left if before[at].issubset(done)]
        chosen = rng.choice(free)
        left.remove(chosen)
        done.append(chosen)
    return [all_[at] for at in done]


def _boxes(action: Any) -> set[int]:
    return {action.mailbox, getattr(action, "target", action.mailbox)} | {
        getattr(action, "new", action.mailbox)
    }


def _rows(action: Any) -> set[int]:
    parts = ("rows", "joins", "after", "maybe")
    return {row.id for part in parts for row in getattr(action, part, ())}


# -- worlds ------------------------------------------------------------------------------------


def clone(world: Any) -> Any:
    boxes = {
        number: replace(
            box,
            server=None if box.server is None else _copies(box.server),
            local=None if box.local is None else _copies(box.local),
            removed=Counter(box.removed),
            hints=set(box.hints),
        )
        for number, box in world.boxes.items()
    }
    lists = {"undo": list(world.undo), "expunged": list(world.expunged), "log": list(world.log)}
    return replace(world, boxes=boxes, rows=dict(world.rows), **lists)


def _copies(there: dict[Any, Any]) -> dict[Any, Any]:
    return {key: replace(message) for key, message in there.items()}


def essence(world: Any) -> dict[str, Counter[object]]:
    """All that is left when numbers and made-up names are taken away."""
    found: dict[str, Counter[object]] = {
        "undo": Counter(message.text for message in world.undo),
        "expunged": Counter(message.text for message in world.expunged),
    }
    for box in world.boxes.values():
        found[f"{box.name} server"] = Counter(
            (m.text, m.flags) for m in (box.server or {}).values()
        )
        found[f"{box.name} keywords"] = Counter(
            (m.text, m.keywords) for m in (box.server or {}).values()
        )
        found[f"{box.name} local"] = Counter((m.text, m.flags) for m in (box.local or {}).values())
        found[f"{box.name} rows"] = Counter(
            (row.server, row.local, row.synced, row.wait, row.settled) for row in world.of(box)
        )
    return found
