"""Which wakes may run together: the conservative scheduler of virtual time, and the levels of a given list of wakes.

A wake reads what its neighbours said before and writes into their slots, so two wakes may run in one batch, in any
order, unless they are neighbours, or both speak to a cell whose next wake the first of them may move (one that
listens). The result then equals running all events one by one in the order (time, cell). Computes no state and draws
nothing. May import numpy, the patch and its mailboxes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellnode.cell import REACTION_NS
from cellnode.mailboxes import Indices, Mask, Times, any_slot
from cellnode.patch import Patch

WINDOW = 1.0  # in T: how far beyond the earliest event a batch may reach; the bounds below settle in a few rounds
_ROUNDS_MAX = 1000


def independent(patch: Patch, events_ns: Times, until_ns: int) -> Indices:
    """Cells whose next event may run now, given each cell's next event [n + 1] (NEVER_NS: none); empty when all ran.

    A cell qualifies if no neighbour can have an event before its own, and if it is the next to speak to each of its
    listening neighbours. What a neighbour can have is bounded from below: its own event, or, if it listens, what the
    next speaker around it could move it to. The earliest event of all always qualifies.
    """
    first_ns = int(events_ns.min())
    if first_ns > until_ns:
        return np.empty(0, np.int64)
    horizon_ns = min(until_ns + 1, first_ns + int(WINDOW * patch.interval_ns))
    cells = np.flatnonzero(events_ns[:-1] < horizon_ns)
    at_ns = events_ns[cells]
    around = patch.mail.around[:, cells]
    bound_ns, speaker = _bounds(patch, events_ns, around, horizon_ns)
    theirs = bound_ns[around]
    later = (theirs > at_ns) | ((theirs == at_ns) & (around > cells))
    next_to_speak = speaker[around]
    later &= (next_to_speak < 0) | (next_to_speak == cells)
    free: Indices = cells[later.all(axis=0)]
    return free


def _bounds(patch: Patch, events_ns: Times, near: Indices, horizon_ns: int) -> tuple[Times, Indices]:
    """([n + 1] when a cell can have an event at the earliest, [n + 1] who speaks next to a listening cell or -1).

    Exact up to the horizon, for the cells `near` an event before it and those that they could move in turn.
    """
    bound_ns = events_ns.copy()
    speaker = np.full(patch.count + 1, -1, np.int64)
    listening = np.append(patch.listening(), False)
    reached = np.zeros(patch.count + 1, np.bool_)
    reached[near] = True
    for _ in range(_ROUNDS_MAX):
        cells = np.flatnonzero(listening & reached)
        if not len(cells):
            return bound_ns, speaker
        around = patch.mail.around[:, cells]
        hello = _hello_possible(patch, events_ns, cells, around)
        delay_ns = np.where(hello, REACTION_NS, patch.next_draw_ns[cells])
        theirs = bound_ns[around]
        earliest = theirs.min(axis=0)
        after = np.minimum(events_ns[cells], earliest + delay_ns)
        moved = (after < bound_ns[cells]) & (after < horizon_ns)
        bound_ns[cells] = after
        if not moved.any():
            # What still moved lies beyond the horizon, so it changes no speaker that matters.
            speaker[cells] = np.where(theirs == earliest, around, patch.count).min(axis=0)
            return bound_ns, speaker
        reached[around[:, moved]] = True
    raise AssertionError("the bounds of virtual time did not settle")


def _hello_possible(patch: Patch, events_ns: Times, listening: Indices, around: Indices) -> Mask:
    """[k]: whether a listening cell may be called on at once, by a hello or by an incarnation it has not met."""
    possible: Mask = any_slot(patch.unmet[listening])
    first_ns = events_ns.min()
    if (patch.hello_until_ns > first_ns).any():
        calling = np.append(patch.hello_pending(first_ns), False)
        possible = possible | calling[around].any(axis=0)
    return possible


def levels(neighbours: Indices, cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """For wakes [k] in a given order, the batch in which each may run: after all earlier ones up to two cells away."""
    count = len(neighbours)
    latest = np.zeros(count + 1, np.int64)
    result = np.zeros(len(cells), np.int64)
    for k, cell in enumerate(cells.tolist()):
        around = neighbours[cell]
        inside = around[around < count]
        reach = np.append(neighbours[inside].reshape(-1), (*around, cell))
        result[k] = level = latest[reach[reach < count]].max() + 1
        latest[cell] = level
    return result
