"""The estimate of energy stays near what is measured on images, and grows with the rule."""

from __future__ import annotations

import pytest

from firmware_sim import folder
from firmware_sim.energy import estimate
from firmware_sim.genome import Genome

MEASURED_UJ = {"lizard": 380.0, "dot": 389.2, "lizard-24": 392.1}  # typical cycles of `firmware budget`, in energy


def genome(name: str) -> Genome:
    found = folder.load(name).genome()
    assert found is not None
    return found


@pytest.mark.parametrize("name", MEASURED_UJ)
def test_the_estimate_is_within_five_percent_of_what_the_images_measure(name: str) -> None:
    assert estimate(genome(name)).microjoules_per_update == pytest.approx(MEASURED_UJ[name], rel=0.05)


def test_an_update_of_half_the_hidden_units_costs_half() -> None:
    rule = folder.load("lizard").rule()
    half = type(rule)(rule.w1[:, : rule.hidden // 2], rule.b1[: rule.hidden // 2], rule.w2[: rule.hidden // 2], rule.b2)
    ratio = estimate(half).microjoules_per_update / estimate(rule).microjoules_per_update
    assert ratio == pytest.approx(0.5, rel=0.01)


def test_where_the_figure_comes_from_is_said() -> None:
    assert "ATmega328P" in estimate(genome("dot")).source and "estimate" in estimate(genome("dot")).source
