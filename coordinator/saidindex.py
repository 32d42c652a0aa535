"""Who said what: finds the row of (cell, epoch, life, sequence) in a recording, for millions of questions at once.

May import numpy, cellnode's rows and the recording.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.rows import Flag
from coordinator.recording import is_wake
from firmware_sim.errors import BadInput

Places = NDArray[np.int64]  # of rows; -1: there is none
LIFE_BITS, EPOCH_BITS = 24, 16  # beside 24 of the cell


class SaidIndex:
    """`rows` as a Recording keeps them."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self._epochs = np.unique(rows["epoch"])
        if len(self._epochs) >= 1 << EPOCH_BITS or (len(rows) and int(rows["life"].max()) >= 1 << LIFE_BITS):
            raise BadInput("this recording has more placement epochs or lives than can be verified")
        wakes, begun, lied = is_wake(rows), rows["flags"] & Flag.BEGUN != 0, rows["flags"] & Flag.LIED != 0
        keys = self._keys(rows["cell"], rows["epoch"], rows["life"])
        self._lives, which = np.unique(keys, return_inverse=True)
        sequences = rows["sequence"].astype(np.int64)
        count = len(self._lives)
        self._first = np.full(count, np.iinfo(np.int64).max)
        self.last = np.full(count, -1)
        told = wakes | begun
        np.minimum.at(self._first, which[told], sequences[told])
        np.maximum.at(self.last, which[told], sequences[told])
        lengths = np.where(self.last >= 0, self.last - self._first + 1, 0)
        self._base = np.cumsum(lengths) - lengths
        self._said = np.full(int(lengths.sum()), -1)
        self._begun, self._lied = self._said.copy(), self._said.copy()
        for table, chosen in ((self._said, wakes), (self._begun, begun), (self._lied, lied)):
            places = np.flatnonzero(chosen)
            at = self._base[which[places]] + sequences[places] - self._first[which[places]]
            table[at] = places

    def life(self, cells: NDArray[Any], epochs: NDArray[Any], lives: NDArray[Any]) -> Places:
        """The number of each life; -1 for one that nothing was recorded of."""
        keys = self._keys(cells, epochs, lives)
        place = np.minimum(np.searchsorted(self._lives, keys), len(self._lives) - 1)
        found: Places = np.where(self._lives[place] == keys, place, -1)
        return found

    def came(self, lives: Places, sequences: NDArray[Any]) -> Places:
        """The row of the wake after which a life said this."""
        return self._row(self._said, lives, sequences)

    def said(self, lives: Places, sequences: NDArray[Any]) -> Places:
        """The row of what a life said then: of its state, or of its lie."""
        lies = self._row(self._lied, lives, sequences)
        return np.where(lies >= 0, lies, self._row(self._said, lives, sequences))

    def begun(self, lives: Places, sequences: NDArray[Any]) -> Places:
        """The row of a state that was given to a life after it had said this."""
        return self._row(self._begun, lives, sequences)

    def _row(self, table: Places, lives: Places, sequences: NDArray[Any]) -> Places:
        wanted = sequences.astype(np.int64)
        inside = (lives >= 0) & (wanted >= self._first[lives]) & (wanted <= self.last[lives])
        at = np.where(inside, self._base[lives] + wanted - self._first[lives], 0)
        if not len(table):
            return np.full(wanted.shape, -1)
        found: Places = np.where(inside, table[at], -1)
        return found

    def _keys(self, cells: NDArray[Any], epochs: NDArray[Any], lives: NDArray[Any]) -> NDArray[np.uint64]:
        """One number a life. Epochs that no row has get a number of their own, which finds nothing."""
        number = np.searchsorted(self._epochs, epochs)
        known = number < len(self._epochs)
        known &= self._epochs[np.minimum(number, len(self._epochs) - 1)] == epochs
        number = np.where(known, number, (1 << EPOCH_BITS) - 1)
        key = cells.astype(np.uint64) << np.uint64(EPOCH_BITS + LIFE_BITS)
        key |= number.astype(np.uint64) << np.uint64(LIFE_BITS)
        result: NDArray[np.uint64] = key | np.minimum(lives, (1 << LIFE_BITS) - 1).astype(np.uint64)
        return result
