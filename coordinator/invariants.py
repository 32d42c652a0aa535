"""What must hold in every run, whatever is done to it: safety, checked on what the cells' pages show and count.

    dead cells hold zeros · states stay in range · each wake that steps says one frame · no cell heard more than eight
    neighbours in a wake · no more frames were heard and dropped than came

Each check needs one look; totals are summed over lives. A page may be read in the middle of being written, so counters
may be off by one wake. Changes nothing. May import the camera's Sight and the counters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from coordinator.camera import Sight
from firmware_sim.limits import STATE_STEP

Totals = NDArray[np.uint64]
Broken = tuple[NDArray[np.bool_], str]  # [cells] where, and what
DROPS = tuple(counter for counter in Counter if counter.name.startswith("DROP_"))
INT8_TOP = 127 * STATE_STEP
SLOTS = 8
NAMED = 5  # cells named in a line
ONE = np.uint64(1)  # wake between two counters of one page


def broken(sight: Sight, totals: Totals, family: str) -> list[str]:
    """One line for each invariant that does not hold, naming cells; none when all is well."""
    lines = []
    for check in _CHECKS:
        for cells, what in check(sight, totals, family):
            if cells.any():
                where = np.flatnonzero(cells)
                more = f" and {len(where) - NAMED} more" if len(where) > NAMED else ""
                lines.append(f"{what}: cell {', '.join(map(str, where[:NAMED].tolist()))}{more}")
    return lines


def _states(sight: Sight, _totals: Totals, family: str) -> Iterator[Broken]:
    states = sight.states.reshape(len(sight.on), -1)
    anything = np.asarray((states != 0).any(axis=1), np.bool_)
    finite = np.asarray(np.isfinite(states).all(axis=1), np.bool_)
    yield ~sight.on & anything, "a dead cell holds a state"
    yield ~finite, "a state is no number"
    if family == "int8":
        outside = np.asarray((np.abs(states) > INT8_TOP).any(axis=1), np.bool_)
        yield outside, "a state is out of its range"


def _clocks(_sight: Sight, totals: Totals, _family: str) -> Iterator[Broken]:
    updates, said = totals[:, Counter.UPDATES], totals[:, Counter.SAID]
    yield (updates > said + ONE) | (said > updates + ONE), "updates and frames said are not as many"
    yield totals[:, Counter.SKIPPED] > updates + ONE, "more updates were skipped than there were"
    yield totals[:, Counter.HELLOS] > said + ONE, "more hellos were said than frames"
    yield totals[:, Counter.MISSED_WAKES] > updates + ONE, "more wakes were missed than there were"


def _ears(_sight: Sight, totals: Totals, _family: str) -> Iterator[Broken]:
    most = np.uint64(SLOTS) * (totals[:, Counter.UPDATES] + ONE)
    heard = totals[:, Counter.HEARD]
    dropped = totals[:, DROPS].sum(axis=1)
    yield heard > most, "more than eight neighbours were heard in a wake"
    yield totals[:, Counter.LIVING_NEIGHBOURS] > most, "more than eight neighbours lived in a wake"
    yield (
        heard + dropped > totals[:, Counter.RECEIVED] + np.uint64(SLOTS),
        "more frames were heard and dropped than came",
    )


_CHECKS: tuple[Callable[[Sight, Totals, str], Iterator[Broken]], ...] = (_states, _clocks, _ears)
