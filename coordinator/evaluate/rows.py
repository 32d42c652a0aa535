"""One line of the table: an experiment, how it was computed, when it was looked at, and what was seen over the draws.

Pure arithmetic. May import firmware_sim.loss and numpy.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from coordinator.evaluate.bodies import UNITS
from coordinator.evaluate.subject import Way
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA
from firmware_sim.loss import loss_log10, loss_log10_shift1
from firmware_sim.rule import Floats

OVERGROWN = 2.0  # times as many living cells as the picture has: it runs away


@dataclass(frozen=True, slots=True)
class Row:
    """`at` in the step's unit, since the seed or since the cut. Losses: medians over `draws`; `range`: best, worst."""

    experiment: str
    step: str
    engine: str
    at: float
    loss_log10: float
    loss_log10_shift1: float
    range: tuple[float, float]
    draws: int
    fate: dict[str, int]  # how many draws hold, died, exploded
    heads: float | None = None  # median; pieces of a worm only

    def to_json(self) -> dict[str, Any]:
        """As `--json` gives it; `heads` only where they were counted."""
        values = asdict(self)
        if self.heads is None:
            del values["heads"]
        return values

    @property
    def when(self) -> str:
        return f"{self.at:g} {UNITS[self.step]}"


def measured(
    experiment: str, way: Way, at: float, states: Floats, target: Floats, heads: list[int] | None = None
) -> Row:
    """States [draws, H, W, C] against a target whose centre pixel lies on [H//2, W//2]."""
    losses = [loss_log10(each, target) for each in states]
    shifted = [loss_log10_shift1(each, target) for each in states]
    return Row(
        experiment=experiment,
        step=way.step,
        engine=way.family,
        at=at,
        loss_log10=round(median(losses), 3),
        loss_log10_shift1=round(median(shifted), 3),
        range=(round(min(losses), 3), round(max(losses), 3)),
        draws=len(states),
        fate=dict(Counter(fate(each, target) for each in states)),
        heads=None if heads is None else median(heads),
    )


def fate(states: Floats, target: Floats) -> str:
    """What became of one grid [H, W, C]: "died", "exploded" or "holds"."""
    if not np.isfinite(states).all():
        return "exploded"
    living = int((states[..., ALPHA] > ALIVE_THRESHOLD).sum())
    wanted = int((target[..., ALPHA] > ALIVE_THRESHOLD).sum())
    if living == 0:
        return "died"
    return "exploded" if living > OVERGROWN * wanted else "holds"
