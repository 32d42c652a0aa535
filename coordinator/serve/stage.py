"""The stage: the grid as every viewer should see it, and what changed since any earlier frame, encoded once for all.

Each cell remembers the number of the frame that last changed it, so what a viewer missed is one comparison, however far
behind it is; viewers in step share the same bytes. Knows no socket and no clock. May import numpy and the camera.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from coordinator.camera import Sight
from coordinator.serve import spent, wire
from firmware_sim.limits import CHANNELS

Kind = TypeVar("Kind", bound=np.generic)
COUNTED = [*spent.NEEDED, Counter.CPU_NS, Counter.SLEEPING]
UPDATES_A_COST = 4  # fewer say little: the kernel counts CPU time in coarse steps


class Stage:
    """`value_bytes`: 1 for int8 engines, 2 for float ones. Not thread-safe: one owner feeds and reads it."""

    def __init__(self, cells: int, value_bytes: int) -> None:
        self._unit = np.float32(wire.UNITS[value_bytes])
        self._type = wire.VALUE_TYPES[value_bytes]
        self._most = 128 * 256 ** (value_bytes - 1)
        self._cells = wire.Cells(
            lives=np.zeros(cells, np.uint32),
            epochs=np.zeros(cells, np.uint16),
            updates=np.zeros(cells, np.uint16),
            ages=np.full(cells, wire.AGE_UNKNOWN, np.uint16),
            costs=np.full(cells, wire.COST_UNKNOWN, np.uint16),
            computed=np.zeros(cells, np.uint32),
            line=np.zeros(cells, np.uint32),
            values=np.zeros((cells, CHANNELS), self._type),
            phases=np.zeros(cells, np.uint8),
        )
        self._changed_in = np.zeros(cells, np.int64)  # number of the frame that last changed each cell
        self._encoded: dict[int, bytes] = {}  # base -> bytes, of the present frame
        self.number = 0
        self.encodings = 0  # how often cells were turned into bytes
        self._t, self._paused = 0.0, False
        self._lit = np.zeros((cells, CHANNELS), np.float32)  # what `values` were made from
        self._counts = np.zeros((len(COUNTED), cells), np.uint64)  # as they were last seen
        self._counted = np.zeros((2, cells), np.uint64)  # updates and CPU ns when `costs` was last reckoned

    def take(self, sight: Sight, t: float, paused: bool) -> bool:
        """Put a sight on the stage; True when anything changed, and so a new frame is there."""
        cells = self._read(sight)
        changed = np.zeros(len(self._changed_in), np.bool_)
        for name in ("lives", "epochs", "updates", "ages", "costs", "computed", "line", "phases"):
            changed |= getattr(cells, name) != getattr(self._cells, name)
        changed |= (_eights(cells.values) != _eights(self._cells.values)).any(axis=1)
        anew = bool(changed.any()) or self.number == 0 or paused != self._paused
        if anew:
            self.number += 1
            self._changed_in[changed if self.number > 1 else slice(None)] = self.number
            self._cells, self._t, self._paused = cells, t, paused
            self._encoded.clear()
        return anew

    @property
    def cells(self) -> wire.Cells:
        """What is on the stage now; the next sight brings another, and leaves this as it is."""
        return self._cells

    def since(self, base: int) -> bytes:
        """The present frame as changes since frame `base`; everything when that is 0 or no frame of ours."""
        if not 0 < base <= self.number:
            base = 0
        found = self._encoded.get(base)
        if found is None:
            chosen = np.flatnonzero(self._changed_in > base) if base else np.arange(len(self._changed_in))
            found = wire.encode(self._cells, chosen, self.number, base, self._t, self._paused)
            self._encoded[base] = found
            self.encodings += 1
        return found

    def _read(self, sight: Sight) -> wire.Cells:
        counts, before = sight.counters.T[COUNTED], self._cells
        moved = np.flatnonzero((counts != self._counts).any(axis=0))  # on a large grid, few from look to look
        self._counts = counts
        wakes, skipped, said, heard, cpu_ns = counts[:5, moved]
        computed, line = spent.counted(wakes, skipped, said, heard)
        asleep = (counts[COUNTED.index(Counter.SLEEPING)] != 0) & sight.on
        return wire.Cells(
            lives=(sight.lives & np.uint64(0xFFFFFFFF)).astype(np.uint32),
            epochs=(sight.lives >> np.uint64(32)).astype(np.uint16),
            updates=_with(before.updates, moved, wakes & np.uint64(0xFFFF)),
            ages=self._ages(sight),
            costs=self._costs(sight.on, moved, np.stack([wakes, cpu_ns])),
            computed=_with(before.computed, moved, computed & np.uint64(0xFFFFFFFF)),
            line=_with(before.line, moved, line & np.uint64(0xFFFFFFFF)),
            values=self._values(sight),
            phases=sight.phases.astype(np.uint8) | np.where(asleep, np.uint8(wire.SLEEPING), np.uint8(0)),
        )

    def _values(self, sight: Sight) -> NDArray[np.signedinteger[Any]]:
        lit = sight.states.reshape(-1, CHANNELS)
        if not sight.on.all():
            lit = np.where(sight.on[:, None], lit, np.float32(0))
        other = np.flatnonzero((_eights(lit) != _eights(self._lit)).any(axis=1))
        self._lit = lit
        return _with(self._cells.values, other, np.clip(np.rint(lit[other] / self._unit), -self._most, self._most - 1))

    def _costs(self, on: NDArray[np.bool_], moved: NDArray[np.intp], now: NDArray[np.uint64]) -> NDArray[np.uint16]:
        """What an update took, of the last few: reckoned anew when a cell has lived through some more. `now`: updates
        and CPU ns of those that moved."""
        costs, before = self._cells.costs.copy(), self._counted[:, moved]
        reborn = (now < before).any(axis=0)
        costs[~on] = costs[moved[reborn]] = wire.COST_UNKNOWN
        gained = now - np.where(reborn, now, before)
        due = (gained[0] >= UPDATES_A_COST) & (gained[1] > 0)
        taken = gained[1, due].astype(np.float64) / gained[0, due].astype(np.float64) / 1000
        costs[moved[due]] = np.minimum(np.rint(taken), wire.COST_UNKNOWN - 1).astype(np.uint16)
        self._counted[:, moved[due | reborn]] = now[:, due | reborn]
        return costs

    def _ages(self, sight: Sight) -> NDArray[np.uint16]:
        """The oldest state that each cell used in its last update; kept until it updates again."""
        ages = self._cells.ages.copy()
        ages[~sight.on] = wire.AGE_UNKNOWN
        if sight.age_cells.size:
            hundredths = np.minimum(np.rint(sight.ages_intervals * wire.AGES_A_T), wire.AGE_UNKNOWN - 1)
            ages[sight.age_cells] = 0
            np.maximum.at(ages, sight.age_cells, hundredths.astype(np.uint16))
        return ages


def _with(array: NDArray[Kind], cells: NDArray[np.intp], values: NDArray[Any]) -> NDArray[Kind]:
    """The same array but for these cells."""
    found = array.copy()
    found[cells] = values
    return found


def _eights(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Rows of bytes, eight at a time, for comparing them bit for bit."""
    return np.ascontiguousarray(rows).view(np.uint64)
