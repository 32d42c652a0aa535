"""One number for a checkpoint: how well it grows and heals in true asynchrony, in the chip's arithmetic where it
fits a chip.

Grown from one seed on the tightest grid; then half of all cells restart empty at once, the seed cell among them;
then the article's five cuts.  The checkpoint with the best total is the one that is kept.  Imports numpy,
firmware_sim, trainer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_sim.cuts import cut_masks
from firmware_sim.rule import Rule
from trainer.draws import SMALLEST_GRID, losses, seeded
from trainer.episode import Floats
from trainer.quantise import fits_a_chip

DRAWS = 12
GROW_T = 100
GROW_ONLY_T = 48  # a growing rule promises nothing beyond
LATER_T = 100  # after half of the cells were lost, or nothing was
CUT_T = 200  # a half that came back a pixel short settles, 30 to 100 T later, by moving the whole picture


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
        return float(0.2 * np.median(self.grown) + 0.2 * max(self.healed) + 0.6 * self.worst_cut)


def score(rule: Rule, target: Floats, regime: str, rng: np.random.Generator, draws: int = DRAWS) -> Score:
    """Grow `draws` swarms and hurt them as the regime allows; each cut hurts every one of them."""
    side = max(target.shape[0], SMALLEST_GRID)
    grown = seeded(rule, side, draws, rng, int8=rule.limits.limit == "round" and fits_a_chip(rule))
    grown.run(GROW_ONLY_T if regime == "growing" else GROW_T)
    found = losses(grown, target)
    if regime == "growing":
        return Score(tuple(found.tolist()), (), ())
    if regime == "persistent":
        grown.run(LATER_T)
        return Score(tuple(np.maximum(found, losses(grown, target)).tolist()), (), ())
    half = rng.random((draws, side, side)) < 0.5
    half[:, side // 2, side // 2] = True
    hurt = grown.copy()
    hurt.erase(half)
    hurt.run(LATER_T)
    after = []
    for mask in cut_masks(side, side, target.shape[0]):
        cut = grown.copy()
        cut.erase(mask)
        cut.run(CUT_T)
        after.append(losses(cut, target))
    return Score(
        grown=tuple(found.tolist()),
        healed=tuple(losses(hurt, target).tolist()),
        cuts=tuple(np.median(after, axis=1).tolist()),
        worst_cut=float(np.mean(after, axis=1).max()),
    )
