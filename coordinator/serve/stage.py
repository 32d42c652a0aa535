"""The stage: the grid as every viewer should see it, and what changed since any earlier frame, encoded once for all.

Each cell remembers the number of the frame that last changed it, so what a viewer missed is one comparison, however far
behind it is; viewers in step share the same bytes. Knows no socket and no clock. May import numpy and the camera.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from coordinator.camera import Sight
from coordinator.serve import spent, wire
from firmware_sim.limits import CHANNELS

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
        self._counted = np.zeros((cells, 2), np.uint64)  # updates and CPU ns when `costs` was last reckoned

    def take(self, sight: Sight, t: float, paused: bool) -> bool:
        """Put a sight on the stage; True when anything changed, and so a new frame is there."""
        cells = self._read(sight)
        changed = np.zeros(len(self._changed_in), np.bool_)
        for name in ("lives", "epochs", "updates", "ages", "costs", "computed", "line", "phases"):
            changed |= getattr(cells, name) != getattr(self._cells, name)
        changed |= _rows_differ(cells.values, self._cells.values)
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
        asleep = sight.counters[:, Counter.SLEEPING] != 0
        phases = sight.phases.astype(np.uint8) | np.where(asleep & sight.on, np.uint8(wire.SLEEPING), np.uint8(0))
        lit = sight.states.reshape(-1, CHANNELS)
        if not sight.on.all():
            lit = np.where(sight.on[:, None], lit, np.float32(0))
        other, values = _rows_differ(lit, self._lit), self._cells.values.copy()
        values[other] = np.clip(np.rint(lit[other] / self._unit), -self._most, self._most - 1)
        self._lit = lit
        computed, line = spent.counted(sight.counters)
        return wire.Cells(
            lives=(sight.lives & np.uint64(0xFFFFFFFF)).astype(np.uint32),
            epochs=(sight.lives >> np.uint64(32)).astype(np.uint16),
            updates=(sight.counters[:, Counter.UPDATES] & np.uint64(0xFFFF)).astype(np.uint16),
            ages=self._ages(sight),
            costs=self._costs(sight),
            computed=computed.astype(np.uint32),
            line=line.astype(np.uint32),
            values=values,
            phases=phases,
        )

    def _costs(self, sight: Sight) -> NDArray[np.uint16]:
        """What an update took, of the last few: reckoned anew when a cell has lived through some more."""
        costs = self._cells.costs.copy()
        counted = sight.counters[:, [Counter.UPDATES, Counter.CPU_NS]]
        less = counted < self._counted
        reborn: NDArray[np.bool_] = less[:, 0] | less[:, 1]
        costs[~sight.on | reborn] = wire.COST_UNKNOWN
        gained = counted - np.where(reborn[:, None], counted, self._counted)
        due = (gained[:, 0] >= UPDATES_A_COST) & (gained[:, 1] > 0)
        taken = gained[due, 1].astype(np.float64) / gained[due, 0].astype(np.float64) / 1000
        costs[due] = np.minimum(np.rint(taken), wire.COST_UNKNOWN - 1).astype(np.uint16)
        self._counted[due | reborn] = counted[due | reborn]
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


def _rows_differ(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows are not the same, bit for bit."""
    eights = [np.ascontiguousarray(each).view(np.uint64) for each in (left, right)]
    return np.asarray((eights[0] != eights[1]).any(axis=1))
