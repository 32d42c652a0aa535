"""Time in T, and the shortest T that a machine can keep."""

from __future__ import annotations

import numpy as np
import pytest

from coordinator.calibrate import awake_cells, calibrate
from coordinator.clock import Clock
from coordinator.probe import machine_factor, message_us


def test_t_counts_intervals_since_the_seed() -> None:
    clock = Clock(interval_ns=500)
    assert clock.t(10_000) == 0.0
    assert not clock.started
    clock.begin(10_000)
    assert clock.t(11_000) == 2.0
    assert clock.at(2.0) == 11_000


def test_a_moment_that_is_no_whole_number_of_nanoseconds_is_reached_at_the_nearest() -> None:
    clock = Clock(interval_ns=3)
    clock.begin(100)
    assert clock.at(0.1) == 100, "0.3 ns later, which is no time on this clock"
    assert clock.reached(0.1, 100)
    assert not clock.reached(1.4, 103)
    assert clock.reached(1.4, 104)
    clock.pause(104)
    assert not clock.reached(2.0, 900), "in a pause it is no later than when it began"


def test_before_the_seed_only_the_beginning_is_reached() -> None:
    assert Clock(interval_ns=3).reached(0.0, 50)
    assert not Clock(interval_ns=3).reached(0.1, 50)


def test_a_pause_does_not_count() -> None:
    clock = Clock(interval_ns=100)
    clock.begin(1_000)
    clock.pause(1_200)
    assert clock.t(9_000) == 2.0
    clock.resume(2_200)
    assert clock.t(2_300) == 3.0
    assert clock.at(3.0) == 2_300


def test_pausing_twice_is_pausing_once() -> None:
    clock = Clock(interval_ns=100)
    clock.begin(1_000)
    clock.pause(1_100)
    clock.pause(1_500)
    clock.resume(2_000)
    clock.resume(3_000)
    assert clock.t(2_000) == 1.0


def test_a_t_that_the_machine_can_keep_is_kept() -> None:
    found = calibrate(0.5, 400.0, "chip", 900, 2.0)
    assert found.chosen_s == 0.5 and not found.raised
    assert "36%" in found.line


def test_a_t_that_is_too_fast_is_raised_to_65_percent_and_said_so() -> None:
    found = calibrate(0.05, 400.0, "chip", 900, 2.0)
    assert found.chosen_s == pytest.approx(0.28) and found.raised
    assert "too fast" in found.line and "0.28 s" in found.line and "measured" in found.line


def test_without_a_measurement_the_known_cost_is_scaled_to_this_machine_and_said_so() -> None:
    here = calibrate(0.001, None, "chip", 900, 2.0)
    slower = calibrate(0.001, None, "chip", 900, 2.0, machine_factor=2.0)
    assert "estimated" in here.line
    assert slower.chosen_s == pytest.approx(2 * here.chosen_s, abs=0.011)


def test_below_50_ms_frames_would_come_late_however_few_the_cells() -> None:
    found = calibrate(0.001, 400.0, "chip", 9, 2.0)
    assert found.chosen_s == 0.05 and "frames would come late" in found.line


def test_the_cost_of_a_message_can_be_measured_here() -> None:
    found = message_us()
    assert found is not None and 1 < found < 10_000
    assert 0.25 <= machine_factor() <= 4


def test_the_ring_around_the_living_is_awake_too() -> None:
    living = np.zeros((5, 5), np.bool_)
    living[2, 2] = True
    assert awake_cells(living) == 9
    living[:] = True
    assert awake_cells(living) == 25
