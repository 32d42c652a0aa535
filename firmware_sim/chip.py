"""The integer core: what a cell's chip computes with a genome, once as a chip does it and once for many cells at once.

    a_j   = b1_j + half + 8 * sum_i(w1_ij * s_i) + sum_i(w1_ij * d_i)        s own state, d the raw Sobel sums
    h_j   = clamp(a_j >> shift, 0, 255)
    acc_c = b2_c + sum_j(w2_jc * h_j) + half'
    s_c   = clamp(s_c + ((acc_c * M + 2**(S-1)) >> S), -127, 127)
    alive = max(alpha) > 3, over the 3x3 before, over the heard 8 and the own new one after
    half  = (8 * sum(s) + sum(dx) + sum(dy)) >> 1 with half1,   half' = sum(h) >> 1 with half2,   else 0

`Core` is the machine in the shape of the C firmware: 16 + 32 numbers, nothing heard survives the step.  `Batch` gives
the same bytes through BLAS: every sum is an integer below 2**24 (float32) or 2**53 (float64), so no order of
summation and no fused multiply-add can round it.  Knows no link, clock or file.  Imports: numpy, genome, limits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.genome import SOBEL_EXTREME, STATE_EXTREME, Genome, sum_bounds
from firmware_sim.limits import ALPHA, CHANNELS, HIDDEN_STEPS, OFFSETS, STATE_MAX_INT8

States = NDArray[np.int8]

DX = tuple(dx * (2 - abs(dy)) for dy, dx in OFFSETS)  # outer([1, 2, 1], [-1, 0, 1]) by slot
DY = tuple(dy * (2 - abs(dx)) for dy, dx in OFFSETS)
SILENT = -STATE_EXTREME - 1  # below every alpha: nothing heard yet


class Core:
    """One cell: `begin(own)`, `hear(slot, state)` once for each neighbour that is not silent, `step() -> new state`.

    States are int8[16].  All arithmetic is int32, as in the C core; numpy would warn of an overflow, the genome's
    loader has proved there is none.
    """

    def __init__(self, genome: Genome) -> None:
        self._genome = genome
        self._b1 = genome.b1.tolist()
        self._w1 = genome.w1.T.astype(np.int32)
        self._w2 = genome.w2.astype(np.int32)
        self._b2 = genome.b2.astype(np.int32)
        self.begin(np.zeros(CHANNELS, dtype=np.int8))

    def begin(self, own: States) -> None:
        """Start an update from the own state: forget all that was heard."""
        self._own = own.astype(np.int32)
        self._dx = np.zeros(CHANNELS, dtype=np.int32)
        self._dy = np.zeros(CHANNELS, dtype=np.int32)
        self._alpha_heard = SILENT

    def hear(self, slot: int, state: States) -> None:
        """Add one neighbour's last state, `slot` 0..7 in the order NW, N, NE, W, E, SW, S, SE."""
        heard = state.astype(np.int32)
        self._dx += DX[slot] * heard
        self._dy += DY[slot] * heard
        self._alpha_heard = max(self._alpha_heard, int(heard[ALPHA]))

    def step(self) -> States:
        """The new own state; zeros if nothing in reach lives before or after."""
        g = self._genome
        dead = np.zeros(CHANNELS, dtype=np.int8)
        # A silent neighbour is a dead one: its alpha counts as 0, which is never alive.
        if max(self._alpha_heard, int(self._own[ALPHA])) <= g.alive:
            return dead
        perception = np.concatenate([self._own << 3, self._dx, self._dy])
        half1 = int(perception.sum()) >> 1 if g.half1 else 0
        accumulators = self._b2.copy()
        hidden_sum = 0
        for unit, row in enumerate(self._w1):
            a = self._b1[unit] + half1 + int(row @ perception)
            h = min(max(a >> g.shift, 0), HIDDEN_STEPS)
            accumulators += self._w2[unit] * np.int32(h)
            hidden_sum += h
        if g.half2:
            accumulators += np.int32(hidden_sum >> 1)
        change = (accumulators * np.int32(g.m) + np.int32(1 << (g.s - 1))) >> g.s
        new = np.clip(self._own + change, -STATE_MAX_INT8, STATE_MAX_INT8).astype(np.int8)
        return new if max(self._alpha_heard, int(new[ALPHA])) > g.alive else dead


class Batch:
    """The same update for N cells: int8[N, 3, 3, 16] -> int8[N, 16], bit-equal to `Core`.

    Perception is folded into the first layer (144 inputs and a constant for the bias), the half steps too: all
    weights are doubled so that `w + 1/2` is an integer, and every scale is a power of two, which is exact.
    """

    def __init__(self, genome: Genome) -> None:
        self.genome = genome
        kind = _exact_float(genome)
        own, gx, gy = np.split(2 * genome.w1.astype(np.int64) + genome.half1, 3)
        kernel_dx = np.insert(np.array(DX), 4, 0)[:, None, None]
        kernel_dy = np.insert(np.array(DY), 4, 0)[:, None, None]
        folded = kernel_dx * gx + kernel_dy * gy
        folded[4] += 8 * own
        first = np.concatenate([folded.reshape(9 * CHANNELS, -1), 2 * genome.b1[None].astype(np.int64)])
        second = np.concatenate([2 * genome.w2.astype(np.int64) + genome.half2, 2 * genome.b2[None].astype(np.int64)])
        # [145, H], its floor is a >> shift; [H + 1, 16], its floor is acc
        self.first: NDArray[Any] = (first * 0.5 ** (genome.shift + 1)).astype(kind)
        self.second: NDArray[Any] = (second * 0.5).astype(kind)
        self.scale = genome.m * 0.5**genome.s

    def update(self, neighbourhood: States) -> States:
        """N wakes at once; allocates about 1.2 kB a cell."""
        alphas = neighbourhood.reshape(len(neighbourhood), 9, CHANNELS)[:, :, ALPHA]
        heard = np.maximum(alphas[:, :4].max(axis=1), alphas[:, 5:].max(axis=1))
        before = np.maximum(heard, alphas[:, 4]) > self.genome.alive
        new = self.proposed(neighbourhood)
        after = np.maximum(heard, new[:, ALPHA]) > self.genome.alive
        new[~(before & after)] = 0
        return new

    def proposed(self, neighbourhood: States) -> States:
        """The new states before anybody asked who lives, as the synchronous step needs them."""
        change = np.floor(self.accumulators(neighbourhood) * self.scale + 0.5)
        new: States = np.clip(neighbourhood[:, 1, 1] + change, -STATE_MAX_INT8, STATE_MAX_INT8).astype(np.int8)
        return new

    def accumulators(self, neighbourhood: States) -> NDArray[np.float64]:
        """acc_c of each cell, float64[N, 16]: whole numbers."""
        count = len(neighbourhood)
        inputs = np.ones((count, len(self.first)), dtype=self.first.dtype)
        inputs[:, :-1] = neighbourhood.reshape(count, len(self.first) - 1)
        hidden = np.ones((count, len(self.second)), dtype=self.second.dtype)
        hidden[:, :-1] = np.clip(np.floor(inputs @ self.first), 0, HIDDEN_STEPS)
        sums: NDArray[np.float64] = np.floor(hidden @ self.second).astype(np.float64)
        return sums


def update(genome: Genome, neighbourhood: States) -> States:
    """One wake for N cells, int8[N, 3, 3, 16] -> int8[N, 16]; a `Batch` kept by the caller saves the set-up."""
    return Batch(genome).update(neighbourhood)


def _exact_float(genome: Genome) -> type[np.float32] | type[np.float64]:
    """float32 if no partial sum of the doubled, folded layers can leave its 24 bits; float64 always serves."""
    first, _, _ = sum_bounds(genome)
    half1 = (8 * STATE_EXTREME + 2 * SOBEL_EXTREME) * CHANNELS * genome.half1
    w2 = np.abs(2 * genome.w2.astype(np.int64) + genome.half2)
    second = HIDDEN_STEPS * w2.sum(axis=0) + 2 * np.abs(genome.b2.astype(np.int64))
    return np.float32 if max(2 * first + half1, int(second.max())) < 1 << 24 else np.float64
