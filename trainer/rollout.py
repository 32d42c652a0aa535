"""Lets grids live under the training's own kernel: every cell on its own clock, nothing failing; or the article's step.

Much faster than a swarm (one kernel call for many grids), and near enough for pictures and curves; what a rule is worth
in the chip's own arithmetic is score.py's and judge.py's. Draws from the generator it is given. Imports numpy,
firmware_sim, trainer.
"""

from __future__ import annotations

import numpy as np

from firmware_sim.rule import Rule
from trainer.episode import Episode, Faults, Floats, Kernel

MOMENTS = 8  # per wake interval T
CHUNK = 400  # steps a kernel call, to bound the memory of its draws


def live(kernel: Kernel, rule: Rule, grids: Floats, intervals: float, rng: np.random.Generator) -> Floats:
    """The grids [B, H, W, C] after `intervals` T of asynchrony."""
    return _run(kernel, rule, grids, round(intervals * MOMENTS), 1 / MOMENTS, rng, held=True)


def steps(kernel: Kernel, rule: Rule, grids: Floats, count: int, rng: np.random.Generator) -> Floats:
    """The grids after `count` of the article's steps, in which half of the cells fire."""
    return _run(kernel, rule, grids, count, 0.5, rng, held=False)


def _run(
    kernel: Kernel, rule: Rule, grids: Floats, count: int, rate: float, rng: np.random.Generator, *, held: bool
) -> Floats:
    exists = np.ones(grids.shape[:3], np.bool_)
    nothing = np.zeros((*grids.shape[:3], 4), np.float32)  # the kernel's own loss is not asked for
    while count > 0:
        shape = (min(count, CHUNK), *grids.shape[:3])
        fire = rng.random(shape, dtype=np.float32) < rate
        calm = np.zeros(shape, np.uint8)
        faults = Faults(calm, calm, calm.view(np.bool_)) if held else None
        grids = kernel.run(rule, Episode(grids, exists, fire, nothing, faults), backward=False).states
        count -= shape[0]
    return grids
