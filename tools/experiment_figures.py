"""The figures of docs/standard-experiments.md as SVG files that stand alone, readable on light and dark pages.

Shares with their intervals, one mark a rule, and maps of the grid. Pure text; may import numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 34, 52
STYLE = """<style>
svg { --paper: #ffffff; --ink: #1d2126; --quiet: #5c6770; --rule: #dfe3e8;
  --c0: #2563c9; --c1: #2f9e7a; --c2: #b4531c; }
@media (prefers-color-scheme: dark) { svg { --paper: #14171b; --ink: #e8eaed; --quiet: #a2a9b1; --rule: #31363d;
  --c0: #6ea8ff; --c1: #3fbf95; --c2: #f0955b; } }
.paper { fill: var(--paper); stroke: var(--rule); } text { font: 12px system-ui, sans-serif; fill: var(--quiet); }
.head { fill: var(--ink); } .grid { stroke: var(--rule); }
.bound { stroke: var(--ink); stroke-dasharray: 4 3; opacity: .6; }
.edge { fill: none; stroke: #ffffff; stroke-width: 1.2; stroke-opacity: .85; }
</style>"""
# from what does nothing to what hurts most; fixed, so that a map reads the same on either page
RAMP = (
    (0.0, (38, 50, 66)),
    (0.35, (62, 96, 140)),
    (0.6, (196, 120, 62)),
    (0.8, (236, 172, 66)),
    (1.0, (255, 236, 170)),
)


@dataclass(frozen=True, slots=True)
class Series:
    """A share (or None) for each value on the axis, and its interval."""

    label: str
    shares: Sequence[float | None]
    bounds: Sequence[tuple[float, float] | None]


@dataclass(frozen=True, slots=True)
class Map:
    """A loss at places (row, column); `outline` [rows, columns] of the picture, one cell a square."""

    label: str
    places: Mapping[tuple[int, int], float | None]
    outline: NDArray[np.bool_] | None


def shares(values: Sequence[str], series: Sequence[Series], label: str, bound: float | None, *, ordered: bool) -> str:
    """Shares of swarms that recover over the values; `ordered` ones are joined by a line."""
    step = (WIDTH - LEFT - RIGHT) / len(values)
    parts = [_open(WIDTH, HEIGHT, f"share that recovers by {label}")]
    for tick in (0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_line("grid", LEFT, _y(tick), WIDTH - RIGHT, _y(tick)))
        parts.append(_text(LEFT - 8, _y(tick) + 4, f"{tick:.0%}", "end"))
    if bound is not None:
        parts.append(_line("bound", LEFT, _y(bound), WIDTH - RIGHT, _y(bound)))
    for number, value in enumerate(values):
        parts.append(_text(LEFT + (number + 0.5) * step, HEIGHT - BOTTOM + 18, value, "middle"))
    parts.append(_text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 12, label, "middle"))
    for place, one in enumerate(series):
        colour = f"var(--c{place})"
        shift = (place - (len(series) - 1) / 2) * min(16.0, step / (len(series) + 1))
        seen = [
            (LEFT + (number + 0.5) * step + shift, share, interval)
            for number, (share, interval) in enumerate(zip(one.shares, one.bounds, strict=True))
            if share is not None and interval is not None
        ]
        if ordered and len(seen) > 1:
            path = " ".join(f"{x:.1f},{_y(share):.1f}" for x, share, _ in seen)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-opacity=".45"/>')
        for x, share, (low, high) in seen:
            span = f'x1="{x:.1f}" x2="{x:.1f}" y1="{_y(low):.1f}" y2="{_y(high):.1f}"'
            parts.append(f'<line {span} stroke="{colour}" stroke-width="2" stroke-opacity=".55"/>')
            parts.append(f'<circle cx="{x:.1f}" cy="{_y(share):.1f}" r="4.5" fill="{colour}"/>')
    parts.append(_text(LEFT, 21, "share of swarms that recover", "start"))
    x = WIDTH - RIGHT
    for place, one in reversed(list(enumerate(series))):
        x -= 7 * len(one.label) + 4
        parts.append(_text(x, 21, one.label, "start", "head"))
        parts.append(f'<circle cx="{x - 10:.1f}" cy="17" r="4.5" fill="var(--c{place})"/>')
        x -= 28
    return "\n".join([*parts, "</svg>"]) + "\n"


def maps(found: Sequence[Map], block: int) -> str:
    """Maps beside each other on one scale of colours: the loss of the others when the block there is gone."""
    side, gap, top, bottom = 240, 28, 36, 62
    losses = [loss for one in found for loss in one.places.values() if loss is not None]
    low, high = min(losses), max(losses)
    width = gap + len(found) * (side + gap)
    extents = [max(max(place) for place in one.places) + block // 2 + 1 for one in found]
    unit = side / max(extents + [len(one.outline) for one in found if one.outline is not None])
    parts = [_open(width, top + side + bottom, "loss of the others by the place that is lost")]
    for number, one in enumerate(found):
        left = gap + number * (side + gap)
        parts.append(_text(left, top - 12, one.label, "start", "head"))
        for (row, column), loss in one.places.items():
            if loss is None:
                continue
            x, y = left + (column - block // 2) * unit, top + (row - block // 2) * unit
            size = f'width="{block * unit - 0.6:.2f}" height="{block * unit - 0.6:.2f}"'
            colour = _colour((loss - low) / ((high - low) or 1.0))
            parts.append(
                f'<rect x="{x:.2f}" y="{y:.2f}" {size} fill="{colour}"><title>{row},{column}: {loss:.2f}</title></rect>'
            )
        if one.outline is not None:
            parts.append(_edge(one.outline, left, top, unit))
    y = top + side + 22
    bar = width - 2 * gap
    for number in range(48):
        place = f'x="{gap + number * bar / 48:.2f}" y="{y}" width="{bar / 48 + 0.8:.2f}" height="10"'
        parts.append(f'<rect {place} fill="{_colour(number / 47)}"/>')
    parts.append(_text(gap, y + 26, f"{low:.2f}", "start"))
    parts.append(_text(width / 2, y + 26, "loss of the other cells, log10", "middle"))
    parts.append(_text(width - gap, y + 26, f"{high:.2f}", "end"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _edge(outline: NDArray[np.bool_], left: float, top: float, unit: float) -> str:
    """The line around the picture."""
    inside = np.pad(outline, 1)
    steps = []
    for row, column in np.argwhere(inside[1:] != inside[:-1]):
        steps.append(f"M{left + (column - 1) * unit:.1f} {top + row * unit:.1f}h{unit:.1f}")
    for row, column in np.argwhere(inside[:, 1:] != inside[:, :-1]):
        steps.append(f"M{left + column * unit:.1f} {top + (row - 1) * unit:.1f}v{unit:.1f}")
    return f'<path class="edge" d="{"".join(steps)}"/>'


def _colour(share: float) -> str:
    ends = [place for place, _ in RAMP]
    red, green, blue = (round(float(np.interp(share, ends, [rgb[i] for _, rgb in RAMP]))) for i in range(3))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _open(width: float, height: float, label: str) -> str:
    box = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    paper = f'<rect class="paper" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="8"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img" aria-label="{escape(label)}">\n{STYLE}\n{paper}'


def _y(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{name}" x1="{x1:g}" y1="{y1:.1f}" x2="{x2:g}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, name: str = "") -> str:
    kind = f' class="{name}"' if name else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
