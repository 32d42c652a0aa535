"""What the grid showed earlier: whole frames of the run as it was watched, to scrub through while it goes on.

Bounded: when it is full, every second moment goes and half as many are taken from then on. Knows no clock and no
socket. May import numpy and serve's wire.
"""

from __future__ import annotations

import bisect

import numpy as np

from coordinator.serve import wire
from firmware_sim.errors import BadInput

STRIDE_T = 0.25
BYTES_MAX = 64 << 20


class History:
    """`room`: bytes that may be kept. Not thread-safe."""

    def __init__(self, room: int = BYTES_MAX, stride_t: float = STRIDE_T) -> None:
        self._room, self._stride = room, stride_t
        self._times: list[float] = []
        self._kept: list[wire.Cells] = []

    def keep(self, t: float, cells: wire.Cells) -> None:
        """Hold on to these cells, unless the last moment kept is too near. They must not be changed afterwards."""
        if self._times and t < self._times[-1]:
            self._times.clear()  # the seed was planted: time began anew
            self._kept.clear()
        if self._times and t < self._times[-1] + self._stride:
            return
        self._times.append(t)
        self._kept.append(cells)
        if len(self._kept) > 2 and len(self._kept) * cells.nbytes > self._room:
            self._stride *= 2
            del self._times[1::2], self._kept[1::2]

    @property
    def span(self) -> tuple[float, float] | None:
        """The first and the last moment, in T; None when there is none."""
        return (self._times[0], self._times[-1]) if self._times else None

    def frame(self, t: float) -> bytes:
        """The last moment kept by `t`, or else the first, as a whole frame of wire.py. BadInput when there is none."""
        if not self._times:
            raise BadInput("nothing was seen of this run yet")
        place = max(bisect.bisect_right(self._times, t) - 1, 0)
        cells = self._kept[place]
        return wire.encode(cells, np.arange(len(cells.phases)), place + 1, 0, self._times[place], False)

    def values(self, cell: int) -> list[tuple[float, list[int]]]:
        """(T, its 16 values in units of the wire) at every moment kept."""
        found = zip(self._times, self._kept, strict=True)
        return [(round(t, 3), cells.values[cell].tolist()) for t, cells in found]
