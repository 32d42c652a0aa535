"""Burst loss: the Gilbert-Elliott chain, with the state at any frame as a pure function of its sequence.

The chain has two states, good and bad; each frame one step. Written with one draw u a step, a step is: below `enter`
the next state is bad whatever it was, from `stay` on it is good whatever it was, in between it stays as it is. So the
state at a frame is decided by the last step before it that decides, found by walking backwards ("coupling from the
past", Propp and Wilson 1996): frames may be asked for in any order, and lost or unheard ones change nothing. The walk
ends at the start of the block of 1,024 before the frame's own, where the state is drawn from the stationary
distribution. Integers only. May import numpy and the draws.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellnode.draws import Words, chain, chain_array, chance

BLOCK_BITS = 10
LENGTH_MAX = 1000.0  # mean frames in a burst, or between two: far below a block, so the walk decides


class Chain(NamedTuple):
    """Thresholds for the upper 53 bits of a draw."""

    enter: int
    stay: int
    stationary: int  # probability of being bad


def chain_of(burst: float, gap: float) -> Chain:
    """The chain whose bursts last `burst` frames in the mean, with `gap` frames between them; 1/burst + 1/gap <= 1."""
    return Chain(chance(1 / gap), chance(1 - 1 / burst), chance(burst / (burst + gap)))


def bad(law: Chain, steps: int, starts: int, sequence: int) -> bool:
    """Whether the chain is in a burst at this frame; `steps` and `starts` are the keys of its two streams of draws."""
    floor = _floor(sequence)
    for at in range(sequence, floor, -1):
        bits = chain(steps, at) >> 11
        if bits < law.enter:
            return True
        if bits >= law.stay:
            return False
    return (chain(starts, floor) >> 11) < law.stationary


def bad_array(law: Chain, steps: Words, starts: Words, sequences: NDArray[np.int64]) -> NDArray[np.bool_]:
    """`bad` for arrays [n]; the same states."""
    result = np.zeros(len(sequences), np.bool_)
    floors = np.maximum(((sequences >> BLOCK_BITS) - 1) << BLOCK_BITS, 0)
    at = sequences.copy()
    open_ = np.arange(len(sequences))
    while len(open_):
        here = open_[at[open_] > floors[open_]]
        ended = open_[at[open_] <= floors[open_]]
        if len(ended):
            bits = chain_array(starts[ended], floors[ended].astype(np.uint64)) >> np.uint64(11)
            result[ended] = bits < np.uint64(law.stationary)
        bits = chain_array(steps[here], at[here].astype(np.uint64)) >> np.uint64(11)
        entered = bits < np.uint64(law.enter)
        result[here[entered]] = True
        open_ = here[~entered & (bits < np.uint64(law.stay))]
        at[open_] -= 1
    return result


def _floor(sequence: int) -> int:
    return max(((sequence >> BLOCK_BITS) - 1) << BLOCK_BITS, 0)
