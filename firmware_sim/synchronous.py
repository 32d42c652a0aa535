"""The article's synchronous step for many grids at once, in float and in int8: the reference that rules are judged by.

`rule.step` is the definition; this is the same step for a batch of independent grids, computing only the cells that can
matter.  In int8 it is the step a chip would make if all chips could ask their neighbours a second time: the proposals
of `chip.py`, the article's two exact masks.  Who fires is passed in; it draws nothing.  Imports: numpy, chip, genome,
limits, rule.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_sim import rule as floats
from firmware_sim.chip import Batch
from firmware_sim.genome import Genome
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA, CHANNELS
from firmware_sim.rule import Mask, Rule

States = NDArray[Any]


class Proposer(Protocol):
    """[N, 3, 3, C] of `dtype` -> the new own states [N, C] before the second mask; alive where alpha is above."""

    dtype: np.dtype[Any]
    channels: int
    alive_above: float

    def propose(self, neighbourhood: States) -> States: ...


class FloatProposer:
    """`rule.delta`, added."""

    dtype: np.dtype[Any] = np.dtype(np.float32)
    alive_above = ALIVE_THRESHOLD

    def __init__(self, rule: Rule) -> None:
        self._rule, self.channels = rule, rule.channels

    def propose(self, neighbourhood: States) -> States:
        new: States = neighbourhood[:, 1, 1] + floats.delta(self._rule, neighbourhood)
        return new


class ChipProposer:
    """The integer core's arithmetic; batched it is faster here than the compiled core (0.7 us a cell against 1.6)."""

    dtype: np.dtype[Any] = np.dtype(np.int8)
    channels = CHANNELS

    def __init__(self, genome: Genome) -> None:
        self._batch = Batch(genome)
        self.alive_above = float(genome.alive)

    def propose(self, neighbourhood: States) -> States:
        return self._batch.proposed(neighbourhood)


class Grids:
    """`grids` [B, H, W, C], zeros beyond every border; change them in place between steps."""

    def __init__(self, grids: States, proposer: Proposer) -> None:
        b, h, w, c = grids.shape
        self._proposer = proposer
        self._padded = np.zeros((b, h + 2, w + 2, c), proposer.dtype)
        self._padded[:, 1:-1, 1:-1] = grids
        wide = w + 2
        self._around = np.array([dy * wide + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)])

    @property
    def grids(self) -> States:
        """A view."""
        return self._padded[:, 1:-1, 1:-1]

    def copy(self) -> Grids:
        return Grids(self.grids, self._proposer)

    def step(self, fire: Mask) -> None:
        """One step; the cells that `fire` [B, H, W] change, then both living masks apply to all."""
        before = self._living()
        # A cell amid nothing alive is emptied, but its new alpha may first keep a neighbour alive: `rule.step` too.
        matters = np.zeros(self._padded.shape[:3], np.bool_)
        matters[:, 1:-1, 1:-1] = fire & _widened(np.pad(before, ((0, 0), (1, 1), (1, 1))))
        flat = self._padded.reshape(-1, self._padded.shape[3])
        places = np.flatnonzero(matters)
        if len(places):
            around = flat[places[:, None] + self._around]
            flat[places] = self._proposer.propose(around.reshape(len(places), 3, 3, -1))
        self.grids[~(before & self._living())] = 0

    def _living(self) -> Mask:
        return _widened(self._padded[..., ALPHA] > self._proposer.alive_above)


def _widened(mask: Mask) -> Mask:
    """[B, H + 2, W + 2] -> [B, H, W]: where one of the 3x3 is set."""
    rows = mask[:, :-2] | mask[:, 1:-1] | mask[:, 2:]
    wide: Mask = rows[:, :, :-2] | rows[:, :, 1:-1] | rows[:, :, 2:]
    return wide
