"""Small scope, complete: every state of one message, and of two, in one mailbox."""

from __future__ import annotations

from itertools import product

import pytest
from planner_world import G, Message, N, T, World

from mailsync.model.flags import Flags
from mailsync.model.rows import Presence
from mailsync.model.settings import Deletions, Direction, Guard
from mailsync.planner import Policy
from mailsync.planner.verdict import TABLE

Tree = Flags | None  # None: not there
State = tuple[Tree, Tree, Tree]  # server, local, synced

S, F, D, X = Flags.SEEN, Flags.FLAGGED, Flags.DELETED, Flags.DRAFT
OFF = Guard(share=None)


def trees(one: Flags, two: Flags) -> list[Tree]:
    return [None, Flags.NONE, one, two, one | two]


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


def set_up(states: list[State], texts: list[str], policy: Policy) -> World:
    world = World(policy=policy)
    box = world.box("INBOX", synced=True)
    assert box.server is not None
    assert box.local is not None
    for text, (server, local, base) in zip(texts, states, strict=True):
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
        if base is None and server is not None and local is not None:
            row.update(synced=None)
        world.new_row(**row)
        row_id = world.next_row - 1
        if base is not None or local is not None:
            known = Message(text, Flags.NONE, date)
            world.rows[row_id] = world.put(
                world.rows[row_id], body=known.body, header=known.header, wire_size=known.size
            )
    return world


@pytest.mark.parametrize(("one", "two"), [(S, F), (D, X), (S, D)])
def test_every_state_of_one_message(one: Flags, two: Flags) -> None:
    for state in product(trees(one, two), repeat=3):
        world = set_up([state], ["a"], Policy(guard=OFF))
        world.sync()
        flags = expected(state)
        want = {"INBOX": [] if flags is None else [("a", flags)]}
        assert (world.server_state(), world.local_state()) == (want, want), state
        assert world.plan().actions == ()


def test_every_state_of_two_messages() -> None:
    for first, second in product(product(trees(S, F), repeat=3), repeat=2):
        world = set_up([first, second], ["a", "b"], Policy(guard=OFF))
        world.sync()
        flags = [("a", expected(first)), ("b", expected(second))]
        want = {"INBOX": [(text, flag) for text, flag in flags if flag is not None]}
        assert (world.server_state(), world.local_state()) == (want, want), (first, second)


def test_every_state_of_twins() -> None:
    """Two messages of equal content: nothing is lost, both sides are equal in the end."""
    for first, second in product(product(trees(S, F), repeat=3), repeat=2):
        world = set_up([first, second], ["a", "a"], Policy(guard=OFF))
        least = min(1, len([state for state in (first, second) if expected(state) is not None]))
        world.sync()
        assert world.server_state() == world.local_state(), (first, second)
        assert len(world.server_state()["INBOX"]) >= least, (first, second)


@pytest.mark.parametrize("deletions", list(Deletions))
@pytest.mark.parametrize("direction", [Direction.PULL, Direction.PUSH])
def test_one_side_never_changes(direction: Direction, deletions: Deletions) -> None:
    for state in product(trees(S, F), repeat=3):
        policy = Policy(direction=direction, deletions=deletions, guard=OFF)
        world = set_up([state], ["a"], policy)
        server, local = world.server_state(), world.local_state()
        world.sync()
        if direction is Direction.PULL:
            assert world.server_state() == server, state
            if state[1] is None and state[2] is not None:
                assert world.local_state() == local, state  # removed stays removed
        else:
            assert world.local_state() == local, state
            if state[0] is None and state[2] is not None:
                assert world.server_state() == server, state


def test_the_table_is_complete() -> None:
    assert set(TABLE) == set(product(Presence, repeat=2))
    assert (N, G) in TABLE
