"""When to start a cell again that died without being told to: soon at first, later and later if it keeps dying.

Pure arithmetic on arrays, one entry a cell; time is passed in. It starts nothing itself. Imports numpy only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SECOND = 1_000_000_000
FIRST_PAUSE_NS = SECOND // 10
LONGEST_PAUSE_NS = 10 * SECOND
FORGIVEN_AFTER_NS = 30 * SECOND  # a life this long clears its record

NEVER = np.iinfo(np.int64).max


class Supervision:
    """Deaths and due rebirths of `cells` cells."""

    def __init__(self, cells: int) -> None:
        self._deaths = np.zeros(cells, np.int64)
        self._born_ns = np.zeros(cells, np.int64)
        self._due_ns = np.full(cells, NEVER, np.int64)

    def born(self, index: int, now_ns: int) -> None:
        self._born_ns[index] = now_ns
        self._due_ns[index] = NEVER

    def died(self, index: int, now_ns: int) -> None:
        """It died and is wanted on: due again after a pause that doubles with each death in a row."""
        if now_ns - self._born_ns[index] > FORGIVEN_AFTER_NS:
            self._deaths[index] = 0
        pause = min(LONGEST_PAUSE_NS, FIRST_PAUSE_NS << min(int(self._deaths[index]), 16))
        self._deaths[index] += 1
        self._due_ns[index] = now_ns + pause

    def gave_up(self, index: int, now_ns: int) -> None:
        """Its launch tried several times in vain: try again after the longest pause."""
        self._due_ns[index] = now_ns + LONGEST_PAUSE_NS

    def forget(self, index: int) -> None:
        """It is switched off, or a launch looks after it: nothing is due."""
        self._due_ns[index] = NEVER
        self._deaths[index] = 0

    def due(self, now_ns: int) -> NDArray[np.intp]:
        """Indices of the cells to start now; each is handed out once."""
        indices = np.flatnonzero(self._due_ns <= now_ns)
        self._due_ns[indices] = NEVER
        return indices
