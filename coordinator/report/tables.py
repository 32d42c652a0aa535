"""The tables beside a report: a row a cell, a row a T, a row an event; CSV, and Parquet where pyarrow is installed.

May import the coordinator's history, picture, run folder and tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cellnode.panel import Counter
from coordinator import history
from coordinator import tables as files
from coordinator.picture import Picture
from coordinator.report import events, maps
from coordinator.runfolder import RunFolder
from firmware_sim.energy import Energy


def write(folder: RunFolder, picture: Picture | None, energy: Energy | None) -> list[Path]:
    """cells, events, and what loss.csv has as Parquet; returns what was written."""
    written = files.write(folder.path / "events", events.columns(list(folder.events())))
    losses = folder.losses()
    if losses:
        written += files.parquet(folder.path / "loss", {name: [row[name] for row in losses] for name in losses[0]})
    if history.times(folder.maps):
        written += files.write(folder.path / "cells", _cells(folder, picture, energy))
    return written


def _cells(folder: RunFolder, picture: Picture | None, energy: Energy | None) -> dict[str, list[Any]]:
    """As of the last moment of the history; counters are summed over all lives since the seed."""
    last = history.moment(folder.maps, float("inf"))
    height, width = last.on.shape
    computed = last.of(Counter.UPDATES) - last.of(Counter.SKIPPED)
    rows, columns = np.indices((height, width))
    found: dict[str, Any] = {
        "row": rows,
        "column": columns,
        "power": last.on,
        "alpha": last.rgba[..., 3].astype(np.float64).round(4),
        "updates": last.of(Counter.UPDATES),
        "computed": computed,
        "received": last.of(Counter.RECEIVED),
        "missed_wakes": last.of(Counter.MISSED_WAKES),
        "forgotten": last.of(Counter.FORGOTTEN),
        "cpu_us": last.of(Counter.CPU_NS),
    }
    if picture is not None:
        found["squared_error"] = maps.error(last, picture.on_grid()).round(6)
    if energy is not None:
        found["energy_mj"] = (computed * energy.microjoules_per_update / 1000).round(4)
    return {name: np.asarray(values).reshape(-1).tolist() for name, values in found.items()}
