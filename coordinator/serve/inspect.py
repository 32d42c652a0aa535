"""One cell, for the inspector: its values, its counters, each neighbour as it heard it, and which faults lie on it.

Puts together what it is given and looks at nothing itself. May import the camera, the panel's words and faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cellnode.panel import Counter, Phase
from coordinator.camera import Sight
from coordinator.faults import KINDS, Record
from coordinator.runfolder import RunInfo
from firmware_sim.limits import CHANNELS

ALL_SLOTS = 0xFF


def cell(
    info: RunInfo, sight: Sight, number: int, around: Sequence[int], faults: Sequence[Record] = ()
) -> dict[str, Any]:
    """What the page shows of cell `number` of this sight; `around`: its neighbours by slot, -1 beyond the border."""
    used = sight.ages_intervals[sight.age_cells == number] if sight.age_cells.size else np.zeros(0)
    on_it = [_mask(record, number) for record in faults if not record.finished]
    return {
        "cell": number,
        "row": number // info.width,
        "column": number % info.width,
        "pid": int(sight.pids[number]),
        "on": bool(sight.on[number]),
        "phase": Phase(int(sight.phases[number])).name.lower(),
        "epoch": int(sight.lives[number] >> np.uint64(32)),
        "life": int(sight.lives[number] & np.uint64(0xFFFFFFFF)),
        "state": [round(float(value), 5) for value in sight.states.reshape(-1, CHANNELS)[number]],
        "counters": {name.name.lower(): int(sight.counters[number, name]) for name in Counter},
        "stale_ages": [round(float(age), 3) for age in used],
        "neighbours": [_neighbour(number, slot, int(other), sight, on_it) for slot, other in enumerate(around)],
        "faults": [{"id": record.id, "kind": record.kind} for record, mask in on_it if mask is not None],
    }


def _neighbour(
    number: int, slot: int, other: int, sight: Sight, on_it: list[tuple[Record, int | None]]
) -> dict[str, Any]:
    """`behind`: how many states it has said since the one that was used last; `faults`: those on this link."""
    heard, there = sight.heard, other >= 0
    sequence = int(heard.sequences[number, slot]) if heard is not None and there else 0
    newest = int(heard.said[other]) if heard is not None and there else 0
    life = int(heard.incarnations[number, slot]) if heard is not None and there else 0
    return {
        "cell": other,
        "on": there and bool(sight.on[other]),
        "pid": int(sight.pids[other]) if there else 0,
        "sequence": sequence,
        "newest": newest,
        "behind": max(newest - sequence, 0) if sequence else None,
        "incarnation": [life >> 32, life & 0xFFFFFFFF],
        "faults": [record.id for record, mask in on_it if mask is not None and mask >> slot & 1],
    }


def _mask(record: Record, number: int) -> tuple[Record, int | None]:
    """The edges of this cell on which a fault lies: a bit for each slot; 0: on the cell itself; None: not here."""
    if number not in record.cells:
        return record, None
    if record.slots:
        return record, record.slots[record.cells.index(number)]
    return record, ALL_SLOTS if KINDS[record.kind].links else 0
