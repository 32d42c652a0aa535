"""A patch whose wakes are recorded: the same rows as black boxes in processes write, told batch by batch.

Rows of a batch are told after those of whatever it used. It changes nothing in what the patch computes. May import
numpy, the patch, its mailboxes, the rows and the panel's counters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.mailboxes import Frames, Indices, Times
from cellnode.panel import Counter
from cellnode.patch import Patch
from cellnode.rows import WITHIN_SHIFT, Flag, Rows, row_dtype
from firmware_sim.engines import Engine

Tell = Callable[[Rows], None]
_WORD = 0xFFFF_FFFF
_MARKS = {
    Counter.SKIPPED: Flag.SKIPPED,
    Counter.ERASED: Flag.ERASED,
    Counter.SEEDED: Flag.SEEDED,
    Counter.HARMED: Flag.HARMED,
    Counter.FORGOTTEN: Flag.FORGOT,
}


class RecordedPatch(Patch):
    """`tell` gets rows; those of one cell come in order."""

    def __init__(
        self,
        table: NDArray[np.int32],
        engine: Engine,
        rng_seed: int,
        interval_ns: int,
        epoch: int,
        others: Sequence[tuple[Sequence[int], Engine]],
        tell: Tell,
    ) -> None:
        super().__init__(table, engine, rng_seed, interval_ns, epoch, others)
        self._tell = tell
        self._rows = row_dtype(engine.channels * engine.dtype.itemsize)
        self._told = self._bytes(self.states)  # the state of each cell's last row; a newborn is empty
        self._seen = {counter: np.zeros(self.count, np.uint64) for counter in _MARKS}

    def born(self, cells: Indices, now_ns: int) -> None:
        super().born(cells, now_ns)
        self._told[cells] = 0

    def wake(self, cells: Indices, now_ns: Times) -> Frames:
        began = self._bytes(self.states[cells])
        said = super().wake(cells, now_ns)
        rows = self._of(said)
        given = (began != self._told[cells]).any(axis=1)
        if given.any():
            begun = rows[given]
            begun["flags"], begun["state"] = Flag.BEGUN, began[given]
            begun["sequence"] -= 1
            self._tell(begun)
        self._told[cells] = rows["state"]
        self._tell(rows)
        words = self._bytes(said.states)
        lying = (words != rows["state"]).any(axis=1)
        if lying.any():
            lies = rows[lying]
            lies["flags"], lies["state"] = Flag.LIED, words[lying]
            self._tell(lies)
        return said

    def _of(self, said: Frames) -> Rows:
        cells = said.senders
        rows = np.zeros(len(cells), self._rows)
        rows["cell"], rows["at_ns"], rows["sequence"] = cells, said.times, said.sequences
        rows["life"] = said.incarnations & _WORD
        rows["used_sequence"] = self.mail.sequences[cells]
        rows["used_epoch"], rows["used_life"] = (
            self.mail.incarnations[cells] >> 32,
            self.mail.incarnations[cells] & _WORD,
        )
        rows["state"] = self._bytes(self.states[cells])
        flags = said.next_within << WITHIN_SHIFT
        flags = flags | np.where(said.hello, int(Flag.HELLO), 0)
        for counter, flag in _MARKS.items():
            counted = self.counters[counter, cells]
            flags = flags | np.where(counted != self._seen[counter][cells], int(flag), 0)
            self._seen[counter][cells] = counted
        rows["flags"] = flags
        return rows

    def _bytes(self, states: NDArray[Any]) -> NDArray[np.uint8]:
        flat: NDArray[np.uint8] = np.ascontiguousarray(states).view(np.uint8)
        return flat.reshape(len(states), -1).copy()
