"""Single looks held against what must be: states in range, counters that add up. What needs two looks is in safety.py.

    states stay in range · each wake that steps says one frame · no cell heard more than eight neighbours in a wake
    no more frames were heard and dropped than came

Totals are summed over lives. A page may be read in the middle of being written, so counters may be off by one wake.
Changes nothing. May import the camera's Sight and the counters.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from coordinator.camera import Sight
from firmware_sim.limits import STATE_STEP

Totals = NDArray[np.uint64]
Broken = tuple[str, NDArray[np.bool_], str]  # the promise, [cells] where it does not hold, and what was seen
DROPS = tuple(counter for counter in Counter if counter.name.startswith("DROP_"))
INT8_TOP = 127 * STATE_STEP
SLOTS = 8
NAMED = 5  # cells named in a line
ONE = np.uint64(1)  # wake between two counters of one page


def named(cells: NDArray[np.bool_]) -> str:
    """These cells in few words."""
    where = np.flatnonzero(cells)
    more = f" and {len(where) - NAMED} more" if len(where) > NAMED else ""
    return f"cell {', '.join(map(str, where[:NAMED].tolist()))}{more}"


def shown(sight: Sight, family: str) -> Iterator[Broken]:
    """What the states of one look show; a mask of no cells where all is well."""
    states = sight.states.reshape(len(sight.on), -1)
    finite = np.asarray(np.isfinite(states).all(axis=1), np.bool_)
    yield "range", ~finite, "a state is no number"
    if family == "int8":
        outside = np.asarray((np.abs(states) > INT8_TOP).any(axis=1), np.bool_)
        yield "range", outside, "a state is out of its range"


def counted(totals: Totals) -> Iterator[Broken]:
    """What the counters say; a mask of no cells where all is well."""
    yield from _clocks(totals)
    yield from _ears(totals)


def _clocks(totals: Totals) -> Iterator[Broken]:
    updates, said = totals[:, Counter.UPDATES], totals[:, Counter.SAID]
    yield "counters", (updates > said + ONE) | (said > updates + ONE), "updates and frames said are not as many"
    yield "counters", totals[:, Counter.SKIPPED] > updates + ONE, "more updates were skipped than there were"
    yield "counters", totals[:, Counter.HELLOS] > said + ONE, "more hellos were said than frames"
    yield "counters", totals[:, Counter.MISSED_WAKES] > updates + ONE, "more wakes were missed than there were"


def _ears(totals: Totals) -> Iterator[Broken]:
    most = np.uint64(SLOTS) * (totals[:, Counter.UPDATES] + ONE)
    heard = totals[:, Counter.HEARD]
    dropped = totals[:, DROPS].sum(axis=1)
    yield "counters", heard > most, "more than eight neighbours were heard in a wake"
    yield "counters", totals[:, Counter.LIVING_NEIGHBOURS] > most, "more than eight neighbours lived in a wake"
    yield (
        "counters",
        heard + dropped > totals[:, Counter.RECEIVED] + np.uint64(SLOTS),
        "more frames were heard and dropped than came",
    )
