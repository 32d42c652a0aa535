"""The loss, one number everywhere: log10 of the summed squared RGBA error divided by 72*72*4, whatever the grid.

Target and state are premultiplied; the target's centre pixel [h//2, w//2] lies on the seed cell.  Parts of the target
that hang over the grid count as error against zero.  int8 states are read as s/32.  `ignore` [H, W] leaves cells out
(the squares of dead ones).  A perfect picture gives -12, an exploded one (not finite) +12, so that every loss is a
number.  It draws and decides nothing.  Imports: numpy, errors, limits, rule.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.errors import BadInput
from firmware_sim.limits import STATE_STEP
from firmware_sim.rule import Floats, Mask

DIVISOR = 72 * 72 * 4  # the article's padded grid, RGBA
FLOOR, CEILING = 1e-12, 1e12
SHIFTS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))

Place = tuple[int, int]
Values = NDArray[np.float64]


class Ruler:
    """One target on one grid, for as many states as there are to measure: what does not change is laid out once."""

    def __init__(self, target: Floats, grid: Place, seed_at: Place | None = None) -> None:
        if target.ndim != 3 or target.shape[2] != 4:
            raise BadInput(f"loss against a target {target.shape}: expected [h, w, 4]")
        height, width = self._grid = grid
        rows, columns = target.shape[:2]
        row, column = (height // 2, width // 2) if seed_at is None else seed_at
        if not (0 <= row < height and 0 <= column < width):
            raise BadInput(f"seed cell at row {row}, column {column} lies outside the {height}x{width} grid")
        top, left = row - rows // 2, column - columns // 2
        # The margin holds a target that hangs over the grid; it is at least 1, for the shifts.
        margin = max(1, -top, -left, top + rows - height, left + columns - width)
        wanted = np.zeros((height + 2 * margin, width + 2 * margin, 4))
        wanted[margin + top : margin + top + rows, margin + left : margin + left + columns] = target
        self._under = {(dy, dx): _window(wanted, margin + dy, margin + dx, grid) for dy, dx in SHIFTS}
        squares = np.square(wanted).sum(axis=2)
        self._squares = _window(squares, margin, margin, grid)
        self._beside = {
            (dy, dx): float(squares.sum() - _window(squares, margin + dy, margin + dx, grid).sum()) for dy, dx in SHIFTS
        }

    def loss_log10(self, state: NDArray[Any], ignore: Mask | None = None) -> float:
        """Of a grid [H, W, >=4]."""
        return _log10(self._error(*self._read(state, ignore), (0, 0)))

    def loss_log10_shift1(self, state: NDArray[Any], ignore: Mask | None = None) -> float:
        """The best over the nine shifts of the state by at most one pixel; shifts fill with zeros."""
        picture, counts = self._read(state, ignore)
        return min(_log10(self._error(picture, counts, shift)) for shift in SHIFTS)

    def blank_loss_log10(self, ignore: Mask | None = None) -> float:
        """Of an empty grid."""
        self._check(ignore)
        inside = self._squares if ignore is None else self._squares[~ignore]
        return _log10((float(inside.sum()) + self._beside[0, 0]) / DIVISOR)

    def _error(self, picture: Values, counts: Values | None, shift: Place) -> float:
        """A shift moves the pixels under other parts of the target, and the squares left out with them."""
        with np.errstate(over="ignore", invalid="ignore"):
            off = _without_what_leaves(picture, shift) - self._under[shift]
            if counts is not None:
                off *= counts
            return (float(np.vdot(off, off)) + self._beside[shift]) / DIVISOR

    def _read(self, state: NDArray[Any], ignore: Mask | None) -> tuple[Values, Values | None]:
        """The picture, and what of it counts (1 or 0 a value; None: all), both [H, W, 4]."""
        if state.ndim != 3 or state.shape[2] < 4 or state.shape[:2] != self._grid:
            height, width = self._grid
            raise BadInput(f"loss of a state {state.shape}: expected [{height}, {width}, >=4]")
        self._check(ignore)
        picture = state[..., :4].astype(np.float64)
        if state.dtype == np.int8:
            picture *= STATE_STEP
        if ignore is None or not ignore.any():
            return picture, None
        picture[ignore] = 0  # no number there may be multiplied by zero
        return picture, np.repeat((~ignore)[..., None], 4, axis=2).astype(np.float64)

    def _check(self, ignore: Mask | None) -> None:
        if ignore is not None and ignore.shape != self._grid:
            raise BadInput(f"ignore has shape {ignore.shape}, the grid is {self._grid}")


def loss_log10(state: NDArray[Any], target: Floats, seed_at: Place | None = None, ignore: Mask | None = None) -> float:
    """Loss of a grid [H, W, >=4] against a target [h, w, 4]; `seed_at` is (row, column), default (H//2, W//2)."""
    return _ruler(state, target, seed_at).loss_log10(state, ignore)


def loss_log10_shift1(
    state: NDArray[Any], target: Floats, seed_at: Place | None = None, ignore: Mask | None = None
) -> float:
    """The best loss over the nine shifts of the state by at most one pixel; shifts fill with zeros."""
    return _ruler(state, target, seed_at).loss_log10_shift1(state, ignore)


def blank_loss_log10(
    target: Floats, grid: Place | None = None, seed_at: Place | None = None, ignore: Mask | None = None
) -> float:
    """Loss of an empty grid; its size (height, width) only matters with `ignore`, whose shape is the default."""
    height, width = grid or (target.shape[:2] if ignore is None else ignore.shape)
    return Ruler(target, (height, width), seed_at).blank_loss_log10(ignore)


def gain_log10(state: NDArray[Any], target: Floats, seed_at: Place | None = None, ignore: Mask | None = None) -> float:
    """How much better than an empty grid: grown >= 1.4, healed >= 1.2."""
    ruler = _ruler(state, target, seed_at)
    return ruler.blank_loss_log10(ignore) - ruler.loss_log10(state, ignore)


def _ruler(state: NDArray[Any], target: Floats, seed_at: Place | None) -> Ruler:
    if state.ndim != 3 or state.shape[2] < 4:
        raise BadInput(f"loss of a state {state.shape}: expected [H, W, >=4]")
    return Ruler(target, (state.shape[0], state.shape[1]), seed_at)


def _window(values: Values, row: int, column: int, size: Place) -> Values:
    return np.ascontiguousarray(values[row : row + size[0], column : column + size[1]])


def _without_what_leaves(picture: Values, shift: Place) -> Values:
    """What a shift takes off the grid is gone, as if it had been shifted on the grid itself."""
    if shift == (0, 0):
        return picture
    kept = picture.copy()
    dy, dx = shift
    if dy:
        kept[-1 if dy > 0 else 0] = 0
    if dx:
        kept[:, -1 if dx > 0 else 0] = 0
    return kept


def _log10(value: float) -> float:
    return math.log10(min(max(value, FLOOR), CEILING)) if math.isfinite(value) else math.log10(CEILING)
