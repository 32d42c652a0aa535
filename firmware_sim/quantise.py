"""From a float rule to a genome: scales, shifts and rounding, and why they are chosen so.

Symmetric int8 per layer.  Where the rule caps its hidden units, 255 steps are exactly that cap, at the price of at
most one bit of weight; where it does not, the weights keep all 8 bits and 255 steps cover 2.4 as nearly as a power of
two can.  It never computes an update and opens no file.  Imports: numpy, errors, genome, limits, rule.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.errors import BadInput
from firmware_sim.genome import (
    B1_SHIFT_MAX,
    HIDDEN_MAX,
    HIDDEN_MIN,
    INT32_MAX,
    OUTPUT_SHIFT_RANGE,
    SHIFT_RANGE,
    SUM_SCALE,
    Genome,
    sum_bounds,
)
from firmware_sim.limits import CHANNELS, HIDDEN_RANGE, HIDDEN_STEPS, STATE_STEP
from firmware_sim.rule import Rule

Ints = NDArray[np.int64]

M_MAX, M_MAX_WIDE = 511, 255  # up to 128 hidden units, and above: acc * M stays below 2**31
WIDE_HIDDEN = 128
S_MAX = 22


def quantise(rule: Rule, *, half1: bool = False, half2: bool = False) -> Genome:
    """The genome of a rule with 16 channels and 16..256 hidden units; `half` layers use a mid-rise quantiser.

    BadInput when a bias or the output's scale does not fit.
    """
    if rule.channels != CHANNELS or not HIDDEN_MIN <= rule.hidden <= HIDDEN_MAX:
        raise BadInput(
            f"a rule of {rule.channels} channels and {rule.hidden} hidden units fits no chip: "
            f"expected {CHANNELS} channels and {HIDDEN_MIN}..{HIDDEN_MAX} hidden units"
        )
    step1, shift = _first_step(_peak(rule.w1), rule.limits.hidden_max, half1)
    step2 = _peak(rule.w2) / (127.5 if half2 else 127.0)
    return assemble(
        _to_bytes(rule.w1, step1, half1),
        rule.b1,
        _to_bytes(rule.w2, step2, half2),
        rule.b2,
        step1=step1,
        step2=step2,
        shift=shift,
        half1=half1,
        half2=half2,
    )


def assemble(
    w1: NDArray[np.int8],
    b1: NDArray[Any],
    w2: NDArray[np.int8],
    b2: NDArray[Any],
    *,
    step1: float,
    step2: float,
    shift: int,
    half1: bool,
    half2: bool,
) -> Genome:
    """A genome from weights that are bytes already and biases that are still floats; BadInput when one does not fit."""
    unit = step1 / SUM_SCALE
    hidden_step = unit * (1 << shift)
    # Half a hidden step in the bias makes the floor of `a >> shift` round to nearest.
    first: Ints = np.rint(b1.astype(np.float64) / unit).astype(np.int64) + (1 << (shift - 1))
    b1_shift = _bias_shift(first)
    second: Ints = np.rint(b2.astype(np.float64) / (step2 * hidden_step)).astype(np.int64)
    if np.abs(second).max() > 32767:
        raise BadInput(
            f"an output bias of {np.abs(b2).max():.4g} does not fit the genome's 16 bits beside weights of this size "
            f"(at most {32767 * step2 * hidden_step:.4g}); train with a smaller output bias"
        )
    ratio = step2 * hidden_step / STATE_STEP
    kept = np.clip((first + (1 << b1_shift >> 1)) >> b1_shift, -32768, 32767) << b1_shift
    fixed: dict[str, Any] = {"w1": w1, "b1": kept.astype(np.int32), "w2": w2, "b2": second.astype(np.int16)}
    fixed |= {"shift": shift, "half1": half1, "half2": half2, "b1_shift": b1_shift}
    _, accumulator, _ = sum_bounds(Genome(**fixed, m=1, s=1))
    m, s = output_scale(ratio, accumulator, len(w2))
    return Genome(**fixed, m=m, s=s)


def output_scale(ratio: float, accumulator: int, hidden: int) -> tuple[int, int]:
    """M and S with M / 2**S nearest to `ratio`, the largest that cannot overflow for this accumulator."""
    m_max = M_MAX if hidden <= WIDE_HIDDEN else M_MAX_WIDE
    for s in range(S_MAX, OUTPUT_SHIFT_RANGE[0] - 1, -1):
        m = round(ratio * (1 << s))
        if m <= m_max and accumulator * m + (1 << (s - 1)) <= INT32_MAX:
            if m == 0:
                break
            return m, s
    raise BadInput(f"the output's scale {ratio:.4g} fits no M / 2**S with M of 1..{m_max} and S of 1..{S_MAX}")


def hidden_shift(step1: float) -> int:
    """The shift with which 0..255 covers 2.4 as nearly as a power of two can."""
    low, high = SHIFT_RANGE
    return min(high, max(low, round(math.log2(HIDDEN_RANGE / HIDDEN_STEPS / (step1 / SUM_SCALE)))))


def _first_step(peak: float, hidden_max: float | None, half: bool) -> tuple[float, int]:
    if hidden_max is None:
        step = peak / (127.5 if half else 127.0)
        return step, hidden_shift(step)
    # The bytes reach 127.5 steps (128 with the half step) before rounding errs by more than half a step.
    reach = 128.0 if half else 127.5
    for shift in range(SHIFT_RANGE[1], SHIFT_RANGE[0] - 1, -1):
        step = hidden_max / HIDDEN_STEPS * SUM_SCALE / (1 << shift)
        if peak <= step * reach * (1 + 1e-6):
            return step, shift
    raise BadInput(f"a first-layer weight of {peak:.4g} is too large beside hidden units capped at {hidden_max:.4g}")


def _to_bytes(weights: NDArray[np.float32], step: float, half: bool) -> NDArray[np.int8]:
    scaled = weights.astype(np.float64) / step
    whole = np.clip(np.floor(scaled), -128, 127) if half else np.clip(np.rint(scaled), -127, 127)
    return whole.astype(np.int8)


def _bias_shift(bias: Ints) -> int:
    for shift in range(B1_SHIFT_MAX + 1):
        if (np.abs(bias) >> shift).max() <= 32767:
            return shift
    raise BadInput("a first-layer bias does not fit the genome beside weights of this size; train with a smaller bias")


def _peak(weights: NDArray[np.float32]) -> float:
    """The largest magnitude, 1 for a layer of zeros (a fresh rule's last layer), whose scale is free."""
    return float(np.abs(weights).max()) or 1.0
