"""The plain simulation of asynchrony: in a moment of T/16 a random sixteenth wakes, on what was said before it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim import folder
from firmware_sim import rule as floats
from firmware_sim.asynchronous import MOMENTS, Swarm
from firmware_sim.engines import NumpyEngine
from firmware_sim.limits import ALIVE_THRESHOLD
from firmware_sim.loss import loss_log10
from firmware_sim.rule import neighbourhoods, seed

States = NDArray[Any]


def hurried(around: States) -> States:
    """A rule whose every wake adds one to all channels."""
    return np.asarray(around[:, 1, 1] + 1)


def test_a_moment_wakes_a_sixteenth_and_an_interval_wakes_each_cell_once_in_the_mean() -> None:
    rng, start = np.random.default_rng(1), np.ones((4, 30, 30, 16), np.float32)
    swarm = Swarm(start, hurried, ALIVE_THRESHOLD, 1.0)
    swarm.run(1 / MOMENTS, rng)
    woken = swarm.grids[..., 0] - 1
    assert set(np.unique(woken)) == {0, 1} and 0.05 < woken.mean() < 0.075
    swarm.run(10 - 1 / MOMENTS, rng)
    assert 9.8 < (swarm.grids[..., 0] - 1).mean() < 10.2


def test_a_moment_is_the_update_of_who_wakes_on_what_all_held_before_it() -> None:
    rule, rng = folder.load("dot").rule(), np.random.default_rng(2)
    swarm = Swarm(seed(8, 8)[None], NumpyEngine(rule).update, ALIVE_THRESHOLD, 1.0)
    swarm.run(30, rng)
    before = swarm.states()[0]
    everyone = floats.update(rule, np.ascontiguousarray(neighbourhoods(before)).reshape(-1, 3, 3, 16)).reshape(8, 8, 16)
    swarm.run(1 / MOMENTS, rng)
    after = swarm.states()[0]
    woke = (after != before).any(axis=-1)
    assert 0 < woke.sum() < 32
    np.testing.assert_allclose(after[woke], everyone[woke], atol=1e-5)


def test_several_grids_do_not_touch_and_zeros_lie_around_each() -> None:
    start = np.zeros((3, 5, 5, 16), np.float32)
    start[1] = 1.0
    sums: list[float] = []

    def listening(around: States) -> States:
        sums.append(float(around[..., 3].sum(axis=(1, 2)).min()))
        return np.asarray(around[:, 1, 1])

    swarm = Swarm(start, listening, ALIVE_THRESHOLD, 1.0)
    swarm.run(8, np.random.default_rng(3))
    assert not swarm.grids[[0, 2]].any() and (swarm.grids[1] == 1).all()
    assert min(sums) == 4.0, "a corner hears three neighbours, and itself"


def test_a_cell_amid_nothing_alive_is_emptied_and_the_erased_start_anew() -> None:
    start = np.zeros((1, 7, 7, 16), np.float32)
    start[0, 3, 3, 5] = 2.0  # a memory, but no alpha
    swarm = Swarm(start, hurried, ALIVE_THRESHOLD, 1.0)
    swarm.run(10, np.random.default_rng(4))
    assert not swarm.grids.any()
    swarm.grids[:] = 1
    lost = np.zeros((1, 7, 7), np.bool_)
    lost[0, :, 3:] = True
    swarm.erase(lost)
    assert (swarm.grids[0, :, :3] == 1).all() and not swarm.grids[0, :, 3:].any()


def test_a_built_in_rule_grows_its_picture_in_it() -> None:
    found = folder.load("dot")
    target = found.target()
    assert target is not None
    swarm = Swarm(seed(8, 8)[None], NumpyEngine(found.rule()).update, ALIVE_THRESHOLD, 1.0)
    swarm.run(100, np.random.default_rng(5))
    assert loss_log10(swarm.states()[0], target) < -5
