"""The score that chooses a checkpoint: what a swarm's user would remember."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from firmware_sim import folder
from firmware_sim.cuts import CUTS
from trainer.score import Score, score

HEALS = Score((-3.0, -3.0), (-3.0, -3.0), (-3.0,) * 5, -3.0)


def test_a_cut_that_now_and_then_heals_into_a_wrong_shape_costs_though_its_median_is_fine() -> None:
    assert HEALS.total == -3.0
    assert replace(HEALS, worst_cut=-2.0).total > HEALS.total
    assert replace(HEALS, healed=(-3.0, -2.0)).total > HEALS.total
    assert replace(HEALS, cuts=(-2.0,) * 5).total == HEALS.total


def test_a_rule_that_heals_is_worth_what_its_worst_cut_comes_back_to() -> None:
    found = folder.load("dot")
    target = found.target()
    assert target is not None
    got = score(found.rule(), target, "regenerating", np.random.default_rng(1), 2)
    assert len(got.cuts) == len(CUTS) and len(got.grown) == len(got.healed) == 2
    assert max(got.cuts) <= got.worst_cut + 1e-9 < -5 and got.total < -5


def test_where_nothing_is_to_heal_only_growing_counts() -> None:
    found = folder.load("dot")
    target = found.target()
    assert target is not None
    got = score(found.rule(), target, "growing", np.random.default_rng(1), 2)
    assert got.cuts == () and got.total == float(np.median(got.grown))
