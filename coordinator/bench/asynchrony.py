"""A plain simulation of asynchrony to compare swarms with: no mailbox, no frames, no sleep, no code of `patch.py`.

Time goes in slices of T/16; in each slice every cell fires with probability 1/16 on what its neighbours hold at the
beginning of the slice. That is the article's stochastic update with the fire rate taken towards zero, the limit in
which every cell has its own exponential clock. Imports numpy and `firmware_sim`; randomness is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.limits import ALPHA
from firmware_sim.rule import neighbourhoods

SLICES = 16  # per T; halving the slice moved the lizard's loss by less than the spread between draws

States = NDArray[Any]  # float32 or int8, [H, W, C]


def simulate(
    update: Callable[[States], States], grid: States, intervals: float, rng: np.random.Generator, torus: bool = False
) -> States:
    """`grid` after `intervals` T; `update` maps neighbourhoods [N, 3, 3, C] to new states [N, C] (an engine's)."""
    grid = grid.copy()
    height, width, _ = grid.shape
    for _ in range(round(intervals * SLICES)):
        around = neighbourhoods(grid, torus)
        fire = rng.random((height, width)) < 1 / SLICES
        fire &= (around[..., ALPHA] > 0).any(axis=(2, 3)) | (grid != 0).any(axis=2)  # elsewhere zero stays zero
        if fire.any():
            grid[fire] = update(np.ascontiguousarray(around[fire]))
        elif not grid.any():
            break
    return grid
