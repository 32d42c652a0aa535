"""Every number of an adversary's training and why it is that one. Imports dataclasses and the error tree."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from firmware_sim.errors import BadInput


@dataclass(frozen=True, slots=True)
class AdversarySettings:
    """What decides the weights, together with the victim: same settings, same machine, same adversary."""

    victim: str  # hash of the rule folder
    steps: int = 400
    rng_seed: int = 1
    batch: int = 4
    pool: int = 32
    share_min: float = 0.02  # of a sample's cells are traitors, drawn for each sample anew
    share_max: float = 0.10
    episode_min: int = 16  # steps; at these fire rates 4 to 16 T, and a sample lives `lives` of them
    episode_max: int = 32
    fire_min: float = 0.25
    fire_max: float = 0.5
    lives: int = 10  # episodes before a sample makes room for a new one: what counts is what becomes of it in the end
    young: float = 0.25  # of the new samples are still growing when the traitors turn
    age_max: int = 120  # T; the others are up to so old
    rate: float = 2e-3  # Adam, falling to `rate_last` on a cosine
    rate_last: float = 1e-4
    score_every: int = 40
    checkpoint_every: int = 40

    def __post_init__(self) -> None:
        for name, low, high in (("steps", 1, 1_000_000), ("rng_seed", 0, 2**63 - 1), ("batch", 1, 64)):
            if not low <= getattr(self, name) <= high:
                raise BadInput(f"{name} is {getattr(self, name)}, expected {low} to {high}")
        if not 0 < self.share_min <= self.share_max <= 0.5:
            raise BadInput(f"share of traitors is {self.share_min:g} to {self.share_max:g}, expected above 0, to 0.5")

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)
