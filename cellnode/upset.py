"""Bits that flip in the accumulators of the integer core while it computes an update: single event upsets in logic.

The 16 sums of the second layer are 24 bits wide, whatever the genome. A flipped one is believed: it is multiplied,
shifted, added to the state and clamped as any other, the product taken modulo 2**32 as in a chip's register. Draws from
its own seed, one draw an update. May import numpy and firmware_sim.
"""

from __future__ import annotations

import functools
import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.chip import Batch
from firmware_sim.engines import Engine, genome_of
from firmware_sim.genome import Genome
from firmware_sim.limits import ALPHA, CHANNELS, STATE_MAX_INT8

WIDTH = 24  # bits; the genome's loader has proved that every sum fits
FOR_EVER = 1 << 62  # updates
AHEAD = 256  # updates for which it is drawn at once whether they are hit


class AccumulatorFlips:
    """In each update, with probability `rate`, `count` different bits of the 16 sums flip."""

    def __init__(self, rate: float, count: int, seed: int) -> None:
        self._rate, self._count = rate, min(count, WIDTH * CHANNELS)
        self._draw = random.Random(seed)
        self._whole = 0  # so many updates from now on are drawn already, and whole ...
        self._due = False  # ... and the one after them is drawn, too, and hit
        self._hits = 0

    def spared(self) -> int:
        """So many updates from now on are whole; none if the next one is not, or was not drawn yet."""
        if self._whole == 0 and not self._due:
            while self._whole < AHEAD and not self._due:
                self._due = self._draw.random() < self._rate
                self._whole += not self._due
        return self._whole

    def passed(self, updates: int) -> None:
        """So many updates that were to be whole have been computed elsewhere."""
        self._whole -= updates

    def upset(self, engine: Engine, neighbourhood: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        """What became of the update [1, 3, 3, 16] -> [1, 16] that `engine` has just computed as `new`."""
        if self.spared():
            self._whole -= 1
            return new
        self._due = False
        genome = genome_of(engine)
        assert genome is not None, "asked when it began"
        alphas = neighbourhood[0, ..., ALPHA].reshape(-1)
        if alphas.max() <= genome.alive:
            return new  # nothing lives in reach: the core does not compute
        sums = _batch(genome).accumulators(neighbourhood)[0].astype(np.int64)
        for at in self._draw.sample(range(WIDTH * CHANNELS), self._count):
            sums[at // WIDTH] = _flipped(int(sums[at // WIDTH]), at % WIDTH)
        self._hits += self._count
        state = settled(genome, sums, neighbourhood[0, 1, 1])
        if max(int(np.delete(alphas, 4).max()), int(state[ALPHA])) <= genome.alive:
            state = np.zeros_like(state)
        return state[None]

    def heal(self) -> None:
        """The next update is whole."""

    def hits(self) -> int:
        return self._hits


@functools.lru_cache(64)
def _batch(genome: Genome) -> Batch:
    """Many cells share a genome."""
    return Batch(genome)


def settled(genome: Genome, sums: NDArray[np.int64], own: NDArray[np.int8]) -> NDArray[np.int8]:
    """The new state from the 16 sums: the core's last line, with the product in 32 bits."""
    product = sums * genome.m + (1 << (genome.s - 1))
    change = ((product + (1 << 31)) % (1 << 32) - (1 << 31)) >> genome.s
    return np.clip(own + change, -STATE_MAX_INT8, STATE_MAX_INT8).astype(np.int8)


def _flipped(value: int, bit: int) -> int:
    """A two's complement number of `WIDTH` bits with one of them flipped."""
    half = 1 << (WIDTH - 1)
    return (((value & 2 * half - 1) ^ 1 << bit) ^ half) - half
