"""A genome with bits of its weights flipped, of the kind that a loader still takes. Draws from its seed alone.

May import numpy and firmware_sim.
"""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome

TRIES = 100  # flips of a genome that no loader would take are drawn again


def damaged(whole: Genome, count: int, seed: int) -> Genome:
    """The genome after `count` flips; BadInput when none are found that leave every sum within 32 bits."""
    draw = random.Random(seed)
    for _ in range(TRIES):
        w1, w2 = whole.w1.copy(), whole.w2.copy()
        for _ in range(count):
            at = draw.randrange(w1.size + w2.size)
            flat = w1.reshape(-1) if at < w1.size else w2.reshape(-1)
            flat.view(np.uint8)[at % w1.size if at < w1.size else at - w1.size] ^= np.uint8(1 << draw.randrange(8))
        try:
            return replace(whole, w1=w1, w2=w2)
        except BadInput:
            continue  # it could overflow: a loader refuses it
    raise BadInput(f"genome_flip: no {count} flips found that the loader takes")
