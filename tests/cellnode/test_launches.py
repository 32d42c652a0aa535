"""Who starts a unit: its launch, later supervision, or nobody; and how far the host is. Time is injected."""

from __future__ import annotations

import numpy as np
import pytest

from cellnode.launches import RETRIES, Launches
from cellnode.panel import Phase
from cellnode.supervision import FIRST_PAUSE_NS, LONGEST_PAUSE_NS

SECOND = 1_000_000_000
UNITS = 4


class Bench:
    """Units that come up when they are forked, but for those that are `broken`."""

    def __init__(self) -> None:
        self.launches = Launches(UNITS)
        self.phases = np.zeros(UNITS, np.uint32)
        self.alive = np.zeros(UNITS, np.bool_)
        self.broken: set[int] = set()
        self.now_ns = 0

    def step(self, seconds: float = 0.3) -> list[int]:
        """Returns what was forked."""
        self.now_ns += int(seconds * SECOND)
        forked: list[int] = []
        for _, orders in self.launches.step(self.now_ns, self.phases, self.alive):
            forked += orders.fork
        for unit in forked:
            self.alive[unit] = unit not in self.broken
            self.phases[unit] = Phase.LINKED if self.alive[unit] else Phase.OFF
        return forked

    def kill(self, unit: int) -> None:
        self.alive[unit], self.phases[unit] = False, Phase.OFF


@pytest.fixture
def bench() -> Bench:
    return Bench()


def units(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.intp)


def test_the_host_runs_once_its_first_launch_is_over_whatever_is_started_later(bench: Bench) -> None:
    launches = bench.launches
    assert launches.phase_name == "forking"
    launches.begin(units(0, 1, 2), 0)
    assert launches.phase_name == "forking" and launches.looked_after().tolist() == [True, True, True, False]
    assert bench.step() == [0, 1, 2]
    assert bench.step() == [] and launches.phase_name == "running"
    assert not launches.under_way and not launches.looked_after().any()
    launches.start(units(3), bench.now_ns)
    assert launches.under_way and launches.phase_name == "running"
    assert bench.step() == [3]


def test_a_death_after_the_launch_is_followed_by_a_new_life_after_a_pause(bench: Bench) -> None:
    bench.launches.begin(units(0, 1), 0)
    bench.step()
    bench.step()
    bench.kill(1)
    bench.launches.died(1, bench.now_ns)
    bench.launches.start_due(bench.now_ns)
    assert not bench.launches.under_way, "not at once"
    bench.launches.start_due(bench.now_ns + FIRST_PAUSE_NS)
    assert bench.step() == [1]


def test_what_a_launch_has_given_up_is_tried_again_after_the_longest_pause(bench: Bench) -> None:
    bench.broken = {1}
    bench.launches.begin(units(0, 1), 0)
    forked = [bench.step() for _ in range(RETRIES + 3)]
    assert sum(step.count(1) for step in forked) == RETRIES + 1
    assert not bench.launches.under_way, "given up"
    given_up_ns = bench.now_ns
    bench.launches.start_due(given_up_ns + FIRST_PAUSE_NS)
    assert not bench.launches.under_way
    bench.launches.start_due(given_up_ns + LONGEST_PAUSE_NS)
    assert bench.step() == [1]


def test_what_is_not_wanted_any_more_is_started_by_nobody(bench: Bench) -> None:
    bench.launches.begin(units(0, 1), 0)
    bench.launches.drop(units(1))
    assert bench.step() == [0]
    bench.step()
    bench.kill(0)
    bench.launches.died(0, bench.now_ns)
    bench.launches.drop(units(0))
    bench.launches.start_due(bench.now_ns + 10 * LONGEST_PAUSE_NS)
    assert not bench.launches.under_way


def test_with_its_zygote_lost_nothing_is_under_way_until_everything_begins_anew(bench: Bench) -> None:
    bench.launches.begin(units(0, 1), 0)
    bench.step()
    bench.launches.reset(units(0, 1))
    assert (bench.launches.under_way, bench.launches.phase_name) == (False, "forking")
    bench.kill(0)
    bench.kill(1)
    bench.launches.start_due(bench.now_ns + 10 * LONGEST_PAUSE_NS)
    assert bench.step() == []
    bench.launches.begin(units(0, 1), bench.now_ns)
    assert bench.step() == [0, 1]
