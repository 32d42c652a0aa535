"""How a grid is cut into patches, and what one patch is: its cells, who lies around it, and who is to hear whom.

A patch is a rectangle of cells that one process carries; the last ones of a row or column may be smaller. Pure
functions of the grid's shape, so that an agent and a patch need not tell each other. May import numpy, the topology and
firmware_sim.errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellnode.topology import NO_CELL, around
from firmware_sim.errors import BadInput

PATCH_MAX = 4096  # cells; what the agent tells a patch must fit one datagram

Cells = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid of cells, cut into patches of `rows` x `columns`."""

    height: int
    width: int
    torus: bool
    rows: int
    columns: int

    @property
    def across(self) -> int:
        """Patches in a row of patches."""
        return -(-self.width // self.columns)

    @property
    def patches(self) -> int:
        return -(-self.height // self.rows) * self.across

    def patch_of(self, cells: Cells) -> Cells:
        """The number of the patch that each of these cells lies in; patches are numbered row by row."""
        patches: Cells = cells // self.width // self.rows * self.across + cells % self.width // self.columns
        return patches

    def cells_of(self, patch: int) -> Cells:
        """The cells of a patch, in rising order."""
        top, left = patch // self.across * self.rows, patch % self.across * self.columns
        rows = np.arange(top, min(top + self.rows, self.height), dtype=np.int64)
        columns = np.arange(left, min(left + self.columns, self.width), dtype=np.int64)
        return (rows[:, None] * self.width + columns).reshape(-1)


def grid(height: int, width: int, torus: bool, patch: tuple[int, int]) -> Grid:
    """The grid cut so; raises BadInput for patches without cells or with too many."""
    rows, columns = min(patch[0], height), min(patch[1], width)
    if rows < 1 or columns < 1 or rows * columns > PATCH_MAX:
        raise BadInput(f"patches are {patch[0]}x{patch[1]} cells, expected 1x1 to {PATCH_MAX:,} cells, e.g. 16x16")
    return Grid(height, width, torus, rows, columns)


@dataclass(frozen=True, slots=True)
class Layout:
    """One patch. Indices 0 .. n-1 are its own `cells`, the indices after them the cells `around` it."""

    number: int
    cells: Cells
    around: Cells  # of other patches, neighbours of some cell here, in rising order
    table: NDArray[np.int32]  # [n + around, 8]: the index of the neighbour in each slot, -1 for none
    peers: tuple[int, ...]  # the patches that those around lie in, in rising order
    speaks: dict[int, Cells]  # peer -> indices of the cells here that it must hear
    hears: dict[int, Cells]  # peer -> numbers of the cells there that this one must hear
    first: Cells  # [around + 1]: where the listeners of each cell around begin in the two below
    listeners: NDArray[np.int32]  # indices of cells here
    slots: NDArray[np.int32]  # in which of their slots it lies

    @property
    def numbers(self) -> Cells:
        """What all its indices are called in the grid."""
        return np.concatenate([self.cells, self.around])


def layout(cut: Grid, number: int) -> Layout:
    """The patch of this number."""
    cells = cut.cells_of(number)
    numbers = around(cells.astype(np.int32), cut.height, cut.width, cut.torus).astype(np.int64)
    abroad = (numbers != NO_CELL) & (cut.patch_of(numbers) != number)
    strangers = np.unique(numbers[abroad])
    n = len(cells)
    table = np.full((n + len(strangers), 8), NO_CELL, np.int32)
    home = (numbers != NO_CELL) & ~abroad
    table[:n][home] = np.searchsorted(cells, numbers[home])
    table[:n][abroad] = n + np.searchsorted(strangers, numbers[abroad])
    here, slots = np.nonzero(abroad)
    which = table[here, slots] - n
    order = np.argsort(which, kind="stable")
    theirs = cut.patch_of(numbers[here, slots])
    peers = np.unique(theirs)
    return Layout(
        number=number,
        cells=cells,
        around=strangers,
        table=table,
        peers=tuple(peers.tolist()),
        speaks={int(peer): np.unique(here[theirs == peer]) for peer in peers},
        hears={int(peer): strangers[cut.patch_of(strangers) == peer] for peer in peers},
        first=np.searchsorted(which[order], np.arange(len(strangers) + 1)),
        listeners=here[order].astype(np.int32),
        slots=slots[order].astype(np.int32),
    )
