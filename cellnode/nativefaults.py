"""The faults that a world in C knows, and those of links and clocks as native/faults.c reads them.

What cells compute and say is nativestruck.py's. `knows` is strict: a fault of a kind that is not listed here, or one
that asks for anything beyond the listed fields, is not known, whatever else it may be. Draws nothing. May import numpy,
the draws, the messages and the laws of faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode import bursts, cellfault, clockfault, delays
from cellnode.draws import Purpose, Words, chain, chance
from cellnode.linkfault import ALL_SLOTS
from cellnode.messages import LinkFault
from cellnode.nativelib import EDGES, FAULT

FIELDS: dict[str, tuple[str, ...]] = {  # what each kind may ask for, beside its id, cells and seed
    "loss": ("rate", "slots"),
    "burst": ("rate", "slots", "burst", "gap", "good"),
    "delay": ("delay_intervals", "slots", "shape"),
    "reorder": ("rate", "slots", "delay_intervals"),
    "duplicate": ("rate", "slots", "delay_intervals"),
    "drift": ("rate", "spread"),
    "jitter": ("rate",),
    "stuck": ("channel", "level"),
    "lie": ("mode", "lag", "rule"),
}
NUMBERS = {"loss": 0, "burst": 1, "delay": 2, "reorder": 3, "duplicate": 4, "drift": 5, "jitter": 6}
_PURPOSES: dict[str, tuple[Purpose, ...]] = {  # of the keys that C uses, in its order
    "loss": (Purpose.LINK_LOSS,),
    "burst": (Purpose.LINK_BURST, Purpose.LINK_BURST_START, Purpose.LINK_LOSS),
    "delay": (Purpose.LINK_DELAY,),
    "reorder": (Purpose.LINK_REORDER,),
    "duplicate": (Purpose.LINK_DUPLICATE, Purpose.LINK_DELAY),
    "drift": (Purpose.CLOCK_DRIFT,),
    "jitter": (Purpose.CLOCK_JITTER,),
}


def knows(faults: Sequence[LinkFault]) -> bool:
    """Whether every one of these faults is computed in C, too."""
    return all(fault.kind in FIELDS and fault == _bare(fault) for fault in faults)


def _bare(fault: LinkFault) -> LinkFault:
    """The same fault with the fields alone that are known of its kind."""
    known: dict[str, Any] = {name: getattr(fault, name) for name in FIELDS[fault.kind]}
    return LinkFault(fault.id, fault.kind, fault.cells, rng_seed=fault.rng_seed, **known)


@dataclass(frozen=True, slots=True)
class Edges:
    """`EDGES` sorted by cell, faults in their own order; how many each cell has, and where they begin."""

    edges: NDArray[np.void]
    counts: NDArray[np.int64]
    firsts: NDArray[np.int64]


def edges_of(faults: Sequence[LinkFault], cells: int, kinds: Sequence[str], offset: int) -> Edges:
    """Those of these faults that are of `kinds`, by cell; `offset`: so many edges lie before them."""
    mine = [(number, fault) for number, fault in enumerate(faults) if fault.kind in kinds]
    places = [np.unique(np.array(fault.cells, np.int64), return_index=True) for _, fault in mine]
    hit = np.concatenate([*(victims for victims, _ in places), np.empty(0, np.int64)])
    edges = np.zeros(len(hit), EDGES)
    edges["fault"] = np.repeat(np.array([number for number, _ in mine], np.int32), [len(some) for some, _ in places])
    masks = [
        np.array(fault.slots or [ALL_SLOTS] * len(fault.cells), np.int32)[first]
        for (_, fault), (_, first) in zip(mine, places, strict=True)
    ]
    edges["slots"] = np.concatenate([*masks, np.empty(0, np.int32)])
    counts = np.bincount(hit, minlength=cells)
    return Edges(edges[np.argsort(hit, kind="stable")], counts, np.cumsum(counts) - counts + offset)


@dataclass(frozen=True, slots=True)
class Table:
    """`FAULT` for each fault, and the tables that its rows point to."""

    rows: NDArray[np.void]
    kept: tuple[Words, ...]


def table_of(faults: Sequence[LinkFault], interval_ns: int) -> Table:
    """What each fault does."""
    rows, kept = np.zeros(len(faults), FAULT), []
    for row, fault in zip(rows, faults, strict=True):
        if fault.kind in cellfault.KINDS:
            continue  # no edge or clock leads to its row
        row["kind"] = NUMBERS[fault.kind]
        row["id_key"] = chain(0, fault.id)
        for name, purpose in zip(("key", "second_key", "third_key"), _PURPOSES[fault.kind], strict=False):
            row[name] = chain(chain(0, fault.rng_seed), int(purpose))
        if fault.kind in clockfault.KINDS:
            row["middle"], row["reach"] = clockfault.limits(fault)
            continue
        row["chance"] = chance(fault.rate)
        row["limit_ns"] = round(fault.delay_intervals * interval_ns)
        if fault.kind == "burst":
            row["enter"], row["stay"], row["stationary"] = bursts.chain_of(fault.burst, fault.gap)
            row["chance_between"] = chance(fault.good)
        elif fault.kind == "delay":
            row["constant"] = fault.shape == "constant"
            if fault.shape not in ("constant", "uniform"):
                kept.append(np.array(delays.table(fault.shape), np.uint64))
                row["table"] = kept[-1].ctypes.data
    return Table(rows, tuple(kept))
