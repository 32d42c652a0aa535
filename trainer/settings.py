"""Every number of a training and why it is that one.  Imports nothing but the standard library and the error tree."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from firmware_sim.errors import BadInput

LATE_MAX = 16  # steps; states this old cost memory in every kernel
SHARES = {"loss": 0.95, "dead": 0.5, "forget": 1.0}
OTHER_SHARES = {"score_from": 0.99, "pieces": 1.0, "halves": 1.0, "squares": 1.0}
UNSAID = ("late", "aside", "grow", "stay", "start", *SHARES, *OTHER_SHARES)  # where they are nothing
REGIMES = ("growing", "persistent", "regenerating")
HARDENED = {"late": 4, "loss": 0.7, "dead": 0.1, "forget": 0.25}  # `planaria train --harden`
QUICK: dict[str, Any] = {  # `planaria train --quick`: short episodes of few samples teach most for their time
    "rate": 4e-3,
    "batch": 4,
    "pad": 4,
    "pool": 256,
    "damaged": 2,
    "episode_min": 40,
    "episode_max": 64,
    "score_from": 0.6,
    "score_every": 500,
}
QUICK_STEPS = {"growing": 2000, "persistent": 4000, "regenerating": 9000}
QUICK_HEALING: dict[str, Any] = {  # hurt by what is hardest to heal
    "halves": 0.4,
    "squares": 0.5,
    "score_from": 0.85,
    "aside": 1,
    "score_every": 250,
}
GROW_SHARE, STAY_SHARE = 0.15, 0.1  # of its steps, the first two of three stages: healing takes longest to learn
STAGED_FROM = 4000  # steps; fewer are better spent on all at once (a boat of 16 px, 1,500: -4.96, not -4.43)
QUICK_GROWING = {"episode_min": 72, "episode_max": 104, "fire_min": 0.5}  # 36 to 52 T: it is judged at 48 T


def quick(regime: str, steps: int | None = None) -> dict[str, Any]:
    """The settings of `--quick`, of so many steps, where they differ from the usual ones."""
    steps = steps or QUICK_STEPS[regime]
    chosen = QUICK | {"steps": steps}
    if regime == "growing":
        return chosen | QUICK_GROWING
    if regime == "regenerating" and steps >= STAGED_FROM:
        return chosen | QUICK_HEALING | {"grow": round(GROW_SHARE * steps), "stay": round(STAY_SHARE * steps)}
    return chosen


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
    late: int = 0  # faults that are trained on, the most a sample may meet: steps its cells read late,
    loss: float = 0.0  # probability that a message is lost,
    dead: float = 0.0  # share of cells that never live,
    forget: float = 0.0  # chance that many cells lose their memory in the middle of an episode
    score_from: float = 0.0  # share of the steps before which no checkpoint is scored: early ones are never kept
    pieces: float = 0.0  # share of the damage that leaves only a third of the picture, for what is cut in three
    halves: float = 0.0  # share of the damage that is a half, or nearly, whatever the weights of damage.py say
    squares: float = 0.0  # share of what is neither that is a square
    aside: int = 0  # px that a picture in the pool may have moved and be taught where it stands
    grow: int = 0  # steps at the beginning that teach to grow and no more (stages.py),
    stay: int = 0  # and those after them that teach to stay
    start: str = ""  # hash of the rule folder whose weights the training begins with

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
            ("aside", 0, 2),
        ):
            if not low <= getattr(self, name) <= high:
                raise BadInput(f"{name} is {getattr(self, name)}, expected {low} to {high}")
        if not 0 <= self.grow <= self.grow + self.stay < self.steps:
            raise BadInput(f"grow {self.grow} and stay {self.stay} leave nothing of {self.steps} steps, expected less")
        if not 0 <= self.late <= LATE_MAX:
            raise BadInput(f"delay is {self.late} steps, expected 0 to {LATE_MAX}")
        for name, most in (SHARES | OTHER_SHARES).items():
            if not 0 <= getattr(self, name) <= most:
                raise BadInput(f"{name} is {getattr(self, name)}, expected 0 to {most:g}")

    @property
    def faulty(self) -> bool:
        """Whether any fault is trained on."""
        return any(getattr(self, name) for name in ("late", *SHARES))

    def to_dict(self) -> dict[str, Any]:
        """All of it, less what a plain training does without (faults, a start, shares of damage) where it is zero."""
        return {k: v for k, v in dataclasses.asdict(self).items() if v or k not in UNSAID}
