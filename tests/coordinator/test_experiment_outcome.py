"""The classes of fate, and when a swarm counts as recovered."""

from __future__ import annotations

import numpy as np

from coordinator.experiment.outcome import Fate, Outcome, Story, judge


def told(gains: list[float], living: int = 100, expected: int = 100) -> Outcome:
    """One sample a T."""
    t = np.arange(50.0, 50.0 + len(gains))
    return judge(Story(t, np.array(gains), np.full(len(gains), float(living)), 1.2, expected))


def test_a_picture_never_lost_is_masked() -> None:
    found = told([2, 1.9, 2, 2])
    assert found.fate is Fate.MASKED and found.recovery_t == 0 and found.availability == 1 and found.failures == 0


def test_a_picture_lost_and_there_again_to_the_end_is_self_healed() -> None:
    found = told([2, 0.5, 0.6, 1.5, 1, 1.3, 1.4])
    assert found.fate is Fate.HEALED and found.recovery_t == 5, "it counts from the last time it was missing"
    assert found.failures == 2 and found.repair_t == 1.5
    assert found.availability == 3 / 6


def test_what_is_missing_at_the_end_is_degraded_spread_or_dead() -> None:
    assert told([2, 0.5, 0.6]).fate is Fate.DEGRADED
    assert told([2, 0.5, 0.6], living=151).fate is Fate.SPREAD
    assert told([2, 0.5, 0.0], living=0).fate is Fate.DEAD
    late = told([2, 0.5, 0.6, 1.3, 0.3])
    assert late.recovery_t is None and not late.recovered and late.repair_t == 2.0
