"""Draws of one rule living side by side, in the synchronous step or in true asynchrony, behind one small surface.

Time is in the step's own unit: reference steps, or T. May import cellnode.replicas, firmware_sim and numpy.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cellnode.replicas import LINK_UP, Replicas
from coordinator.evaluate.subject import ASYNC, INT8, SYNC, Subject, Way
from coordinator.evaluate.times import Times
from firmware_sim.limits import STATE_STEP
from firmware_sim.rule import Floats
from firmware_sim.synchronous import Grids

FIRE = 0.5  # the article's
UNITS = {SYNC: "steps", ASYNC: "T"}

Places = list[tuple[int, int]]


class Body(Protocol):
    """`draws` grids; float states out, whatever computes them."""

    def run(self, time: float) -> None: ...

    def erase(self, lost: NDArray[np.bool_]) -> None:
        """Cells [H, W] of every draw restart empty."""

    def states(self) -> Floats:
        """[draws, H, W, C]."""

    def copy(self) -> Body: ...


class SyncBody:
    def __init__(self, grids: Grids, rng: np.random.Generator, scale: float) -> None:
        self._grids, self._rng, self._scale = grids, rng, scale

    def run(self, time: float) -> None:
        with np.errstate(all="ignore"):  # a rule that runs away may
            for _ in range(round(time)):
                self._grids.step(self._rng.random(self._grids.shape, dtype=np.float32) < FIRE)

    def erase(self, lost: NDArray[np.bool_]) -> None:
        self._grids.grids[:, lost] = 0

    def states(self) -> Floats:
        return _floats(self._grids.grids, self._scale)

    def copy(self) -> SyncBody:
        rng = np.random.default_rng()
        rng.bit_generator.state = self._rng.bit_generator.state
        return SyncBody(self._grids.copy(), rng, self._scale)


class AsyncBody:
    def __init__(self, replicas: Replicas, scale: float) -> None:
        self._replicas, self._scale = replicas, scale

    def run(self, time: float) -> None:
        with np.errstate(all="ignore"):
            self._replicas.run(time)

    def erase(self, lost: NDArray[np.bool_]) -> None:
        self._replicas.erase(lost)

    def states(self) -> Floats:
        return _floats(self._replicas.states(), self._scale)

    def copy(self) -> AsyncBody:
        return AsyncBody(self._replicas.copy(), self._scale)


class Nursery:
    """Makes newly seeded bodies. Newborn swarms, all asleep, are made once for each grid and copied from then on."""

    def __init__(self, subject: Subject, draws: int, rng_seed: int, times: Times | None = None) -> None:
        self.subject, self.draws, self._rng_seed, self.times = subject, draws, rng_seed, times or Times()
        self._newborn: dict[tuple[str, tuple[int, int], int], Replicas] = {}

    def seeded(
        self, way: Way, grid: tuple[int, int], places: Places, degrees: float = 0.0, draws: int | None = None
    ) -> Body:
        """`draws` grids (as many as the nursery's by default) with one seed at each place."""
        count, scale = draws or self.draws, STATE_STEP if way.family == INT8 else 1.0
        state = self.subject.seed_state(way.family)
        if way.step == SYNC:
            proposer = self.subject.proposer(way.family, degrees)
            empty = np.zeros((count, *grid, proposer.channels), proposer.dtype)
            for row, column in places:
                empty[:, row, column] = state
            return SyncBody(Grids(empty, proposer), np.random.default_rng(self._rng_seed), scale)
        replicas = self._born(way.family, grid, count).copy(self.subject.engine(way.family, degrees))
        for row, column in places:
            replicas.seed(row, column, state)
        return AsyncBody(replicas, scale)

    def forget(self) -> None:
        """Free the newborn of other grids than most experiments need: those of four pictures are large."""
        kept = self.subject.grid, self.subject.square
        self._newborn = {key: value for key, value in self._newborn.items() if key[1] in kept}

    def _born(self, family: str, grid: tuple[int, int], count: int) -> Replicas:
        key = family, grid, count
        if key not in self._newborn:
            self._newborn[key] = Replicas(count, *grid, self.subject.engine(family), self._rng_seed)
            self._newborn[key].run(LINK_UP)
        return self._newborn[key]


def _floats(states: NDArray[Any], scale: float) -> Floats:
    return states.astype(np.float32) * np.float32(scale)
