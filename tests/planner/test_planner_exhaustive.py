"""Small scope, complete: every state of one message, and of two that have nothing or everything
in common; neither another order of the actions nor an interruption leads elsewhere.

Three messages: `python tests/planner/campaign.py --states moves --jobs 2`.
"""

from __future__ import annotations

from itertools import islice, product
from random import Random

import pytest
from planner_scope import (
    OFF,
    SHAPES,
    STATES,
    D,
    F,
    S,
    X,
    expected,
    fault_of,
    how_many,
    numbered,
    numbers,
    set_up,
    stands_for,
    trees,
    turned,
)
from planner_world import G, N

from mailsync.model.flags import Flags
from mailsync.model.rows import Presence
from mailsync.model.settings import Deletions, Direction
from mailsync.planner import Policy
from mailsync.planner.verdict import TABLE


@pytest.mark.parametrize(("one", "two"), [(S, F), (D, X), (S, D)])
def test_every_state_of_one_message(one: Flags, two: Flags) -> None:
    for state in product(trees(one, two), repeat=3):
        world = set_up([state], ["a"], Policy(guard=OFF))
        world.sync()
        flags = expected(state)
        want = {"INBOX": [] if flags is None else [("a", flags)]}
        assert (world.server_state(), world.local_state()) == (want, want), state
        assert world.plan().actions == ()


@pytest.mark.parametrize(("shape", "orders"), [("apart", 4), ("twins", 2), ("moves", 4)])
def test_every_state_of_two_messages(shape: str, orders: int) -> None:
    """Every state, and where only the order of the two differs, one of them; of one in `orders`
    other orders of the actions, too."""
    chosen = [number for number in range(len(STATES) ** 2) if stands_for(number, 2, shape)]
    assert len(chosen) == how_many(2, shape)
    for at, number in enumerate(chosen):
        states = turned(numbered(number, 2), shape, Random(number))
        assert fault_of(states, shape, number, orders=at % orders == 0) is None, states


@pytest.mark.parametrize("shape", SHAPES)
def test_some_states_of_three_messages(shape: str) -> None:
    """500 of 1,953,125."""
    for number in islice(numbers(3, seed=len(shape)), 500):
        states = numbered(number, 3)
        assert fault_of(states, shape, number) is None, states


@pytest.mark.parametrize("shards", [1, 3, 16])
def test_shards_make_up_all(shards: int) -> None:
    found = [number for shard in range(shards) for number in numbers(2, shard, shards, seed=shard)]
    assert sorted(found) == list(range(len(STATES) ** 2))


@pytest.mark.parametrize(("shape", "count"), [("apart", 7875), ("moves", 15625), ("mixed", 15625)])
def test_those_that_stand_for_others_make_up_all_with_their_turns(shape: str, count: int) -> None:
    chosen = [number for number in range(len(STATES) ** 2) if stands_for(number, 2, shape)]
    assert len(chosen) == how_many(2, shape) == count
    found = {tuple(turned(numbered(one, 2), shape, Random(n))) for one in chosen for n in range(9)}
    assert len(found) == len(STATES) ** 2


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
