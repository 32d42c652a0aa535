"""Cutting a grid into blocks, one a host, as square as can be: the fewer cells at a border, the fewer words cross it.

Pure functions. Imports numpy, the layout of patches and firmware_sim.errors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cellnode.patchlayout import Grid
from firmware_sim.errors import BadInput

Cells = NDArray[np.int64]
_NONE: Cells = np.zeros(0, np.int64)


def cut(height: int, width: int, room: Sequence[int]) -> list[Cells]:
    """Cells of each host, in its order, in proportion to its `room` (in cells) and never more. BadInput when all of
    them together have too little."""
    cells = height * width
    if sum(room) < cells:
        raise BadInput(
            f"no room for the grid: {height}x{width} is {cells} cells, the {len(room)} hosts offer {sum(room)} "
            f"({', '.join(map(str, room))}): add hosts, raise --capacity, or take a smaller grid"
        )
    grid = np.arange(cells, dtype=np.int64).reshape(height, width)
    shares = _shares(cells, room)
    found: list[Cells] = [np.zeros(0, np.int64)] * len(room)
    if not _bisect(grid, shares, list(room), list(range(len(room))), found):
        ends = np.cumsum(shares)  # rectangles do not fit these rooms: row by row always does
        found = [np.sort(part) for part in np.split(grid.reshape(-1), ends[:-1])]
    return found


def cut_patches(grid: Grid, room: Sequence[int]) -> list[Cells]:
    """The same for a grid of patches: each lies on one host, whole."""
    size = grid.rows * grid.columns
    rooms = [cells // size for cells in room]
    if sum(rooms) < grid.patches:
        raise BadInput(
            f"no room for the grid: it is {grid.patches} patches of {grid.rows}x{grid.columns} cells, the {len(room)} "
            f"hosts have room for {sum(rooms)} ({', '.join(map(str, rooms))}): add hosts, raise --capacity, or take "
            "smaller patches"
        )
    blocks = cut(grid.patches // grid.across, grid.across, rooms)
    return [np.sort(np.concatenate([_NONE, *(grid.cells_of(int(patch)) for patch in block)])) for block in blocks]


def _shares(cells: int, room: Sequence[int]) -> list[int]:
    """How many cells each host is to have: as equal as their rooms let them be."""
    shares, left = [0] * len(room), cells
    for place, host in enumerate(sorted(range(len(room)), key=lambda host: room[host])):
        shares[host] = min(room[host], left // (len(room) - place))
        left -= shares[host]
    return shares


def _bisect(grid: Cells, shares: list[int], room: list[int], hosts: list[int], found: list[Cells]) -> bool:
    """Cut across the longer side, by the shares of two halves of the hosts, and so on."""
    hosts = [host for host in hosts if shares[host]]
    if len(hosts) <= 1:
        if hosts:
            found[hosts[0]] = np.sort(grid.reshape(-1))
        return (grid.size <= room[hosts[0]]) if hosts else grid.size == 0
    first, second = hosts[: len(hosts) // 2], hosts[len(hosts) // 2 :]
    tall = grid.shape[0] >= grid.shape[1]
    length, across = grid.shape if tall else grid.shape[::-1]
    want = sum(shares[host] for host in first) / sum(shares[host] for host in hosts)
    room_first, room_second = sum(room[host] for host in first), sum(room[host] for host in second)
    for at in sorted(range(1, length), key=lambda at: abs(at - want * length)):
        if at * across <= room_first and (length - at) * across <= room_second:
            parts = (grid[:at], grid[at:]) if tall else (grid[:, :at], grid[:, at:])
            return _bisect(parts[0], shares, room, first, found) and _bisect(parts[1], shares, room, second, found)
    return False
