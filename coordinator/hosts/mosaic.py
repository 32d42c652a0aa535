"""The mosaic: one panel of the whole grid on the coordinator's machine, kept up from the sheets of all hosts.

Whoever looks at a run looks at this file, as at the panel of a single host. Times on it are turned into this machine's
clock, so hosts may disagree about the time. It asks nobody and tells nobody. May import numpy, cellnode's panel and
sheets.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode import panel
from cellnode.messages import Sheet
from cellnode.panel import PAGE, Phase
from cellnode.sheets import PART, read
from coordinator.hosts.roster import Tenure

TRIPS = 40  # a clock's offset is taken from the quickest of so many questions


@dataclass(slots=True)
class _Tile:
    """One block's part of the grid."""

    cells: NDArray[np.int64]
    base: int = 0  # version of the last sheet taken
    offset_ns: int = 0  # add to the agent's times
    trip_ns: int = 1 << 62  # of the question that the offset is from
    trips: int = 0
    same_clock: bool = False  # it lives on this machine


class Mosaic:
    """`path` is replaced by a fresh, dark panel of `cells` cells; `values`: bytes of a state."""

    def __init__(self, path: Path, cells: int, values: int, pid: int) -> None:
        path.unlink(missing_ok=True)
        panel.create(path, cells, 1, values)
        self._mapping, self._header, self._pages = panel.map_all(path, writable=True)
        self._header["agent_pid"] = pid
        self._pages["cell"] = np.arange(cells)
        self._raw = self._pages.view(np.uint8).reshape(cells, PAGE)
        self._tiles: dict[int, _Tile] = {}  # by placement epoch
        self._lock = threading.Lock()
        self._open = True

    def add(self, tenure: Tenure, *, same_clock: bool) -> None:
        """Sheets of this block are taken from now on; `same_clock`: it lives on this machine."""
        with self._lock:
            self._tiles.setdefault(tenure.epoch, _Tile(np.asarray(tenure.cells, np.int64), same_clock=same_clock))

    def drop(self, tenure: Tenure) -> None:
        """Its host is lost: what it showed is dark. Lives and counters stay as they were last seen."""
        with self._lock:
            self._tiles.pop(tenure.epoch, None)
            self._darken(np.asarray(tenure.cells, np.int64))

    def hide(self, tenure: Tenure) -> None:
        """Its host is silent: dark until it is heard again."""
        with self._lock:
            tile = self._tiles.get(tenure.epoch)
            if tile is not None and tile.base:
                tile.base = 0
                self._darken(tile.cells)

    def base(self, epoch: int) -> int:
        """Version of the last sheet of this block."""
        tile = self._tiles.get(epoch)
        return 0 if tile is None else tile.base

    def take(self, sheet: Sheet, now_ns: int) -> NDArray[np.int64] | None:
        """Put a sheet where it belongs; returns the cells it showed, None for one of a block that is not (or no
        longer) there. Raises BadInput for a garbled one."""
        with self._lock:
            tile = self._tiles.get(sheet.placement_epoch)
            if tile is None or not self._open:
                return None
            indices, pages = read(sheet, len(tile.cells))
            if sheet.base not in (0, tile.base):
                return None  # the difference to one that was not taken
            self._time(tile, sheet, now_ns)
            cells = tile.cells[indices]
            if not (pages["cell"] == cells).all() or not (pages["epoch"] == sheet.placement_epoch).all():
                return None
            self._shift(pages, tile.offset_ns)
            self._raw[cells, :PART] = pages.view(np.uint8).reshape(len(pages), PART)
            tile.base = sheet.version
            return cells

    def close(self) -> None:
        with self._lock:
            if self._open:
                self._open = False
                del self._raw, self._pages, self._header
                self._mapping.close()

    def _darken(self, cells: NDArray[np.int64]) -> None:
        if self._open:
            self._pages["phase"][cells] = Phase.OFF
            self._pages["pid"][cells] = 0
            self._pages["copies"][cells] = np.zeros((), panel.COPY_DTYPE)

    @staticmethod
    def _time(tile: _Tile, sheet: Sheet, now_ns: int) -> None:
        """The answer was given between question and arrival: the quicker, the surer."""
        if tile.same_clock:
            return
        trip_ns = max(0, now_ns - sheet.asked_ns)
        tile.trips += 1
        if trip_ns <= tile.trip_ns or tile.trips > TRIPS:
            tile.trip_ns, tile.trips = trip_ns, 0
            tile.offset_ns = (sheet.asked_ns + now_ns) // 2 - sheet.now_ns

    @staticmethod
    def _shift(pages: NDArray[Any], offset_ns: int) -> None:
        offset = np.uint64(offset_ns % (1 << 64))  # wraps around, as it should
        for times in (pages["copies"]["said_at_ns"], pages["copies"]["used_at_ns"], pages["say_times"]):
            times += np.where(times > 0, offset, np.uint64(0))
