"""Line charts with bands and bars of shares, as small SVGs in the page's own colours. Pure text.

May import coordinator.curve for round numbers on axes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from coordinator.curve import ticks

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 250, 52, 14, 14, 40
COLOURS = 6  # --c0 .. --c5 of the page
Point = tuple[float, float]

STYLE = """
:root { --c0: #2563c9; --c1: #b4531c; --c2: #2f9e7a; --c3: #8a4bc4; --c4: #b58900; --c5: #5c6770;
  --masked: #2f9e7a; --self-healed: #7fc8a9; --degraded: #d9a441; --spread: #b4531c; --dead: #55595f; }
@media (prefers-color-scheme: dark) { :root { --c0: #6ea8ff; --c1: #f0955b; --c2: #3fbf95; --c3: #c08cf0;
  --c4: #e0b94a; --c5: #9aa0a8; --dead: #8a9098; } }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 16px; }
.chart { width: 100%; height: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
.chart text { font: 11px system-ui, sans-serif; fill: var(--quiet); } .chart .grid { stroke: var(--rule); }
.chart .line { fill: none; stroke-width: 2; } .chart .band { opacity: .16; stroke: none; }
.chart .bound { stroke: var(--ink); stroke-dasharray: 4 3; opacity: .6; }
.legend { font-size: 13px; color: var(--quiet); margin: 4px 0 0; display: flex; gap: 4px 14px; flex-wrap: wrap; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 5px;
  vertical-align: -1px; }
.bar { display: flex; height: 14px; border-radius: 3px; overflow: hidden; min-width: 120px; }
"""


@dataclass(frozen=True, slots=True)
class Series:
    """One line; `low` and `high` a band around it; `marks` its points as dots; `steps` holds each value to the next."""

    label: str
    points: Sequence[Point]
    low: Sequence[float] = field(default_factory=tuple)
    high: Sequence[float] = field(default_factory=tuple)
    marks: bool = False
    steps: bool = False


def lines(
    series: Sequence[Series], x_label: str, y_label: str, y_range: Point | None = None, bound: float | None = None
) -> str:
    """An SVG and its legend; an empty string without points."""
    series = [one for one in series if one.points][:COLOURS]
    if not series:
        return ""
    xs = [x for one in series for x, _ in one.points]
    ys = [
        v for one in series for v in ([y for _, y in one.points] + list(one.low) + list(one.high)) if math.isfinite(v)
    ]
    frame = _Frame((min(xs), max(xs)), y_range or _room(ys))
    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(y_label)}">']
    parts += frame.axes(x_label, y_label)
    if bound is not None and frame.inside(bound):
        y = frame.y(bound)
        parts.append(f'<line class="bound" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for number, one in enumerate(series):
        parts += frame.draw(one, f"var(--c{number})")
    parts.append("</svg>")
    names = {one.label: f"var(--c{number})" for number, one in enumerate(series) if one.label}
    return f"<div>{''.join(parts)}{legend(names)}</div>"


def legend(colours: Mapping[str, str]) -> str:
    """Coloured squares with their names."""
    if not colours:
        return ""
    spans = "".join(f'<span><i style="background:{c}"></i>{escape(name)}</span>' for name, c in colours.items())
    return f'<p class="legend">{spans}</p>'


def bar(shares: Mapping[str, int]) -> str:
    """A bar of parts, coloured by their names (--NAME of the page)."""
    whole = sum(shares.values()) or 1
    text = ", ".join(f"{name} {count}" for name, count in shares.items())
    spans = "".join(
        f'<span style="width:{100 * count / whole:.2f}%;background:var(--{name})"></span>'
        for name, count in shares.items()
    )
    return f'<div class="bar" title="{escape(text)}">{spans}</div>'


def _room(values: Sequence[float]) -> Point:
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or 0.5
    return low - pad, high + pad


@dataclass(frozen=True, slots=True)
class _Frame:
    x_range: Point
    y_range: Point

    def x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + (value - low) / ((high - low) or 1.0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return TOP + (high - min(max(value, low), high)) / ((high - low) or 1.0) * (HEIGHT - TOP - BOTTOM)

    def inside(self, value: float) -> bool:
        return self.y_range[0] <= value <= self.y_range[1]

    def axes(self, x_label: str, y_label: str) -> list[str]:
        parts = []
        for tick in ticks(*self.y_range, 5):
            y = self.y(tick)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
        for tick in ticks(*self.x_range, 6):
            parts.append(
                f'<text x="{self.x(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick:g}</text>'
            )
        parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{escape(x_label)}</text>')
        parts.append(f'<text x="{LEFT}" y="{HEIGHT - 8}">{escape(y_label)}</text>')
        return parts

    def draw(self, one: Series, colour: str) -> list[str]:
        parts = []
        if one.low:
            upper = [f"{self.x(x):.1f},{self.y(v):.1f}" for (x, _), v in zip(one.points, one.high, strict=True)]
            lower = [f"{self.x(x):.1f},{self.y(v):.1f}" for (x, _), v in zip(one.points, one.low, strict=True)]
            parts.append(f'<polygon class="band" fill="{colour}" points="{" ".join(upper + lower[::-1])}"/>')
        path: list[str] = []
        before: float | None = None
        for x, y in one.points:
            if one.steps and before is not None:
                path.append(f"{self.x(x):.1f},{before:.1f}")
            before = self.y(y)
            path.append(f"{self.x(x):.1f},{before:.1f}")
        parts.append(f'<polyline class="line" stroke="{colour}" points="{" ".join(path)}"/>')
        if one.marks:
            for x, y in one.points:
                dot = f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3" fill="{colour}">'
                parts.append(f"{dot}<title>{x:g}: {y:.3g}</title></circle>")
        return parts
