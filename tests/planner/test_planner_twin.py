"""The world in memory against the real engine: the same acts, the same mail in the end.

A fixed share of `python tests/planner/campaign.py --engine`.
"""

from __future__ import annotations

from random import Random

import pytest
from planner_scenario import OFF, Scenario
from planner_twin import PROFILES, fitting, side_by_side
from planner_users import Op

from mailsync.model.flags import Flags
from mailsync.planner import Policy

TRASH = Policy(guard=OFF, trash=4)  # type: ignore[arg-type]
S = Flags.SEEN

# What the campaign found: where they ended apart, or what both did wrong.
FOUND = {
    "among twins the id of their mailbox decided": (
        "plain",
        ((1, Flags.DRAFT),),
        (
            Op("local", "flag", 0, 0, S),
            Op("server", "copy", 0, 4, S),
            Op("server", "move", 0, 0, S),
        ),
    ),
    "a new name where it was, and a copy elsewhere": (
        "qresync",
        ((0, Flags.FORWARDED),),
        (
            Op("server", "move", 0, 1, S),
            Op("local", "move renamed", 0, 4, S),
            Op("local", "copy", 0, 0, S),
        ),
    ),
    "a draft under a new UIDVALIDITY": (
        "condstore",
        ((1, Flags.DRAFT),),
        (Op("cache", "new UIDVALIDITY", 0, 0, S),),
    ),
}


@pytest.mark.parametrize("found", FOUND.values(), ids=FOUND)
def test_what_was_found(found: tuple[str, tuple[tuple[int, Flags], ...], tuple[Op, ...]]) -> None:
    profile, first, turn = found
    side_by_side(Scenario(TRASH, False, first, (turn,)), profile, 0)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("seed", range(4))
def test_the_engine_ends_where_the_world_does(seed: int, profile: str) -> None:
    side_by_side(fitting(Random(f"{seed} {profile}")), profile, seed)
