"""One number for a checkpoint: how well it grows and heals in true asynchrony, in the chip's arithmetic where it
fits a chip.

Grown from one seed on the tightest grid; then half of all cells restart empty at once, the seed cell among them;
then the article's five cuts.  The checkpoint with the best total is the one that is kept.  Imports numpy,
firmware_sim, trainer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.asynchronous import Swarm
from firmware_sim.cuts import CUTS, cut_masks
from firmware_sim.engines import NumpyEngine
from firmware_sim.genome import Genome
from firmware_sim.limits import ALIVE_THRESHOLD, ALIVE_THRESHOLD_INT8, STATE_STEP
from firmware_sim.loss import loss_log10
from firmware_sim.native import native_engine
from firmware_sim.rule import Rule, seed
from trainer.episode import Floats
from trainer.quantise import fits_a_chip

GROW_T = 100
GROW_ONLY_T = 48  # a growing rule promises nothing beyond
HEAL_T = 100
SMALLEST_GRID = 8


@dataclass(frozen=True, slots=True)
class Score:
    """log10 losses; `grown` and `healed` one per draw, `cuts` (medians) in the order of CUTS.  Smaller is better."""

    grown: tuple[float, ...]
    healed: tuple[float, ...]
    cuts: tuple[float, ...]
    worst_cut: float = 0.0  # of the cuts' means: a cut that now and then heals into a wrong shape has a fine median

    @property
    def total(self) -> float:
        if not self.healed:
            return float(np.median(self.grown))
        # The worst of what heals, since that is what a swarm's user would remember.
        return float(0.3 * np.median(self.grown) + 0.3 * max(self.healed) + 0.4 * self.worst_cut)


def swarm(rule: Rule, grids: Floats, *, int8: bool) -> Swarm:
    """A swarm of this rule from float states [B, H, W, C], as bytes on the chip or in float32."""
    if int8:
        chip = native_engine(Genome.quantise(rule), say=lambda line: None)  # the bytes of engine chip, without BLAS
        return Swarm(np.rint(grids / STATE_STEP).astype(np.int8), chip.update, ALIVE_THRESHOLD_INT8, STATE_STEP)
    return Swarm(grids, NumpyEngine(rule).update, ALIVE_THRESHOLD, 1.0)


def losses(grids: NDArray[Any], target: Floats) -> NDArray[np.float64]:
    """log10 loss of each grid [B, H, W, C], the target's centre pixel on the grid's."""
    return np.array([loss_log10(grid, target) for grid in grids])


def score(
    rule: Rule, target: Floats, regime: str, rng: np.random.Generator, draws: int = 4, *,
    cut_draws: int = 4, cut_t: float = HEAL_T,
) -> Score:  # fmt: skip
    """Grow `draws` swarms and hurt them as the regime allows; of a cut, the median of `cut_draws` after `cut_t` T."""
    int8 = rule.limits.limit == "round" and fits_a_chip(rule)
    side = max(target.shape[0], SMALLEST_GRID)
    growing = swarm(rule, np.repeat(seed(side, side, rule.channels)[None], draws, axis=0), int8=int8)
    growing.run(GROW_ONLY_T if regime == "growing" else GROW_T, rng)
    grown = losses(growing.grids, target)
    if regime == "growing":
        return Score(tuple(grown.tolist()), (), ())
    states = growing.states()
    if regime == "persistent":
        growing.run(HEAL_T, rng)
        return Score(tuple(np.maximum(grown, losses(growing.grids, target)).tolist()), (), ())
    half = rng.random((draws, side, side)) < 0.5
    half[:, side // 2, side // 2] = True
    healed = losses(_healed(rule, states, half, HEAL_T, rng, int8=int8), target)
    cut = np.concatenate([states[np.arange(cut_draws) % draws]] * len(CUTS))
    masks = np.repeat(cut_masks(side, side, target.shape[0]), cut_draws, axis=0)
    after = losses(_healed(rule, cut, masks, cut_t, rng, int8=int8), target).reshape(len(CUTS), cut_draws)
    worst = float(np.mean(after, axis=1).max())
    return Score(tuple(grown.tolist()), tuple(healed.tolist()), tuple(np.median(after, axis=1).tolist()), worst)


def _healed(
    rule: Rule, states: Floats, lost: NDArray[np.bool_], intervals: float, rng: np.random.Generator, *, int8: bool
) -> NDArray[Any]:
    hurt = swarm(rule, states, int8=int8)
    hurt.erase(lost)
    hurt.run(intervals, rng)
    return hurt.grids
