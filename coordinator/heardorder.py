"""Whether a recorded cell ever used an older incarnation of a neighbour than it had met before, in one life of its own.

Takes rows in the order of a recording, by cell and in order of time, a block after the other. May import numpy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


class HeardOrder:
    """What each cell has met so far."""

    def __init__(self, cells: int) -> None:
        self._met = np.zeros((cells, 8), np.uint64)
        self._life = np.zeros(cells, np.uint64)  # epoch << 32 | life

    def older(self, epoch: int, rows: NDArray[Any]) -> Mask:
        """[n, 8]: the slots of these wakes that hold an older incarnation than one met before."""
        full = rows["used_sequence"] != 0
        used = rows["used_epoch"].astype(np.uint64) << np.uint64(32) | rows["used_life"].astype(np.uint64)
        used = np.where(full, used, np.uint64(0))
        lives = np.uint64(epoch) << np.uint64(32) | rows["life"].astype(np.uint64)
        cells = rows["cell"].astype(np.int64)
        begins: list[int] = []
        if len(rows):
            begins = np.flatnonzero(np.r_[True, (cells[1:] != cells[:-1]) | (lives[1:] != lives[:-1])]).tolist()
        found = np.zeros(full.shape, np.bool_)
        for begin, end in zip(begins, [*begins[1:], len(rows)], strict=True):
            cell, life = int(cells[begin]), lives[begin]
            met = self._met[cell] if self._life[cell] == life else np.zeros(8, np.uint64)
            newest = np.maximum.accumulate(np.vstack([met, used[begin:end]]), axis=0)
            found[begin:end] = full[begin:end] & (used[begin:end] < newest[:-1])
            self._met[cell], self._life[cell] = newest[-1], life
        return found
