"""Every random number of a swarm: counter-based draws keyed by (seed, entity, purpose, counter).

A draw is a pure function of its key, so that adding a cell or a fault changes nobody else's draws and a run can be
replayed from its seed. Scalars (Python ints) and arrays (uint64) give the same bits. Exponential wake intervals come
from an integer table into integer nanoseconds: no floating point takes part after the table is made. Never keeps a
state, never reads a clock. May import numpy only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15  # 2**64 / golden ratio, the increment of SplitMix64 (Steele, Lea, Flood 2014)
_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # its finaliser ("variant 13", Stafford)

MEAN_MAX_NS = 1 << 40  # 18 minutes: the longest mean for which the products below stay under 2**64
INTERVAL_MAX = 7.75  # in means: under the 8 after which a mailbox forgets, so a healthy neighbour is never forgotten
_UNIT_BITS = 20  # table entries are multiples of 2**-20 of the mean
_INDEX_BITS = 12  # 4,096 bins ...
_FRACTION_BITS = 20  # ... each cut linearly


class Purpose(IntEnum):
    """What a draw is for. Values are part of the replay format: append, never renumber."""

    WAKE = 1
    LINK_LOSS = 2
    LINK_DELAY = 3
    SELECT = 4
    FAULT = 5
    TRAIN = 6
    BIRTH = 7  # when a newborn process speaks for the first time
    CLOCK_DRIFT = 8
    CLOCK_JITTER = 9
    LINK_BURST = 10  # steps of the chain of burst loss
    LINK_BURST_START = 11
    LINK_DUPLICATE = 12
    LINK_REORDER = 13
    LINK_CORRUPT = 14
    LINK_FLIP = 15
    LIE = 16  # what a byzantine cell says
    CHURN = 17  # when a cell goes down and comes up again
    SCHEDULE = 18  # when a planned fault begins
    SIDE = 19  # on which side of a partition a cell is


def _mix(word: int) -> int:
    word = ((word ^ (word >> 30)) * _MIX_1) & _MASK
    word = ((word ^ (word >> 27)) * _MIX_2) & _MASK
    return word ^ (word >> 31)


def _mix_array(word: Words) -> Words:
    word = (word ^ (word >> np.uint64(30))) * np.uint64(_MIX_1)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(_MIX_2)
    return word ^ (word >> np.uint64(31))


def chain(key: int, word: int) -> int:
    """The key that stands for `key` followed by `word`, both 64-bit; a bijection of `word` for each `key`."""
    return _mix(((key ^ (word & _MASK)) + _GOLDEN) & _MASK)


def chain_array(key: Words | int, word: Words | int) -> Words:
    """`chain` for arrays that broadcast; element for element the same bits."""
    a = np.asarray(key, dtype=np.uint64)
    b = np.asarray(word, dtype=np.uint64)
    return _mix_array(np.atleast_1d(a ^ b) + np.uint64(_GOLDEN))


def entity(*words: int) -> int:
    """One 64-bit name for something that has several numbers, e.g. (cell, epoch, life)."""
    name = 0
    for word in words:
        name = chain(name, word)
    return name


def entity_array(*words: Words | int) -> Words:
    """`entity` for arrays that broadcast."""
    name: Words = np.zeros(1, dtype=np.uint64)
    for word in words:
        name = chain_array(name, word)
    return name


def stream_key(seed: int, who: int, purpose: Purpose) -> int:
    """The key of all draws of one entity for one purpose; draw k is `chain(key, k)`."""
    return chain(chain(chain(0, seed), int(purpose)), who)


def draw64(seed: int, who: int, purpose: Purpose, counter: int) -> int:
    """64 random bits."""
    return chain(stream_key(seed, who, purpose), counter)


def draw64_array(seed: int, who: Words | int, purpose: Purpose, counter: Words | int) -> Words:
    """`draw64` for arrays of entities and counters that broadcast; the same bits, uint64."""
    prefix = chain(chain(0, seed), int(purpose))
    return chain_array(chain_array(prefix, who), counter)


def uniform(bits: int) -> float:
    """A float64 in [0, 1) from 64 bits (the upper 53)."""
    return (bits >> 11) * 2.0**-53


def below(bits: int, probability: float) -> bool:
    """True with `probability`; exact at 0 and 1, decided on integers."""
    return (bits >> 11) < chance(probability)


def chance(probability: float) -> int:
    """`probability` in [0, 1] as the integer that the upper 53 bits of a draw are compared with."""
    return round(probability * (1 << 53))


def share(bits: int, limit: int) -> int:
    """A uniform integer in [0, limit] for 0 <= limit < 2**43 (the upper 20 bits decide)."""
    return ((bits >> 44) * (limit + 1)) >> 20


def share_array(bits: Words, limit: int) -> Words:
    """`share` for arrays."""
    return ((bits >> np.uint64(44)) * np.uint64(limit + 1)) >> np.uint64(20)


def _exponential_table() -> tuple[int, ...]:
    """-ln(1 - i/4096) in units of 2**-20, cut at INTERVAL_MAX; a test pins its bytes on every machine."""
    bins, unit = 1 << _INDEX_BITS, 1 << _UNIT_BITS
    top = int(INTERVAL_MAX * unit)
    return (*(min(round(-math.log1p(-i / bins) * unit), top) for i in range(bins)), top)


_TABLE = _exponential_table()
TABLE: Words = np.array(_TABLE, dtype=np.uint64)
TABLE.flags.writeable = False


def interval_ns(bits: int, mean_ns: int) -> int:
    """An exponential interval with mean `mean_ns` (1 .. MEAN_MAX_NS), in 1 .. 7.75 means, integer nanoseconds.

    Cutting the tail at 7.75 means (4 draws in 10,000) keeps every healthy cell inside the time to live of its
    neighbours' slots, which is 8 times the interval that its frame announced.
    """
    index = bits >> (64 - _INDEX_BITS)
    fraction = (bits >> (64 - _INDEX_BITS - _FRACTION_BITS)) & ((1 << _FRACTION_BITS) - 1)
    low = _TABLE[index]
    value = low + (((_TABLE[index + 1] - low) * fraction) >> _FRACTION_BITS)
    return max(1, (value * mean_ns) >> _UNIT_BITS)


def interval_ns_array(bits: Words, mean_ns: int) -> NDArray[np.int64]:
    """`interval_ns` for arrays; the same integers, int64."""
    index = (bits >> np.uint64(64 - _INDEX_BITS)).astype(np.intp)
    fraction = (bits >> np.uint64(64 - _INDEX_BITS - _FRACTION_BITS)) & np.uint64((1 << _FRACTION_BITS) - 1)
    low = TABLE[index]
    value = low + (((TABLE[index + 1] - low) * fraction) >> np.uint64(_FRACTION_BITS))
    scaled = (value * np.uint64(mean_ns)) >> np.uint64(_UNIT_BITS)
    result: NDArray[np.int64] = np.maximum(scaled, np.uint64(1)).astype(np.int64)
    return result


def wake_entity(cell: int, epoch: int, life: int) -> int:
    """Who draws wake intervals: a cell in one life, so that a reborn cell does not repeat its predecessor's clock."""
    return entity(cell, epoch, life)


def clock(seed: int, cell: int, epoch: int, life: int) -> Callable[[int, int], int]:
    """The interval source of one life of one cell: (counter, mean in ns) -> interval in ns. What `Cell` wants."""
    key = stream_key(seed, wake_entity(cell, epoch, life), Purpose.WAKE)

    def interval(counter: int, mean_ns: int) -> int:
        return interval_ns(chain(key, counter), mean_ns)

    return interval
