"""How late a frame may be: five shapes of delay as integer nanoseconds from 64 random bits.

    constant     always the mean                         uniform      0 to the given longest
    exponential  memoryless                              lognormal    sigma 1: most short, some long
    pareto       exponent 2: a heavy tail

The last three come from tables of quantiles: 1,024 bins, each cut linearly, in units of 2**-20 of the mean, the last
quantile taken at 1 - 2**-14 so that the longest delay is finite. Floating point makes the tables, when first asked for;
a test pins their bytes. May import numpy and the draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cellnode.draws import Words, share, share_array

SHAPES = ("uniform", "constant", "exponential", "lognormal", "pareto")
UNIFORM_MAX_NS = (1 << 43) - 1  # where the draw's integers end
MEAN_MAX_NS = (1 << 37) - 1  # table values stay below 2**27, and their product below 2**64
_UNIT_BITS, _INDEX_BITS, _FRACTION_BITS = 20, 10, 20
_LAST = 1 - 2.0**-14


def delay_ns(bits: int, shape: str, mean_ns: int) -> int:
    """The delay that these bits mean; `mean_ns` is the longest where the shape is uniform."""
    if shape == "constant":
        return min(mean_ns, UNIFORM_MAX_NS)
    if shape == "uniform":
        return share(bits, min(mean_ns, UNIFORM_MAX_NS))
    values = table(shape)
    index = bits >> (64 - _INDEX_BITS)
    fraction = (bits >> (64 - _INDEX_BITS - _FRACTION_BITS)) & ((1 << _FRACTION_BITS) - 1)
    low = values[index]
    value = low + (((values[index + 1] - low) * fraction) >> _FRACTION_BITS)
    return (value * min(mean_ns, MEAN_MAX_NS)) >> _UNIT_BITS


def delay_ns_array(bits: Words, shape: str, mean_ns: int) -> NDArray[np.int64]:
    """`delay_ns` for arrays; the same integers."""
    if shape == "constant":
        return np.full(len(bits), min(mean_ns, UNIFORM_MAX_NS), np.int64)
    if shape == "uniform":
        return share_array(bits, min(mean_ns, UNIFORM_MAX_NS)).astype(np.int64)
    values = np.array(table(shape), np.uint64)
    index = (bits >> np.uint64(64 - _INDEX_BITS)).astype(np.intp)
    fraction = (bits >> np.uint64(64 - _INDEX_BITS - _FRACTION_BITS)) & np.uint64((1 << _FRACTION_BITS) - 1)
    low = values[index]
    value = low + (((values[index + 1] - low) * fraction) >> np.uint64(_FRACTION_BITS))
    return ((value * np.uint64(min(mean_ns, MEAN_MAX_NS))) >> np.uint64(_UNIT_BITS)).astype(np.int64)


@cache
def table(shape: str) -> tuple[int, ...]:
    """Quantiles at 0, 1/1024 ... of the shape with mean 1, in units of 2**-20; 1,025 rising integers."""
    bins = 1 << _INDEX_BITS
    at = [*(k / bins for k in range(bins)), _LAST]
    raw = [_QUANTILES[shape](u) for u in at]
    mean = sum((low + high) / 2 for low, high in pairwise(raw)) / bins
    return tuple(round(value / mean * (1 << _UNIT_BITS)) for value in raw)


def _normal_quantile(u: float) -> float:
    low, high = -9.0, 9.0
    for _ in range(60):
        middle = (low + high) / 2
        if 0.5 * math.erfc(-middle / math.sqrt(2)) < u:
            low = middle
        else:
            high = middle
    return (low + high) / 2


_QUANTILES: dict[str, Callable[[float], float]] = {
    "exponential": lambda u: -math.log1p(-u),
    "lognormal": lambda u: math.exp(_normal_quantile(u)) if u else 0.0,
    "pareto": lambda u: (1 - u) ** -0.5,
}
