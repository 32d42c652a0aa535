"""Where pictures are off at the end: the error of each cell, kept with a row, and its mean over the swarms of a point.

A map is kept as one byte a cell, in equal steps of log10 from 10^-4 to 3 (all four channels off is 4), packed as
text: 1 to 2 kB for 1,600 cells. May import numpy, the coordinator's heat and this package's charts and verdict.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coordinator import heat

if TYPE_CHECKING:  # verdicts are made of rows, and rows carry maps
    from coordinator.experiment.verdict import Judged

LOW, HIGH = -4.0, 0.5  # log10 of what the smallest and the largest byte mean
STEPS = 254.0
NO_POWER = 0  # the byte of a cell without power; the smallest error is 1
SHOWN = 6  # points at most
Field = NDArray[np.float64]


def pack(error: Field, on: NDArray[np.bool_]) -> dict[str, Any]:
    """For a row: squared errors [H, W] of cells, and which of them have power."""
    share = (np.log10(np.maximum(error, 10.0**LOW)) - LOW) / (HIGH - LOW)
    steps = 1 + np.rint(np.clip(share, 0.0, 1.0) * STEPS)
    data = np.where(on, steps, NO_POWER).astype(np.uint8).tobytes()
    return {"shape": list(error.shape), "data": base64.b64encode(zlib.compress(data, 9)).decode()}


def unpack(kept: dict[str, Any]) -> Field:
    """Squared errors [H, W]; NaN for a cell without power, 0 for the smallest."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(kept["data"])), np.uint8).reshape(kept["shape"])
    values = 10.0 ** (LOW + (data.astype(np.float64) - 1) / STEPS * (HIGH - LOW))
    return np.where(data == NO_POWER, np.nan, np.where(data == 1, 0.0, values))


def mean(rows: Sequence[dict[str, Any]]) -> tuple[Field, NDArray[np.bool_]] | None:
    """Over all rows that have a map: the mean error of each cell while it had power, and who had it in none."""
    maps = [unpack(row["error_map"]) for row in rows if row.get("error_map")]
    if not maps or len({one.shape for one in maps}) > 1:
        return None
    stack = np.stack(maps)
    seen = np.isfinite(stack).sum(axis=0)
    return np.nansum(stack, axis=0) / np.maximum(seen, 1), seen == 0


def section(judged: Sequence[Judged], rows: Sequence[dict[str, Any]]) -> list[str]:
    """A map for each point, or for a few of many; nothing for rows without maps."""
    last = len(judged) - 1
    places = {round(place) for place in np.linspace(0, last, min(SHOWN, last + 1)).tolist()}
    figures = []
    for one in [judged[place] for place in sorted(places)]:
        mine = [row for row in rows if row["point"] == one.point.number]
        found = mean(mine)
        if found is None:
            continue
        field, dead = found
        count = sum(bool(row.get("error_map")) for row in mine)
        pixels = heat.picture(heat.colours(np.log10(np.maximum(field, 1e-9)), LOW, 0.0), dead=dead)
        text = escape(
            f"{one.point.label}: mean of {count} swarms, {int((field > 0.01).sum())} cells off by more than 0.1"
        )
        figures.append(f"<figure><img alt='{text}' src='{heat.uri(pixels)}'><figcaption>{text}</figcaption></figure>")
    if not figures:
        return []
    key = heat.legend(
        "10⁻⁴", "1", "mean squared error of a cell against the target; strokes: cells without power in all"
    )
    return ["<h2>Where the pictures were off at the end</h2>", f"<div class='strip maps'>{''.join(figures)}</div>", key]
