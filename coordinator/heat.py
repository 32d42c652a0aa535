"""Heat maps: one number a cell to a small picture, with dots on cells that were hit and a stroke over dead ones.

Colours run from near black to pale yellow, so that a picture reads the same on light and dark pages. Draws nothing of
its own accord; may import numpy and coordinator.render.
"""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

from coordinator import render

Field = NDArray[np.float64]  # [H, W]
Mask = NDArray[np.bool_]
SIDE = 320  # pixels of a map, about; twice as many as it is shown with
# Eight points of matplotlib's `inferno` (CC0): lightness rises evenly, also for eyes that tell few colours apart.
ANCHORS = np.array(
    [(0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21), (250, 193, 39),
     (252, 255, 164)], np.float64,
)  # fmt: skip
GRADIENT = ", ".join(f"rgb({r:.0f} {g:.0f} {b:.0f})" for r, g, b in ANCHORS)  # for a legend in CSS
HIT, DEAD = (90, 209, 255), (120, 124, 130)


def scale_of(height: int, width: int) -> int:
    """Pixels of a cell."""
    return max(1, SIDE // max(height, width))


def colours(field: Field, low: float, high: float) -> NDArray[np.uint8]:
    """[H, W, 3]; what lies outside low..high takes the colour of the end."""
    share = np.clip((np.nan_to_num(field, nan=low) - low) / ((high - low) or 1.0), 0.0, 1.0) * (len(ANCHORS) - 1)
    left = np.minimum(share.astype(np.int64), len(ANCHORS) - 2)
    rest = (share - left)[..., None]
    mixed = ANCHORS[left] * (1 - rest) + ANCHORS[left + 1] * rest
    found: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return found


def picture(shown: NDArray[np.uint8], hit: Mask | None = None, dead: Mask | None = None) -> NDArray[np.uint8]:
    """Cells [H, W, 3] as crisp squares, a dot on each that was `hit`, a stroke across each that is `dead`."""
    side = scale_of(*shown.shape[:2])
    large = np.repeat(np.repeat(shown, side, axis=0), side, axis=1)
    if dead is not None and dead.any():
        for step in range(side):  # a diagonal, corner to corner
            large[step::side, side - 1 - step :: side][dead] = DEAD
    if hit is not None and hit.any():
        dot = range((side - 1) // 2, side // 2 + 1)
        for row in dot:
            for column in dot:
                large[row::side, column::side][hit] = HIT
    return large


def uri(pixels: NDArray[np.uint8]) -> str:
    """These pixels as an image inside a page."""
    return "data:image/png;base64," + base64.b64encode(render.png(pixels, 1)).decode()


def legend(low: str, high: str, what: str) -> str:
    """A bar of the colours with the values at its ends."""
    return (
        f"<p class='heat'><span>{low}</span><i style='background:linear-gradient(90deg, {GRADIENT})'></i>"
        f"<span>{high}</span> <span>{what}</span></p>"
    )
