"""How good a rule is where it will live: every cell on its own clock, acting on what its neighbours last said.

A vectorised stand-in for the swarm, for scoring checkpoints while training: in each of 16 moments of an interval T every cell
wakes with probability 1/16 and updates from the states said so far, with its own new alpha and its neighbours' old ones in
the second mask.  Close to the truth, not the truth (that is cellnode in virtual time).  Draws from the generator it is
given.  Imports numpy and firmware_sim.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from firmware_sim.limits import ALPHA

MOMENTS = 16  # per wake interval T; finer changed no score by more than the spread over draws

Grids = NDArray[np.generic]
Update = Callable[[NDArray[np.generic]], NDArray[np.generic]]


class Field:
    """B grids [B, H, W, C] of one dtype with a border of zeros around each, and an update for a batch of neighbourhoods."""

    def __init__(self, grids: Grids, update: Update, alive_above: float, exists: NDArray[np.bool_] | None = None) -> None:
        b, h, w, c = grids.shape
        self.padded = np.zeros((b, h + 2, w + 2, c), dtype=grids.dtype)
        self.padded[:, 1:-1, 1:-1] = grids
        self.update, self.alive_above = update, alive_above
        self.exists = np.ones((b, h, w), dtype=np.bool_) if exists is None else exists
        self._flat = self.padded.reshape(-1, c)
        wide = w + 2
        self._around = np.array([dy * wide + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
        self._index = np.arange(b * (h + 2) * wide).reshape(b, h + 2, wide)[:, 1:-1, 1:-1]

    @property
    def grids(self) -> Grids:
        return self.padded[:, 1:-1, 1:-1]

    def run(self, intervals: float, rng: np.random.Generator) -> None:
        """Let the swarm live for `intervals` T."""
        for _ in range(round(intervals * MOMENTS)):
            wakes = self._index[(rng.random(self.exists.shape, dtype=np.float32) < 1 / MOMENTS) & self.exists]
            around = self._flat[wakes[:, None] + self._around]
            busy = around[:, :, ALPHA].max(axis=1) > self.alive_above
            self._flat[wakes[~busy]] = 0
            wakes, around = wakes[busy], around[busy]
            if len(wakes):
                self._flat[wakes] = self.update(around.reshape(len(wakes), 3, 3, -1))

    def erase(self, lost: NDArray[np.bool_]) -> None:
        """Cells [B, H, W] restart empty."""
        self.grids[lost] = 0
