"""The article's five cuts: which cells a grown picture loses. It loses nothing itself; imports numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CUTS = ("left", "right", "upper", "lower", "square")


def cut_masks(height: int, width: int, size: int) -> NDArray[np.bool_]:
    """[5, height, width], True where lost, in the order of CUTS, for a picture of `size` px around the seed cell: the
    four halves of the grid, and a centred square of 2/5 of the picture (16x16 of the article's 40)."""
    y, x = np.mgrid[:height, :width]
    y, x = y - height // 2, x - width // 2
    half = max(1, round(size / 5))
    square = (y >= -half) & (y < half) & (x >= -half) & (x < half)
    return np.stack([x < 0, x >= 0, y < 0, y >= 0, square])
