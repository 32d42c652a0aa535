"""Several swarms in virtual time at once, each on its own grid, drawing its own clocks: for medians over draws.

One world holds all the grids side by side without a link between them: in C (int8 rules) each is a part that a thread
may run, as arrays a batch of wakes is as large as all of them together (measured on 72x72: 124,000 updates a second for
five, 52,000 for one alone). The first is to the bit what `VirtualSwarm` computes from the same seed. Links do not fail
here and nobody crashes: that is VirtualSwarm's. May import numpy, firmware_sim and the rest of the state machine; no
sockets, no clock.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.nativeworld import NativeWorld
from cellnode.patchworld import PatchWorld
from cellnode.topology import neighbours
from firmware_sim.engines import Engine, genome_of
from firmware_sim.errors import BadInput
from firmware_sim.native_build import NativeUnavailable

INTERVAL_NS = 1_000_000_000  # virtual, so any will do
LINK_UP = 8.0  # T between power and seed: newborns greet each other within 4, then fall asleep


class Replicas:
    """`count` swarms of `height` x `width` cells, all switched on and empty at time 0; `threads` (default: one for each
    core) changes no byte."""

    def __init__(
        self, count: int, height: int, width: int, engine: Engine, rng_seed: int, threads: int | None = None
    ) -> None:
        if count < 1:
            raise BadInput(f"{count} replicas, expected at least one")
        self.count, self.height, self.width = count, height, width
        one = neighbours(height, width, False)
        table = np.concatenate([np.where(one < 0, -1, one + k * height * width) for k in range(count)])
        self._world = _world(table.astype(np.int32), engine, rng_seed, count, threads)
        self._now_ns = 0

    @property
    def now_intervals(self) -> float:
        """Virtual time in T since they were switched on."""
        return self._now_ns / INTERVAL_NS

    def run(self, intervals: float) -> None:
        """Let `intervals` T pass."""
        self._now_ns += round(intervals * INTERVAL_NS)
        self._world.run(self._now_ns)

    def seed(self, row: int, column: int, state: NDArray[Any]) -> None:
        """Set the cell at this place of every grid to `state` [C], in the engine's dtype."""
        if not (0 <= row < self.height and 0 <= column < self.width):
            raise BadInput(f"seed at row {row}, column {column} lies outside the {self.height}x{self.width} grid")
        cells = row * self.width + column + np.arange(self.count) * self.height * self.width
        self._world.seed(cells.tolist(), state.astype(self._world.engine.dtype).tobytes(), self._now_ns)

    def erase(self, lost: NDArray[np.bool_]) -> None:
        """Cells [height, width], or [count, height, width], lose their memory and start again, empty."""
        all_of_them = np.broadcast_to(lost, (self.count, self.height, self.width))
        self._world.erase(np.flatnonzero(all_of_them).tolist(), self._now_ns)

    def states(self) -> NDArray[Any]:
        """[count, height, width, C] in the engine's dtype."""
        return self._world.states().reshape(self.count, self.height, self.width, -1)

    def copy(self, engine: Engine | None = None) -> Replicas:
        """A twin that from here on lives its own life, on the same clocks; `engine` (of the same dtype and channels)
        gives it another rule, as one would to newborns."""
        mine = self._world.engine
        other = mine if engine is None else engine
        if (other.dtype, other.channels) != (mine.dtype, mine.channels):
            raise BadInput("a copy needs an engine of the same family and channels")
        twin = copy.copy(self)
        twin._world = self._world.twin(other)
        return twin


def _world(
    table: NDArray[np.int32], engine: Engine, rng_seed: int, count: int, threads: int | None
) -> NativeWorld | PatchWorld:
    if genome_of(engine) is not None:
        try:
            return NativeWorld(table, engine, rng_seed, INTERVAL_NS, 1, parts=count, threads=threads)
        except NativeUnavailable:
            pass  # arrays give the same bytes
    return PatchWorld(table, engine, rng_seed, INTERVAL_NS, 1)
