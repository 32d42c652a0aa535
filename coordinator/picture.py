"""What a swarm should look like: the rule's target, turned with `--angle` about the seed cell, and how far off it is.

Computes no update. May import firmware_sim and numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellnode.topology import seed_cell
from coordinator import parts
from coordinator.calibrate import awake, awake_cells
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA
from firmware_sim.loss import Ruler
from firmware_sim.targets import turned

GROWN_GAIN, HEALED_GAIN = 1.4, 1.2  # blank grid's loss minus loss, log10


@dataclass(frozen=True, slots=True)
class Losses:
    """All three numbers of one moment."""

    loss_log10: float
    loss_log10_shift1: float
    gain_log10: float


class Picture:
    """The target of a run on a grid; `target` float32 [h, w, 4], premultiplied, its centre pixel on the seed cell.

    `overhang` is a line for people where the grid is too small for it, or None; turned it must fit (BadInput)."""

    def __init__(
        self, target: NDArray[np.float32], height: int, width: int, torus: bool, degrees: float, source: str = ""
    ) -> None:
        self._drawn, self._degrees, self._source = target.shape, degrees, source
        self.target = turned(target, degrees) if degrees % 360 else target
        self._height, self._width = height, width
        need = room(self.target, height, width, torus)
        if need is not None and degrees % 360:
            raise BadInput(
                f"a grid of {height}x{width} is too small for this picture turned by {degrees:g} degrees: "
                f"use at least {need[0]}x{need[1]}"
            )
        self.overhang = need and (
            f"the grid of {height}x{width} is too small for the picture, which takes {need[0]}x{need[1]}: "
            "what hangs over its edges cannot grow and counts as loss"
        )
        self._ruler = Ruler(self.target, (height, width))

    def losses(self, states: NDArray[np.float32], ignore: NDArray[np.bool_] | None = None) -> Losses:
        """Against `states` [H, W, >=4]; `ignore` leaves out squares (those of dead cells)."""
        loss = self._ruler.loss_log10(states, ignore)
        shift1 = self._ruler.loss_log10_shift1(states, ignore)
        return Losses(loss, shift1, self._ruler.blank_loss_log10(ignore) - loss)

    def gain_log10(self, states: NDArray[np.float32], ignore: NDArray[np.bool_]) -> float:
        """The gain alone, over the squares that are not ignored."""
        return self._ruler.blank_loss_log10(ignore) - self._ruler.loss_log10(states, ignore)

    def errors(self, states: NDArray[np.float32]) -> NDArray[np.float64]:
        """[H, W]: the squared error of each cell over red, green, blue and alpha."""
        found: NDArray[np.float64] = np.square(states[..., :4].astype(np.float64) - self.on_grid()).sum(axis=-1)
        return found

    def cells_awake(self) -> int:
        """How many cells will be awake when it is grown: the living ones on the grid, and the ring around them."""
        return awake_cells(self._living())

    def awake(self) -> NDArray[np.bool_]:
        """The same as a mask [cells]."""
        return awake(self._living()).reshape(-1)

    def part(self, name: str) -> NDArray[np.bool_]:
        """[cells]: the cells of a named part of the picture (coordinator/parts.py). BadInput for one it has not."""
        known, picture = parts.names(self._source), self._living()
        if name not in known:
            raise BadInput(f"part {name!r} is unknown to this picture, expected one of: {', '.join(known)}")
        if name in parts.GENERAL:
            mask = {"picture": picture, "rim": parts.rim(picture), "ground": ~picture}[name]
        else:
            height, width, _ = self._drawn
            squares = parts.boxes(self._source, name, height, width).astype(np.float32)
            drawn = np.repeat(squares[..., None], 4, axis=2)
            placed = self._placed(turned(drawn, self._degrees) if self._degrees % 360 else drawn)
            mask = picture & (placed[..., ALPHA] > 0.5)
        return mask.reshape(-1)

    def on_grid(self) -> NDArray[np.float32]:
        """What the grid should show, [H, W, 4], premultiplied; what lies beyond the grid is cut off."""
        return self._placed(self.target)

    def _placed(self, drawn: NDArray[np.float32]) -> NDArray[np.float32]:
        shown = np.zeros((self._height, self._width, drawn.shape[2]), np.float32)
        seed = seed_cell(self._height, self._width)
        rows, columns = np.indices(drawn.shape[:2])
        at_row = rows - drawn.shape[0] // 2 + seed // self._width
        at_column = columns - drawn.shape[1] // 2 + seed % self._width
        inside = (at_row >= 0) & (at_row < self._height) & (at_column >= 0) & (at_column < self._width)
        shown[at_row[inside], at_column[inside]] = drawn[inside]
        return shown

    def _living(self) -> NDArray[np.bool_]:
        living: NDArray[np.bool_] = self.on_grid()[..., ALPHA] > ALIVE_THRESHOLD
        return living


def picture_for(rule: RuleFolder, height: int, width: int, torus: bool, degrees: float) -> Picture | None:
    """The picture of a rule on a grid; None for a rule without a target."""
    target, info = rule.target(), rule.info.target
    source = "" if info is None else info.source
    return None if target is None else Picture(target, height, width, torus, degrees, source)


def room(target: NDArray[np.float32], height: int, width: int, torus: bool) -> tuple[int, int] | None:
    """The least grid that holds the living cells of the target, its centre pixel on the seed cell; None: this does."""
    rows, columns = np.nonzero(target[..., ALPHA] > ALIVE_THRESHOLD)
    rows, columns = rows - target.shape[0] // 2, columns - target.shape[1] // 2
    seed_row, seed_column = height // 2, width // 2
    if torus:
        fits = np.ptp(rows) < height and np.ptp(columns) < width
    else:
        fits = bool(
            rows.min() + seed_row >= 0
            and rows.max() + seed_row < height
            and columns.min() + seed_column >= 0
            and columns.max() + seed_column < width
        )
    return (
        None if fits else (2 * int(max(-rows.min(), rows.max() + 1)), 2 * int(max(-columns.min(), columns.max() + 1)))
    )
