"""What lies in the mailboxes of many cells, for those who watch that only what may be heard is heard. Numbers only.

May import numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Heard:
    """By cell and slot; all zeros for a cell without power, a slot of sequence 0 is empty."""

    said: NDArray[np.int64]  # [n]: sequence of the last frame a cell has said in this life
    incarnations: NDArray[np.int64]  # [n, 8]: epoch << 32 | life
    sequences: NDArray[np.int64]  # [n, 8]


def no_words(cells: int) -> Heard:
    """Nothing heard yet."""
    return Heard(np.zeros(cells, np.int64), np.zeros((cells, 8), np.int64), np.zeros((cells, 8), np.int64))
