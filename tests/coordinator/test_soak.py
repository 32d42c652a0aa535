"""The soak's schedule, which a seed decides, and what counts as having grown."""

from __future__ import annotations

import os
from itertools import pairwise

from coordinator import faults
from coordinator.bench import soak
from coordinator.bench.wear import Wear, growth, wear


def test_half_an_hour_has_in_every_five_minutes_a_share_killed_a_host_lost_and_four_others() -> None:
    plan = soak.schedule(1800, 7)
    for cycle in range(6):
        words = [words for second, words in plan if 300 * cycle <= second < 300 * (cycle + 1)]
        assert words.count(soak.KILLED) == 1 and sum(each in soak.LOSSES for each in words) == 1
        assert sum(each in soak.DECK for each in words) == 4
    assert [second for second, _ in plan] == sorted(second for second, _ in plan)


def test_in_half_an_hour_every_fault_of_the_deck_comes_once_before_any_comes_twice() -> None:
    dealt = [words for _, words in soak.schedule(1800, 7) if words in soak.DECK]
    assert set(dealt[: len(soak.DECK)]) == set(soak.DECK)


def test_the_same_seed_plans_the_same_and_another_something_else() -> None:
    assert soak.schedule(1800, 7) == soak.schedule(1800, 7) != soak.schedule(1800, 8)


def test_all_that_is_planned_is_understood_and_ends_or_is_over_at_once() -> None:
    for words in (*soak.DECK, *soak.LOSSES, soak.KILLED):
        asked = faults.parse(words.split())
        assert faults.KINDS[asked.fault].instant or asked.duration is not None, words


def test_a_short_soak_has_two_cycles_all_the_same() -> None:
    plan = soak.schedule(40, 1)
    assert sum(words == soak.KILLED for _, words in plan) == 2
    assert all(later[0] >= sooner[0] for sooner, later in pairwise(plan)) and plan[-1][0] < 40


def test_processes_are_counted_with_their_memory_descriptors_and_threads() -> None:
    mine = wear([os.getpid(), 1 << 22], 1.0)
    assert mine.processes == 1 and mine.mib > 5 and mine.descriptors >= 3 and mine.threads >= 1


def test_growth_is_that_of_a_process_however_many_there_are() -> None:
    samples = [Wear(float(second), 10 + second % 2, (10 + second % 2) * 4.0, 70, 30) for second in range(40)]
    steady = growth(samples, 0.0)
    assert steady is not None and steady["mib"] == 0
    leaking = [Wear(sample.second, 10, 40 + sample.second, 70, 30) for sample in samples]
    found = growth(leaking, 0.0, each=False)
    assert found is not None and found["mib"] > 0.5 and found["descriptors"] == 0
    assert growth(samples[:2], 1.0) is None
