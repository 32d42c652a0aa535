"""The score of a rule trained for faults: five lines of trouble, as one number, without leaving the training's kernel.

A stand-in for the swarm in virtual time (judge.py --faults is the truth): cells wake in every eighth of an interval T,
hold what they last heard, and meet lost, late and no messages, dead cells, or a crash of most of them. A line's margin
is its median loss minus what it is asked to reach. Imports numpy and trainer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_sim.loss import loss_log10
from firmware_sim.rule import Rule, seed
from trainer.draws import SMALLEST_GRID
from trainer.episode import Episode, Faults, Floats, Kernel
from trainer.mishaps import lost_bits

MOMENTS = 8  # per wake interval T
END_T, CRASH_T = 200, 100
WORST_SHARE = 0.6  # of the score is the line that is furthest from its limit, the rest the mean of all


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of trouble and the log10 loss asked for at END_T, over the cells that are not dead."""

    name: str
    limit: float
    loss: float = 0.0  # probability that a message is lost
    delay: int = 0  # T: a message is late by up to so much
    dead: float = 0.0  # share of cells that never live
    crash: float = 0.0  # share of cells that lose everything at CRASH_T


LINES = (
    Line("no fault", -3.0),
    Line("half lost", -2.5, loss=0.5),
    Line("late and half lost", -2.3, loss=0.5, delay=2),
    Line("dead for ever", -2.4, dead=0.05),
    Line("crash", -2.8, crash=0.8),
)


def total(medians: Floats) -> float:
    """Below zero every line is likely met; smaller is better."""
    margins = medians - np.array([line.limit for line in LINES])
    return float(WORST_SHARE * margins.max() + (1 - WORST_SHARE) * margins.mean())


def score(kernel: Kernel, rule: Rule, target: Floats, rng: np.random.Generator, draws: int = 3) -> Floats:
    """The median loss of each line, grown from one seed on the tightest grid."""
    side, samples, steps = max(len(target), SMALLEST_GRID), draws * len(LINES), END_T * MOMENTS
    shape = (steps, samples, side, side)
    late, lost = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    forget, exists = np.zeros(shape, np.bool_), np.ones(shape[1:], np.bool_)
    for i, line in enumerate(LINES * draws):
        if line.loss:
            lost[:, i] = lost_bits(rng, line.loss, lost[:, i].shape)
        if line.delay:
            late[:, i] = rng.integers(0, line.delay * MOMENTS + 1, late[:, i].shape, dtype=np.uint8)
        if line.dead:
            exists[i] = rng.random((side, side)) >= line.dead
            exists[i, side // 2, side // 2] = True
        if line.crash:
            forget[CRASH_T * MOMENTS, i] = rng.random((side, side)) < line.crash
    states = np.repeat(seed(side, side, rule.channels)[None], samples, axis=0)
    fire = rng.integers(0, MOMENTS, shape, dtype=np.uint8) == 0
    nothing = np.zeros((samples, side, side, 4), np.float32)  # the kernel's own loss is not asked for
    end = kernel.run(rule, Episode(states, exists, fire, nothing, Faults(late, lost, forget)), backward=False).states
    losses = [loss_log10(end[i], target, None, ~exists[i]) for i in range(samples)]
    return np.median(np.array(losses, np.float32).reshape(draws, len(LINES)), axis=0)
