"""A plan on paper: 10^4 machines, 10^9 cells. What it would cost, and what breaks first.

`python -m tools.ten_thousand` writes docs/ten-thousand-machines.md from the costs measured in docs/results, the sizes
of real messages and the limits in the code; nothing in it is typed in but the wish itself. May import everything.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cellnode import agent, coordinatorlink, panel, porter
from cellnode.frame import Frame, encode
from cellnode.topology import CELLS_MAX
from coordinator import contacts
from coordinator.hosts.roster import Tenure
from coordinator.hosts.steward import LOST_S

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
PAGE = ROOT / "docs" / "ten-thousand-machines.md"
WORDS = ROOT / "tools" / "ten_thousand.txt"

MACHINES, CELLS, T_S = 10_000, 1_000_000_000, 1.0  # the wish
CORES, YEARS = 32, 3.0  # of a machine, and how long one lasts on average
PATCH = 16  # rows and columns of cells
CURVE_BYTES = 35  # ZMTP around a message: flags and length 2, "MESSAGE" 8, nonce 8, MAC 16, inner flags 1
WIRE_BYTES = 66  # Ethernet, IPv4 and TCP with time stamps, one segment a word
YEAR_S = 365.25 * 86400


@dataclass(frozen=True, slots=True)
class Units:
    """What one of each costs, as measured."""

    process_mib: float
    process_us: float  # of an update
    processes_per_s: float  # launched, on the measured machine
    patch_us: float  # of a cell and T, most of them asleep
    patch_awake_us: float  # of an update, everything else of the patch included
    patched_per_s: float
    reports: dict[str, dict[str, Any]]
    memory_gib: float
    cores: int


def units() -> Units:
    swarm, large, patches = rows("swarm")[-1], rows("large")[-1], rows("patches")[-1]
    found = json.loads((RESULTS / "large.json").read_text())["machine"]
    return Units(
        process_mib=swarm["pss_mib_mean"],
        process_us=swarm["cpu_us_per_update"],
        processes_per_s=large["processes"] / large["launch_s"],
        patch_us=patches["us_per_cell_and_T"],
        patch_awake_us=patches["cell_us_per_update"],
        patched_per_s=patches["cells"] / patches["launch_s"],
        reports={row["report"]: row for row in rows("reports")},
        memory_gib=found["memory_gib"],
        cores=found["cores"],
    )


def rows(name: str) -> list[dict[str, Any]]:
    """Of a benchmark that is kept."""
    found: list[dict[str, Any]] = json.loads((RESULTS / f"{name}.json").read_text())["results"][name]
    return found


@dataclass(frozen=True, slots=True)
class Machine:
    """One of the ten thousand."""

    cells: int
    side: int  # of its square block
    border: int  # cells with neighbours on other machines
    words: int  # to other machines in T
    word_bytes: int


def machine() -> Machine:
    cells = CELLS // MACHINES
    side = round(math.sqrt(cells))
    word = encode(Frame(0, 1 << 31, CELLS - 1, 1000, 100, 1 << 20, 1, bytes(16)))
    return Machine(cells, side, 4 * side - 4, 12 * side - 4, len(word) + CURVE_BYTES + WIRE_BYTES)


@dataclass(frozen=True, slots=True)
class Load:
    """On the one coordinator, a second."""

    messages: float
    megabytes: float
    cores: float
    machines: float  # at which its one thread is full


def load(unit: Units, one: Machine) -> Load:
    second = 1_000_000_000
    times = {"offer": second / porter.OFFER_NS, "beat": second / agent.BEAT_NS}
    door = unit.reports["doors"]
    told = second / agent.DOORS_NS
    us = sum(times[kind] * unit.reports[kind]["us"] for kind in times) + told * one.border * door["us_per_item"]
    size = sum(times[kind] * unit.reports[kind]["bytes"] for kind in times)
    size += told * one.border * door["bytes"] / door["items"]
    messages = MACHINES * (sum(times.values()) + told)
    return Load(messages, MACHINES * size / 1e6, MACHINES * us / 1e6, 1e6 / us)


def breaks(unit: Units, one: Machine, on: Load) -> list[tuple[float, str, str]]:
    """(share of the wish at which it ends, what, why), the first first."""
    sheet = unit.reports["sheet"]
    page = sheet["bytes"] / sheet["items"]
    tenure = Tenure(1000, "host-9999", "0" * 16, list(range(CELLS - 1000, CELLS)))
    stored = len(msgspec.json.encode(tenure)) / 1000
    look_s = CELLS * sheet["us_per_item"] / 1e6
    panel_cells = unit.memory_gib * 2**30 / panel.PAGE
    place = len(msgspec.msgpack.encode(list(range(CELLS - 1000, CELLS)))) / 1000
    found = [
        (
            T_S / look_s,
            "one look at everything in T",
            f"a sheet's page costs {sheet['us_per_item']:.2g} us and {page:.0f} bytes where all has changed: "
            f"{look_s:,.0f} s of processor and {CELLS * page / 1e9:,.0f} GB for all cells",
        ),
        (
            panel_cells / CELLS,
            "the coordinator's panel",
            f"{panel.PAGE} bytes a cell are {CELLS * panel.PAGE / 1e12:.1f} TB; {unit.memory_gib:g} GiB of memory hold "
            f"{panel_cells / 1e6:.1f} million cells",
        ),
        (CELLS_MAX / CELLS, "the number of a cell", f"grids end at {CELLS_MAX:,} cells (`cellnode/topology.py`)"),
        (
            on.machines / MACHINES,
            "the coordinator's thread",
            f"it hears {on.messages:,.0f} reports a second, {on.megabytes:,.0f} MB, {100 * _door_share(unit, one):.0f} "
            f"% of it unchanged lists of doors: {on.cores:.1f} cores, and it is one thread",
        ),
        (
            100 * T_S * 1e6 / (CELLS * stored),
            "state.json",
            f"{stored:.0f} bytes a cell, written whole before every placement: {CELLS * stored / 1e9:.0f} GB; "
            "at 100 MB/s that is to take no longer than T",
        ),
        (
            coordinatorlink.MAX_MESSAGE / place / one.cells,
            "a placement of one host",
            f"{place:.0f} bytes a cell in a message of at most {coordinatorlink.MAX_MESSAGE >> 20} MiB",
        ),
        (contacts.HOSTS_MAX / MACHINES, "hosts that are known", f"at most {contacts.HOSTS_MAX:,}"),
    ]
    return sorted(found)


def _door_share(unit: Units, one: Machine) -> float:
    door = unit.reports["doors"]
    doors = 1e9 / agent.DOORS_NS * one.border * door["bytes"] / door["items"]
    rest = 1e9 / porter.OFFER_NS * unit.reports["offer"]["bytes"] + 1e9 / agent.BEAT_NS * unit.reports["beat"]["bytes"]
    return float(doors / (doors + rest))


def checks() -> list[tuple[str, float, float]]:
    """(what, as predicted from a smaller swarm, as measured in a larger one)."""
    swarm, large = rows("swarm")[-1], rows("large")[-1]
    small, big = rows("patches")[-2:]
    return [
        (
            f"memory of {large['processes']:,} processes, GiB",
            large["processes"] * swarm["pss_mib_mean"] / 1024,
            large["processes"] * large["pss_mib_mean"] / 1024,
        ),
        (
            f"launch of {large['processes']:,} processes, s",
            large["processes"] * swarm["launch_s"] / swarm["processes"],
            large["launch_s"],
        ),
        (
            f"cores for {large['updates_per_s']} updates a second",
            large["updates_per_s"] * swarm["cpu_us_per_update"] / 1e6,
            large["updates_per_s"] * large["cpu_us_per_update"] / 1e6,
        ),
        (
            f"processor of {big['cells']:,} cells in patches and T, s",
            big["cells"] * small["us_per_cell_and_T"] / 1e6,
            big["cells"] * big["us_per_cell_and_T"] / 1e6,
        ),
        (
            f"launch of {big['cells']:,} cells in patches, s",
            big["cells"] * small["launch_s"] / small["cells"],
            big["launch_s"],
        ),
    ]


def page() -> str:
    """The whole page, as Markdown: the numbers in the words of tools/ten_thousand.txt."""
    unit, one = units(), machine()
    on, hours = load(unit, one), YEARS * YEAR_S / MACHINES / 3600
    awake_s, process_s = one.cells * unit.patch_awake_us / 1e6, one.cells * unit.process_us / 1e6
    offers, beats, lists = (1e9 / each for each in (porter.OFFER_NS, agent.BEAT_NS, agent.DOORS_NS))
    facts = {
        "machines": f"{MACHINES:,}",
        "cells": f"{CELLS:,}",
        "cores": CORES,
        "t": f"{T_S:g}",
        "block": f"{one.cells:,}",
        "side": one.side,
        "process_gib": f"{one.cells * unit.process_mib / 1024:,.0f}",
        "process_mib": f"{unit.process_mib:g}",
        "panel_gib": f"{one.cells * panel.PAGE / 2**30:.1f}",
        "process_s": f"{process_s:.0f}",
        "process_t": f"{process_s / CORES:.1f}",
        "awake_s": f"{awake_s:.1f}",
        "awake_percent": f"{100 * awake_s / CORES / T_S:.0f}",
        "patch_s": f"{one.cells * unit.patch_us / 1e6:.2f}",
        "measured_cores": unit.cores,
        "process_min": f"{one.cells / unit.processes_per_s / 60:.0f}",
        "patched_s": f"{one.cells / unit.patched_per_s:.0f}",
        "border": f"{one.border:,}",
        "words": f"{one.words:,}",
        "word_bytes": one.word_bytes,
        "megabits": f"{one.words * one.word_bytes * 8 / T_S / 1e6:.1f}",
        "edges": f"{math.ceil(one.side / PATCH) * 4 * 3:,}",
        "offers": f"{offers:g}",
        "all_offers": f"{MACHINES * offers:,.0f}",
        "beats": f"{beats:g}",
        "all_beats": f"{MACHINES * beats:,.0f}",
        "lists": f"{lists:g}",
        "all_lists": f"{MACHINES * lists:,.0f}",
        "messages": f"{on.messages:,.0f}",
        "megabytes": f"{on.megabytes:,.0f}",
        "busy": f"{on.cores:.1f}",
        "breaks": "\n".join(f"| {what} | {_share(share)} | {why} |" for share, what, why in breaks(unit, one, on)),
        "years": f"{YEARS:g}",
        "hours": f"{hours:.1f}",
        "lost": f"{LOST_S:g}",
        "spares": MACHINES // 100,
        "days": f"{MACHINES / 100 * hours / 24:.0f}",
        "most": f"{CELLS_MAX:,}",
        "checks": "\n".join(
            f"| {what} | {predicted:.3g} | {measured:.3g} | {predicted / measured:.2f} |"
            for what, predicted, measured in checks()
        ),
    }
    return WORDS.read_text().format_map(facts)


def _share(share: float) -> str:
    if share >= 1:
        return f"{share:.1f} of it"
    return f"1 part in {1 / share:,.0f}" if share < 0.1 else f"{share:.2f} of it"


if __name__ == "__main__":
    PAGE.write_text(page())
