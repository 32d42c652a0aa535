"""The meter: adds up what the camera sees over many looks, across deaths and rebirths, into the numbers of a run.

Counters on a page start anew with each life; the meter keeps the sum. It reads sights only and may import numpy and
cellnode.panel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import COUNTERS, Counter
from coordinator.camera import Sight

SLOTS = np.uint64(8)
AGE_BIN_INTERVALS = 0.005
AGE_BINS = 64 * 200  # up to 64 T, the reach of the say ring


@dataclass(frozen=True, slots=True)
class Rates:
    """What the meter makes of its totals; None where nothing was counted."""

    updates: int
    updates_per_s: float
    cpu_us_per_update: float | None
    heard_per_update: float | None
    heard_share: float | None  # of half the living neighbours, where all eight live: 1 is healthy
    stale_age_p99: float | None  # in T
    missed_wakes: int


class Meter:
    """Totals per cell since `zero()`; feed it a sight at least every few T."""

    def __init__(self, cells: int) -> None:
        self._last = np.zeros((cells, COUNTERS), np.uint64)
        self._last_lives = np.zeros(cells, np.uint64)
        self._totals = np.zeros((cells, COUNTERS), np.uint64)
        self._ages = np.zeros(AGE_BINS + 1, np.int64)
        self._ages_known = True
        self._inner_heard = self._inner_living = 0  # of cells with eight living neighbours since the look before
        self._from_ns = self._to_ns = 0

    def take(self, sight: Sight) -> None:
        """Add what happened since the last sight. A page with another life, or that counts backwards, started from
        zero.
        """
        born = sight.lives != self._last_lives
        rows = np.flatnonzero(born | (sight.counters != self._last).any(axis=1))  # of a large grid, few
        now, last = sight.counters[rows], self._last[rows]
        anew = born[rows] | (now[:, Counter.UPDATES] < last[:, Counter.UPDATES])
        base = np.where(anew[:, None], np.uint64(0), last)
        gained = np.where(now >= base, now - base, np.uint64(0))
        self._totals[rows] += gained
        inner = (gained[:, Counter.LIVING_NEIGHBOURS] == SLOTS * gained[:, Counter.UPDATES]) & (
            gained[:, Counter.UPDATES] > 0
        )
        self._inner_heard += int(gained[inner, Counter.HEARD].sum())
        self._inner_living += int(gained[inner, Counter.LIVING_NEIGHBOURS].sum())
        self._last, self._last_lives, self._to_ns = sight.counters, sight.lives, sight.at_ns
        if np.isnan(sight.ages_intervals).any():
            self._ages_known = False
        elif sight.ages_intervals.size:
            bins = np.minimum(np.ceil(sight.ages_intervals / AGE_BIN_INTERVALS), AGE_BINS).astype(np.int64)
            self._ages += np.bincount(bins, minlength=AGE_BINS + 1)

    def zero(self, sight: Sight) -> None:
        """Begin counting at this sight."""
        self.take(sight)
        self._totals[:] = 0
        self._ages[:] = 0
        self._inner_heard = self._inner_living = 0
        self._from_ns = sight.at_ns

    def resume(self, sight: Sight, zero_ns: int) -> None:
        """Count as if from `zero_ns` on: what the present lives have counted so far is all that is known of before."""
        self.take(sight)
        self._from_ns = zero_ns

    def totals(self) -> NDArray[np.uint64]:
        """uint64 [cells, 32], summed over all lives since `zero`."""
        return self._totals.copy()

    def rates(self) -> Rates:
        """The run's numbers so far."""
        total = [float(value) for value in self._totals.sum(axis=0)]
        updates, seconds = total[Counter.UPDATES], (self._to_ns - self._from_ns) / 1e9
        return Rates(
            updates=int(updates),
            updates_per_s=round(updates / seconds, 1) if seconds > 0 else 0.0,
            cpu_us_per_update=round(total[Counter.CPU_NS] / updates / 1000, 1) if updates else None,
            heard_per_update=round(total[Counter.HEARD] / updates, 3) if updates else None,
            heard_share=round(2 * self._inner_heard / self._inner_living, 3) if self._inner_living else None,
            stale_age_p99=self._quantile(0.99),
            missed_wakes=int(total[Counter.MISSED_WAKES]),
        )

    def _quantile(self, share: float) -> float | None:
        count = int(self._ages.sum())
        if count == 0 or not self._ages_known:
            return None
        place = int(np.searchsorted(np.cumsum(self._ages), share * count))
        return round(place * AGE_BIN_INTERVALS, 4)
