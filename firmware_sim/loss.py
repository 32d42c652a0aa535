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


def loss_log10(state: NDArray[Any], target: Floats, seed_at: Place | None = None, ignore: Mask | None = None) -> float:
    """Loss of a grid [H, W, >=4] against a target [h, w, 4]; `seed_at` is (row, column), default (H//2, W//2)."""
    picture, wanted, kept = _aligned(state, target, seed_at, ignore)
    return _log10(_error(picture, wanted, kept))


def loss_log10_shift1(
    state: NDArray[Any], target: Floats, seed_at: Place | None = None, ignore: Mask | None = None
) -> float:
    """The best loss over the nine shifts of the state by at most one pixel; shifts fill with zeros."""
    picture, wanted, kept = _aligned(state, target, seed_at, ignore)
    margin = (len(picture) - len(state)) // 2
    inside = np.zeros(picture.shape[:2], np.bool_)
    inside[margin:-margin, margin:-margin] = True
    # What leaves the grid is gone, as if it had been shifted on the grid itself.
    losses = []
    for shift in SHIFTS:
        moved = np.where(inside[..., None], _shifted(picture, shift), 0)
        losses.append(_log10(_error(moved, wanted, ~_shifted(~kept, shift))))
    return min(losses)


def blank_loss_log10(
    target: Floats, grid: Place | None = None, seed_at: Place | None = None, ignore: Mask | None = None
) -> float:
    """Loss of an empty grid; its size (height, width) only matters with `ignore`, whose shape is the default."""
    height, width = grid or (target.shape[:2] if ignore is None else ignore.shape)
    return loss_log10(np.zeros((height, width, 4), np.float32), target, seed_at, ignore)


def gain_log10(state: NDArray[Any], target: Floats, seed_at: Place | None = None, ignore: Mask | None = None) -> float:
    """How much better than an empty grid: grown >= 1.4, healed >= 1.2."""
    blank = blank_loss_log10(target, (state.shape[0], state.shape[1]), seed_at, ignore)
    return blank - loss_log10(state, target, seed_at, ignore)


def _aligned(
    state: NDArray[Any], target: Floats, seed_at: Place | None, ignore: Mask | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], Mask]:
    """Picture, target and kept cells on one canvas: the grid with a margin that holds a target hanging over it."""
    if state.ndim != 3 or state.shape[2] < 4 or target.ndim != 3 or target.shape[2] != 4:
        raise BadInput(
            f"loss of a state {state.shape} against a target {target.shape}: expected [H, W, >=4], [h, w, 4]"
        )
    if ignore is not None and ignore.shape != state.shape[:2]:
        raise BadInput(f"ignore has shape {ignore.shape}, the grid is {state.shape[:2]}")
    height, width = state.shape[:2]
    rows, columns = target.shape[:2]
    row, column = (height // 2, width // 2) if seed_at is None else seed_at
    if not (0 <= row < height and 0 <= column < width):
        raise BadInput(f"seed cell at row {row}, column {column} lies outside the {height}x{width} grid")
    scale = STATE_STEP if state.dtype == np.int8 else 1.0
    top, left = row - rows // 2, column - columns // 2
    margin = max(1, -top, -left, top + rows - height, left + columns - width)  # at least 1, for the shifts
    canvas = (height + 2 * margin, width + 2 * margin)
    picture, wanted, kept = np.zeros((*canvas, 4)), np.zeros((*canvas, 4)), np.ones(canvas, np.bool_)
    picture[margin:-margin, margin:-margin] = state[..., :4].astype(np.float64) * scale
    if ignore is not None:
        kept[margin:-margin, margin:-margin] = ~ignore
    wanted[margin + top : margin + top + rows, margin + left : margin + left + columns] = target
    return picture, wanted, kept


def _shifted(values: NDArray[Any], shift: Place) -> NDArray[Any]:
    """Moved by (dy, dx); the canvas has a free margin of at least one, so nothing wraps around."""
    return np.roll(values, shift, axis=(0, 1))


def _error(picture: NDArray[np.float64], wanted: NDArray[np.float64], kept: Mask) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.square(picture - wanted)[kept].sum()) / DIVISOR


def _log10(value: float) -> float:
    return math.log10(min(max(value, FLOOR), CEILING)) if math.isfinite(value) else math.log10(CEILING)
