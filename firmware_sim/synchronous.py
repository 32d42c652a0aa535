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
Window = tuple[tuple[int, int], tuple[int, int]]  # rows and columns, each from and to

REACH = 2  # cells: a step can change the neighbours of what is lit, and ask for theirs


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
    """`grids` [B, H, W, C], zeros beyond every border; change them in place between steps, each time taken anew.

    A step looks only at the window in which anything lives: half of the time went into emptying the empty.
    """

    def __init__(self, grids: States, proposer: Proposer) -> None:
        b, h, w, c = grids.shape
        self._proposer = proposer
        self._padded = np.zeros((b, h + 2, w + 2, c), proposer.dtype)
        self._padded[:, 1:-1, 1:-1] = grids
        wide = w + 2
        self._around = np.array([dy * wide + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
        self._lit: Window | None = None  # all cells that are not zero lie within; None: look for them

    @property
    def shape(self) -> tuple[int, int, int]:
        """B, H, W."""
        b, h, w, _ = self._padded.shape
        return b, h - 2, w - 2

    @property
    def grids(self) -> States:
        """A view, to read and write until the next step."""
        self._lit = None
        return self._padded[:, 1:-1, 1:-1]

    def copy(self) -> Grids:
        return Grids(self._padded[:, 1:-1, 1:-1], self._proposer)

    def step(self, fire: Mask) -> None:
        """One step; the cells that `fire` [B, H, W] change, then both living masks apply to all."""
        if self._lit is None:
            self._lit = _box(np.any(self._padded[:, 1:-1, 1:-1], axis=3))
        (top, bottom), (left, right) = self._lit
        rows = slice(max(0, top - REACH), min(fire.shape[1], bottom + REACH))
        columns = slice(max(0, left - REACH), min(fire.shape[2], right + REACH))
        window = np.s_[:, rows.start : rows.stop + 2, columns.start : columns.stop + 2]
        inside = self._padded[window]
        before = _widened(inside[..., ALPHA] > self._proposer.alive_above)
        # A cell amid nothing alive is emptied, but its new alpha may first keep a neighbour alive: `rule.step` too.
        matters = np.zeros(self._padded.shape[:3], np.bool_)
        close = _widened(np.pad(before, ((0, 0), (1, 1), (1, 1))))
        matters[window][:, 1:-1, 1:-1] = fire[:, rows, columns] & close
        flat = self._padded.reshape(-1, self._padded.shape[3])
        places = np.flatnonzero(matters)
        if len(places):
            around = flat[places[:, None] + self._around]
            flat[places] = self._proposer.propose(around.reshape(len(places), 3, 3, -1))
        alive = before & _widened(inside[..., ALPHA] > self._proposer.alive_above)
        inside[:, 1:-1, 1:-1][~alive] = 0
        (top, bottom), (left, right) = _box(alive)
        self._lit = (rows.start + top, rows.start + bottom), (columns.start + left, columns.start + right)


def _box(mask: Mask) -> Window:
    """The rows and columns of [B, H, W] from the first that is set to after the last."""
    rows, columns = np.flatnonzero(mask.any(axis=(0, 2))), np.flatnonzero(mask.any(axis=(0, 1)))
    if not len(rows):
        return (0, 0), (0, 0)
    return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)


def _widened(mask: Mask) -> Mask:
    """[B, H + 2, W + 2] -> [B, H, W]: where one of the 3x3 is set."""
    rows = mask[:, :-2] | mask[:, 1:-1] | mask[:, 2:]
    wide: Mask = rows[:, :, :-2] | rows[:, :, 1:-1] | rows[:, :, 2:]
    return wide
