"""The meter: totals across lives, and the rates of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from synthetic import FakePanel

from cellnode.panel import COUNTERS, Counter
from coordinator.camera import Camera, Sight
from coordinator.meter import Meter


def two_cells(tmp_path: Path) -> tuple[FakePanel, Camera, Meter]:
    fake = FakePanel(tmp_path / "panel", 1, 2)
    fake.start(0, pid=5), fake.start(1, pid=6)
    return fake, Camera(fake.path, 1, 2, False), Meter(2)


def test_counters_add_up_across_lives(tmp_path: Path) -> None:
    fake, camera, meter = two_cells(tmp_path)
    meter.zero(camera.look())
    fake.count(0, updates=10)
    meter.take(camera.look())
    fake.reap(0)
    meter.take(camera.look())
    fake.start(0, pid=9, life=2)
    fake.count(0, updates=3)
    meter.take(camera.look())
    assert meter.totals()[0, Counter.UPDATES] == 13


def test_a_quick_rebirth_between_two_looks_is_noticed_by_its_life(tmp_path: Path) -> None:
    fake, camera, meter = two_cells(tmp_path)
    meter.zero(camera.look())
    fake.count(0, updates=10)
    meter.take(camera.look())
    fake.start(0, pid=9, life=2)
    fake.count(0, updates=12)
    meter.take(camera.look())
    assert meter.totals()[0, Counter.UPDATES] == 22


def test_what_happened_before_zero_does_not_count(tmp_path: Path) -> None:
    fake, camera, meter = two_cells(tmp_path)
    fake.count(0, updates=100, missed_wakes=7)
    meter.zero(camera.look())
    fake.count(0, updates=104, missed_wakes=8)
    meter.take(camera.look())
    rates = meter.rates()
    assert rates.updates == 4 and rates.missed_wakes == 1


def test_rates_are_per_update(tmp_path: Path) -> None:
    fake, camera, meter = two_cells(tmp_path)
    meter.zero(camera.look())
    fake.count(0, updates=10, cpu_ns=4_000_000, heard=38, living_neighbours=80)
    fake.count(1, updates=10, cpu_ns=2_000_000, heard=9, living_neighbours=30)
    meter.take(camera.look())
    rates = meter.rates()
    assert rates.cpu_us_per_update == 300.0
    assert rates.heard_per_update == 2.35
    assert rates.heard_share == 0.95, "taken where all eight neighbours live: 38 of 80 / 2"


def test_the_stale_age_is_the_99th_percentile() -> None:
    meter = Meter(1)
    meter.take(_sight(np.concatenate([np.zeros(980), np.full(20, 1.5)])))
    assert meter.rates().stale_age_p99 == 1.5
    fresh = Meter(1)
    fresh.take(_sight(np.zeros(100)))
    assert fresh.rates().stale_age_p99 == 0.0


def test_nothing_counted_gives_no_number() -> None:
    rates = Meter(1).rates()
    assert rates.cpu_us_per_update is None and rates.heard_share is None and rates.stale_age_p99 is None


def test_unknown_ages_are_not_called_fresh() -> None:
    meter = Meter(1)
    meter.take(_sight(np.zeros(10)))
    meter.take(_sight(np.array([np.nan])))
    assert meter.rates().stale_age_p99 is None


def _sight(ages: np.ndarray) -> Sight:
    return Sight(
        at_ns=1,
        on=np.ones(1, np.bool_),
        pids=np.ones(1, np.uint32),
        phases=np.ones(1, np.uint32),
        lives=np.ones(1, np.uint64),
        counters=np.zeros((1, COUNTERS), np.uint64),
        states=np.zeros((1, 1, 16), np.float32),
        ages_intervals=ages,
    )
