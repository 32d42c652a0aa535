"""What a cell costs in a patch: by the number of cells, and beside a process of its own. Uses the API.

Every 64x64 of a large grid grows a picture of its own, so that larger grids are not emptier ones.
`cell_us_per_update` is the processor time of the patches (a sleeping cell costs its patch's ticks, too: so does
`us_per_cell_and_T`, of all cells); `all_us_per_update` counts agent and coordinator.
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

TILE = 64
TILES = (1, 3, 5)  # in a row and in a column: 4,096, 36,864 and 102,400 cells; odd, so that one lies in the middle
PATCH = (16, 16)
PATCHES = ((8, 8), PATCH)  # beside a process a cell
CELLS_A_SECOND = 4096  # T is as long as two busy cores need
BEGIN, END = 8.0, 14.0  # in T; pictures grow


def measure(options: Options) -> Iterator[Row]:
    """First the options' grid in patches and as a process a cell, then larger grids at T long enough for two cores."""
    height, width = options.grid
    for patch in (None, *PATCHES):
        yield _row(options, height, width, patch, options.interval_s)
    base = 0.0
    for tiles in TILES:
        side = tiles * TILE
        row = _row(options, side, side, PATCH, max(options.interval_s, side * side / CELLS_A_SECOND))
        base = base or row["us_per_cell_and_T"]
        yield row | {"to_4096_cells": round(row["us_per_cell_and_T"] / base, 2)}


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
        plant_tiles(swarm)
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
        "us_per_cell_and_T": round(float(gained[Counter.CPU_NS]) / cells / spent_t / 1000, 2),
        "all_us_per_update": round((float(gained[Counter.CPU_NS]) + others_ns) / updates / 1000, 1),
        "missed_wakes": measured.missed_wakes,
        "stale_age_p99_T": measured.stale_age_p99 and round(measured.stale_age_p99, 3),
        "heard_share": measured.heard_share and round(measured.heard_share, 3),
    }


def plant_tiles(swarm: Swarm) -> None:
    """A seed in the middle of every tile, beside the one in the grid's centre."""
    height, width = swarm.info.height, swarm.info.width
    for row in range(TILE // 2, height, TILE):
        for column in range(TILE // 2, width, TILE):
            if height > TILE and (row, column) != (height // 2, width // 2):
                swarm.plant(f"cell:{row},{column}")


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
