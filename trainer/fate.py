"""What becomes of a picture in the long run: does it hold, drift, die or explode?

The article's synchronous steps on the picture with the article's margin around it, in the arithmetic that was trained.
A growing rule promises nothing beyond the moment it was trained for, so its fate is a fact to be told. Imports numpy,
firmware_sim, trainer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA
from firmware_sim.loss import gain_log10
from firmware_sim.rule import Rule, seed
from trainer import rollout
from trainer.episode import Floats, Kernel

MARGIN = 16  # the article's: 40 px on 72x72
STEPS = 2000
SHOWN = (48, 96, 200, 500, 1000, STEPS)
DEAD_SHARE, GROWN_SHARE = 0.25, 2.0  # of the picture's own lit cells
HOLDS_GAIN = 0.7  # log10 better than an empty grid, half of a good picture's gain; beneath, it is another picture


@dataclass(frozen=True, slots=True)
class Fate:
    """`kind`: holds, drifts, dies or explodes; `states` [len(SHOWN), H, W, C] and the gain at each of those steps."""

    kind: str
    gains: tuple[float, ...]
    states: Floats


def fate(kernel: Kernel, rule: Rule, target: Floats, rng: np.random.Generator) -> Fate:
    """One draw, grown from one seed for STEPS steps."""
    height, width = target.shape[0] + 2 * MARGIN, target.shape[1] + 2 * MARGIN
    grids, before, frames = seed(height, width, rule.channels)[None], 0, []
    for at in SHOWN:
        grids = rollout.steps(kernel, rule, grids, at - before, rng)
        before = at
        frames.append(grids[0])
    gains = tuple(round(gain_log10(frame, target), 2) for frame in frames)
    return Fate(classify(frames[-1], target), gains, np.stack(frames))


def classify(state: Floats, target: Floats) -> str:
    """The class of a grid [H, W, >=4] that has lived long."""
    lit = int((state[..., ALPHA] > ALIVE_THRESHOLD).sum())
    wanted = int((target[..., ALPHA] > ALIVE_THRESHOLD).sum())
    gain = gain_log10(state, target)
    if not np.isfinite(state).all() or lit > GROWN_SHARE * wanted:
        return "explodes"
    if lit < DEAD_SHARE * wanted:
        return "dies"
    return "holds" if gain >= HOLDS_GAIN else "drifts"
