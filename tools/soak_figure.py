"""The figure of a soak: loss, faults and wear over time, by `python -m tools.soak_figure RUNFOLDER FILE.svg`.

Reads what `planaria bench soak` has left in the run's folder; text only. May import the run folder and the other
figures' colours.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from coordinator.bench.soak import bound
from coordinator.runfolder import RunFolder
from tools.experiment_figures import STYLE

WIDTH, LEFT, RIGHT = 920, 60, 20
LOSS_TOP, LOSS_HEIGHT, LOSS_LOW, LOSS_HIGH = 40, 220, -6.0, -1.0
LANE, WEAR_HEIGHT, GAP, BOTTOM = 11, 90, 26, 34
GROUPS = {  # kinds of fault, by what they befall
    "hosts": ("host_off", "host_cut", "host_loss", "host_delay", "agent_kill"),
    "cells killed": ("crash", "churn"),
    "others": (),
}
Point = tuple[float, float]


def main(folder: Path, out: Path) -> None:
    """Write the figure of this run."""
    run = RunFolder.open(folder)
    interval_s = run.state().interval_ns / 1e9
    losses = [
        (t * interval_s / 60, loss)
        for row in run.losses()
        if (t := row["t"]) is not None and (loss := row["loss_log10"]) is not None
    ]
    end = losses[-1][0]
    first = next(row for row in run.losses() if row["gain_log10"] is not None and row["loss_log10"] is not None)
    available = bound(first["loss_log10"] or 0.0, first["gain_log10"] or 0.0)
    faults = list(_faults(run, interval_s))
    wear = _wear(folder / "wear.csv")
    begun = max(0.0, end - wear["mib"][-1][0]) if wear["mib"] else 0.0
    wear = {name: [(begun + minute, value) for minute, value in points] for name, points in wear.items()}
    out.write_text(svg(losses, faults, wear, end, available), encoding="utf-8")


def svg(
    losses: Sequence[Point],
    faults: Sequence[tuple[str, float, float, str]],
    wear: dict[str, list[Point]],
    end: float,
    available: float,
) -> str:
    """Minutes to the right. `faults`: (group, begin, end, kind); `wear`: what a process of the hosts has, by name;
    `available`: the loss below which the picture is."""
    lanes_top = LOSS_TOP + LOSS_HEIGHT + GAP
    wear_top = lanes_top + LANE * len(GROUPS) * 2 + GAP
    height = wear_top + WEAR_HEIGHT + BOTTOM

    def x(minute: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * minute / end

    def y(loss: float) -> float:
        share = (min(max(loss, LOSS_LOW), LOSS_HIGH) - LOSS_LOW) / (LOSS_HIGH - LOSS_LOW)
        return LOSS_TOP + LOSS_HEIGHT * (1 - share)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">', STYLE]
    parts.append(f'<rect class="paper" width="{WIDTH}" height="{height}"/>')
    parts.append(f'<text class="head" x="{LEFT}" y="24">loss (log10) of the picture, available below the dashes</text>')
    for loss in range(int(LOSS_LOW), int(LOSS_HIGH) + 1):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(loss):.1f}" y2="{y(loss):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss}</text>')
    level = f"{y(available):.1f}"
    parts.append(f'<line class="bound" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level}" y2="{level}"/>')
    parts.append(_line([(x(minute), y(loss)) for minute, loss in losses], 0))
    for lane, (group, _kinds) in enumerate(GROUPS.items()):
        top = lanes_top + lane * LANE * 2
        parts.append(f'<text x="{LEFT - 8}" y="{top + 9}" text-anchor="end" font-size="9">{group.split()[0]}</text>')
        for name, start, stop, kind in faults:
            if name == group:
                wide = max(2.0, x(min(stop, end)) - x(start))
                box = f'x="{x(start):.1f}" y="{top}" width="{wide:.1f}" height="{LANE}"'
                title = f"<title>{escape(kind)}</title>"
                parts.append(f'<rect {box} style="fill: var(--c{lane})" opacity="0.8">{title}</rect>')
    parts.append(
        f'<text class="head" x="{LEFT}" y="{wear_top - 8}">a process of the hosts, of its first value: '
        "memory (blue), descriptors (green), threads (orange)</text>"
    )
    for share in (0.9, 1.0, 1.1):
        at = wear_top + WEAR_HEIGHT * (1.1 - share) / 0.2
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    for colour, points in enumerate(wear.values()):
        first = points[0][1] if points else 1.0
        ratio = [(minute, min(1.1, max(0.9, value / first))) for minute, value in points]
        parts.append(_line([(x(m), wear_top + WEAR_HEIGHT * (1.1 - r) / 0.2) for m, r in ratio], colour))
    for minute in range(0, int(end) + 1, max(1, int(end) // 10)):
        parts.append(f'<text x="{x(minute):.1f}" y="{height - 10}" text-anchor="middle">{minute} min</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _line(points: Sequence[Point], colour: int) -> str:
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{text}" fill="none" stroke-width="1.5" style="stroke: var(--c{colour})"/>'


def _faults(run: RunFolder, interval_s: float) -> Iterator[tuple[str, float, float, str]]:
    """From the log: each with its end, in minutes."""
    found: dict[int, tuple[str, float, float]] = {}
    for event in run.events():
        if event.get("event") == "fault" and event.get("kind") != "link_loss":
            begin, now = float(event["start"]), float(event.get("t") or event["start"])
            kind, _, end = found.get(event["fault"], (str(event["kind"]), begin, begin))
            found[event["fault"]] = kind, begin, max(end, now)
    for kind, begin, end in found.values():
        group = next((name for name, kinds in GROUPS.items() if kind in kinds), "others")
        yield group, begin * interval_s / 60, end * interval_s / 60, kind


def _wear(path: Path) -> dict[str, list[Point]]:
    """Of a process of the hosts: (minute, value)."""
    found: dict[str, list[Point]] = {"mib": [], "descriptors": [], "threads": []}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["of"] == "hosts":
                for name, points in found.items():
                    points.append((float(row["second"]) / 60, float(row[name]) / float(row["processes"])))
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
