"""What a bad oscillator does to a cell's wake intervals: all too long or too short (drift), or each by chance (jitter).

A bent interval is a pure function of (the interval drawn, fault, cell, life, number of the draw), in integers, so that
scalars (for `Cell`) and arrays (for `Patch`) give the same nanoseconds and nobody else's draws move. Knows no clock and
no random source. May import numpy, the draws, the messages and the panel's counters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from cellnode.draws import Purpose, draw64, draw64_array, entity, entity_array, share, share_array
from cellnode.mailbox import Tally
from cellnode.messages import LinkFault
from cellnode.panel import Counter
from firmware_sim.errors import BadInput

KINDS = ("drift", "jitter")
SLOWEST, FASTEST = 7.0, -0.9  # drifts: eight times as long, a tenth as long
LONGEST = 64  # in means: what several faults together may make of an interval
_UNIT_BITS = 20  # factors are multiples of 2**-20, about one millionth
_UNIT = 1 << _UNIT_BITS

Life = tuple[int, int]  # epoch, number
Intervals = Callable[[int, int], int]
Words = NDArray[np.int64]


def check(fault: LinkFault) -> LinkFault:
    """The fault itself, or BadInput naming what is wrong with it."""
    name = f"clock fault {fault.id}"
    if fault.kind == "drift":
        low, high = fault.rate - fault.spread, fault.rate + fault.spread
        if not (fault.spread >= 0.0 and low >= FASTEST and high <= SLOWEST):
            raise BadInput(f"{name} drifts by {fault.rate} +- {fault.spread}, expected {FASTEST:g} to {SLOWEST:g}")
    elif fault.kind != "jitter":
        raise BadInput(f"{name} has kind {fault.kind!r}, expected one of {', '.join(KINDS)}")
    elif not 0.0 <= fault.rate <= 1.0:
        raise BadInput(f"{name} jitters by {fault.rate} of each interval, expected 0..1")
    return fault


def bent(intervals: Intervals, faults: Iterable[LinkFault], cell: int, life: Life, tally: Tally) -> Intervals:
    """The interval source of one life under these faults; counts each interval it has bent."""
    mine = [fault for fault in faults if fault.kind in KINDS and cell in fault.cells]
    if not mine:
        return intervals

    def source(counter: int, mean_ns: int) -> int:
        interval = intervals(counter, mean_ns)
        for fault in mine:
            factor = _factor(fault, cell, life, counter)
            interval = min(max(_scaled(interval, factor), 1), LONGEST * mean_ns)
        tally[Counter.FAULT_CLOCK] += 1
        return interval

    return source


def bend(
    intervals: Words,
    faults: Sequence[tuple[LinkFault, NDArray[np.bool_]]],
    cells: Words,
    epoch: int,
    lives: Words,
    counters: NDArray[np.uint64],
    mean_ns: int,
) -> Words:
    """`bent` for arrays: the intervals [k] of these cells; each fault with its victims among them as a mask [k]."""
    bent_ones = intervals.copy()
    for fault, hit in faults:
        factors = _factors(fault, cells[hit], epoch, lives[hit], counters[hit])
        scaled = (bent_ones[hit] >> _UNIT_BITS) * factors
        scaled += ((bent_ones[hit] & (_UNIT - 1)) * factors) >> _UNIT_BITS
        bent_ones[hit] = np.minimum(np.maximum(scaled, 1), LONGEST * mean_ns)
    return bent_ones


def _scaled(interval: int, factor: int) -> int:
    return (interval * factor) >> _UNIT_BITS


def limits(fault: LinkFault) -> tuple[int, int]:
    """The factor in the middle, and how far from it a draw may lead; in 2**-20."""
    if fault.kind == "drift":
        return _UNIT + round(fault.rate * _UNIT), round(fault.spread * _UNIT)
    return _UNIT, round(fault.rate * _UNIT)


def _factor(fault: LinkFault, cell: int, life: Life, counter: int) -> int:
    middle, reach = limits(fault)
    if fault.kind == "drift":  # an oscillator outlives its cell's lives
        bits = draw64(fault.rng_seed, entity(fault.id, cell), Purpose.CLOCK_DRIFT, 0)
    else:
        bits = draw64(fault.rng_seed, entity(fault.id, cell, *life), Purpose.CLOCK_JITTER, counter)
    return middle - reach + share(bits, 2 * reach)


def _factors(fault: LinkFault, cells: Words, epoch: int, lives: Words, counters: NDArray[np.uint64]) -> Words:
    middle, reach = limits(fault)
    who = cells.astype(np.uint64)
    if fault.kind == "drift":
        bits = draw64_array(fault.rng_seed, entity_array(fault.id, who), Purpose.CLOCK_DRIFT, 0)
    else:
        name = entity_array(fault.id, who, epoch, lives.astype(np.uint64))
        bits = draw64_array(fault.rng_seed, name, Purpose.CLOCK_JITTER, counters)
    return middle - reach + share_array(bits, 2 * reach).astype(np.int64)
