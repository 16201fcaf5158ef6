"""Small scope: every state of a few messages, each of which is there, or not, on three trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import comb, gcd
from random import Random

from planner_order import clone
from planner_scenario import claim, same_end
from planner_world import G, Message, T, World

from mailsync.model.flags import Flags
from mailsync.model.settings import Guard
from mailsync.planner import Policy

Tree = Flags | None  # None: not there
State = tuple[Tree, Tree, Tree]  # server, local, synced

S, F, D, X = Flags.SEEN, Flags.FLAGGED, Flags.DELETED, Flags.DRAFT
OFF = Guard(share=None)

# What the messages have in common: nothing, or their content, in one mailbox or in many.
SHAPES = {
    "apart": ("abc", ("INBOX",)),
    "twins": ("aaa", ("INBOX",)),
    "moves": ("aaa", ("INBOX", "Jobs", "Old")),
    "mixed": ("aab", ("INBOX", "Jobs", "INBOX")),
}

# Messages of a shape that may change places: the same state, but for the order of UIDs and files.
ALIKE = {"apart": (0, 1, 2), "twins": (0, 1, 2), "moves": (1, 2), "mixed": ()}


def trees(one: Flags, two: Flags) -> list[Tree]:
    return [None, Flags.NONE, one, two, one | two]


STATES: list[State] = list(product(trees(S, F), repeat=3))  # type: ignore[arg-type]


def expected(state: State) -> Tree:
    """The flags of the message on both sides in the end; None: it is gone."""
    server, local, base = state
    if server is None and local is None:
        return None
    if server is not None and local is not None:
        if base is None:
            kept = (server | local) & ~(D | X) | (server & local & D) | (server & X)
            return Flags(kept)
        return Flags(sum(_one(flag, server, local, base) for flag in Flags))
    there = server if server is not None else local
    assert there is not None
    if base is None or there & ~base & (F | X) or base & ~there & D:
        return there
    return None


def _one(flag: Flags, server: Flags, local: Flags, base: Flags) -> Flags:
    if server & flag == local & flag:
        return server & flag
    return ~base & flag


def set_up(
    states: Sequence[State],
    texts: Sequence[str],
    policy: Policy,
    boxes: Sequence[str] = ("INBOX",),
) -> World:
    world = World(policy=policy)
    made = {name: world.box(name, synced=True) for name in sorted(set(boxes))}
    for at, (text, (server, local, base)) in enumerate(zip(texts, states, strict=True)):
        box = made[boxes[at % len(boxes)]]
        assert box.server is not None
        assert box.local is not None
        row: dict[str, object] = {"mailbox": box.id, "synced": base}
        date = world.tick()
        if server is not None:
            row["uid"] = world.append(box, Message(text, server, date))
            row.update(server=T, **world._server_facts(Message(text, server, date)))
        elif base is not None:
            row.update(server=G, uid=box.uid_next)
            box.uid_next += 1
        if local is not None:
            name = f"file{date}"
            box.local[name] = Message(text, local, date)
            row.update(name=name, local=T, **world._file_facts(box, name, box.local[name]))
        elif base is not None:
            row.update(local=G, name=f"gone{date}")
        if (server, local, base) == (None, None, None):
            continue
        world.new_row(**row)
        row_id = world.next_row - 1
        if base is not None or local is not None:
            known = Message(text, Flags.NONE, date)
            world.rows[row_id] = world.put(
                world.rows[row_id], body=known.body, header=known.header, wire_size=known.size
            )
    return world


# -- all of them, or some ----------------------------------------------------------------------


def numbered(number: int, count: int) -> list[State]:
    """The states of `count` messages that have this number, from 0 to 125**count - 1."""
    found = []
    for _ in range(count):
        number, at = divmod(number, len(STATES))
        found.append(STATES[at])
    return found


def numbers(count: int, shard: int = 0, shards: int = 1, seed: int = 0) -> Iterator[int]:
    """Those of one shard of `shards`, each once, in an order that leaps about: what is looked at
    until somebody stops is a sample of all."""
    size = (len(STATES) ** count - shard + shards - 1) // shards
    rng = Random(seed)
    at, leap = rng.randrange(size), _coprime(size, rng)
    for _ in range(size):
        yield shard + at * shards
        at = (at + leap) % size


def stands_for(number: int, count: int, shape: str) -> bool:
    """Whether it is the one of those that differ by the order of messages alone."""
    at = [number // len(STATES) ** place % len(STATES) for place in range(count)]
    alike = [at[place] for place in ALIKE[shape] if place < count]
    return alike == sorted(alike)


def how_many(count: int, shape: str) -> int:
    """For how many numbers `stands_for` is true."""
    alike = sum(place < count for place in ALIKE[shape])
    return len(STATES) ** (count - alike) * comb(len(STATES) + alike - 1, alike)


def turned(states: Sequence[State], shape: str, rng: Random) -> list[State]:
    """The same in one of the orders that `stands_for` leaves out."""
    found = list(states)
    places = [place for place in ALIKE[shape] if place < len(states)]
    for to, place in zip(places, rng.sample(places, len(places)), strict=True):
        found[to] = states[place]
    return found


def _coprime(size: int, rng: Random) -> int:
    while True:
        leap = rng.randrange(1, size + 1)
        if gcd(leap, size) == 1:
            return leap


def fault_of(states: Sequence[State], shape: str, seed: int, *, orders: bool = True) -> str | None:
    try:
        play(states, shape, seed, orders=orders)
    except (AssertionError, KeyError, ValueError, AttributeError) as error:
        return f"{type(error).__name__} {error}"
    return None


def play(states: Sequence[State], shape: str, seed: int, *, orders: bool = True) -> None:
    """One sync: it ends, the sides agree, nothing is lost, nothing doubled; with `orders`, neither
    another order nor an interruption leads elsewhere."""
    letters, boxes = SHAPES[shape]
    texts = letters[: len(states)]
    world = set_up(states, texts, Policy(guard=OFF), boxes)
    others = clone(world), clone(world)
    world.sync()
    claim(world.sync(0) == 0, "a second sync does something")
    server, local = world.server_state(), world.local_state()
    claim(server == local, f"the sides differ: {server}, {local}")
    claim(len(world.rows) == sum(map(len, server.values())), "rows that stand for nothing")
    for text in set(texts):
        mine = [state for state, other in zip(states, texts, strict=True) if other == text]
        left = [flags for rows in server.values() for other, flags in rows if other == text]
        if len(mine) == 1:
            want = expected(mine[0])
            claim(left == ([] if want is None else [want]), f"{text} ended {left}")
            continue
        least = any(expected(state) is not None for state in mine)
        most = sum(state[:2] != (None, None) for state in mine)
        claim(least <= len(left) <= most, f"{text} is there {len(left)} times of {most}")
    if orders:
        same_end(world, *others, Random(seed))
