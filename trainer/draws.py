"""Draws of one rule living side by side, each from one seed on a grid of its own: what a score or a judge looks at.

In the chip's arithmetic these are the real cells in virtual time (`cellnode.replicas`: own clocks, mailboxes), which
their C runs five times as fast as firmware_sim's vectorised stand-in (3,600 grids of 40x40 a second for one T, 717);
float rules live in the stand-in.  Imports numpy, cellnode.replicas, firmware_sim and episode.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cellnode.replicas import LINK_UP, Replicas
from firmware_sim.asynchronous import Swarm
from firmware_sim.engines import NumpyEngine
from firmware_sim.genome import Genome
from firmware_sim.limits import ALIVE_THRESHOLD, STATE_STEP
from firmware_sim.loss import loss_log10
from firmware_sim.native import native_engine
from firmware_sim.rule import Rule, seed
from trainer.episode import Floats

SMALLEST_GRID = 8


class Draws(Protocol):
    """B grids in asynchrony."""

    def run(self, intervals: float) -> None:
        """Let `intervals` T pass."""

    def erase(self, lost: NDArray[np.bool_]) -> None:
        """Cells [H, W], or [B, H, W], restart empty."""

    def states(self) -> Floats:
        """[B, H, W, C]."""

    def copy(self) -> Draws:
        """The same grids, to go on by themselves."""


def seeded(rule: Rule, side: int, draws: int, rng: np.random.Generator, *, int8: bool) -> Draws:
    """`draws` grids of `side` x `side` with one seed in the middle of each, in the chip's arithmetic or in float32."""
    if int8:
        engine = native_engine(Genome.quantise(rule), say=lambda line: None)  # the bytes of engine chip, without BLAS
        cells = Replicas(draws, side, side, engine, int(rng.integers(1 << 62)))
        cells.run(LINK_UP)
        cells.seed(side // 2, side // 2, np.rint(seed(1, 1)[0, 0] / STATE_STEP))
        return _Cells(cells)
    grids = np.repeat(seed(side, side, rule.channels)[None], draws, axis=0)
    return _StandIn(grids, NumpyEngine(rule), rng)


def losses(draws: Draws, target: Floats) -> NDArray[np.float64]:
    """log10 loss of each draw, the target's centre pixel on the grid's."""
    return np.array([loss_log10(grid, target) for grid in draws.states()])


class _Cells:
    def __init__(self, cells: Replicas) -> None:
        self._cells = cells

    def run(self, intervals: float) -> None:
        self._cells.run(intervals)

    def erase(self, lost: NDArray[np.bool_]) -> None:
        self._cells.erase(lost)

    def states(self) -> Floats:
        return self._cells.states().astype(np.float32) * np.float32(STATE_STEP)

    def copy(self) -> _Cells:
        return _Cells(self._cells.copy())


class _StandIn:
    def __init__(self, grids: Floats, engine: NumpyEngine, rng: np.random.Generator) -> None:
        self._engine, self._rng = engine, rng
        self._swarm = Swarm(grids, engine.update, ALIVE_THRESHOLD, 1.0)

    def run(self, intervals: float) -> None:
        self._swarm.run(intervals, self._rng)

    def erase(self, lost: NDArray[np.bool_]) -> None:
        self._swarm.erase(np.broadcast_to(lost, self._swarm.grids.shape[:3]))

    def states(self) -> Floats:
        return self._swarm.states()

    def copy(self) -> _StandIn:
        return _StandIn(self._swarm.grids, self._engine, self._rng)
