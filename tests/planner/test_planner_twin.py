"""The world in memory against the real engine: the same acts, the same mail in the end.

A fixed share of `python tests/planner/campaign.py --engine`.
"""

from __future__ import annotations

from random import Random

import pytest
from planner_twin import PROFILES, fitting, side_by_side


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("seed", range(5))
def test_the_engine_ends_where_the_world_does(seed: int, profile: str) -> None:
    side_by_side(fitting(Random(f"{seed} {profile}")), profile, seed)
