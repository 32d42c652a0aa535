"""The agent's hand on all black boxes of its host: makes the file, and fetches what the cells have written since.

A cell never waits for it. Rows overwritten before they were fetched are counted as a gap. May import numpy, the panel's
page size, the black box and the rows.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.blackbox import FIRST_AT, RING_DTYPE, RING_ROWS
from cellnode.panel import PAGE
from cellnode.rows import GAP_DTYPE, Flag, Gaps, Rows, row_dtype

_PAGE_DTYPE = np.dtype(
    {
        "names": ["head", "rows"],
        "formats": ["<u8", (RING_DTYPE, (RING_ROWS,))],
        "offsets": [0, FIRST_AT],
        "itemsize": PAGE,
    }
)


class Rings:
    """One ring for each of `cells`, which are named in the order of their pages."""

    def __init__(self, path: Path, cells: NDArray[np.int64], values: int) -> None:
        self._dtype, self._cells = row_dtype(values), cells.astype(np.uint32)
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, PAGE * len(cells))
        with path.open("r+b") as file:
            self._mapping = mmap.mmap(file.fileno(), 0)
        self._pages: NDArray[Any] = np.ndarray((len(cells),), _PAGE_DTYPE, buffer=self._mapping)
        self._tails = np.zeros(len(cells), np.int64)  # rows fetched, or lost
        self._gapped = np.zeros(len(cells), np.bool_)  # the next row fetched comes after a gap

    def fetch(self, until_ns: int, now_ns: int, index: int | None = None) -> tuple[Rows, Gaps]:
        """Every row up to `until_ns` (of all cells, or of one) that is there and was not fetched before.

        Cells record before they speak. So whoever, up to `until_ns` and before this call, used a word, used one whose
        row is fetched, too.
        """
        who = np.arange(len(self._cells)) if index is None else np.array([index])
        heads = self._pages["head"][who].astype(np.int64)
        who, heads = who[heads > self._tails[who]], heads[heads > self._tails[who]]
        first = np.maximum(self._tails[who], heads - RING_ROWS)
        counts = heads - first
        place = np.repeat(np.arange(len(who)), counts)
        numbers = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts) + first[place]
        found = self._pages["rows"][who[place], numbers % RING_ROWS]
        overwritten = numbers <= self._pages["head"][who[place]].astype(np.int64) - RING_ROWS
        stamps = (numbers + 1 & 0xFFFF_FFFF).astype(np.uint32)
        whole = ~overwritten & (found["begin"] == stamps) & (found["end"] == stamps)
        late = whole & (found["at_ns"] > until_ns)
        waiting = np.bincount(place[late], minlength=len(who))
        kept = whole & ~late
        lost = heads - self._tails[who] - waiting - np.bincount(place[kept], minlength=len(who))
        self._tails[who] = heads - waiting
        rows = np.empty(int(kept.sum()), self._dtype)
        for name in self._dtype.names or ():
            rows[name] = found[name][kept] if name != "state" else _bytes(found["state"][kept], self._dtype)
        rows["cell"] = self._cells[who[place[kept]]]
        self._gapped[who[lost > 0]] = True
        self._mark_gaps(rows, who[place[kept]])
        gaps = np.zeros(int((lost > 0).sum()), GAP_DTYPE)
        gaps["cell"], gaps["lost"], gaps["at_ns"] = self._cells[who[lost > 0]], lost[lost > 0], now_ns
        return rows, gaps

    def _mark_gaps(self, rows: Rows, owners: NDArray[np.int64]) -> None:
        if not self._gapped.any() or not len(rows):
            return
        begins = np.append(True, owners[1:] != owners[:-1])
        after = begins & self._gapped[owners]
        rows["flags"][after] |= np.uint32(Flag.AFTER_GAP)
        self._gapped[owners[after]] = False

    def clear(self, index: int) -> None:
        """For the next life: its process is gone, and all that it wrote was fetched."""
        self._pages[index] = np.zeros((), _PAGE_DTYPE)
        self._tails[index], self._gapped[index] = 0, False

    def close(self) -> None:
        """Give the mapping back; the file is the runtime directory's to remove."""
        del self._pages
        self._mapping.close()


def _bytes(states: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    result: NDArray[Any] = states[:, : dtype["state"].itemsize]
    return result
