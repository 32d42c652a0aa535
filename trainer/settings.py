"""Every number of a training and why it is that one.  Imports nothing but the standard library and the error tree."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from firmware_sim.errors import BadInput

REGIMES = ("growing", "persistent", "regenerating")


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the weights, together with the target: same settings, same machine, same rule."""

    regime: str = "regenerating"
    size: int = 40
    steps: int = 6000
    rng_seed: int = 1
    quantise: bool = True  # int8 weights, states rounded to 1/32 and clamped: what the chip will do
    channels: int = 16
    hidden: int = 128
    pad: int = 8  # grids up to size + 16, so that a rule learns to stop by itself and not at the border
    batch: int = 8
    pool: int = 512
    damaged: int = 3  # of a regenerating batch, the notebook's number
    episode_min: int = 64  # the notebook's range of steps; at a fire rate of 0.25 half as many updates
    episode_max: int = 96
    fire_min: float = 0.25  # T is 2 steps at 0.5; rarer firing is closer to true asynchrony
    fire_max: float = 0.5
    rate: float = 3e-3  # Adam; 4e-3 is best at 600 steps, 2e-3 at 8,000
    rate_last: float = 3e-5  # cosine from `rate` down to this, by steps and never by wall clock
    warm: int = 150  # steps from seeds alone before the pool counts: early pool training can collapse
    score_every: int = 250
    checkpoint_every: int = 250

    def __post_init__(self) -> None:
        if self.regime not in REGIMES:
            raise BadInput(f"regime is {self.regime!r}, expected one of {', '.join(REGIMES)}")
        for name, low, high in (
            ("size", 4, 128),
            ("steps", 1, 1_000_000),
            ("rng_seed", 0, 2**63 - 1),
            ("channels", 8, 32),
            ("hidden", 16, 256),
            ("batch", 1, 64),
            ("pool", self.batch, 65536),
        ):
            if not low <= getattr(self, name) <= high:
                raise BadInput(f"{name} is {getattr(self, name)}, expected {low} to {high}")

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)
