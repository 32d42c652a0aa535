"""The rules that come with the project grow and heal in true asynchrony, in float and in int8."""

from __future__ import annotations

import numpy as np
import pytest

from firmware_sim import folder
from firmware_sim.rule import seed
from trainer.score import losses, swarm
from trainer.targets import resolve

GRIDS = {"lizard": 40, "lizard-24": 24, "dot": 8}
GROWN = {"lizard": -2.8, "lizard-24": -2.8, "dot": -3.0}


@pytest.mark.parametrize("int8", [True, False], ids=["int8", "float"])
@pytest.mark.parametrize("name", GRIDS)
def test_a_shipped_rule_grows_from_one_seed_and_regrows_half_of_its_cells(name: str, int8: bool) -> None:
    shipped, side, rng = folder.load(name), GRIDS[name], np.random.default_rng(11)
    target = shipped.target()
    assert target is not None and shipped.info.regime == "regenerating"
    grown = swarm(shipped.rule(), seed(side, side)[None], int8=int8)
    grown.run(100, rng)
    assert losses(grown.grids, target)[0] <= GROWN[name]
    lost = rng.random((1, side, side)) < 0.5
    lost[:, side // 2, side // 2] = True
    grown.erase(lost)
    grown.run(100, rng)
    assert losses(grown.grids, target)[0] <= GROWN[name] + 0.2


@pytest.mark.parametrize(
    ("name", "given", "size"), [("lizard", "lizard", 40), ("lizard-24", "lizard", 24), ("dot", "dot", 6)]
)
def test_a_shipped_rule_carries_the_target_it_was_trained_on(name: str, given: str, size: int) -> None:
    target = folder.load(name).target()
    assert target is not None
    np.testing.assert_allclose(target, resolve(given, size).pixels, atol=1e-6)
