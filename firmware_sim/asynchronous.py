"""How a rule lives where it will be used: every cell on its own clock, acting on what its neighbours last said.

A vectorised stand-in for the swarm, for scoring checkpoints while training and to compare swarms with: no mailbox, no
frame, no sleep.  In each of 16 moments of an interval T every cell wakes with probability 1/16 and updates from the
states said so far, with its own new alpha and its neighbours' old ones in the second mask: the article's stochastic
update with the fire rate taken towards zero.  Close to the truth, not the truth (that is cellnode in virtual time).
Draws from the generator it is given.  Imports numpy and limits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.limits import ALPHA

MOMENTS = 16  # per wake interval T; 32 moved the lizard's loss by less than the spread between draws

Update = Callable[[NDArray[Any]], NDArray[Any]]


class Swarm:
    """B grids [B, H, W, C], zeros around each; `update` takes a batch of neighbourhoods [N, 3, 3, C]."""

    def __init__(self, grids: NDArray[Any], update: Update, alive_above: float, step: float) -> None:
        b, h, w, c = grids.shape
        self._padded = np.zeros((b, h + 2, w + 2, c), dtype=grids.dtype)
        self.grids = self._padded[:, 1:-1, 1:-1]
        self.grids[:] = grids
        self._update, self._alive_above, self._step = update, alive_above, step
        self._flat = self._padded.reshape(-1, c)
        wide = w + 2
        self._around = np.array([dy * wide + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
        self._places = np.arange(b * (h + 2) * wide).reshape(b, h + 2, wide)[:, 1:-1, 1:-1]

    def states(self) -> NDArray[np.float32]:
        """A copy of the grids as float states."""
        return self.grids.astype(np.float32) * np.float32(self._step)

    def run(self, intervals: float, rng: np.random.Generator) -> None:
        """Let it live for `intervals` T."""
        for _ in range(round(intervals * MOMENTS)):
            wakes = self._places[rng.random(self._places.shape, dtype=np.float32) < 1 / MOMENTS]
            alphas = self._flat[:, ALPHA][wakes[:, None] + self._around]
            busy = (alphas > self._alive_above).any(axis=1)
            self._flat[wakes[~busy]] = 0
            wakes = wakes[busy]
            if len(wakes):
                around = self._flat[wakes[:, None] + self._around]
                self._flat[wakes] = self._update(around.reshape(len(wakes), 3, 3, -1))

    def erase(self, lost: NDArray[np.bool_]) -> None:
        """Cells [B, H, W] restart empty."""
        self.grids[lost] = 0
