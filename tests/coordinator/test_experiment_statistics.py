"""The numbers behind a verdict, held to values worked out elsewhere."""

from __future__ import annotations

import math

import pytest

from coordinator.experiment.statistics import median_interval, sample_size, survival, wilson


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I: 81 of 263
    low, high = wilson(81, 263, 0.95)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0, 0.95) == (0.0, 1.0)
    low, high = wilson(0, 20, 0.95)
    assert low == 0.0 and high == pytest.approx(0.1611, abs=1e-4)


def test_leveugles_sample_size_is_385_for_five_percent_and_less_for_a_small_population() -> None:
    assert sample_size(0.05) == 385
    assert sample_size(0.01, 0.99, population=100_000) == 14_228
    assert sample_size(0.05, population=1_000) == 278


def test_a_survival_curve_counts_those_who_never_recovered_as_at_risk() -> None:
    # by hand: of 5, one after 2 T, one after 3 T, one lost to sight at 3 T, one after 5 T, one never
    curve = survival([2, 3, 3, 5, 8], [True, True, False, True, False])
    shares = dict(zip(curve.times, curve.shares, strict=True))
    assert shares[2] == pytest.approx(0.8) and shares[3] == pytest.approx(0.6) and shares[5] == pytest.approx(0.3)
    assert (curve.events, curve.censored, curve.median) == (3, 2, 5)
    assert survival([4, 4], [False, False]).median is None


def test_the_interval_of_a_median_holds_the_median_and_repeats() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 9.0, 11.0, 12.0]
    low, high = median_interval(values, 0.95)
    assert 1.0 <= low <= 4.0 <= high <= 12.0 and median_interval(values, 0.95) == (low, high)
    assert median_interval([2.0, 2.0], 0.95) == (2.0, 2.0)
    assert median_interval([], 0.95) == (-math.inf, math.inf)
