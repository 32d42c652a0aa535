"""The space-time diagram: one row and one column of the grid over the whole run, as wide as the curves above it.

May import the coordinator's curve, heat, history and rules of colour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from coordinator import curve, heat
from coordinator.curve import Band, Mark
from coordinator.history import Moment
from firmware_sim.rule import rgb_on_black

TOP, BOTTOM, GAP = 26, 34, 30
COLUMNS = 400  # of the picture; more moments than that are never kept
CELL = 3  # units of a cell on the other axis
LEAST = 90
Slice = tuple[NDArray[np.float32], NDArray[np.bool_]]  # rgba [cells, 4], on [cells]


def svg(moments: Sequence[Moment], end: float, marks: Sequence[Mark], bands: Sequence[Band]) -> str:
    """Both diagrams in one picture; an empty string when there is too little."""
    if len(moments) < 3:
        return ""
    height, width = moments[0].on.shape
    row, column = height // 2, width // 2
    lines = [
        (f"row {row}, left to right downwards", _line(moments, lambda moment: (moment.rgba[row], moment.on[row]))),
        (
            f"column {column}, top to bottom",
            _line(moments, lambda moment: (moment.rgba[:, column], moment.on[:, column])),
        ),
    ]
    times = np.array([moment.t for moment in moments])
    place = np.clip(np.searchsorted(times, np.linspace(0, end, COLUMNS), side="right") - 1, 0, len(times) - 1)
    parts, y = [], float(TOP)
    for name, colours in lines:
        tall = max(LEAST, CELL * colours.shape[0])
        shown = colours[:, place]
        parts.append(f'<text class="axis" x="{curve.LEFT}" y="{y - 8:.0f}">{name}</text>')
        parts.append(
            f'<image x="{curve.LEFT}" y="{y:.0f}" width="{curve.WIDTH - curve.LEFT - curve.RIGHT}" height="{tall}" '
            f'preserveAspectRatio="none" href="{heat.uri(shown)}"/>'
        )
        for mark in marks:
            x = curve.x_of(mark.t, end)
            parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 5:.0f}" y2="{y + tall + 5:.0f}"/>')
        y += tall + GAP
    bottom = y - GAP
    return "\n".join(
        [
            f'<svg class="curve" viewBox="0 0 {curve.WIDTH} {bottom + BOTTOM + 6:.0f}" role="img" '
            f'aria-label="row {row} and column {column} of the grid over time">',
            *curve.band_rects(bands, end, TOP - 6, bottom),
            *parts,
            *curve.time_axis(end, bottom),
            "</svg>",
        ]
    )


def _line(moments: Sequence[Moment], take: Callable[[Moment], Slice]) -> NDArray[np.uint8]:
    """[cells, moments, 3]: colours as the LEDs showed them; a cell without power is grey."""
    columns = []
    for moment in moments:
        rgba, on = take(moment)
        colours = np.rint(rgb_on_black(rgba) * 255).astype(np.uint8)
        columns.append(np.where(on[:, None], colours, np.array((48, 50, 54), np.uint8)))
    return np.stack(columns, axis=1).astype(np.uint8)
