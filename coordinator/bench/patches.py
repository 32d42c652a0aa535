"""What a cell costs in a patch: by the number of cells, and beside a process of its own. Uses the API.

Every 64x64 of a large grid grows a picture of its own, so that larger grids are not emptier ones. `--long` climbs from
4,096 cells to those of `--large`, in larger patches: on this machine as one host, and as four that speak TCP, or on
hosts of a Ray cluster (`--launch ray`), whose memory is not measured.
`plant_s`: of the two commands that bring the seeds. `cell_us_per_update` is the processor time of the patches (a
sleeping cell costs its patch's ticks, too: so does `us_per_cell_and_T`, of all cells); `all_us_per_update` counts
agents and coordinator. `bytes_per_cell`: what is a patch's own, and a page of the panel.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cellnode.panel import PAGE, Counter
from cellnode.patchlayout import grid
from coordinator import Swarm, capacity
from coordinator.bench.machine import own_memory_mib
from coordinator.bench.registry import Options, Row
from firmware_sim.errors import BadInput

TILE = 64
TILES = (1, 3, 5)  # in a row and in a column: 4,096, 36,864 and 102,400 cells; odd, so that one lies in the middle
PATCH = (16, 16)
PATCHES = ((8, 8), PATCH)  # beside a process a cell
CELLS_A_SECOND = 4096  # T is as long as two busy cores need
RUNGS = (64, 256, 512, 1024)  # `--long`: up to 1,048,576 cells
RUNG_CELLS_A_SECOND = 32_768
BEGIN, END = 8.0, 14.0  # in T after the seeds; pictures grow


def measure(options: Options) -> Iterator[Row]:
    """First the options' grid in patches and as a process a cell, then larger grids at T long enough for two cores."""
    if options.long:
        yield from _climb(options)
        return
    height, width = options.grid
    for patch in (None, *PATCHES):
        yield _row(options, height, width, patch, options.interval_s)
    base = 0.0
    for tiles in TILES:
        side = tiles * TILE
        row = _row(options, side, side, PATCH, max(options.interval_s, side * side / CELLS_A_SECOND))
        base = base or row["us_per_cell_and_T"]
        yield row | {"to_4096_cells": round(row["us_per_cell_and_T"] / base, 2)}


def _climb(options: Options) -> Iterator[Row]:
    """Rung after rung on one host, then on more; `--interval` is the shortest T, and that of a rung `--alone`. What has
    no room here is left out."""
    costs: dict[tuple[int, int], float] = {}
    largest = max(options.large)
    sides = (largest,) if options.alone else tuple(side for side in RUNGS if side <= largest)
    for hosts in (0 if count == 1 else count for count in options.hosts):
        for side in sides:
            cells, patches = side * side, grid(side, side, False, options.patch).patches
            if patches < hosts:
                continue
            try:
                if not options.launch:  # over several hosts the coordinator keeps a second panel, half as much again
                    capacity.check_patches(cells * 3 // 2 if hosts else cells, patches, capacity.this_machine())
            except BadInput as error:
                options.say(f"{side}x{side} on {hosts or 1} hosts is left out: {error}")
                continue
            interval_s = max(options.interval_s, 0.0 if options.alone else cells / RUNG_CELLS_A_SECOND)
            row = _row(options, side, side, options.patch, interval_s, hosts)
            cost = costs[hosts, cells] = row["cell_us_per_update"]
            if (hosts, TILE * TILE) in costs:
                row["to_4096_cells"] = round(cost / costs[hosts, TILE * TILE], 2)
            if hosts and (0, cells) in costs:
                row["to_one_host"] = round(cost / costs[0, cells], 2)
            yield row


def _row(
    options: Options, height: int, width: int, patch: tuple[int, int] | None, interval_s: float, hosts: int = 0
) -> Row:
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
            hosts=hosts,
            launch=options.launch if hosts else "",
            join=options.at if hosts else "",
            keys=options.keys if hosts else None,
            out=f"{home}/run",
            on_line=options.say,
            on_progress=progress,
        ) as swarm,
    ):
        asked = time.monotonic()
        plant_tiles(swarm)
        planted, planted_s = swarm.t, time.monotonic() - asked
        swarm.wait_until(planted + BEGIN)
        before, others_ns, at = swarm.look(), _others_ns(swarm), swarm.t
        swarm.wait_until(planted + END)
        now = swarm.look()
        here = not (hosts and options.launch)  # elsewhere these numbers are other processes'
        own_mib = own_memory_mib(sorted(set(now.pids[now.on].tolist()))) if here else 0.0
        gained = (now.counters.astype("int64") - before.counters.astype("int64")).sum(axis=0)
        others_ns, spent_t = _others_ns(swarm) - others_ns, swarm.t - at
        measured = swarm.measure()
    updates, cells = int(gained[Counter.UPDATES]), height * width
    return {
        "grid": f"{height}x{width}",
        "cells": cells,
        "patch": "a process a cell" if patch is None else f"{patch[0]}x{patch[1]}",
        "hosts": hosts or 1,
        "launch": options.launch if hosts else "",
        "processes": measured.processes,
        "interval_s": measured.interval_s,
        "launch_s": round(linked, 1),
        "plant_s": round(planted_s, 1),
        "updates_per_cell_and_T": round(updates / cells / spent_t, 3),
        "cell_us_per_update": round(float(gained[Counter.CPU_NS]) / updates / 1000, 1),
        "us_per_cell_and_T": round(float(gained[Counter.CPU_NS]) / cells / spent_t / 1000, 2),
        "all_us_per_update": round((float(gained[Counter.CPU_NS]) + others_ns) / updates / 1000, 1),
        "bytes_per_cell": round(own_mib * 2**20 / cells) + PAGE if here else None,
        "missed_wakes": measured.missed_wakes,
        "stale_age_p99_T": measured.stale_age_p99 and round(measured.stale_age_p99, 3),
        "heard_share": measured.heard_share and round(measured.heard_share, 3),
    }


def plant_tiles(swarm: Swarm) -> None:
    """A seed in the middle of every tile; the one in the grid's centre stays where that is the middle of one."""
    height, width = swarm.info.height, swarm.info.width
    centre = (height // 2, width // 2)
    middles = [(row, column) for row in range(TILE // 2, height, TILE) for column in range(TILE // 2, width, TILE)]
    if centre not in middles and len(middles) > 1:
        swarm.erase(f"circle:{centre[0]},{centre[1]},6")
    if others := [f"{row},{column}" for row, column in middles if (row, column) != centre and height > TILE]:
        swarm.plant(f"cell:{','.join(others)}")


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
