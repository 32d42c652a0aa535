"""What a cell costs in a patch: by the number of cells, and beside a process of its own. Uses the API.

Every 40x40 of a grid grows a picture of its own, so that larger grids are not emptier ones. `cell_us_per_update` is the
processor time of the patches themselves; `all_us_per_update` counts agent and coordinator, too.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cellnode.panel import Counter
from coordinator import Swarm
from coordinator.bench.registry import Options, Row
from coordinator.bench.scale import TILE

SIDES = {64: (16, 16), 128: (16, 16), 256: (16, 16)}
PATCHES = ((8, 8), (16, 16), (20, 20))  # beside a process a cell
BEGIN, END = 20.0, 30.0  # in T; pictures grow


def measure(options: Options) -> Iterator[Row]:
    """First the options' grid in patches and as a process a cell, then larger grids at T long enough for two cores."""
    height, width = options.grid
    for patch in (None, *PATCHES):
        yield _row(options, height, width, patch, options.interval_s)
    base = 0.0
    for side, patch in SIDES.items():
        interval_s = max(options.interval_s, options.interval_s * side * side / 8192)
        row = _row(options, side, side, patch, interval_s)
        base = base or row["cell_us_per_update"]
        yield row | {"to_4096_cells": round(row["cell_us_per_update"] / base, 2)}


def _row(options: Options, height: int, width: int, patch: tuple[int, int] | None, interval_s: float) -> Row:
    substrate = "processes" if patch is None else "patches"
    begun, linked = time.monotonic(), 0.0

    def progress(_seen: object) -> None:
        nonlocal linked
        linked = time.monotonic() - begun

    with (
        tempfile.TemporaryDirectory() as home,
        Swarm.start(
            options.rule,
            (height, width),
            engine=options.engines[-1],
            interval_s=interval_s,
            seed=options.seeds[0],
            substrate=substrate,
            patch=patch or (16, 16),
            out=f"{home}/run",
            on_line=options.say,
            on_progress=progress,
        ) as swarm,
    ):
        middles = [(row, column) for row in _middles(height) for column in _middles(width)]
        for row, column in middles:
            if (row, column) != (height // 2, width // 2):
                swarm.plant(f"cell:{row},{column}")
        swarm.wait_until(BEGIN)
        before, others_ns, at = swarm.look(), _others_ns(swarm), swarm.t
        swarm.wait_until(END)
        now = swarm.look()
        gained = (now.counters.astype("int64") - before.counters.astype("int64")).sum(axis=0)
        others_ns, spent_t = _others_ns(swarm) - others_ns, swarm.t - at
        measured = swarm.measure()
    updates, cells = int(gained[Counter.UPDATES]), height * width
    return {
        "grid": f"{height}x{width}",
        "cells": cells,
        "patch": "a process a cell" if patch is None else f"{patch[0]}x{patch[1]}",
        "processes": measured.processes,
        "interval_s": measured.interval_s,
        "launch_s": round(linked, 1),
        "updates_per_cell_and_T": round(updates / cells / spent_t, 3),
        "cell_us_per_update": round(float(gained[Counter.CPU_NS]) / updates / 1000, 1),
        "all_us_per_update": round((float(gained[Counter.CPU_NS]) + others_ns) / updates / 1000, 1),
        "missed_wakes": measured.missed_wakes,
        "stale_age_p99_T": measured.stale_age_p99 and round(measured.stale_age_p99, 3),
        "heard_share": measured.heard_share and round(measured.heard_share, 3),
    }


def _middles(side: int) -> list[int]:
    return list(range(TILE // 2, max(side - TILE // 2, TILE // 2) + 1, TILE))


def _others_ns(swarm: Swarm) -> int:
    """Processor time of this process and of the run's agent."""
    mine = resource.getrusage(resource.RUSAGE_SELF)
    spent = round((mine.ru_utime + mine.ru_stime) * 1e9)
    name = str(Path(swarm.info.runtime))
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"cellnode.agent\0--run\0{swarm.run}\0--runtime\0{name}" in (path / "cmdline").read_text():
                fields = (path / "stat").read_text().rpartition(")")[2].split()
                spent += (int(fields[11]) + int(fields[12])) * 10_000_000
        except (OSError, UnicodeDecodeError):
            continue  # it ended meanwhile
    return spent
