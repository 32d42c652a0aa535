"""The history of a run: what was shown and counted comes back, torn files are refused, a long run keeps few moments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellnode.panel import COUNTERS, Counter
from coordinator import history
from coordinator.camera import Sight
from firmware_sim.errors import BadInput


def sight(value: float, dead: tuple[int, ...] = ()) -> Sight:
    on = np.ones(6, np.bool_)
    on[list(dead)] = False
    none = np.zeros(6, np.uint32)
    return Sight(
        at_ns=1,
        on=on,
        pids=none,
        phases=none,
        lives=np.ones(6, np.uint64),
        counters=np.zeros((6, COUNTERS), np.uint64),
        states=np.full((2, 3, 16), value, np.float32),
        ages_intervals=np.zeros(0),
    )


def totals(updates: int) -> np.ndarray:
    counted = np.zeros((6, COUNTERS), np.uint64)
    counted[:, Counter.UPDATES] = updates
    counted[2, Counter.CPU_NS] = 7_000_000
    return counted


def test_a_moment_comes_back_as_it_was_seen(tmp_path: Path) -> None:
    kept = history.History(tmp_path / "maps", 6)
    kept.take(sight(0.5, dead=(4,)), totals(10), 0.0)
    kept.take(sight(1.25), totals(12), 1.0)
    first, last = history.every(tmp_path / "maps")
    assert (first.t, last.t) == (0.0, 1.0)
    assert not first.on[1, 1] and first.on.sum() == 5
    assert last.rgba.shape == (2, 3, 4) and (last.rgba == 1.25).all()
    assert (last.of(Counter.UPDATES) - first.of(Counter.UPDATES) == 2).all()
    assert last.of(Counter.CPU_NS)[0, 2] == 7000  # microseconds


def test_the_moment_of_a_time_is_the_last_one_up_to_it(tmp_path: Path) -> None:
    kept = history.History(tmp_path, 6)
    for t in (2.0, 4.0):
        kept.take(sight(t), totals(1), t)
    assert [history.moment(tmp_path, t).t for t in (0.0, 2.0, 3.9, 4.0, float("inf"))] == [2.0, 2.0, 2.0, 4.0, 4.0]


def test_a_long_run_keeps_a_bounded_number_the_first_and_the_last_among_them(tmp_path: Path) -> None:
    kept = history.History(tmp_path, 200_000)  # a large grid: as few as there may be
    for t in range(100):
        if kept.wants(t):
            kept.take(sight(1.0), totals(1), float(t))
    found = history.times(tmp_path)
    assert len(found) <= history.LEAST
    assert found[0] == 0.0 and found[-1] >= 96.0


def test_a_torn_file_is_named(tmp_path: Path) -> None:
    history.History(tmp_path, 6).take(sight(1.0), totals(1), 0.0)
    path = next(tmp_path.glob("t*.npz"))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(BadInput, match=path.name):
        history.every(tmp_path)
