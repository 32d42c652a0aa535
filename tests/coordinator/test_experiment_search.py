"""The search for a threshold and the shrinking of a schedule, on questions whose answers are planted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.experiment.shrink import shrink
from coordinator.experiment.threshold import search
from firmware_sim.errors import BadInput


@pytest.mark.parametrize("slope", [15.0, 40.0, 1000.0])
def test_a_planted_threshold_is_found_within_two_percent(slope: float) -> None:
    errors = []
    for number in range(12):
        rng = np.random.default_rng(number)
        planted = rng.uniform(0.1, 0.85)

        def ask(value: float, count: int, planted: float = planted, rng: np.random.Generator = rng) -> int:
            chance = 1 / (1 + np.exp(np.clip((value - planted) * slope, -500, 500)))
            return int((rng.random(count) < chance).sum())

        found = search(ask, 0.0, 0.95, precision=0.02)
        assert found.value is not None and found.runs <= 400
        errors.append(abs(found.value - planted))
    assert sum(error > 0.02 for error in errors) <= 1, "an interval of 95 % may miss one time in twenty"


def test_a_share_may_rise_and_another_crossing_be_asked_for() -> None:
    rng = np.random.default_rng(5)
    found = search(lambda x, n: int((rng.random(n) < x / 10).sum()), 0.0, 10.0, share=0.8, precision=0.5, most=800)
    assert found.value is not None and abs(found.value - 8.0) < 1.2


def test_where_nothing_crosses_it_says_so() -> None:
    found = search(lambda _x, n: n, 0.0, 1.0)
    assert found.value is None and "at or above 0.5" in found.why and found.runs == 16


@given(st.sets(st.integers(0, 49), min_size=2, max_size=2))
def test_two_guilty_of_fifty_are_found_in_two_hundred_runs(guilty: set[int]) -> None:
    found = shrink(list(range(50)), lambda kept: guilty <= set(kept))
    assert set(found.kept) == guilty and found.runs <= 200 and not found.exhausted


def test_what_does_not_fail_cannot_be_shrunk_and_a_budget_is_kept() -> None:
    with pytest.raises(BadInput, match="does not fail"):
        shrink([1, 2, 3], lambda _kept: False)
    short = shrink(list(range(64)), lambda kept: {3, 40} <= set(kept), most=5)
    assert short.exhausted and short.runs == 5 and {3, 40} <= set(short.kept)
