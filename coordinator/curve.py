"""Curves over T as a small SVG, drawn by hand: loss above, living and running cells below, events as marks on both.

Colours are CSS variables of the page around it, so that it follows light and dark. Pure text; imports nothing heavy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT, TOP = 920, 56, 16, 34
LOSS_HEIGHT, GAP, COUNT_HEIGHT, BOTTOM = 240, 34, 84, 34

LEVELS = 3  # lines of event labels

Row = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at `t`."""

    t: float
    text: str


@dataclass(frozen=True, slots=True)
class Band:
    """Something that was on from `start` to `end`."""

    start: float
    end: float
    text: str


def svg(rows: Sequence[Row], marks: Sequence[Mark], bands: Sequence[Band] = (), there: float | None = None) -> str:
    """The whole picture; an empty string when there is nothing to draw. `there`: the loss below which the picture
    counts as there."""
    rows = [row for row in rows if row.get("t") is not None]
    if len(rows) < 2:
        return ""
    end = end_of(rows, marks)
    has_loss = any(row.get("loss_log10") is not None for row in rows)
    loss_height = LOSS_HEIGHT if has_loss else 0
    count_top = TOP + (loss_height + GAP if has_loss else 0)
    height = count_top + COUNT_HEIGHT + BOTTOM
    parts = [
        f'<svg class="curve" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="loss and cells over time in T">'
    ]
    parts += band_rects(bands, end, TOP, count_top + COUNT_HEIGHT)
    if has_loss:
        parts += _loss_panel(rows, end, there)
    parts += _count_panel(rows, end, count_top)
    parts += _marks(marks, end, TOP, count_top + COUNT_HEIGHT)
    return "\n".join([*parts, *time_axis(end, count_top + COUNT_HEIGHT), "</svg>"])


def end_of(rows: Sequence[Row], marks: Sequence[Mark]) -> float:
    """Where the axis of time ends, in T."""
    return max(max(_value(row, "t") for row in rows), max((mark.t for mark in marks), default=0.0), 1.0)


def time_axis(end: float, bottom: float) -> list[str]:
    """Ticks and their label below a panel that ends at `bottom`."""
    parts = [
        f'<text class="tick" x="{x_of(tick, end):.1f}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>'
        for tick in ticks(0, end, 8)
    ]
    label = "T since the seed"
    return [*parts, f'<text class="axis" x="{WIDTH - RIGHT}" y="{bottom + 32}" text-anchor="end">{label}</text>']


def band_rects(bands: Sequence[Band], end: float, top: float, bottom: float) -> list[str]:
    """The times in which something was on, shaded."""
    return [
        f'<rect class="band" x="{x_of(band.start, end):.1f}" y="{top}" '
        f'width="{max(x_of(min(band.end, end), end) - x_of(band.start, end), 1.5):.1f}" height="{bottom - top}">'
        f"<title>{escape(band.text)}: {band.start:.1f} to {band.end:.1f} T</title></rect>"
        for band in bands
    ]


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers between low and high, about so many."""
    raw = (high - low) / max(about, 1)
    step = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    step *= next((factor for factor in (1, 2, 2.5, 5) if factor * step >= raw), 10)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 6) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _loss_panel(rows: Sequence[Row], end: float, there: float | None) -> list[str]:
    values = [
        _value(row, name) for row in rows for name in ("loss_log10", "loss_log10_shift1") if row.get(name) is not None
    ]
    low, high = math.floor(min(values) * 2 - 0.2) / 2, math.ceil(min(max(values), 3.0) * 2 + 0.2) / 2

    def y(value: float) -> float:
        return TOP + LOSS_HEIGHT * (high - min(value, high)) / (high - low)

    parts = [f'<text class="axis" x="{LEFT - 44}" y="{TOP - 16}">log10 loss (lower is better)</text>']
    for tick in ticks(low, high, 5):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.1f}</text>')
    if there is not None and low < there < high:
        parts.append(f'<line class="bound" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(there):.1f}" y2="{y(there):.1f}"/>')
        label, right = "below: the picture is there", WIDTH - RIGHT - 4
        parts.append(f'<text class="tick" x="{right}" y="{y(there) + 13:.1f}" text-anchor="end">{label}</text>')
    for name, style in (("loss_log10_shift1", "second"), ("loss_log10", "first")):
        points = [(x_of(_value(row, "t"), end), y(_value(row, name))) for row in rows if row.get(name) is not None]
        parts.append(f'<polyline class="line {style}" points="{_points(points)}"/>')
    for row in rows[:: max(1, len(rows) // 200)]:
        if row.get("loss_log10") is not None:
            t, loss = _value(row, "t"), _value(row, "loss_log10")
            title = f"t {t:.1f} T: loss {loss:.2f}, best shift {_value(row, 'loss_log10_shift1'):.2f}"
            x = x_of(t, end)
            parts.append(f'<circle class="hover" cx="{x:.1f}" cy="{y(loss):.1f}" r="6"><title>{title}</title></circle>')
    parts.append(_legend(((("first"), "loss"), ("second", "best over one-pixel shifts")), TOP - 20))
    return parts


def _count_panel(rows: Sequence[Row], end: float, top: float) -> list[str]:
    most = max(max(_value(row, "alive"), _value(row, "living"), 1.0) for row in rows)

    def y(value: float) -> float:
        return top + COUNT_HEIGHT * (1 - value / most)

    base = top + COUNT_HEIGHT
    parts = [f'<text class="axis" x="{LEFT - 44}" y="{top - 10}">cells</text>']
    for tick in (0, most):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.0f}</text>')
    living = [(x_of(_value(row, "t"), end), y(_value(row, "living"))) for row in rows]
    area = [(living[0][0], base), *living, (living[-1][0], base)]
    parts.append(f'<polygon class="area" points="{_points(area)}"/>')
    alive = [(x_of(_value(row, "t"), end), y(_value(row, "alive"))) for row in rows]
    parts.append(f'<polyline class="line third" points="{_points(alive)}"/>')
    parts.append(_legend((("third", "processes running"), ("fill", "living (alpha > 0.1)")), top - 14))
    return parts


def _marks(marks: Sequence[Mark], end: float, top: float, bottom: float) -> list[str]:
    parts, free_x = [], [-1.0] * LEVELS  # where each line of labels has room again
    for mark in sorted(marks, key=lambda each: each.t):
        x, title = x_of(mark.t, end), escape(mark.text)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(f'<circle class="hover" cx="{x:.1f}" cy="{top + 6}" r="8"><title>{title}</title></circle>')
        label = mark.text if len(mark.text) <= 28 else mark.text[:27] + "…"
        width = len(label) * 6.2 + 10
        right = x + width > WIDTH - RIGHT
        level = next((line for line in range(LEVELS) if (x - width if right else x) >= free_x[line]), None)
        if level is None:
            continue  # no room for its text; the tooltip and the table have it
        anchor, at = ("end", x - 4) if right else ("start", x + 4)
        y = top + 12 + 14 * level
        parts.append(f'<text class="event" x="{at:.1f}" y="{y}" text-anchor="{anchor}">{escape(label)}</text>')
        free_x[level] = x + (4 if right else width)
    return parts


def _legend(entries: Sequence[tuple[str, str]], y: float) -> str:
    parts, x = [], float(WIDTH - RIGHT)
    for style, text in reversed(entries):
        x -= len(text) * 6.4
        parts.append(f'<text class="tick" x="{x:.0f}" y="{y + 4:.0f}">{escape(text)}</text>')
        x -= 24
        if style == "fill":
            parts.append(f'<rect class="area" x="{x:.0f}" y="{y - 4:.0f}" width="18" height="8"/>')
        else:
            parts.append(f'<line class="line {style}" x1="{x:.0f}" x2="{x + 18:.0f}" y1="{y}" y2="{y}"/>')
        x -= 18
    return "".join(parts)


def x_of(t: float, end: float) -> float:
    """Where `t` lies on the axis of time."""
    return LEFT + (WIDTH - LEFT - RIGHT) * t / end


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _value(row: Row, name: str) -> float:
    value = row.get(name)
    return 0.0 if value is None else value
