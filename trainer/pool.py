"""The sample pool and the grids its samples live on.

A sample is a state and the grid it has: a box of cells cut out of the training canvas, so that one kernel call
trains on many grid sizes and borders, the tight one of the swarm among them.  It never runs a rule.  Imports numpy,
firmware_sim and the places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rule import seed
from trainer import places

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

TIGHT_SHARE = 0.4  # samples whose grid is exactly the target's: where the swarm lives, and where a border hurts most


@dataclass(frozen=True, slots=True)
class Canvas:
    """The square all grids are cut from: the target's `size` with `pad` cells on each side; the seed on its centre."""

    size: int
    pad: int
    channels: int

    @property
    def side(self) -> int:
        return self.size + 2 * self.pad

    @property
    def centre(self) -> tuple[int, int]:
        return self.side // 2, self.side // 2

    def seed(self) -> Floats:
        return seed(self.side, self.side, self.channels, at=self.centre)

    def place(self, target: Floats) -> Floats:
        """The target [size, size, 4] on the canvas, its centre pixel on the seed cell."""
        return np.pad(target, ((self.pad, self.pad), (self.pad, self.pad), (0, 0))).astype(np.float32)

    def draw_grid(self, rng: np.random.Generator) -> Mask:
        """Which cells there are: the tight grid, or one with a margin of -1..pad on each side by itself.

        -1 because a picture turned about its seed cell stands one cell off on an even grid.
        """
        exists = np.zeros((self.side, self.side), dtype=np.bool_)
        tight = rng.random() < TIGHT_SHARE
        lowest = -1 if self.size >= 16 else 0
        top, bottom, left, right = (0, 0, 0, 0) if tight else rng.integers(lowest, self.pad + 1, 4)
        low, high = self.pad, self.pad + self.size
        exists[low - top : high + bottom, low - left : high + right] = True
        return exists


class Pool:
    """`states`, `exists` and `places` of P samples; states that are whole steps of the limit are kept as int8, to save
    memory."""

    def __init__(self, canvas: Canvas, entries: int, step: float | None, rng: np.random.Generator) -> None:
        self.step = step
        self.states = np.repeat(self._pack(canvas.seed())[None], entries, axis=0)
        self.exists = np.stack([canvas.draw_grid(rng) for _ in range(entries)])
        self.places = places.fresh(entries)

    def __len__(self) -> int:
        return len(self.states)

    def read(self, entries: NDArray[np.int64]) -> tuple[Floats, Mask]:
        states = self.states[entries].astype(np.float32)
        return (states if self.step is None else states * np.float32(self.step)), self.exists[entries]

    def write(self, entries: NDArray[np.int64], states: Floats, exists: Mask) -> None:
        self.states[entries] = self._pack(states)
        self.exists[entries] = exists

    def _pack(self, states: Floats) -> NDArray[np.float32] | NDArray[np.int8]:
        return states if self.step is None else np.rint(states / np.float32(self.step)).astype(np.int8)
