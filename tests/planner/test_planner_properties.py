"""Any user actions on both sides, any policy: quiet, equal, nothing lost, nothing doubled.

A fixed share of `python tests/planner/campaign.py`, which looks for as long as one likes.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from planner_scenario import Scenario, fault, made_up, smaller
from planner_users import Op, settled_world
from planner_world import Box

from mailsync.model.flags import Flags
from mailsync.model.rows import Wait
from mailsync.model.settings import Deletions, Direction, Guard
from mailsync.planner import Policy

OFF = Guard(share=None)
EXPUNGE = Policy(deletions=Deletions.EXPUNGE, guard=OFF, trash=4)  # type: ignore[arg-type]
S, F, D, T = Flags.SEEN, Flags.FLAGGED, Flags.DRAFT, Flags.DELETED

# What the campaign found, each as small as it got.
FOUND = {
    "a file that is paired in its mailbox is not left behind by a move": Scenario(
        EXPUNGE,
        True,
        ((1, S),),
        (
            (Op("server", "copy", 0, 0, S),),
            (
                Op("local", "move renamed", 0, 2, F),
                Op("server", "copy", 0, 2, S),
                Op("server", "away and back", 0, 0, S),
            ),
        ),
    ),
    "what a download finds to be a waiting file keeps its merge base": Scenario(
        EXPUNGE,
        False,
        ((1, F), (1, S)),
        (
            (
                Op("local", "move renamed", 0, 2, S),
                Op("local", "flag", 0, 0, D),
                Op("server", "away and back", 0, 0, S),
            ),
        ),
    ),
    "a file that comes back when the message is gone, too, is new": Scenario(
        Policy(deletions=Deletions.KEEP, guard=OFF, trash=4),  # type: ignore[arg-type]
        False,
        ((1, S),),
        (
            (Op("local", "remove", 0, 0, S),),
            (Op("server", "expunge", 0, 0, S), Op("local", "bring back", 0, 0, S)),
        ),
    ),
    "a file that moved by its name is not told from a twin by its content": Scenario(
        EXPUNGE,
        False,
        ((0, F),),
        (
            (Op("server", "receive twin", 0, 2, S),),
            (Op("local", "move", 1, 1, S), Op("local", "move renamed", 0, 2, S)),
        ),
    ),
    "a deletion that waits is carried out once what spoke against it is taken back": Scenario(
        Policy(direction=Direction.PUSH, guard=OFF),
        False,
        ((1, F),),
        (
            (Op("server", "flag", 0, 0, D), Op("local", "remove", 0, 0, S)),
            (Op("server", "flag", 0, 0, D),),
        ),
    ),
    "a file that waits is the one of a message that is on neither side": Scenario(
        replace(EXPUNGE, direction=Direction.PULL),
        False,
        ((1, S), (4, F)),
        (
            (Op("server", "receive twin", 0, 2, S),),
            (Op("local", "move renamed", 0, 2, S), Op("server", "expunge", 0, 0, S)),
            (
                Op("server", "move", 0, 0, S),
                Op("local", "remove", 0, 0, S),
                Op("server", "flag", 11, 0, S),
            ),
        ),
    ),
    "what is new in \\Trash is the deleted one that is gone on both sides": Scenario(
        replace(EXPUNGE, gmail=True, deletions=Deletions.TRASH, expunge_deleted=True),
        False,
        (),
        (
            (
                Op("local", "rename", 0, 3, S),
                Op("local", "bring back", 0, 0, S),
                Op("server", "move", 0, 4, S),
                Op("server", "receive", 0, 0, S),
                Op("local", "save twin", 0, 0, S),
                Op("local", "bring back", 0, 0, S),
            ),
            (
                Op("local", "save", 0, 0, S),
                Op("local", "save twin", 0, 4, S),
                Op("local", "flag", 3, 0, T),
                Op("server", "receive", 0, 0, S),
                Op("local", "save twin", 0, 0, S),
            ),
            (Op("server", "away and back", 13, 0, S), Op("local", "move", 29, 0, S)),
        ),
    ),
    "what the guard lets go of marks that were set one after the other": Scenario(
        Policy(
            guard=Guard(share=0.25, floor=2),
            trash=4,  # type: ignore[arg-type]
            expunge_deleted=True,
        ),
        False,
        tuple(
            (1, flag)
            for flag in (F, Flags.FORWARDED, Flags.ANSWERED, D, D, S, Flags.ANSWERED, T, D)
        ),
        (
            (
                Op("local", "edit", 0, 0, S),
                Op("local", "flag", 0, 0, T),
                Op("server", "move", 13, 0, S),
                Op("local", "flag", 16, 0, T),
            ),
        ),
    ),
    "what a COPY to the trash left is expunged while another one goes there": Scenario(
        Policy(
            guard=OFF,
            trash=4,  # type: ignore[arg-type]
            gmail=True,
            has_move=False,
            expunge_deleted=True,
        ),
        False,
        ((0, T),),
        ((Op("local", "flag", 0, 0, T),), (Op("local", "edit", 0, 0, S),)),
    ),
    "a flag that is set on what a COPY left does not go to an older twin": Scenario(
        Policy(
            guard=OFF,
            trash=4,  # type: ignore[arg-type]
            gmail=True,
            has_move=False,
        ),
        False,
        ((1, F),),
        (
            (Op("server", "copy", 0, 0, S),),
            (
                Op("local", "flag", 0, 0, D),
                Op("server", "flag", 0, 0, D),
                Op("local", "move renamed", 0, 4, S),
            ),
        ),
    ),
}


@pytest.mark.parametrize("scenario", FOUND.values(), ids=FOUND)
def test_what_was_found(scenario: Scenario) -> None:
    assert fault(scenario) is None


@pytest.mark.parametrize("seed", range(8))
def test_random_scenarios(seed: int) -> None:
    rng = Random(seed)
    for _ in range(400):
        scenario = made_up(rng)
        if why := fault(scenario):
            pytest.fail(f"{why}: {smaller(scenario)!r}")


@pytest.mark.parametrize("deletions", list(Deletions))
@pytest.mark.parametrize("on_server", [True, False])
@pytest.mark.parametrize("count", [0, 1, 24, 25, 26, 39, 40])
def test_the_guard_never_lets_more_through(
    deletions: Deletions, on_server: bool, count: int
) -> None:
    policy = Policy(deletions=deletions, trash=4)  # type: ignore[arg-type]
    world = settled_world(policy, first=[(1, S)] * 40)
    box = world.boxes[2]
    remove(box, count, on_server)
    world.sync()
    stopped = count > 25
    gone = 40 - len((box.local if on_server else box.server) or {})
    keeps = deletions is Deletions.KEEP and not on_server
    assert gone == (0 if stopped or keeps else count)
    held = [row for row in world.rows.values() if row.wait is Wait.HELD]
    assert len(held) == (count if stopped and not keeps else 0)


def remove(box: Box, count: int, on_server: bool) -> None:
    side = box.server if on_server else box.local
    assert side is not None
    for key in list(side)[:count]:
        del side[key]  # type: ignore[arg-type]
