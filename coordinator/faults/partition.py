"""Partition: the links between parts of the grid are cut; who belongs to which part has a name.

    isolate   the chosen cells from all others                halves    left from right, or (cut=rows) upper from lower
    ring      rings of `width` cells around the centre        random    each chosen cell drawn to one of `sides` sides
    bridge    halves, but a strip of `width` lines across the middle of the cut hears and is heard by both

Cells that were not chosen belong to no part and hear everybody, except with `isolate`. One partition at a time: two
would make one that has neither name. May import the links and numpy.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cellnode.draws import Purpose, draw64_array, share_array
from cellnode.panel import Counter
from coordinator.faults.base import Cells, Grid, Parameter
from coordinator.faults.links import Link

NAMES = ("isolate", "halves", "ring", "random", "bridge")
WILD = -1  # hears and is heard by all


class Partition(Link):
    """Frames that would cross are lost. Proof: frames discarded at the cut."""

    kind = "partition"
    help = "the links between parts of the grid are cut"
    alone = True
    parameters: ClassVar[dict[str, Parameter]] = {
        "name": Parameter("which parts", choices=NAMES),
        "way": Parameter("in: the first part is deaf, out: it is unheard", choices=("both", "in", "out")),
        "cut": Parameter("halves and bridge: between columns or rows", choices=("columns", "rows")),
        "width": Parameter("cells in a ring, or lines in a bridge", 1, 1000, 2),
        "sides": Parameter("random: how many sides", 2, 100, 2),
    }
    counter = Counter.FAULT_LOST

    @classmethod
    def place(
        cls, cells: Cells, slots: list[int], grid: Grid, parameters: dict[str, Any], rng_seed: int
    ) -> tuple[Cells, list[int]]:
        side = sides(cells, grid, parameters, rng_seed)
        masks = cut(side, grid.table, str(parameters["way"]))
        hit = np.flatnonzero(masks)
        return hit, masks[hit].tolist()

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "loss", "rate": 1.0}


def sides(cells: Cells, grid: Grid, parameters: dict[str, Any], rng_seed: int) -> NDArray[np.int64]:
    """[all cells] the part of each, WILD for none. The first part is 0: the chosen, the left, the upper, the inmost."""
    side = np.full(grid.height * grid.width, WILD, np.int64)
    name = parameters["name"]
    if name == "isolate":
        side[:] = 1
        side[cells] = 0
        return side
    if not len(cells):
        return side
    rows, columns = cells // grid.width, cells % grid.width
    width = int(parameters["width"])
    if name in ("halves", "bridge"):
        along, across = (columns, rows) if parameters["cut"] == "columns" else (rows, columns)
        side[cells] = along >= _middle(along)
        if name == "bridge":
            first = int(_middle(across) - width / 2)
            side[cells[(across >= first) & (across < first + width)]] = WILD
    elif name == "ring":
        row, column = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
        away = np.maximum(np.abs(rows - row), np.abs(columns - column))
        side[cells] = (away // width).astype(np.int64)
    else:
        draws = draw64_array(rng_seed, cells.astype(np.uint64), Purpose.SIDE, 0)
        side[cells] = share_array(draws, int(parameters["sides"]) - 1).astype(np.int64)
    return side


def _middle(along: NDArray[np.int64]) -> float:
    """Between two lines, or in the middle one."""
    return (int(along.min()) + int(along.max()) + 1) / 2


def cut(side: NDArray[np.int64], table: NDArray[np.int32], way: str) -> NDArray[np.int64]:
    """[all cells] masks of incoming edges that are cut. One-way: a lower part does not hear (in) a higher one, or is
    not heard (out) by it."""
    theirs = np.where(table < 0, WILD, side[table])
    mine = side[:, None]
    crossing = (theirs != WILD) & (mine != WILD) & (theirs != mine)
    if way == "in":
        crossing &= mine < theirs
    elif way == "out":
        crossing &= mine > theirs
    masks: NDArray[np.int64] = (crossing << np.arange(8)).sum(axis=1)
    return masks
