"""Pictures of grids for people: as on white paper, enlarged without smoothing, many in one image.

It reads states and writes PNG bytes; it never runs a rule. Imports numpy, pillow and firmware_sim.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from firmware_sim.rule import rgb_on_white
from trainer.episode import Floats

GAP = 1  # px between grids, before enlarging
GAP_GREY = 225


def sheet(grids: Sequence[Floats], columns: int, scale: int) -> bytes:
    """Grids [H, W, >=4] of one size in rows of `columns`, as a PNG; what is not finite is shown grey."""
    height, width = grids[0].shape[:2]
    rows = -(-len(grids) // columns)
    page = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), GAP_GREY, np.uint8)
    for i, grid in enumerate(grids):
        y, x = GAP + i // columns * (height + GAP), GAP + i % columns * (width + GAP)
        page[y : y + height, x : x + width] = _pixels(grid)
    image = Image.fromarray(page).resize((page.shape[1] * scale, page.shape[0] * scale), Image.Resampling.NEAREST)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def as_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _pixels(grid: Floats) -> NDArray[np.uint8]:
    colours = np.where(np.isfinite(grid[..., :4]), grid[..., :4], 0.5)
    return np.asarray(np.rint(rgb_on_white(colours.astype(np.float32)) * 255), np.uint8)
