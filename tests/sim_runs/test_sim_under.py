"""Every named scenario on the servers of the world (`sim/under.py`): calm, and one crash in each.

python tests/sim/exhaust.py --profile every --seconds 600     # many crashes
python tests/sim/faulty.py --profile every --seconds 600      # and faults
"""

from __future__ import annotations

import pytest
from sim.exhaust import calm, crashed
from sim.fs import MODELS
from sim.rand import SimRand
from sim.under import OTHERS, named, under


@pytest.mark.parametrize("name", [one.name for profile in OTHERS for one in under(profile)])
def test_calm_and_a_crash(name: str) -> None:
    scenario, rand = named(name), SimRand(name)
    at = 1 + rand.below(calm(scenario))
    assert crashed(scenario, at, rand.choice(MODELS)) > 0
