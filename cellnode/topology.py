"""Where cells lie: a row-major grid, each cell with up to eight neighbours in the order of the links.

Pure functions of (height, width, torus); knows no host and no process. May import numpy and firmware_sim.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from firmware_sim.errors import BadInput
from firmware_sim.limits import OFFSETS

NO_CELL = -1
TORUS_MIN = 3  # below, a cell would be its own neighbour, or one neighbour would fill two slots
CELLS_MAX = 1 << 24  # 4096 x 4096; a bound on what one frame's cell number may be


def opposite(slot: int) -> int:
    """The slot of the listener in which a speaker sits that sees the listener in `slot` (NW <-> SE, N <-> S, ...)."""
    return 7 - slot


def neighbours(height: int, width: int, torus: bool = False) -> NDArray[np.int32]:
    """The cell that lies in each slot, int32[height * width, 8], -1 beyond the border.

    Raises BadInput for an empty or oversized grid, or a torus under 3x3.
    """
    if height < 1 or width < 1 or height * width > CELLS_MAX:
        raise BadInput(f"grid is {height}x{width}, expected at least 1x1 and at most {CELLS_MAX} cells")
    if torus and min(height, width) < TORUS_MIN:
        raise BadInput(
            f"a torus of {height}x{width} is too small, use at least {TORUS_MIN}x{TORUS_MIN} or a plain border"
        )
    return around(np.arange(height * width, dtype=np.int32), height, width, torus)


def around(cells: NDArray[np.int32], height: int, width: int, torus: bool = False) -> NDArray[np.int32]:
    """The rows of `neighbours` for these cells, int32[len(cells), 8]."""
    rows, columns = np.divmod(cells, np.int32(width))
    table = np.empty((len(cells), 8), dtype=np.int32)
    for slot, (dy, dx) in enumerate(OFFSETS):
        y, x = rows + dy, columns + dx
        if torus:
            table[:, slot] = (y % height) * width + x % width
        else:
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            table[:, slot] = np.where(inside, y * width + x, NO_CELL)
    return table


def seed_cell(height: int, width: int) -> int:
    """The cell on which a picture starts: row height // 2, column width // 2 (as in the article's notebook)."""
    return height // 2 * width + width // 2


def tag(run: str, rule_sha256: str) -> int:
    """The swarm's 32-bit tag in every frame: the first four bytes of SHA-256 of run and rule, big endian."""
    return int.from_bytes(hashlib.sha256(f"{run}:{rule_sha256}".encode()).digest()[:4], "big")
