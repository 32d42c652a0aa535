"""Genomes for machine code: trained-like, and any bytes whatsoever with all extremes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from samples import random_rule

from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome

States = NDArray[np.int8]


def ordinary_genome(rng_seed: int = 3, hidden: int = 128, *, half: bool = False) -> Genome:
    """Weights of the size that trained ones have."""
    return Genome.quantise(random_rule(rng_seed, hidden), half1=half, half2=half)


def wild_genome(rng_seed: int, hidden: int = 16) -> Genome:
    """Any bytes, extremes included, with the largest M that the loader lets pass."""
    rng = np.random.default_rng(rng_seed)

    def draw(*shape: int) -> Any:
        return rng.choice([-128, 127], shape) if rng_seed % 2 else rng.integers(-128, 128, shape)

    parts: dict[str, Any] = {"w1": draw(48, hidden), "w2": draw(hidden, 16)}
    parts["b2"] = rng.integers(-32768, 32768, 16)
    b1_shift = int(rng.integers(0, 12))
    parts["b1"] = rng.integers(-32768, 32768, hidden) << b1_shift
    scalars: dict[str, Any] = {"shift": int(rng.integers(1, 17)), "s": int(rng.integers(8, 23)), "b1_shift": b1_shift}
    scalars |= {"half1": bool(rng.integers(2)), "half2": bool(rng.integers(2))}
    for m in (0xFFFF, 511, 255, 100, 1):
        try:
            return Genome(**parts, **scalars, m=m)
        except BadInput:
            continue
    raise AssertionError("even M = 1 was refused")
