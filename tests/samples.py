"""Random rules and neighbourhoods, made from a seed: no trained weights are needed here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_sim.limits import ALPHA, Limits
from firmware_sim.rule import Rule


def random_rule(rng_seed: int = 0, hidden: int = 32, limits: Limits | None = None, channels: int = 16) -> Rule:
    """A rule with weights of the size that trained ones have, and no exact zeros."""
    rng = np.random.default_rng(rng_seed)
    return Rule(
        w1=rng.normal(0, 0.2, (3 * channels, hidden)).astype(np.float32),
        b1=rng.normal(0, 0.1, hidden).astype(np.float32),
        w2=rng.normal(0, 0.1, (hidden, channels)).astype(np.float32),
        b2=rng.normal(0, 0.05, channels).astype(np.float32),
        limits=limits or Limits(),
    )


def int8_samples(rng_seed: int = 0, count: int = 60) -> NDArray[np.int8]:
    """Neighbourhoods [5 * count, 3, 3, 16]: faint, ordinary, wild, extreme (-128 too), and with one living alpha."""
    rng = np.random.default_rng(rng_seed)
    shape = (count, 3, 3, 16)
    lonely = rng.integers(-5, 4, shape)
    for sample in lonely:
        sample[rng.integers(3), rng.integers(3), ALPHA] = rng.integers(2, 6)
    parts = [
        rng.integers(-5, 6, shape),
        rng.integers(-40, 41, shape),
        rng.integers(-128, 128, shape),
        rng.choice(np.array([-128, -127, 127]), shape),
        lonely,
    ]
    return np.concatenate(parts).astype(np.int8)
